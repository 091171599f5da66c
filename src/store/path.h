/* path: clean absolute key paths ("/a/b", the root is "/"), taken apart without copying. */
#pragma once

#include "base/span.h"

#include <stdbool.h>

static inline bool path_is_root(struct span path)
{
    return path.len == 1;
}

/* Takes the first component off *REST; false when none is left. Start with the whole path. */
bool path_next(struct span *rest, struct span *part);
/* Everything before the last component: "/a" of "/a/b", "/" of "/a". PATH is not the root. */
struct span path_parent(struct span path);
/* The last component; empty for the root. */
struct span path_name(struct span path);
/* A name that listings and recursive watchers skip. */
bool path_hidden(struct span name);
