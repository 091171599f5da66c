/* client: requests to a cluster: endpoints in turn until one answers, redirects, time limits, debug
 * lines. Source: contract section 4. */
#pragma once

#include "base/span.h"
#include "ctl/endpoint.h"
#include "ctl/fail.h"
#include "ctl/http.h"

#include <stdbool.h>
#include <stdint.h>

struct client {
    struct endpoints endpoints;
    size_t pinned; /* the endpoint that answered last */
    struct http *http;
    bool debug;
    int64_t header_timeout_ns; /* of each exchange; 0 or less: none */
    char *user, *password;     /* or NULL */
    bool has_deadline;
    uint64_t deadline_ns;
};

struct client_request {
    const char *method;
    struct span path;  /* decoded, behind the endpoint; cleaned before it is sent */
    bool keep_slash;   /* a slash at the end stays */
    const char *query; /* encoded, without `?`; or NULL */
    const char *body;  /* or NULL */
    size_t body_bytes;
    const char *content_type; /* of the body */
    bool once;                /* a repeat could not be told from a first time: one endpoint only */
    bool wait; /* the answer may take for ever: no time limit for the headers. Cut after its head
                  was there, it fails with BEGUN: who waits knows best from where to go on */
};

/* Starts the time limit of a command: from now on requests fail with `over` TIMEOUT_NS later. */
void client_start_clock(struct client *c, int64_t timeout_ns);
void client_stop_clock(struct client *c);

/* 0 with OUT filled (any status but 5xx), or ERR_NET with F set (cleared first). */
int client_do(struct client *c, const struct client_request *r, struct http_reply *out,
              struct fail *f) CP_MUST_CHECK;

/* Asks for the members and takes their client URLs for endpoints. */
int client_sync(struct client *c, struct fail *f) CP_MUST_CHECK;

void client_fini(struct client *c);
