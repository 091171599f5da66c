/* nameserver: see nameserver.h. */
#include "ctl/nameserver.h"

#include <stdio.h>
#include <string.h>

void nameserver_add(struct buf *out)
{
    char line[256], address[64] = "127.0.0.1";
    FILE *f = fopen("/etc/resolv.conf", "re");

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "nameserver %63s", address) == 1)
            break;
    }
    if (f != NULL)
        fclose(f);
    buf_printf(out, strchr(address, ':') != NULL ? "[%s]:53" : "%s:53", address);
}
