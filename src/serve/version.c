#include "serve/version.h"

#include "cluster/consensus.h"
#include "http/door.h"
#include "serve/options.h"

#include <gnutls/gnutls.h>

void version_print(FILE *out)
{
    fprintf(out,
            "copse %s\nAPI version: 2\nlibmicrohttpd %s\nlibraft %s\nGnuTLS %s\nlibyaml %s\n"
            "features: tls auth cluster yaml systemd\n",
            COPSE_VERSION, door_library_version(), consensus_library_version(),
            gnutls_check_version(NULL), options_yaml_version());
}
