/* forgetting: what a member alone has applied leaves its memory, and is back as a snapshot when
 * somebody comes. */
#include "rig.h"

#include "cluster/guards.h"

static void submit(struct rig *r, unsigned n, size_t bytes)
{
    uint64_t first;
    struct log_entry e = {.type = ENTRY_COMMAND, .payload = blob_new(bytes)};
    memset(e.payload->data, 'x', bytes);
    for (unsigned i = 0; i < n; i++)
        ck_assert_int_eq(consensus_submit(r->c, &e, 1, r->now, &first), 0);
    blob_unref(e.payload);
}

static void add_standby(struct rig *r, uint64_t id)
{
    struct consensus_members m;
    uint64_t index;
    consensus_members(r->c, &m);
    m.m[m.n].id = id;
    m.m[m.n++].role = MEMBER_STANDBY;
    ck_assert_int_eq(consensus_change(r->c, &m, r->now, &index), 0);
}

/* Member 2 has nothing, and refuses what it is sent until it is sent a snapshot or no more. */
static const struct peer_message *refuse_all(struct rig *r)
{
    for (unsigned i = 0; i < 8; i++) {
        rig_forget(r);
        rig_tick(r);
        const struct peer_message *a = rig_sent(r, PEER_APPEND, 2);
        if (a != NULL) {
            struct peer_message *no = peer_message_new(PEER_APPEND_RESULT, 2, 1, 0);
            no->term = consensus_term(r->c);
            no->append_result.rejected = a->append.prev_index;
            ck_assert(rig_receive(r, no));
        }
        if (rig_sent(r, PEER_SNAPSHOT, 2) != NULL)
            return rig_sent(r, PEER_SNAPSHOT, 2);
    }
    return NULL;
}

START_TEST(applied_and_no_more)
{
    struct rig r;
    rig_init(&r, 1, 1, 1, 0);
    submit(&r, 10, 8);
    rig_sync(&r);
    uint64_t applied = consensus_applied_index(r.c);
    consensus_forget(r.c, (unsigned)applied + 1, r.now);
    ck_assert_uint_eq(consensus_first_index(r.c), 1);
    submit(&r, 5, 8); /* not durable, so not applied */
    consensus_forget(r.c, (unsigned)applied, r.now);
    ck_assert_uint_eq(consensus_first_index(r.c), applied + 1);
    consensus_forget(r.c, 0, r.now);
    ck_assert_uint_eq(consensus_first_index(r.c), applied + 1);
    rig_sync(&r);
    ck_assert_uint_eq(consensus_applied_index(r.c), applied + 5);
    consensus_forget(r.c, 5, r.now);
    ck_assert_uint_eq(consensus_first_index(r.c), applied + 6);
    while (consensus_reclaim(r.c, 1))
        ;
    submit(&r, 1, 8);
    rig_sync(&r);
    ck_assert_uint_eq(consensus_applied_index(r.c), applied + 6);
    rig_fini(&r);
}
END_TEST

/* Few entries may be large. */
START_TEST(many_bytes_are_enough)
{
    struct rig r;
    rig_init(&r, 1, 1, 1, 0);
    submit(&r, 3, (size_t)1 << 20);
    rig_sync(&r);
    consensus_forget(r.c, 4096, r.now);
    ck_assert_uint_eq(consensus_first_index(r.c), 1);
    submit(&r, 1, (size_t)1 << 20);
    rig_sync(&r);
    consensus_forget(r.c, 4096, r.now);
    ck_assert_uint_eq(consensus_first_index(r.c), consensus_applied_index(r.c) + 1);
    rig_fini(&r);
}
END_TEST

/* A snapshot that was begun before more was forgotten counts all the same. */
START_TEST(snapshot_behind_what_is_forgotten)
{
    struct rig r;
    struct snapshot_mark same, later;
    rig_init(&r, 1, 1, 1, 0);
    submit(&r, 10, 8);
    rig_sync(&r);
    ck_assert(consensus_snapshot_begin(r.c, &r.snapshot));
    consensus_forget(r.c, 1, r.now); /* up to the very same entry */
    submit(&r, 10, 8);
    rig_sync(&r);
    consensus_forget(r.c, 1, r.now);
    uint64_t first = consensus_first_index(r.c);
    ck_assert(consensus_snapshot_done(r.c, &r.snapshot, 3, r.now));
    ck_assert_uint_eq(consensus_first_index(r.c), first);
    ck_assert(!consensus_snapshot_done(r.c, &r.snapshot, 3, r.now)); /* once */
    ck_assert(consensus_snapshot_begin(r.c, &same)); /* of what is forgotten, and in no file */
    ck_assert_uint_eq(same.index, first - 1);
    ck_assert(consensus_snapshot_done(r.c, &same, 3, r.now));
    ck_assert(!consensus_snapshot_begin(r.c, &later));
    rig_fini(&r);
}
END_TEST

/* With guard 30 off (0) and on (1): the core has asked for what it took for a snapshot. */
START_TEST(others_get_a_file)
{
    struct rig r;
    rig_init(&r, 1, 1, 1, _i == 0 ? 1u << GUARD_SNAPSHOT_MOVED : 0);
    submit(&r, 10, 8);
    rig_sync(&r);
    ck_assert(consensus_snapshot_begin(r.c, &r.snapshot)); /* older than what is forgotten */
    ck_assert(consensus_snapshot_done(r.c, &r.snapshot, 0, r.now));
    submit(&r, 10, 8);
    rig_sync(&r);
    consensus_forget(r.c, 1, r.now);
    ck_assert(!consensus_snapshot_owed(r.c)); /* nobody is there */
    add_standby(&r, 2);
    ck_assert(consensus_snapshot_owed(r.c));
    submit(&r, 10, 8);
    uint64_t first = consensus_first_index(r.c);
    consensus_forget(r.c, 1, r.now); /* neither while the change is pending */
    rig_sync(&r);
    consensus_forget(r.c, 1, r.now); /* nor when it is done */
    ck_assert_uint_eq(consensus_first_index(r.c), first);
    ck_assert_ptr_null(refuse_all(&r));
    ck_assert(consensus_snapshot_begin(r.c, &r.snapshot));
    ck_assert_uint_ge(r.snapshot.index, first - 1);
    ck_assert(consensus_snapshot_done(r.c, &r.snapshot, 5000, r.now));
    ck_assert(!consensus_snapshot_owed(r.c));
    ck_assert_uint_eq(consensus_first_index(r.c), first);
    const struct peer_message *m = refuse_all(&r);
    ck_assert_int_eq(m != NULL, _i);
    if (m != NULL)
        ck_assert_uint_eq(m->snapshot.mark->index, r.snapshot.index);
    rig_fini(&r);
}
END_TEST

Suite *forget_suite(void)
{
    Suite *s = suite_create("forget");
    TCase *tc = tcase_create("alone");
    tcase_add_test(tc, applied_and_no_more);
    tcase_add_test(tc, many_bytes_are_enough);
    tcase_add_test(tc, snapshot_behind_what_is_forgotten);
    tcase_add_loop_test(tc, others_get_a_file, 0, 2);
    suite_add_tcase(s, tc);
    return s;
}
