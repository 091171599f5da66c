/* arrival: a snapshot on its way in: the frame of its message, the file, the checksum. The bytes go
 * to the download thread in pieces; while too many wait for the disk the connection is suspended.
 * Only the newest goes on: one that began earlier comes from a leader that is none any more, or
 * over a connection that is dead. */
#include "base/log.h"
#include "base/mem.h"
#include "peer/gate_priv.h"
#include "peer/speech.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define STALL_S 60

struct arrival {
    struct incoming in;
    struct visit *visit; /* NULL: it has gone */
    char *head;          /* the frame; owned */
    size_t head_have, head_need;
    char length[4];
    uint64_t left; /* of the file */
    char crc[SPEECH_CRC_BYTES];
    size_t crc_have;
    size_t waiting; /* bytes that the download thread has */
    bool suspended;
    bool ended; /* END or ABORT was posted */
    bool done;  /* ... and came back */
    bool cut;
    int rc;
};

static bool post(struct visit *v, enum piece_kind kind, struct span bytes)
{
    struct arrival *a = v->arrival;
    struct piece *p = mem_try(sizeof(*p) + bytes.len);

    if (p == NULL)
        return false;
    *p = (struct piece){.mail.kind = kind, .in = &a->in, .n = bytes.len};
    if (bytes.len > 0)
        memcpy(p->bytes, bytes.ptr, bytes.len);
    a->waiting += bytes.len;
    download_post(v->gate->download, p);
    return true;
}

static void suspend(struct arrival *a)
{
    a->suspended = true;
    MHD_suspend_connection(a->visit->mhd);
}

static void resume(struct arrival *a)
{
    if (!a->suspended)
        return;
    a->suspended = false;
    MHD_resume_connection(a->visit->mhd);
}

/* Small, and nothing else ends what the download thread holds. */
static void give_up(struct arrival *a, const char *reason)
{
    struct piece *p = mem_zalloc(sizeof(*p));

    p->mail.kind = PIECE_ABORT;
    p->in = &a->in;
    download_post(a->visit->gate->download, p);
    a->ended = true;
    if (a->rc == 0)
        log_warn("snapshot.not_received", LOG_X("from", a->in.from), LOG_U("index", a->in.id.index),
                 LOG_S("reason", reason));
}

void arrival_cut(struct arrival *a)
{
    a->cut = true;
    if (a->visit == NULL)
        return;
    shutdown(a->visit->guest->fd, SHUT_RDWR);
    /* One that has ended is resumed when the disk is done with it. The other gives up before its
     * connection does: its file must be gone when the next one of that name begins. */
    if (!a->ended) {
        give_up(a, "another one came, or the end of this process");
        resume(a);
    }
}

enum MHD_Result arrival_begin(struct visit *v, uint64_t from)
{
    struct gate *g = v->gate;
    struct arrival *a;
    uint64_t index, term, bytes;

    if (!visit_number(v, SPEECH_H_INDEX, &index) || !visit_number(v, SPEECH_H_TERM, &term) ||
        !visit_number(v, SPEECH_H_BYTES, &bytes))
        return visit_reply(v, 412, "headers of a copse snapshot expected");
    if (bytes > LIMIT_SNAPSHOT_BYTES)
        return visit_reply(v, 413, "snapshot too large");
    if (g->arrival != NULL)
        arrival_cut(g->arrival);
    a = mem_zalloc(sizeof(*a));
    a->in.id = (struct snapfile_id){.index = index, .term = term};
    a->in.from = from;
    a->in.size = a->left = bytes;
    a->visit = v;
    v->arrival = g->arrival = a;
    g->n_arrivals++;
    log_info("snapshot.receiving", LOG_X("from", from), LOG_U("index", index),
             LOG_U("bytes", bytes));
    visit_settle(v, STALL_S);
    return post(v, PIECE_BEGIN, (struct span){"", 0}) ? MHD_YES : MHD_NO;
}

static struct span cut_off(struct span *s, uint64_t n)
{
    struct span first = {s->ptr, n < s->len ? (size_t)n : s->len};

    *s = span_from(*s, first.len);
    return first;
}

