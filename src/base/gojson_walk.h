/* gojson_walk: reads JSON text value by value, as Go's decoder takes it: U+FFFD for a lone
 * surrogate and for each byte of invalid UTF-8; numbers may be of any size. Pure. The text must
 * have passed gojson_check. */
#pragma once

#include "base/buf.h"
#include "base/span.h"

enum gojson_kind {
    GOJSON_NULL,
    GOJSON_BOOL,
    GOJSON_NUMBER,
    GOJSON_STRING,
    GOJSON_ARRAY,
    GOJSON_OBJECT
};

/* The text that is still ahead. */
struct gojson_walk {
    struct span rest;
};

/* The kind of the value ahead, and Go's word for it. */
enum gojson_kind gojson_kind(struct gojson_walk *w);
const char *gojson_kind_name(enum gojson_kind kind);
void gojson_skip(struct gojson_walk *w);
/* The value ahead is a string: appends its bytes. */
void gojson_string(struct gojson_walk *w, struct buf *out);
/* Steps into the array or object ahead. */
void gojson_enter(struct gojson_walk *w);
/* Within an array: true before its next element; false behind its end, which is then passed. */
bool gojson_next_item(struct gojson_walk *w);
/* Within an object, the same; NAME becomes the member's name. */
bool gojson_next_member(struct gojson_walk *w, struct buf *name);
