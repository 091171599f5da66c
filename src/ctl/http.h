/* http: one HTTP exchange with one server over libcurl; its failures in the words of Go's net
 * package. Connections are kept open from one exchange to the next. */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "ctl/fail.h"

#include <stdbool.h>
#include <stdint.h>

struct http;

struct http_tls {
    const char *cert_file, *key_file, *ca_file; /* "" for none; kept until http_free */
};

struct http_call {
    const char *method;
    const char *url;
    const char *endpoint; /* as messages name it */
    const char *body;     /* or NULL for none */
    size_t body_bytes;
    const char *content_type; /* of the body */
    const char *user;         /* or NULL; with password, sent as Basic authentication */
    const char *password;
    bool has_header_deadline, has_deadline; /* times in ns of clock_system's monotonic clock */
    uint64_t header_deadline_ns, deadline_ns;
};

struct http_reply {
    int status;
    struct buf body;
    struct buf etcd_index; /* X-Etcd-Index; empty when absent */
    struct buf location;
};

struct http *http_new(const struct http_tls *tls);
void http_free(struct http *h);
/* 0, or ERR_NET with F set; OUT (zeroed or used before) is emptied first and to be finished by the
 * caller. */
int http_do(struct http *h, const struct http_call *call, struct http_reply *out,
            struct fail *f) CP_MUST_CHECK;
void http_reply_fini(struct http_reply *r);
