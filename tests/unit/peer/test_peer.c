#include "test_peer.h"

#include <signal.h>
#include <stdlib.h>

int main(void)
{
    Suite *s = suite_create("peer");
    SRunner *r = srunner_create(s);

    signal(SIGPIPE, SIG_IGN);
    suite_add_tcase(s, tcase_streams());
    suite_add_tcase(s, tcase_bytes());
    suite_add_tcase(s, tcase_strangers());
    suite_add_tcase(s, tcase_snapshots());
    suite_add_tcase(s, tcase_pages());
    suite_add_tcase(s, tcase_tls());
    srunner_run_all(r, CK_NORMAL);

    int failed = srunner_ntests_failed(r);

    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
