/* Bytes of a snapshot: whatever loads is a sound store and gives the same bytes again. Lines
 * without an end get the right one, so that sums and checksum need not be guessed; lines with one
 * must also be right by themselves. The length tells in which pieces they come. */
#include "codec/load.h"
#include "fuzz.h"

#define TEXT_OF(n) #n
#define TEXT(n)    TEXT_OF(n)
#define PRESENT    TEXT(DUMP_FORMAT)

static void check_same(const struct load_result *r, struct span want)
{
    struct buf got = {0};

    store_check(r->store);

    struct dump *d = dump_new(&r->head, store_pin(r->store, 0), r->events, r->n_events);

    while (dump_more(d, &got, 100))
        continue;
    dump_free(d);
    store_unpin(r->store, 0);
    /* what was written by an earlier version is written anew in the present format */
    if (span_starts(want, SPAN("{\"copse\":\"snapshot\",\"format\":" PRESENT ",")))
        CP_ASSERT(span_eq(buf_as_span(&got), want));
    buf_fini(&got);
}

static void finish(struct load *l, struct span whole)
{
    struct load_result r;
    struct err e;

    if (load_finish(l, &r, &e) == 0)
        check_same(&r, whole);
    load_result_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct load *l = load_new();
    struct err e;
    struct buf whole = {0};
    size_t piece = n % 7 == 0 ? 5 : n % 7 == 1 ? 64 : n + 1;
    bool ok = true;

    buf_add(&whole, bytes, n);
    for (size_t at = 0; ok && at < n; at += piece)
        ok = load_feed(l, span_make(bytes + at, n - at < piece ? n - at : piece), &e) == 0;
    if (ok && n > 0 && load_head(l) != NULL) {
        size_t end = whole.len;

        load_seal(l, &whole);
        if (load_feed(l, span_make(whole.ptr + end, whole.len - end), &e) != 0)
            whole.len = end; /* it had an end, or the end of a line is missing */
    }
    finish(l, buf_as_span(&whole));
    load_free(l);
    buf_fini(&whole);
    return 0;
}
