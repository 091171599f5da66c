/* ctl_only: the client alone as a program, so that its tests need no server of ours to be linked.
 */
#include "ctl/ctl.h"

int main(int argc, char **argv)
{
    return ctl_main(argc, argv, NULL);
}
