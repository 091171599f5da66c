#include "test_codec.h"

#include <stdlib.h>

int main(void)
{
    Suite *suite = suite_create("codec");

    suite_add_tcase(suite, command_case());
    suite_add_tcase(suite, dump_case());
    suite_add_tcase(suite, dump_model_case());
    suite_add_tcase(suite, event_case());
    suite_add_tcase(suite, get_case());

    SRunner *runner = srunner_create(suite);

    srunner_run_all(runner, CK_NORMAL);

    int failed = srunner_ntests_failed(runner);

    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
