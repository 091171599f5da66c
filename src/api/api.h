/* api: from a request to a reply, a write on its way, or a watch. One struct api for all workers;
 * every call names the worker's reader slot. */
#pragma once

#include "api/request.h"
#include "api/right.h"
#include "auth/guard.h"
#include "cluster/engine.h"
#include "cluster/status.h"

struct api {
    struct engine *engine;
    struct guard *guard;  /* of passwords */
    bool guest_open;      /* the role guest that enabling auth makes may everything */
    bool strict_reconfig; /* changes of membership that the quorum may not survive are refused */
    /* For how long this member has been connected to member ID; 0: it is not. NULL: there are no
     * peers. Any thread. */
    uint64_t (*connected_ns)(void *peers, uint64_t id);
    void *peers;
    bool health_only; /* /metrics, /health, /livez and /readyz, nothing else */
    /* Adds what the floors above know to /metrics; any thread. */
    void (*metrics)(void *metrics_ctx, struct buf *out);
    void *metrics_ctx;
};

enum api_outcome {
    API_REPLY,   /* reply is filled in */
    API_PROPOSE, /* proposal is filled in: suspend, engine_propose, then api_proposal_reply */
    API_READ,    /* read is filled in: suspend, engine_read, then api_read_reply */
    API_WATCH,   /* watch spec is filled in: suspend, engine_watch, then api_watch_head */
    API_SECRET,  /* secret is filled in: suspend, guard_ask, then api_handle again with it */
    API_STREAM,  /* a large listing (HEAD too): reply is the head, listing gives the body piece by
                    piece */
};

/* As what etcd counts a request to /v2/keys. */
enum api_counted {
    COUNTED_NOT,
    COUNTED_GET,
    COUNTED_QGET,
    COUNTED_HEAD,
    COUNTED_PUT,
    COUNTED_POST,
    COUNTED_DELETE,
    COUNTED_N
};

struct api_listing; /* pinned version and renderer of a large answer */

struct api_result {
    enum api_outcome outcome;
    enum api_counted counted;
    struct api_reply reply;
    struct proposal *proposal; /* API_PROPOSE: given, without owner and done; from mem_zalloc */
    struct quorum_read *read;  /* API_READ: given, without owner and done; from mem_zalloc */
    struct secret *secret;     /* API_SECRET: given, without owner and done */
    bool no_value;             /* noValueOnSuccess: to be kept until api_proposal_reply */
    struct {
        struct buf path;
        uint64_t since;
        bool recursive, stream;
        struct right right; /* given: right_fini */
    } watch;
    struct api_listing *listing;
};

/* SLOT: the worker's reader slot. OUT is zeroed first. */
void api_handle(struct api *a, unsigned slot, const struct api_request *rq, struct api_result *out);
/* The reply to a completed write; frees the proposal. */
void api_proposal_reply(struct api *a, struct proposal **p, bool no_value, struct api_reply *out);
/* Who is in the cluster, as a member answers GET /members on its peer port (application/json). */
void api_members_for_peers(struct engine *e, struct buf *b);
/* What RQ, the request as it was handled before, comes to now; frees the read. */
void api_read_reply(struct api *a, unsigned slot, const struct api_request *rq,
                    struct quorum_read **r, struct api_result *out);
/* Whether the accounts are others than those in *SEEN, which are borrowed and, if so, held instead;
 * NULL before the first call. */
bool api_accounts_changed(struct api *a, unsigned slot, const struct accounts **seen);
void api_accounts_forget(const struct accounts **seen);
/* The head of a watch's reply, or the whole error reply when it was refused (false). */
bool api_watch_head(struct api *a, const struct watch *w, struct api_reply *out);
/* An error as /v2/keys writes it. */
void api_error(struct api_reply *out, enum v2_code code, struct span cause, uint64_t index);
/* Appends the next piece, about MAX bytes and at least one. False, and nothing appended: there are
 * no more. */
bool api_listing_more(struct api_listing *l, struct buf *b, size_t max);
void api_listing_free(struct api_listing *l);