/* The frame: true when BYTES may go on to the file. */
static bool take_head(struct arrival *a, struct span *bytes)
{
    struct span s;

    if (a->head == NULL) {
        s = cut_off(bytes, sizeof(a->length) - a->head_have);
        memcpy(a->length + a->head_have, s.ptr, s.len);
        a->head_have += s.len;
        if (a->head_have < sizeof(a->length))
            return true;

        int64_t n = frame_length(span_make(a->length, sizeof(a->length)));

        a->head = n > 0 ? mem_try((size_t)n) : NULL;
        if (a->head == NULL)
            return false;
        a->head_need = (size_t)n;
        memcpy(a->head, a->length, sizeof(a->length));
    }
    s = cut_off(bytes, a->head_need - a->head_have);
    memcpy(a->head + a->head_have, s.ptr, s.len);
    a->head_have += s.len;
    return true;
}

enum MHD_Result arrival_take(struct visit *v, struct span bytes)
{
    struct arrival *a = v->arrival;
    struct span s;

    if (a->cut || a->rc != 0)
        return MHD_NO;
    if ((a->head == NULL || a->head_have < a->head_need) && !take_head(a, &bytes))
        return MHD_NO;
    s = cut_off(&bytes, a->left);
    a->left -= s.len;
    if (s.len > 0 && !post(v, PIECE_BYTES, s))
        return MHD_NO;
    s = cut_off(&bytes, sizeof(a->crc) - a->crc_have);
    memcpy(a->crc + a->crc_have, s.ptr, s.len);
    a->crc_have += s.len;
    if (bytes.len > 0)
        return MHD_NO;
    if (a->waiting > LIMIT_SNAPSHOT_WAITING)
        suspend(a);
    return MHD_YES;
}

/* NULL: it is what it should be, and ready for the engine. */
static const char *check(struct visit *v)
{
    struct arrival *a = v->arrival;
    const struct snapshot_mark *mark;
    struct frame *f;
    uint32_t crc;
    struct err e;

    if (a->crc_have < sizeof(a->crc))
        return "snapshot cut off";
    if (frame_decode(span_make(a->head, a->head_need), &f, &e) != 0)
        return "message of the snapshot not understood";
    a->in.frame = f;
    if (f->from != a->in.from || f->to != v->gate->conf->member_id || f->type != FRAME_MESSAGE ||
        f->message->type != PEER_SNAPSHOT)
        return "message of the snapshot is another's";
    mark = f->message->snapshot.mark;
    if (mark->index != a->in.id.index || mark->term != a->in.id.term)
        return "message of another snapshot";
    memcpy(&crc, a->crc, sizeof(crc));
    a->in.crc = le32toh(crc);
    return NULL;
}

enum MHD_Result arrival_end(struct visit *v)
{
    struct arrival *a = v->arrival;
    const char *wrong;

    if (a->cut)
        return MHD_NO;
    if (a->done)
        return a->rc == 0 ? visit_reply(v, 204, "") : visit_reply(v, 500, a->in.err.text);
    CP_ASSERT(!a->ended);
    wrong = check(v);
    if (wrong != NULL)
        return visit_reply(v, 400, wrong);
    if (!post(v, PIECE_END, (struct span){"", 0}))
        return MHD_NO;
    a->ended = true;
    suspend(a);
    return MHD_YES;
}

static void arrival_free(struct gate *g, struct arrival *a)
{
    if (g->arrival == a)
        g->arrival = NULL;
    g->n_arrivals--;
    frame_free(a->in.frame);
    mem_free(a->head);
    mem_free(a);
}

void arrival_leave(struct visit *v)
{
    struct arrival *a = v->arrival;

    CP_ASSERT(!a->suspended);
    if (!a->ended)
        give_up(a, "it broke off");
    a->visit = NULL;
    v->arrival = NULL;
    if (a->done)
        arrival_free(v->gate, a);
}

void arrival_credit(struct gate *g, struct piece *p)
{
    struct arrival *a = CP_CONTAINER_OF(p->in, struct arrival, in);
    bool last = p->mail.kind == PIECE_END || p->mail.kind == PIECE_ABORT;

    a->waiting -= p->n;
    if (p->rc != 0 && a->rc == 0) {
        a->rc = p->rc;
        log_error("snapshot.not_received", LOG_X("from", a->in.from),
                  LOG_U("index", a->in.id.index), LOG_S("reason", a->in.err.text));
    }
    mem_free(p);
    if (last)
        a->done = true;
    if (a->visit == NULL) {
        if (last)
            arrival_free(g, a);
        return;
    }
    if (last)
        resume(a);
    else if (!a->ended && (a->rc != 0 || a->waiting < LIMIT_SNAPSHOT_WAITING / 2))
        resume(a);
    /* No reply is possible in the middle of the body: the end of the connection is the answer. */
    if (a->rc != 0 && !last)
        shutdown(a->visit->guest->fd, SHUT_RDWR);
}
