#include "node.h"
#include "test_peer.h"

TCase *tcase_snapshots(void)
{
    TCase *t = tcase_create("snapshots");

    return t;
}
