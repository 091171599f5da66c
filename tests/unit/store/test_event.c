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
    event_unref(e);
    event_unref(NULL);
}
END_TEST

TCase *case_event(void)
{
    TCase *tc = tcase_create("event");
    tcase_add_test(tc, holds_its_bytes);
    return tc;
}
