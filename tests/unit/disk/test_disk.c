/* disk: log, snapshot files and data directory. SEED=n repeats one random run. */
#include "base/log.h"
#include "rig.h"

#include <stdlib.h>

int main(void)
{
    log_set_level(LOG_WARN);
    Suite *s = suite_create("disk");
    suite_add_tcase(s, wal_cases());
    suite_add_tcase(s, wal_files_cases());
    suite_add_tcase(s, wal_damage_cases());
    suite_add_tcase(s, wal_crash_cases());
    suite_add_tcase(s, wal_failure_cases());
    suite_add_tcase(s, wal_large_cases());
    suite_add_tcase(s, wal_purge_cases());
    suite_add_tcase(s, wal_look_cases());
    suite_add_tcase(s, snapfile_cases());
    suite_add_tcase(s, datadir_cases());
    suite_add_tcase(s, waldir_cases());
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
