/* endpoint: the list of servers to talk to: where it comes from, how an entry is read, in which
 * order it is tried. */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>

struct endpoint {
    char *text;   /* as messages show it: the entry, with a scheme */
    char *scheme; /* in lower case */
    char *root;   /* scheme and authority, "http://127.0.0.1:2379" */
    char *path;   /* decoded path of the entry, mostly "" or "/" */
};

struct endpoints {
    struct endpoint *items;
    size_t count;
};

void endpoints_fini(struct endpoints *e);
/* Appends one entry. Returns 0, or ERR_USAGE with Go's words in WHY (`parse "x": missing protocol
 * scheme`). */
int endpoints_add(struct endpoints *e, struct span entry, struct buf *why) CP_MUST_CHECK;
/* Appends all entries of a list divided by commas; blanks are not trimmed. */
int endpoints_add_list(struct endpoints *e, const char *list, struct buf *why) CP_MUST_CHECK;
void endpoints_shuffle(struct endpoints *e);
/* Whether both hold the same texts, in any order. */
bool endpoints_equal(const struct endpoints *a, const struct endpoints *b);
/* Appends the texts, divided by SEPARATOR. */
void endpoints_join(const struct endpoints *e, const char *separator, struct buf *out);
