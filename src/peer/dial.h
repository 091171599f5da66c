/* dial: calls to peers; the one place where options of libcurl are set. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#include "peer/trust.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How long a peer may take to accept a connection, and then to say that it wants the body. */
#define DIAL_CONNECT_MS 2000L
#define DIAL_ACCEPT_MS  5000L
/* After this time without a sign of the other machine a connection is given up. */
#define DIAL_SILENCE_MS 5000

#define DIAL_SOCKETS 8

/* What all calls of a member have in common. */
struct dialler {
    uint64_t cluster_id, member_id;
    const struct peer_trust *trust;
};

struct dial;

/* Gives up to N bytes of the body, 0 at its end, CURL_READFUNC_PAUSE or CURL_READFUNC_ABORT. Called
 * only when the peer wants the body. */
typedef size_t dial_read(void *ctx, char *bytes, size_t n);

/* One POST on its way. */
struct dial {
    CURL *easy;
    struct curl_slist *headers;
    char words[CURL_ERROR_SIZE]; /* libcurl's own, on failure */
    struct buf reply;            /* its first bytes */
    bool accepted;               /* "100 Continue" came */
    struct {                     /* tried, the latest ones: a name has several addresses */
        int fd;
        ino_t inode; /* a number that was closed may be another's by now */
    } sockets[DIAL_SOCKETS];
    unsigned n_sockets;
    struct tls_set *files;  /* held; NULL: none */
    const char *allowed_cn; /* NULL: any */
    bool stranger;          /* the peer has another one */
    dial_read *read;
    void *ctx;
};

/* Process-wide; once before all threads, once after. */
void dial_global_init(void);
void dial_global_fini(void);

/* Can calls do what T asks for? ERR_VERSION: not with this libcurl. */
int dial_check(const struct peer_trust *t, struct err *e) CP_MUST_CHECK;

/* Makes a POST ready for URL (scheme, host, port) and PATH; curl's private pointer is D. BYTES: of
 * the body, -1: as many as READ gives. */
void dial_init(struct dial *d, const struct dialler *by, uint64_t to, const char *url,
               const char *path);
void dial_header(struct dial *d, const char *name, uint64_t value);
void dial_body(struct dial *d, int64_t bytes, dial_read *read, void *ctx);
/* Not in a multi handle any more. A zeroed one is fine. */
void dial_fini(struct dial *d);

/* Under way: the connected socket; libcurl itself does not tell before the end. -1: none. */
int dial_socket(const struct dial *d);
/* After its end with RC: the status of the reply (0: none), and why it failed, in words. */
long dial_status(const struct dial *d);
const char *dial_reason(struct dial *d, CURLcode rc);

/* GET URL PATH, waiting at most TIMEOUT_MS. 0, with the status, the X-Etcd-Cluster-Id (0: none) and
 * up to MAX bytes of the body appended to OUT; or ERR_NET. For the start of a member, before there
 * is a peer floor. TRUST may be NULL where there are no https URLs. */
int dial_get(const struct peer_trust *trust, const char *url, const char *path, long timeout_ms,
             size_t max, long *status, uint64_t *cluster_id, struct buf *out,
             struct err *e) CP_MUST_CHECK;
