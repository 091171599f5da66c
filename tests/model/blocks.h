/* blocks: which blocks of memory given versions of the tree hold, each counted once. */
#pragma once

#include "store/store.h"

struct block {
    uintptr_t at;
    size_t size;
};

struct blocks {
    struct block *block;
    size_t count, room;
};

void blocks_fini(struct blocks *b);
/* Adds all that V holds, V's own block included. */
void blocks_add_version(struct blocks *b, const struct version *v);
/* Bytes of all blocks added, those added several times once. */
uint64_t blocks_bytes(struct blocks *b);
