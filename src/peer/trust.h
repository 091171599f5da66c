/* trust: what a member shows to its peers when it calls them, and whom it believes to be one. */
#pragma once

#include <stdbool.h>

struct tls;

/* Names of PEM files, "" or NULL for none. */
struct peer_trust {
    struct tls *tls; /* what it has read of them last is used; NULL: they are read for each call */
    const char *cert_file, *key_file;
    const char *ca_file;    /* none: the authorities of the system */
    const char *crl_file;   /* what they have revoked */
    const char *allowed_cn; /* the only common name a peer may have */
    bool anybody; /* peers made their certificates themselves: nobody can vouch for them */
};
