#include "serve/bootstrap.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "disk/advice.h"
#include "disk/datadir.h"
#include "disk/wal.h"
#include "peer/join.h"
#include "serve/secure.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

#define JOIN_PATIENCE_MS 20000 /* for the members that know a new one */
#define JOIN_RETRY_MS    500

/* What the log says. */
struct found {
    bool known;  /* there is one */
    bool filled; /* it has entries */
    uint64_t cluster_id, member_id;
};

/* ---- the log ---- */

static int on_record(void *ctx, const struct wal_place *place, const struct wal_record *r,
                     struct err *e)
{
    struct found *f = ctx;
    (void)place;
    switch (r->type) {
    case WAL_IDENTITY:
        f->known = true;
        f->cluster_id = r->identity.cluster_id;
        f->member_id = r->identity.member_id;
        return 0;
    case WAL_STATE:
        return 0;
    case WAL_ENTRY:
    case WAL_MARK:
        f->filled = true;
        break;
    }
    return err_set(e, ERR_STOPPED, "that is enough");
}

/* What is damaged behind the first entry is for the start of the engine to find. */
static int look_into_log(const char *path, struct found *f, struct err *e)
{
    struct datadir dir;
    struct wal_info info;
    long holder;
    *f = (struct found){.known = false};
    int rv = datadir_look(&dir, path, &holder, e);
    if (rv == -ENOENT)
        return 0;
    if (rv != 0)
        return rv;
    struct wal_look look = {.dir = dir.wal, .io = &diskio_system, .record = on_record, .ctx = f};
    rv = wal_look(&look, &info, e);
    if (rv != 0)
        disk_advise(e);
    datadir_close(&dir);
    return rv == ERR_STOPPED || rv == -ENOENT ? 0 : rv;
}

/* ---- the flags ---- */

static int take_flags(struct bootstrap *b, const struct options *o, const struct founder **self,
                      struct err *e)
{
    struct buf alone = {0};
    const char *text = o->initial_cluster;
    if (text[0] == '\0') {
        for (unsigned i = 0; i < o->advertise_peer.n; i++)
            buf_printf(&alone, "%s%s=%.*s", i > 0 ? "," : "", o->name,
                       (int)o->advertise_peer.text[i].len, o->advertise_peer.text[i].ptr);
        text = buf_cstr(&alone);
    }
    int rv =
        founding_parse(&b->founding, text, span_of(o->initial_cluster_token), "initial-cluster", e);
    if (rv == 0)
        rv = founding_self(&b->founding, text, span_of(o->name), o->advertise_peer.text,
                           o->advertise_peer.n, self, e);
    buf_fini(&alone);
    return rv;
}

/* ---- the others ---- */

static unsigned ask_others(const struct bootstrap *b, const struct founder *self,
                           struct join_answer *answers)
{
    const struct founder *others[LIMIT_MEMBERS];
    unsigned n = 0;
    for (unsigned i = 0; i < b->founding.n; i++)
        if (&b->founding.founders[i] != self)
            others[n++] = &b->founding.founders[i];
    join_ask(others, n, &b->trust, answers);
    return n;
}

static struct join_answer *answers_new(void)
{
    return mem_zalloc(LIMIT_MEMBERS * sizeof(struct join_answer));
}

static void answers_free(struct join_answer *answers)
{
    for (unsigned i = 0; i < LIMIT_MEMBERS; i++)
        roster_fini(&answers[i].roster);
    mem_free(answers);
}

static int found(struct bootstrap *b, const struct founder *self, struct err *e)
{
    struct join_answer *answers = answers_new();
    unsigned n = ask_others(b, self, answers);
    int rv = 0;
    for (unsigned i = 0; rv == 0 && i < n; i++)
        if (answers[i].rv == 0)
            rv = roster_may_found(&answers[i].roster, answers[i].from, &b->founding, self, e);
    answers_free(answers);
    b->cluster_id = b->founding.cluster_id;
    b->member_id = self->id;
    b->n_founders = b->founding.n;
    b->founders = b->founding.founders;
    return rv;
}

static void sleep_ms(unsigned ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&ts, NULL);
}

/* Until somebody has answered. */
static int ask_until(struct bootstrap *b, const struct founder *self, struct join_answer *answers,
                     struct err *e)
{
    uint64_t end_ns = clock_mono_ns(&clock_system) + JOIN_PATIENCE_MS * (uint64_t)NS_PER_MS;
    bool said = false;
    for (;;) {
        unsigned n = ask_others(b, self, answers);
        for (unsigned i = 0; i < n; i++)
            if (answers[i].rv == 0)
                return (int)n;
        if (n == 0)
            return err_set(e, ERR_USAGE,
                           "--initial-cluster-state=existing: --initial-cluster names no other "
                           "member to ask; on one of them: copse member add NAME URL, and start "
                           "with what that prints");
        if (clock_mono_ns(&clock_system) >= end_ns)
            return err_set(e, ERR_NET,
                           "cannot fetch cluster info from peer urls: %s; start those members "
                           "first, or mend --initial-cluster",
                           answers[0].err.text);
        if (!said)
            log_warn("bootstrap.waiting", LOG_S("reason", "no member of the cluster answers"),
                     LOG_S("error", answers[0].err.text));
        said = true;
        sleep_ms(JOIN_RETRY_MS);
    }
}

