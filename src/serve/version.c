#include "serve/version.h"

#include "cluster/consensus.h"
#include "http/door.h"

void version_print(FILE *out)
{
    fprintf(out, "copse %s\nAPI version: 2\nlibmicrohttpd %s\nlibraft %s\n", COPSE_VERSION,
            door_library_version(), consensus_library_version());
}
