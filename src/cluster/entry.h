/* entry: one entry of the replicated log, as the engine and consensus share it. */
#pragma once

#include "base/blob.h"

#include <stdint.h>

enum entry_type {
    ENTRY_COMMAND = 1, /* codec/command.h */
    ENTRY_BARRIER = 2, /* nothing: makes the entries before it committed */
    ENTRY_CHANGE = 3,  /* a configuration, encoded by consensus */
};

struct log_entry {
    uint64_t term;
    enum entry_type type;
    struct blob *payload; /* counted */
};
