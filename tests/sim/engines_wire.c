/* The wire: a stream each way between any two members. What is sent on it arrives in order, or is
 * lost, alone or with the stream; messages of consensus may come twice, and those of a broken
 * stream behind those of the next one. */
#include "engines.h"

#include "base/mem.h"
#include "disk/snapfile.h"

#include <string.h>

static struct stream *stream_of(unsigned from, unsigned to)
{
    return &sim->stream[from][to];
}

void parcel_free(struct parcel *p)
{
    if (p == NULL)
        return;
    frame_free(p->frame);
    mem_free(p->file);
    mem_free(p);
}

static void wire_peers(void *ctx, const struct wire_peer *peers, unsigned n)
{
    (void)ctx;
    (void)peers;
    (void)n;
}

static uint64_t delay(const struct stream *s)
{
    const struct weather *w = &sim->weather;
    uint64_t d = (w->delay_us + sim_below(w->jitter_us)) * 1000 + sim_below(s->slow);
    if (!sim->healed && sim_chance(3))
        d += sim_below(200 * MS);
    return d;
}

/* Through bytes and back, so that the members share nothing. */
static struct frame *copy_of(const struct frame *f)
{
    static struct buf bytes;
    struct frame *out;
    struct err err;
    buf_clear(&bytes);
    frame_encode(f, &bytes);
    if (frame_length(buf_as_span(&bytes)) != (int64_t)bytes.len ||
        frame_decode(buf_as_span(&bytes), &out, &err) != 0)
        sim_fail("FRAME type %d does not come back: %s", f->type, err.text);
    return out;
}

static void post(struct parcel *p, uint64_t at)
{
    sim_push((struct item){.at = at, .what = HAPPEN_FRAME, .parcel = p});
}

static struct parcel *parcel_new(struct stream *s, struct frame *f)
{
    struct parcel *p = mem_zalloc(sizeof(*p));
    p->frame = f;
    p->stream = s->epoch;
    return p;
}

void wire_post(struct frame *f)
{
    struct stream *s = stream_of(member_by_id(f->from)->n, member_by_id(f->to)->n);
    post(parcel_new(s, f), sim->now + delay(s));
}

static bool usable(struct sim_member *m, const struct sim_member *to, struct stream *s)
{
    if (m->muted || to == NULL || sim->now < s->up_at)
        return false;
    if (!to->up) {
        s->up_at = sim->now + sim_below(200 * MS);
        return false;
    }
    return true;
}

static bool wire_send(void *ctx, uint64_t to_id, struct frame **fp)
{
    struct sim_member *m = ctx, *to = member_by_id(to_id);
    const struct weather *w = &sim->weather;
    CP_ASSERT((*fp)->from == m->id && (*fp)->to == to_id);
    if (to == NULL || to == m || !usable(m, to, stream_of(m->n, to->n)))
        return false;
    struct stream *s = stream_of(m->n, to->n);
    struct frame *f = copy_of(*fp);
    if (f->type == FRAME_MESSAGE)
        time_said(m, f->message);
    frame_free(*fp);
    *fp = NULL;
    if (planted_wire(m, to, f))
        return true;
    if (s->cut || (!sim->healed && sim_chance(w->drop_pm))) {
        frame_free(f);
        return true;
    }
    uint64_t at = sim->now + delay(s);
    if (f->type == FRAME_MESSAGE && !sim->healed && sim_chance(w->dup_pm)) {
        struct parcel *twin = parcel_new(s, copy_of(f));
        twin->again = true;
        post(twin, at + sim_below(100 * MS));
    }
    if (at <= s->last)
        at = s->last + 1;
    s->last = at;
    post(parcel_new(s, f), at);
    return true;
}

/* The file as the sender's disk has it. */
static bool read_file(struct sim_member *m, struct parcel *p)
{
    struct snapfile_reader *r;
    struct err err;
    struct snapfile_id id = {p->index, p->term};
    if (snapfile_open(&r, &m->io, m->dir.snap, id, &err) != 0)
        return false;
    p->file_bytes = snapfile_bytes(r);
    p->file = mem_alloc(p->file_bytes);
    bool ok = snapfile_read(r, 0, p->file, p->file_bytes, &err) == 0;
    snapfile_close(r);
    return ok;
}

