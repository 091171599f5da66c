/* JSON from clients: what passes the check can be walked, passed over and written again. */
#include "base/gojson.h"
#include "base/gojson_walk.h"
#include "base/jsonw.h"
#include "fuzz.h"

#include <stdlib.h>

/* Writes the value ahead without blanks; numbers and words as they came. */
static void copy(struct gojson_walk *w, struct buf *out)
{
    struct buf open = {0}, text = {0};
    bool first = true;

    do {
        bool in_object = open.len > 0 && open.ptr[open.len - 1] == '}';

        if (open.len > 0) {
            bool more = in_object ? gojson_next_member(w, &text) : gojson_next_item(w);

            if (!more) {
                buf_char(out, open.ptr[--open.len]);
                first = false;
                continue;
            }
            if (!first)
                buf_char(out, ',');
            if (in_object) {
                jsonw_str(out, buf_as_span(&text));
                buf_char(out, ':');
            }
        }
        first = false;

        enum gojson_kind kind = gojson_kind(w);

        if (kind == GOJSON_ARRAY || kind == GOJSON_OBJECT) {
            gojson_enter(w);
            buf_char(out, kind == GOJSON_ARRAY ? '[' : '{');
            buf_char(&open, kind == GOJSON_ARRAY ? ']' : '}');
            first = true;
        } else if (kind == GOJSON_STRING) {
            buf_clear(&text);
            gojson_string(w, &text);
            jsonw_str(out, buf_as_span(&text));
        } else {
            struct span before = w->rest;

            gojson_skip(w);
            CP_ASSERT(before.len > w->rest.len);
            buf_add(out, before.ptr, before.len - w->rest.len);
        }
    } while (open.len > 0);
    buf_fini(&open);
    buf_fini(&text);
}

static bool is_blank(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (memchr(" \t\r\n", s.ptr[i], 4) == NULL)
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    /* of its own length: what reads too far is seen */
    char *text = malloc(n > 0 ? n : 1);
    struct buf once = {0}, twice = {0}, why = {0};

    if (n > 0)
        memcpy(text, bytes, n);

    struct gojson_walk w = {{text, n}}, skip = w;

    if (!gojson_check(w.rest, &why)) {
        CP_ASSERT(why.len > 0);
        goto out;
    }
    CP_ASSERT(why.len == 0);
    gojson_skip(&skip);
    CP_ASSERT(is_blank(skip.rest));
    copy(&w, &once);
    CP_ASSERT(w.rest.len == skip.rest.len);

    struct gojson_walk again = {buf_as_span(&once)};

    CP_ASSERT(gojson_check(again.rest, &why));
    copy(&again, &twice);
    CP_ASSERT(span_eq(buf_as_span(&once), buf_as_span(&twice)));
out:
    buf_fini(&once);
    buf_fini(&twice);
    buf_fini(&why);
    free(text);
    return 0;
}
