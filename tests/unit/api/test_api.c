#include "test_api.h"

#include <stdlib.h>

struct engine engine;
struct api api;

void api_setup(void)
{
    fake_engine_init(&engine);
    api = (struct api){.engine = &engine};
}

void api_teardown(void)
{
    fake_engine_fini(&engine);
}

void same_text(const char *what, struct span bytes, const char *text)
{
    ck_assert_msg(span_eq(bytes, span_of(text)), "%s: got \"%.*s\", expected \"%s\"", what,
                  (int)bytes.len, bytes.len > 0 ? bytes.ptr : "", text);
}

int main(void)
{
    SRunner *r = srunner_create(mime_suite());
    srunner_add_suite(r, keys_parse_suite());
    srunner_add_suite(r, route_suite());
    srunner_add_suite(r, keys_suite());
    srunner_add_suite(r, members_suite());
    srunner_add_suite(r, stats_suite());
    srunner_add_suite(r, auth_suite());
    srunner_add_suite(r, debug_suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
