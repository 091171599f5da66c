/* members: the members API as a client sees it. */
#pragma once

#include "base/check.h"
#include "ctl/fail.h"

#include <stddef.h>

struct client;

struct strings {
    char **items;
    size_t count;
};

struct member {
    char *id, *name;
    struct strings peer_urls, client_urls;
};

struct members {
    struct member *items;
    size_t count;
};

/* All give 0, or ERR_NET or ERR_MALFORMED with F set. OUT is to be finished (members_fini) in every
 * case. */
int members_list(struct client *c, struct members *out, struct fail *f) CP_MUST_CHECK;
/* Appends one member: the leader. */
int members_leader(struct client *c, struct members *out, struct fail *f) CP_MUST_CHECK;
/* Appends one member: the one added. URLS is a JSON array as text. */
int members_add(struct client *c, const char *urls, struct members *out,
                struct fail *f) CP_MUST_CHECK;
int members_update(struct client *c, const char *id, const char *urls,
                   struct fail *f) CP_MUST_CHECK;
int members_remove(struct client *c, const char *id, struct fail *f) CP_MUST_CHECK;
void members_fini(struct members *m);
