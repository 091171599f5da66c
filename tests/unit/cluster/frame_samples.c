/* samples: see frame_samples.h. */
#include "frame_samples.h"

#include "base/mem.h"
#include "codec/command.h"

#include <check.h>

#define FROM SAMPLE_FROM
#define TO   SAMPLE_TO

struct peer_message *sample_message(struct frame *f, enum peer_message_type type, unsigned n)
{
    f->message = peer_message_new(type, f->from, f->to, n);
    f->message->term = UINT64_MAX - 7;
    f->message->time_ns = -5;
    return f->message;
}

struct blob *sample_bytes(size_t n, char c)
{
    struct blob *b = blob_new(n);

    memset(b->data, c, n);
    return b;
}

struct frame *sample_vote(void)
{
    struct frame *f = frame_new(FRAME_MESSAGE, FROM, TO);
    struct peer_message *m = sample_message(f, PEER_VOTE, 0);

    m->vote = (struct peer_vote){.last_index = 1, .last_term = 2, .disrupt = true};
    return f;
}

static struct frame *a_pre_vote(void)
{
    struct frame *f = sample_vote();

    f->message->vote.disrupt = false;
    f->message->vote.pre_vote = true;
    return f;
}

struct frame *sample_vote_result(void)
{
    struct frame *f = frame_new(FRAME_MESSAGE, FROM, TO);

    sample_message(f, PEER_VOTE_RESULT, 0)->vote_result.granted = true;
    return f;
}

static struct frame *a_heartbeat(void)
{
    struct frame *f = frame_new(FRAME_MESSAGE, FROM, TO);

    sample_message(f, PEER_APPEND, 0)->append.commit = UINT64_MAX;
    return f;
}

struct frame *sample_append(void)
{
    struct frame *f = frame_new(FRAME_MESSAGE, FROM, TO);
    struct peer_append *a = &sample_message(f, PEER_APPEND, 3)->append;

    a->prev_index = 10;
    a->prev_term = 9;
    a->commit = 8;
    a->entries[0] = (struct log_entry){9, ENTRY_COMMAND, blob_copy(SPAN("new \0 value"))};
    a->entries[1] = (struct log_entry){10, ENTRY_BARRIER, blob_new(0)};
    a->entries[2] = (struct log_entry){10, ENTRY_CHANGE, blob_copy(SPAN("members"))};
    return f;
}

static struct frame *an_append_result(void)
{
    struct frame *f = frame_new(FRAME_MESSAGE, FROM, TO);

    sample_message(f, PEER_APPEND_RESULT, 0)->append_result =
        (struct peer_append_result){.rejected = 5, .last_index = UINT64_MAX};
    return f;
}

struct frame *sample_snapshot(void)
{
    struct frame *f = frame_new(FRAME_MESSAGE, FROM, TO);
    struct snapshot_mark *mark = sample_message(f, PEER_SNAPSHOT, 0)->snapshot.mark;

    mark->index = 100;
    mark->term = 7;
    mark->members_index = 3;
    mark->members.n = LIMIT_MEMBERS;
    for (unsigned i = 0; i < LIMIT_MEMBERS; i++) {
        mark->members.m[i].id = i + 1;
        mark->members.m[i].role = (enum member_role)(i % 3);
    }
    return f;
}

static struct frame *a_timeout_now(void)
{
    struct frame *f = frame_new(FRAME_MESSAGE, FROM, TO);

    sample_message(f, PEER_TIMEOUT_NOW, 0)->timeout_now = (struct peer_timeout_now){11, 12};
    return f;
}

struct frame *sample_forward(void)
{
    struct frame *f = frame_new(FRAME_FORWARD, FROM, TO);

    f->forward = (struct frame_forward){.session = 77, .number = 1, .term = 5, .n = 2};
    f->forward.commands = mem_alloc(2 * sizeof(struct blob *));
    f->forward.commands[0] = sample_bytes(COMMAND_HEAD_BYTES, 'a');
    f->forward.commands[1] = sample_bytes(1000, 'b');
    return f;
}

static struct frame *an_empty_forward(void)
{
    return frame_new(FRAME_FORWARD, FROM, TO);
}

struct frame *sample_refused(void)
{
    struct frame *f = frame_new(FRAME_REFUSED, FROM, TO);
    const uint64_t requests[] = {1, UINT64_MAX, 3};

    f->refused = (struct frame_refused){
        .session = 77, .number = 1, .n = 3, .requests = mem_dup(requests, sizeof(requests))};
    return f;
}

struct frame *sample_read(void)
{
    struct frame *f = frame_new(FRAME_READ, FROM, TO);

    f->read = (struct frame_read){.session = 1, .number = 2};
    return f;
}

struct frame *sample_read_index(void)
{
    struct frame *f = frame_new(FRAME_READ_INDEX, FROM, TO);

    f->read_index = (struct frame_read_index){.session = 1, .number = 2, .ok = true, .index = 3};
    return f;
}

struct frame *sample_confirm(void)
{
    struct frame *f = frame_new(FRAME_CONFIRM, FROM, TO);

    f->confirm = (struct frame_confirm){.term = 1, .number = 2};
    return f;
}

static struct frame *a_confirmed(void)
{
    struct frame *f = frame_new(FRAME_CONFIRMED, FROM, TO);

    f->confirm = (struct frame_confirm){.term = UINT64_MAX, .number = 1};
    return f;
}

