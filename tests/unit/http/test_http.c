/* http: the door before a fake api and a fake engine, driven through sockets. */
#include "test_http.h"

#include "base/log.h"

#include <stdlib.h>

int main(void)
{
    Suite *s = suite_create("http");

    log_set_level(LOG_ERROR);
    suite_add_tcase(s, case_requests());
    suite_add_tcase(s, case_heads());
    suite_add_tcase(s, case_writes());
    suite_add_tcase(s, case_watches());
    suite_add_tcase(s, case_life());
    suite_add_tcase(s, case_cors());
    suite_add_tcase(s, case_host());

    SRunner *r = srunner_create(s);

    srunner_run_all(r, CK_NORMAL);

    int failed = srunner_ntests_failed(r);

    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
