/* target: the request line's target as path and query, by the rules of Go's server and its
 * ServeMux. Pure. */
#pragma once

#include "api/request.h"

enum target_kind {
    TARGET_CLEAN,    /* go on */
    TARGET_REDIRECT, /* location and page are set */
    TARGET_BAD,      /* not a path, or a bad escape in it */
};

struct target {
    struct span path;  /* decoded; in decoded, or the request's own bytes */
    struct span query; /* still encoded, without the '?' */
    struct buf decoded;
    struct buf location; /* the clean path, encoded, and the query as it came */
};

/* OUT is zeroed first; target_fini frees it. Source: contract, keys 5. */
enum target_kind target_parse(struct span raw, struct target *out);
void target_fini(struct target *t);
/* The same as a header's value. */
void target_header(struct buf *b, struct span location);
/* The page that a GET of an unclean path gets. */
void target_page(struct buf *b, struct span location);
