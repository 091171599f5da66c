#include "suite.h"

#include <stdlib.h>

enum v2_code run(struct store *s, struct store_op op, struct store_result *out)
{
    struct store_result ignored;
    enum v2_code code = store_apply(s, &op, NOW, out != NULL ? out : &ignored);
    store_check(s);
    return code;
}

uint64_t put(struct store *s, const char *path, const char *value)
{
    struct store_op op = {.verb = OP_PUT, .path = span_of(path), .value = span_of(value)};
    struct store_result r;
    ck_assert_int_eq(run(s, op, &r), V2_OK);
    return r.index;
}

int main(void)
{
    Suite *suite = suite_create("store");
    suite_add_tcase(suite, case_path());
    suite_add_tcase(suite, case_apply());
    suite_add_tcase(suite, case_expire());
    suite_add_tcase(suite, case_read());
    suite_add_tcase(suite, case_event());
    suite_add_tcase(suite, case_bulk());
    suite_add_tcase(suite, case_account());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
