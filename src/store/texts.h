/* texts: a list of byte strings in one piece, as it stands in commands and accounts: for each, its
 * length (u32, little endian) and its bytes. */
#pragma once

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

struct texts {
    struct span packed; /* borrowed */
    uint32_t n;
    bool null; /* no list was given: v2 writes null instead of [] */
};

/* Takes the first one off; false when none is left. */
bool texts_next(struct texts *t, struct span *out);
bool texts_has(struct texts t, struct span text);
/* The same texts in the same order, and null where the other is. */
bool texts_same(struct texts a, struct texts b);
/* Whether the bytes are what N says, each at most TEXT_MAX long. For bytes from outside. */
bool texts_good(const struct texts *t, size_t text_max);
/* Appends one to what is being packed. */
void texts_pack(struct buf *b, struct span text);
