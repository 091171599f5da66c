/* route: what the handlers of api share: a request whose path is known, and their own names. */
#pragma once

#include "api/api.h"
#include "api/target.h"
#include "auth/grant.h"

struct api_call {
    struct api *api;
    unsigned slot;
    const struct api_request *rq;
    struct span path; /* decoded, clean: behind the pattern */
    struct span query;
};

typedef void api_handler(const struct api_call *call, struct api_result *out);

api_handler keys_handle;    /* keys.c */
api_handler version_handle; /* server.c */
api_handler vars_handle;    /* debug.c */
api_handler log_level_handle;
api_handler health_handle;  /* health.c */
api_handler livez_handle;
api_handler readyz_handle;
api_handler metrics_handle; /* metrics.c */
api_handler members_handle; /* members.c */
api_handler machines_handle;
api_handler stats_self_handle; /* stats.c */
api_handler stats_store_handle;
api_handler stats_leader_handle;
api_handler auth_enable_handle; /* accounts.c */
api_handler auth_users_handle;
api_handler auth_roles_handle;

/* admit.c: whether the caller may; else OUT is what there is to do about it: a refusal, or a
 * password to be proven first. */
bool api_admit(const struct api_call *call, const struct grant_ask *ask, struct api_result *out);
/* The same for a watch, whose right OUT then has. */
bool api_admit_watch(const struct api_call *call, const struct grant_ask *ask,
                     struct api_result *out);

struct command;
/* reply.c: a write on its way; NULL, with the reply, when no member could read it from the log. */
struct proposal *api_propose(struct api_result *out, const struct command *c);
/* reply.c: a whole reply of static text. */
void api_fixed(struct api_reply *out, int status, enum api_type type, struct span text);
/* An error outside of /v2/keys: {"message":"TEXT"}. */
void api_message(struct api_reply *out, int status, struct span text);

/* listing.c: takes the pin of SLOT and G, of which FIRST (taken) was rendered already; NULL, and
 * nothing taken, when no long pin is left. */
struct render_get;
struct api_listing *listing_new(struct store *s, unsigned slot, struct render_get *g,
                                struct buf *first);
