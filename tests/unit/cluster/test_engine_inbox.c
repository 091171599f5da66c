/* engine: what peers may send ahead of it: bytes and not only frames are bounded, what is small is
 * taken all the same, and who forwarded writes hears that they were not. The engine takes its turns
 * when the test says so. */
#include "engine_rig.h"

#include "base/mem.h"
#include "cluster/frame.h"
#include "cluster/status.h"
#include "cluster/wire.h"
#include "codec/command.h"

enum { PEER = 7 };

static struct frame *sent[8]; /* by the engine */
static unsigned n_sent;

static void on_peers(void *ctx, const struct wire_peer *peers, unsigned n)
{
    (void)ctx;
    (void)peers;
    (void)n;
}

static bool on_send(void *ctx, uint64_t to, struct frame **f)
{
    (void)ctx;
    ck_assert_uint_eq(to, PEER);
    ck_assert_uint_lt(n_sent, CP_COUNT(sent));
    sent[n_sent++] = *f;
    *f = NULL;
    return true;
}

static void setup(void)
{
    static const struct wire wire = {.peers = on_peers, .send = on_send};
    n_sent = 0;
    fx_setup_stepped(&wire);
}

static void teardown(void)
{
    while (n_sent > 0)
        frame_free(sent[--n_sent]);
    fx_teardown();
}

static uint64_t queued(void)
{
    struct engine_figures f;
    engine_figures(fx.engine, &f);
    return f.queue;
}

/* Its one command is request 5. */
static struct frame *forward(void)
{
    static const char value[LIMIT_SMALL_FRAME + 1];
    struct command c = {
        .kind = COMMAND_STORE,
        .op = {.verb = OP_PUT, .path = SPAN("/a"), .value = span_make(value, sizeof(value))}};
    struct frame *f = frame_new(FRAME_FORWARD, PEER, engine_member_id(fx.engine));
    f->forward = (struct frame_forward){.session = 4, .number = 3, .n = 1};
    f->forward.commands = mem_alloc(sizeof(*f->forward.commands));
    f->forward.commands[0] = command_encode(&c);
    command_address(f->forward.commands[0], PEER, 5);
    return f;
}

static struct frame *append_of(size_t bytes)
{
    struct frame *f = frame_new(FRAME_MESSAGE, PEER, engine_member_id(fx.engine));
    f->message = peer_message_new(PEER_APPEND, PEER, f->to, 1);
    f->message->append.entries[0] = (struct log_entry){.type = ENTRY_COMMAND};
    f->message->append.entries[0].payload = blob_new(bytes - frame_bytes(f));
    ck_assert_uint_eq(frame_bytes(f), bytes);
    return f;
}

/* All but ROOM bytes are taken. */
static void fill(size_t room)
{
    for (unsigned i = 0; i < 3; i++)
        engine_receive(fx.engine, append_of(LIMIT_FRAME_BYTES));
    engine_receive(fx.engine, append_of(LIMIT_FRAME_BYTES - room));
    ck_assert_uint_eq(queued(), 4);
}

START_TEST(bytes_are_bounded)
{
    enum { ROOM = LIMIT_SMALL_FRAME + 100 };
    fill(ROOM);
    engine_receive(fx.engine, append_of(ROOM + 1)); /* one beyond */
    ck_assert_uint_eq(queued(), 4);
    engine_receive(fx.engine, append_of(ROOM)); /* at the limit */
    ck_assert_uint_eq(queued(), 5);
    engine_receive(fx.engine, append_of(LIMIT_SMALL_FRAME + 1));
    ck_assert_uint_eq(queued(), 5);
    engine_receive(fx.engine, append_of(LIMIT_SMALL_FRAME)); /* though there is no room */
    ck_assert_uint_eq(queued(), 6);
    engine_step(fx.engine);
    ck_assert_uint_eq(queued(), 0);
    fill(0); /* all that was taken is free again, and nothing is counted twice */
    engine_receive(fx.engine, append_of(LIMIT_SMALL_FRAME + 1));
    ck_assert_uint_eq(queued(), 4);
}
END_TEST

START_TEST(who_forwarded_is_refused)
{
    fill(0);
    engine_receive(fx.engine, forward());
    ck_assert_uint_eq(queued(), 5); /* with its refusal */
    engine_step(fx.engine);
    ck_assert_uint_eq(n_sent, 1);
    ck_assert_int_eq(sent[0]->type, FRAME_REFUSED);
    ck_assert_uint_eq(sent[0]->to, PEER);
    ck_assert_uint_eq(sent[0]->refused.session, 4);
    ck_assert_uint_eq(sent[0]->refused.number, 3);
    ck_assert_uint_eq(sent[0]->refused.n, 1);
    ck_assert_uint_eq(sent[0]->refused.requests[0], 5);
    fill(0);
    engine_receive(fx.engine, forward()); /* the engine ends with it unsent */
}
END_TEST

Suite *engine_inbox_suite(void)
{
    Suite *s = suite_create("engine inbox");
    TCase *t = tcase_create("bytes");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, bytes_are_bounded);
    tcase_add_test(t, who_forwarded_is_refused);
    suite_add_tcase(s, t);
    return s;
}
