/* restore: a new data directory from a backup, from another data directory, or from one snapshot.
 */
#include "admin/command.h"
#include "admin/target.h"
#include "base/buf.h"
#include "base/mem.h"
#include "cluster/copy.h"
#include "cluster/identity.h"
#include "disk/datadir.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#define URLS_MAX 16

struct identity {
    struct span name, token;
    struct span urls[URLS_MAX];
    unsigned n;
    uint64_t cluster_id, member_id;
};

static struct span cut(struct span *s, char sep)
{
    const char *at = s->len > 0 ? memchr(s->ptr, sep, s->len) : NULL;
    struct span part = {s->ptr, at != NULL ? (size_t)(at - s->ptr) : s->len};
    *s = at != NULL ? span_from(*s, part.len + 1) : span_from(*s, s->len);
    return part;
}

static int take_urls(struct identity *id, const char *text, struct err *e)
{
    struct span rest = span_of(text);
    do {
        struct span url = cut(&rest, ',');
        if (!span_starts(url, SPAN("http://")) && !span_starts(url, SPAN("https://")))
            return err_set(e, ERR_USAGE,
                           "--initial-advertise-peer-urls=%s: each must be http://HOST:PORT", text);
        if (id->n == URLS_MAX)
            return err_set(e, ERR_USAGE, "--initial-advertise-peer-urls: more than %d", URLS_MAX);
        id->urls[id->n++] = url;
    } while (rest.len > 0);
    return 0;
}

static bool has_url(const struct identity *id, struct span url)
{
    for (unsigned i = 0; i < id->n; i++)
        if (span_eq(id->urls[i], url))
            return true;
    return false;
}

/* "NAME=URL,NAME=URL": the same member as the other options say, and no other. */
static int check_cluster(const struct identity *id, const char *text, struct err *e)
{
    struct span rest = span_of(text);
    unsigned own = 0;
    while (rest.len > 0) {
        struct span url = cut(&rest, ',');
        struct span name = cut(&url, '=');
        if (!span_eq(name, id->name))
            return err_set(e, ERR_USAGE,
                           "--initial-cluster=%s: it names %.*s besides --name=%.*s; this version "
                           "restores a cluster of one member",
                           text, (int)name.len, name.ptr, (int)id->name.len, id->name.ptr);
        if (!has_url(id, url))
            return err_set(e, ERR_USAGE,
                           "--initial-cluster=%s: its URLs must be those of "
                           "--initial-advertise-peer-urls",
                           text);
        own++;
    }
    if (own != id->n)
        return err_set(e, ERR_USAGE,
                       "--initial-cluster=%s: its URLs must be those of "
                       "--initial-advertise-peer-urls",
                       text);
    return 0;
}

static const char *text_or(const struct words *w, const char *name, const char *fallback)
{
    const char *text = words_get(w, name);
    return text != NULL && text[0] != '\0' ? text : fallback;
}

static int identify(const struct words *w, struct identity *id, struct err *e)
{
    *id = (struct identity){.name = span_of(text_or(w, "name", "default")),
                            .token = span_of(text_or(w, "initial-cluster-token", "etcd-cluster"))};
    const char *cluster = text_or(w, "initial-cluster", NULL);
    int rv = take_urls(id, text_or(w, "initial-advertise-peer-urls", "http://localhost:2380"), e);
    if (rv == 0 && cluster != NULL)
        rv = check_cluster(id, cluster, e);
    if (rv != 0)
        return rv;
    id->member_id = identity_member(id->urls, id->n, id->token, 0);
    id->cluster_id = identity_cluster(&id->member_id, 1);
    return 0;
}

static void on_damaged(void *ctx, const struct err *e)
{
    (void)ctx;
    fprintf(stderr, "copse: restore: %s; the snapshot before it and the log are tried\n", e->text);
}

/* FROM is empty where there is a snapshot only. */
static int copy(const struct words *w, const struct datadir *from, const struct identity *id,
                const char *dir, struct copy_info *info, struct err *e)
{
    struct target to;
    int rv = target_begin(&to, dir, NULL, e);
    if (rv == 0) {
        struct copy_conf conf = {.io = &diskio_system,
                                 .from_wal = text_or(w, "wal-dir", from->wal),
                                 .from_snap = from->snap,
                                 .snapshot = from->path == NULL ? w->argument : NULL,
                                 .to_wal = to.wal,
                                 .to_snap = to.snap,
                                 .member_id = id->member_id,
                                 .cluster_id = id->cluster_id,
                                 .damaged = on_damaged};
        rv = copy_state(&conf, info, e);
    }
    if (rv == 0)
        return target_commit(&to, e);
    target_abort(&to);
    return rv;
}

static int restore(const struct words *w, const struct identity *id, const char *dir,
                   struct copy_info *info, struct err *e)
{
    struct datadir from = {.lock_fd = -1};
    struct stat st;
    long holder;
    if (stat(w->argument, &st) < 0)
        return err_sys(e, errno, "open %s", w->argument);
    int rv = S_ISDIR(st.st_mode) ? datadir_look(&from, w->argument, &holder, e) : 0;
    if (rv != 0)
        return rv;
    rv = copy(w, &from, id, dir, info, e);
    datadir_close(&from);
    return rv;
}

static int run(const struct words *w, struct err *e)
{
    struct identity id;
    struct copy_info info;
    struct buf dir = {0};
    int rv = w->argument != NULL ? identify(w, &id, e)
                                 : err_set(e, ERR_USAGE, "from which backup or snapshot?");
    if (rv == 0) {
        buf_printf(&dir, "%.*s.copse", (int)id.name.len, id.name.ptr);
        rv = restore(w, &id, text_or(w, "data-dir", buf_cstr(&dir)), &info, e);
    }
    if (rv == 0)
        printf(
            "restored up to entry %" PRIu64 " into %s: member %" PRIx64 " of cluster %" PRIx64 "\n",
            info.last_index, text_or(w, "data-dir", buf_cstr(&dir)), id.member_id, id.cluster_id);
    else if (rv != ERR_USAGE)
        fprintf(stderr, "copse: restore: %s\n", e->text);
    buf_fini(&dir);
    return rv == 0 ? 0 : ADMIN_FAILED;
}

static const struct word_option options[] = {
    {"data-dir", "DIR", "where to; empty or new (default: NAME.copse)"},
    {"wal-dir", "DIR", "log of the backup, where that is apart"},
    {"name", "NAME", "of the new member (default: default)"},
    {"initial-cluster", "NAME=URL,...", "this member, as the server is to be told"},
    {"initial-cluster-token", "TOKEN", "of the new cluster (default: etcd-cluster)"},
    {"initial-advertise-peer-urls", "URLS", "of the new member (default: http://localhost:2380)"},
    {.name = NULL},
};

const struct admin_command admin_restore = {
    .name = "restore",
    .usage = "restore [options] BACKUP-DIR|SNAPSHOT --data-dir DIR",
    .text = "make a new data directory from a backup or a snapshot",
    .more = "Start the server on it with the same name, token and peer URLs. Exit status: 0, 1 it\n"
            "failed, 2 wrong words.",
    .options = options,
    .arguments = 1,
    .usage_status = ADMIN_USAGE,
    .run = run,
};
