#include "test_watch.h"

#include <stdlib.h>

int main(void)
{
    SRunner *r = srunner_create(hub_suite());
    srunner_add_suite(r, hub_model_suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
