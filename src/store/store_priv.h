/* What the files of this folder know of the store. */
#pragma once

#include "base/buf.h"
#include "store/draft.h"
#include "store/pins.h"
#include "store/store.h"

struct store {
    struct draft draft;
    struct pins pins;
    struct buf path, cause; /* what the last result shows */
};
