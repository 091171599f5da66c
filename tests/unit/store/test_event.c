/* Events: counted bytes. */
#include "suite.h"

#include "store/event.h"

START_TEST(holds_its_bytes)
{
    struct event *e = event_new(V2_EXPIRE, 7, SPAN("/a"), SPAN("{}\n"));
    ck_assert_int_eq(e->action, V2_EXPIRE);
    ck_assert_uint_eq(e->index, 7);
    ck_assert(!e->dir && !e->refresh && !e->replaced);
    ck_assert_ptr_eq(event_ref(e), e);
    event_unref(e);
    ck_assert(span_eq(event_path(e), SPAN("/a")));
    ck_assert(span_eq(event_json(e), SPAN("{}\n")));
    ck_assert(span_eq(event_chunk(e, false), SPAN("3\r\n{}\n\r\n")));
    ck_assert(span_eq(event_chunk(e, true), SPAN("3\r\n{}\n\r\n0\r\n\r\n")));
    event_unref(e);
    event_unref(NULL);
}
END_TEST

START_TEST(chunk_says_its_length)
{
    static const struct {
        size_t len;
        const char *line;
    } rows[] = {{0, "0\r\n"},    {1, "1\r\n"},       {15, "f\r\n"},       {16, "10\r\n"},
                {255, "ff\r\n"}, {4096, "1000\r\n"}, {65535, "ffff\r\n"}, {1048576, "100000\r\n"}};
    static char json[1048576];
    memset(json, 'j', sizeof(json));
    for (size_t i = 0; i < CP_COUNT(rows); i++) {
        struct event *e = event_new(V2_SET, 1, SPAN("/"), span_make(json, rows[i].len));
        struct span chunk = event_chunk(e, false), line = span_of(rows[i].line);
        ck_assert_uint_eq(chunk.len, line.len + rows[i].len + 2);
        ck_assert(span_starts(chunk, line));
        ck_assert(span_eq(span_make(chunk.ptr + line.len, rows[i].len), event_json(e)));
        ck_assert(span_eq(span_from(chunk, chunk.len - 2), SPAN("\r\n")));
        event_unref(e);
    }
}
END_TEST

TCase *case_event(void)
{
    TCase *tc = tcase_create("event");
    tcase_add_test(tc, holds_its_bytes);
    tcase_add_test(tc, chunk_says_its_length);
    return tc;
}
