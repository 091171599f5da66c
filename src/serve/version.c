#include "serve/version.h"

#include "api/server.h"
#include "cluster/consensus.h"
#include "http/door.h"
#include "serve/options.h"

#include <crypt.h>
#include <curl/curl.h>
#include <gnutls/gnutls.h>
#include <jansson.h>

/* That one alone does not tell which version runs, only which one it was built with. */
#ifdef XCRYPT_VERSION_STR
#define CRYPT_VERSION "libxcrypt " XCRYPT_VERSION_STR " (built with)"
#else
#define CRYPT_VERSION "libcrypt of the C library"
#endif

void version_print(FILE *out)
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    fprintf(out, "copse %s\nAPI version: 2\netcd Version: %s (what clients are told)\n",
            COPSE_VERSION, COMPAT_SERVER);
    fprintf(out, "features: tls auth cluster yaml systemd\n\n");
    fprintf(out, "libmicrohttpd %s\nlibraft %s\njansson %s\n", door_library_version(),
            consensus_library_version(), jansson_version_str());
    fprintf(out, "libcurl %s (%s)\nGnuTLS %s\nlibyaml %s\n" CRYPT_VERSION "\n", curl->version,
            curl->ssl_version != NULL ? curl->ssl_version : "no TLS", gnutls_check_version(NULL),
            options_yaml_version());
}
