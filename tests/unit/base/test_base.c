#include "test_base.h"

#include <stdlib.h>

int main(void)
{
    Suite *suite = suite_create("base");

    suite_add_tcase(suite, bytes_case());
    suite_add_tcase(suite, gojson_case());
    suite_add_tcase(suite, hash_case());
    suite_add_tcase(suite, jsonw_case());
    suite_add_tcase(suite, linelog_case());
    suite_add_tcase(suite, log_case());
    suite_add_tcase(suite, mailbox_case());
    suite_add_tcase(suite, metric_case());
    suite_add_tcase(suite, num_case());

    SRunner *runner = srunner_create(suite);

    srunner_run_all(runner, CK_NORMAL);

    int failed = srunner_ntests_failed(runner);

    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
