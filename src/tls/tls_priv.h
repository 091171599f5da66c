/* What the files of this folder share. */
#pragma once

#include "tls/set.h"

#include <pthread.h>
#include <sys/stat.h>

struct tls {
    /* Fixed after tls_new. */
    struct tls_conf conf; /* owned strings */
    gnutls_priority_t priority;
    gnutls_datum_t tickets; /* the key of resumption tickets; gnutls derives new ones from it */

    pthread_mutex_t lock;
    struct tls_set *set; /* guarded by lock */

    /* tls_refresh only. */
    struct stat seen[TLS_FILES]; /* of the files before they were read last */
    char trouble[ERR_TEXT_BYTES];
    unsigned warned; /* of the expiry: see soon() */

    /* Any thread: refusals are logged at most once a second. */
    atomic_int_fast64_t refusal_s;
    atomic_uint_fast64_t unsaid;
};

/* Gives a reference. */
struct tls_set *tls_current(struct tls *t);
