/* request and reply as values: what http hands to api and gets back. No sockets, no libmicrohttpd.
 */
#pragma once

#include "base/buf.h"
#include "base/span.h"
#include "proto/v2.h"
#include "store/event.h"

#include <stdbool.h>
#include <stdint.h>

struct secret; /* auth/guard.h */

struct api_request {
    enum v2_method method;
    struct span target;        /* as sent: path and query, still encoded */
    struct span content_type;  /* value of the header; ptr NULL when absent */
    struct span authorization; /* the first such header's value; ptr NULL when absent */
    struct span cert_user; /* common name of the client's certificate, where that counts as user;
                              ptr NULL: none */
    struct span address;   /* where it comes from: bytes that stand for one client */
    struct span body;
    const struct secret *secret; /* what the request had to wait for, done; NULL: nothing yet */
    bool confirmed;              /* what is read here is the newest, as quorum=true asks */
    bool body_too_large;         /* more than LIMIT_FORM_BYTES came; body is empty */
};

enum api_type {
    API_TYPE_NONE,
    API_TYPE_JSON,
    API_TYPE_JSON_UTF8,
    API_TYPE_TEXT,
    API_TYPE_TEXT_NOSNIFF,
    API_TYPE_HTML,
    API_TYPE_METRICS
};

/* A reply that is complete. Exactly one of body, event, fixed carries the bytes. */
struct api_reply {
    int status;
    enum api_type type;
    bool cluster_id; /* X-Etcd-Cluster-Id */
    bool has_etcd_index, has_raft;
    uint64_t etcd_index, raft_index, raft_term;
    const char *allow;   /* Allow, or NULL; static */
    const char *warning; /* Warning, or NULL; static */
    bool retry_after;    /* Retry-After: a second */
    struct buf location; /* Location when len > 0 */
    struct buf body;     /* owned */
    struct event *event; /* its JSON is the body; one reference */
    struct span fixed;   /* static bytes */
};

void api_reply_fini(struct api_reply *r);
