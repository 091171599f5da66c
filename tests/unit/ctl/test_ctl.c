#include "test_ctl.h"

#include <stdlib.h>

int main(void)
{
    Suite *suite = suite_create("ctl");

    suite_add_tcase(suite, claims_case());
    suite_add_tcase(suite, credentials_case());
    suite_add_tcase(suite, endpoint_case());
    suite_add_tcase(suite, help_case());
    suite_add_tcase(suite, opts_case());
    suite_add_tcase(suite, print_case());
    suite_add_tcase(suite, text_case());

    SRunner *runner = srunner_create(suite);

    srunner_run_all(runner, CK_NORMAL);

    int failed = srunner_ntests_failed(runner);

    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