/* Fills in b->roster and the member's id. */
static int be_let_in(struct bootstrap *b, const struct founder *self, uint64_t log_of,
                     struct join_answer *answers, struct err *e)
{
    struct roster_said said[LIMIT_MEMBERS];
    struct roster *whose[LIMIT_MEMBERS];
    unsigned n_said = 0;
    int n = ask_until(b, self, answers, e);
    for (int i = 0; i < n; i++) {
        if (answers[i].rv != 0)
            continue;
        whose[n_said] = &answers[i].roster;
        said[n_said++] = (struct roster_said){&answers[i].roster, answers[i].from};
    }
    if (n < 0)
        return n;
    int place = roster_first_to_join(said, n_said, &b->founding, self, log_of, &b->member_id, e);
    if (place < 0)
        return place;
    b->roster = *whose[place];
    *whose[place] = (struct roster){.n = 0};
    return 0;
}

static void join_those_of_roster(struct bootstrap *b)
{
    b->joins = true;
    for (unsigned i = 0; i < b->roster.n; i++) {
        const struct command_member *m = &b->roster.m[i];
        b->members[i] = (struct founder){
            .id = m->id, .name = m->name, .n_peer_urls = m->n_peer_urls, .peer_urls = m->peer_urls};
    }
    b->founders = b->members;
    b->n_founders = b->roster.n;
}

/* LOG_OF: whose the log is that has no entry yet; 0: there is none. */
static int join(struct bootstrap *b, const struct founder *self, uint64_t log_of, struct err *e)
{
    struct join_answer *answers = answers_new();
    int rv = be_let_in(b, self, log_of, answers, e);
    answers_free(answers);
    if (rv != 0)
        return rv;
    b->cluster_id = b->roster.cluster_id;
    join_those_of_roster(b);
    log_info("bootstrap.joining", LOG_X("member", b->member_id), LOG_X("cluster", b->cluster_id),
             LOG_U("members", b->n_founders));
    return 0;
}

static bool lists(const struct roster *r, uint64_t id)
{
    for (unsigned i = 0; i < r->n; i++)
        if (r->m[i].id == id)
            return true;
    return false;
}

/* A directory that was mistaken for another one: its cluster is not that of the members named. And
 * who was killed while it joined may have a log in which all have gone since: what the others say
 * counts until it has come to its own place. */
static int ask_neighbours(struct bootstrap *b, const struct found *f, const struct options *o,
                          const struct founder *self, struct err *e)
{
    if (b->founding.n == 1 || b->founding.cluster_id == f->cluster_id)
        return 0;
    struct join_answer *answers = answers_new();
    unsigned n = ask_others(b, self, answers);
    int rv = 0;
    for (unsigned i = 0; rv == 0 && i < n; i++) {
        if (answers[i].rv != 0)
            continue;
        if (answers[i].roster.cluster_id != f->cluster_id) {
            rv = err_set(e, ERR_FOREIGN,
                         "%s holds member %" PRIx64 " of cluster %" PRIx64 ", and %.*s belongs to "
                         "cluster %" PRIx64 ": give another --data-dir, or the --initial-cluster "
                         "of that member",
                         o->data_dir, f->member_id, f->cluster_id, (int)answers[i].from.len,
                         answers[i].from.ptr, answers[i].roster.cluster_id);
        } else if (b->roster.n == 0 && lists(&answers[i].roster, f->member_id)) {
            b->roster = answers[i].roster;
            answers[i].roster = (struct roster){.n = 0};
        }
    }
    answers_free(answers);
    if (rv == 0 && b->roster.n > 0)
        join_those_of_roster(b);
    return rv;
}

/* The directory wins over the flags, which may be out of date by now; they count when nothing has
 * come into the log yet. */
static int go_on(struct bootstrap *b, const struct found *f, const struct options *o, struct err *e)
{
    const struct founder *self;
    struct err ignored;
    b->cluster_id = f->cluster_id;
    b->member_id = f->member_id;
    if (o->force_new_cluster && f->filled)
        return 0;
    if (take_flags(b, o, &self, &ignored) != 0)
        return f->filled
                   ? 0
                   : err_set(e, ERR_USAGE, "%s: nothing is in %s yet", ignored.text, o->data_dir);
    if (f->filled)
        return ask_neighbours(b, f, o, self, e);
    int rv = strcmp(o->initial_cluster_state, "new") == 0 ? found(b, self, e)
                                                          : join(b, self, f->member_id, e);
    if (rv == 0 && (b->cluster_id != f->cluster_id || b->member_id != f->member_id))
        rv = err_set(e, ERR_FOREIGN,
                     "%s was made for member %" PRIx64 " of cluster %" PRIx64 ", and nothing is in "
                     "it yet; the flags make this member %" PRIx64 " of cluster %" PRIx64
                     ": remove the directory, or give the flags it was made with",
                     o->data_dir, f->member_id, f->cluster_id, b->member_id, b->cluster_id);
    return rv;
}

int bootstrap_begin(struct bootstrap *b, const struct options *o, struct err *e)
{
    const struct founder *self;
    struct found f;
    *b = (struct bootstrap){.trust = secure_trust(o)};
    int rv = look_into_log(o->data_dir, &f, e);
    if (rv != 0)
        return rv;
    if (f.known)
        return go_on(b, &f, o, e);
    if (o->force_new_cluster)
        return err_set(e, ERR_USAGE,
                       "--force-new-cluster goes on with the data of a member, and there is none "
                       "in %s: give its --data-dir, or leave the flag out",
                       o->data_dir);
    rv = take_flags(b, o, &self, e);
    if (rv != 0)
        return rv;
    return strcmp(o->initial_cluster_state, "new") == 0 ? found(b, self, e) : join(b, self, 0, e);
}

void bootstrap_end(struct bootstrap *b)
{
    founding_fini(&b->founding);
    roster_fini(&b->roster);
    *b = (struct bootstrap){.n_founders = 0};
}
