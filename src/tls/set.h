/* set: the files of one side as gnutls wants them. Never changed once it is read, counted, used by
 * any number of sessions in any thread. */
#pragma once

#include "base/err.h"
#include "tls/tls.h"

#include <gnutls/gnutls.h>
#include <stdatomic.h>

struct tls_set {
    atomic_uint refs;
    gnutls_certificate_credentials_t credentials;
    bool has_authorities;
    int64_t not_after;
    struct {
        int fd; /* of a file without a name that holds the bytes; -1: none */
        char path[32];
        const char *origin; /* where they came from */
    } copies[TLS_FILES];
};

int set_read(struct tls_set **out, const struct tls_conf *conf, struct err *e) CP_MUST_CHECK;
void set_unref(struct tls_set *s);
