/* founding: the members that --initial-cluster names, with etcd's ids, and whether this member fits
 * among them. Pure. Texts of errors are etcd's where it has one, and say what to do next. */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "cluster/engine.h"
#include "proto/limits.h"

struct founding {
    unsigned n;
    struct founder founders[LIMIT_MEMBERS]; /* in the order of their names */
    uint64_t cluster_id;
    char *text;        /* owned: names and URLs point into it */
    struct span *urls; /* owned: of all founders */
};

/* "NAME=URL,NAME=URL": a name that comes again has more than one URL; an empty one is that of a
 * member that was added and has not started, as `member add` prints it. ERR_USAGE: an item without
 * URL, a URL that is none, one that two have, too many. FLAG goes into the messages. *F is
 * zeroed on failure. */
int founding_parse(struct founding *f, const char *text, struct span token, const char *flag,
                   struct err *e) CP_MUST_CHECK;
void founding_fini(struct founding *f);
/* The founder of that name, with just the URLs that it advertises. ERR_USAGE. */
int founding_self(const struct founding *f, const char *text, struct span name,
                  const struct span *advertised, unsigned n, const struct founder **self,
                  struct err *e) CP_MUST_CHECK;
/* The same URLs, in any order. */
bool founding_same_urls(const struct span *a, unsigned na, const struct span *b, unsigned nb);