const struct frame_sample frame_samples[FRAME_SAMPLES] = {
    {"vote", sample_vote},
    {"pre-vote", a_pre_vote},
    {"vote result", sample_vote_result},
    {"heartbeat", a_heartbeat},
    {"append", sample_append},
    {"append result", an_append_result},
    {"snapshot", sample_snapshot},
    {"timeout now", a_timeout_now},
    {"forward", sample_forward},
    {"empty forward", an_empty_forward},
    {"refused", sample_refused},
    {"read", sample_read},
    {"read index", sample_read_index},
    {"confirm", sample_confirm},
    {"confirmed", a_confirmed},
};

_Static_assert(CP_COUNT(frame_samples) == FRAME_SAMPLES, "all of them");

static void check_same_message(const struct peer_message *a, const struct peer_message *b)
{
    ck_assert_int_eq(a->type, b->type);
    ck_assert_uint_eq(a->term, b->term);
    ck_assert_int_eq(a->time_ns, b->time_ns);
    ck_assert_uint_eq(a->from, b->from);
    ck_assert_uint_eq(a->to, b->to);
    switch (a->type) {
    case PEER_VOTE:
        ck_assert_uint_eq(a->vote.last_index, b->vote.last_index);
        ck_assert_uint_eq(a->vote.last_term, b->vote.last_term);
        ck_assert_int_eq(a->vote.disrupt, b->vote.disrupt);
        ck_assert_int_eq(a->vote.pre_vote, b->vote.pre_vote);
        break;
    case PEER_VOTE_RESULT:
        ck_assert_int_eq(a->vote_result.granted, b->vote_result.granted);
        ck_assert_int_eq(a->vote_result.pre_vote, b->vote_result.pre_vote);
        break;
    case PEER_APPEND:
        ck_assert_uint_eq(a->append.prev_index, b->append.prev_index);
        ck_assert_uint_eq(a->append.prev_term, b->append.prev_term);
        ck_assert_uint_eq(a->append.commit, b->append.commit);
        ck_assert_uint_eq(a->append.n, b->append.n);
        for (unsigned i = 0; i < a->append.n; i++) {
            const struct log_entry *x = &a->append.entries[i], *y = &b->append.entries[i];

            ck_assert_uint_eq(x->term, y->term);
            ck_assert_int_eq(x->type, y->type);
            ck_assert(span_eq(blob_span(x->payload), blob_span(y->payload)));
        }
        break;
    case PEER_APPEND_RESULT:
        ck_assert_uint_eq(a->append_result.rejected, b->append_result.rejected);
        ck_assert_uint_eq(a->append_result.last_index, b->append_result.last_index);
        break;
    case PEER_SNAPSHOT: {
        const struct snapshot_mark *x = a->snapshot.mark, *y = b->snapshot.mark;

        ck_assert_uint_eq(x->index, y->index);
        ck_assert_uint_eq(x->term, y->term);
        ck_assert_uint_eq(x->members_index, y->members_index);
        ck_assert_uint_eq(x->members.n, y->members.n);
        for (unsigned i = 0; i < x->members.n; i++) {
            ck_assert_uint_eq(x->members.m[i].id, y->members.m[i].id);
            ck_assert_int_eq(x->members.m[i].role, y->members.m[i].role);
        }
        break;
    }
    case PEER_TIMEOUT_NOW:
        ck_assert_uint_eq(a->timeout_now.last_index, b->timeout_now.last_index);
        ck_assert_uint_eq(a->timeout_now.last_term, b->timeout_now.last_term);
        break;
    }
}

void sample_check_same(const struct frame *a, const struct frame *b)
{
    ck_assert_int_eq(a->type, b->type);
    ck_assert_uint_eq(a->from, b->from);
    ck_assert_uint_eq(a->to, b->to);
    switch (a->type) {
    case FRAME_MESSAGE:
        check_same_message(a->message, b->message);
        break;
    case FRAME_FORWARD:
        ck_assert_uint_eq(a->forward.session, b->forward.session);
        ck_assert_uint_eq(a->forward.number, b->forward.number);
        ck_assert_uint_eq(a->forward.term, b->forward.term);
        ck_assert_uint_eq(a->forward.n, b->forward.n);
        for (unsigned i = 0; i < a->forward.n; i++)
            ck_assert(
                span_eq(blob_span(a->forward.commands[i]), blob_span(b->forward.commands[i])));
        break;
    case FRAME_REFUSED:
        ck_assert_uint_eq(a->refused.session, b->refused.session);
        ck_assert_uint_eq(a->refused.number, b->refused.number);
        ck_assert_uint_eq(a->refused.n, b->refused.n);
        for (unsigned i = 0; i < a->refused.n; i++)
            ck_assert_uint_eq(a->refused.requests[i], b->refused.requests[i]);
        break;
    case FRAME_READ:
        ck_assert_uint_eq(a->read.session, b->read.session);
        ck_assert_uint_eq(a->read.number, b->read.number);
        break;
    case FRAME_READ_INDEX:
        ck_assert_uint_eq(a->read_index.session, b->read_index.session);
        ck_assert_uint_eq(a->read_index.number, b->read_index.number);
        ck_assert_int_eq(a->read_index.ok, b->read_index.ok);
        ck_assert_uint_eq(a->read_index.index, b->read_index.index);
        break;
    case FRAME_CONFIRM:
    case FRAME_CONFIRMED:
        ck_assert_uint_eq(a->confirm.term, b->confirm.term);
        ck_assert_uint_eq(a->confirm.number, b->confirm.number);
        break;
    }
}