static bool wire_send_snapshot(void *ctx, uint64_t to_id, struct frame **fp, uint64_t index,
                               uint64_t term)
{
    struct sim_member *m = ctx, *to = member_by_id(to_id);
    if (to == NULL || !usable(m, to, stream_of(m->n, to->n)))
        return false;
    struct stream *s = stream_of(m->n, to->n);
    if (s->sending)
        return false;
    struct parcel *p = parcel_new(s, NULL);
    p->index = index;
    p->term = term;
    if (!read_file(m, p)) {
        parcel_free(p);
        return false;
    }
    p->frame = *fp;
    *fp = NULL;
    s->sending = true;
    post(p, sim->now + delay(s) + sim_below(sim_chance(800) ? 50 * MS : 3 * SECOND));
    return true;
}

struct wire wire_of(struct sim_member *m)
{
    return (struct wire){
        .peers = wire_peers, .send = wire_send, .send_snapshot = wire_send_snapshot, .ctx = m};
}

/* As the door for snapshots does: the whole file, durable, then the message. */
static bool write_file(struct sim_member *m, const struct parcel *p)
{
    struct snapfile_writer *w = NULL;
    struct err err;
    struct snapfile_id id = {p->index, p->term};
    int rv = snapfile_begin(&w, &m->io, m->dir.snap, id, &err);
    if (rv == 0)
        rv = snapfile_write(w, p->file, p->file_bytes, &err);
    if (rv == 0)
        rv = snapfile_commit(&w, &err);
    snapfile_abort(&w);
    if (rv != 0)
        sim_say(2, "m%u cannot keep snapshot %lu: %s", m->n, p->index, err.text);
    return rv == 0;
}

static bool arrives(struct sim_member *to, struct stream *s, struct parcel *p)
{
    if (p->file != NULL)
        s->sending = false;
    if (to == NULL || !to->up || s->cut || p->stream != s->epoch)
        return false;
    if (!members_let_in(to, member_by_id(p->frame->from)))
        return false;
    if (p->file == NULL)
        return true;
    if (!sim->healed && sim_chance(200))
        return false; /* broken off */
    sim->inside = to;
    bool kept = write_file(to, p);
    sim->inside = NULL;
    /* It may end between the file and the message. */
    return kept && (sim->healed || !sim_chance(100));
}

void wire_arrive(struct parcel *p)
{
    struct sim_member *from = member_by_id(p->frame->from), *to = member_by_id(p->frame->to);
    if (from != NULL && arrives(to, stream_of(from->n, to->n), p)) {
        planted_arrived(p->frame, copy_of);
        engine_receive(to->engine, p->frame);
        p->frame = NULL;
        member_post(to);
    }
    parcel_free(p);
}

/* With OVERLAP what is under way still arrives. */
static void break_one(struct stream *s, uint64_t down, bool overlap)
{
    if (!overlap)
        s->epoch++;
    s->last = 0;
    s->up_at = sim->now + down;
}

/* M finds nobody at the other end: rightly or, for this world is hostile, wrongly. */
static void say_lost(struct sim_member *m, unsigned whom)
{
    if (!m->up || m->n == whom || !sim->member[whom].exists)
        return;
    engine_lost(m->engine, sim->member[whom].id);
    member_post(m);
}

void wire_break(unsigned from, unsigned to)
{
    struct stream *s = stream_of(from, to);
    break_one(s, sim_below(150 * MS), sim_chance(sim->weather.overlap_pm));
    if (sim_chance(200))
        say_lost(&sim->member[from], to);
    struct frame *f = planted_broken(from);
    if (f != NULL)
        wire_post(f);
}

void wire_member_gone(unsigned n)
{
    for (unsigned i = 1; i <= MEMBERS; i++) {
        break_one(stream_of(n, i), 0, sim_chance(sim->weather.overlap_pm));
        break_one(stream_of(i, n), sim_below(200 * MS), false);
        stream_of(n, i)->sending = stream_of(i, n)->sending = false;
        if (sim->member[i].exists && !stream_of(i, n)->cut && sim_chance(600))
            say_lost(&sim->member[i], n);
    }
}
