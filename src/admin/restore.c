/* restore: a new data directory from a backup, from another data directory, or from one snapshot.
 */
#include "admin/command.h"
#include "admin/target.h"
#include "base/buf.h"
#include "base/mem.h"
#include "cluster/copy.h"
#include "cluster/founding.h"
#include "codec/command.h"
#include "disk/datadir.h"
#include "proto/peer_url.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

static const char *text_or(const struct words *w, const char *name, const char *fallback)
{
    const char *text = words_get(w, name);
    return text != NULL && text[0] != '\0' ? text : fallback;
}

/* Who the new member is, and the others. */
struct identity {
    struct founding founding;
    const struct founder *self;
};

static int take_urls(const char *text, struct span *urls, unsigned *n, struct err *e)
{
    struct span rest = span_of(text);
    struct buf why = {0};
    int rv = 0;
    for (*n = 0; rv == 0 && rest.len > 0; (*n)++) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        size_t len = comma != NULL ? (size_t)(comma - rest.ptr) : rest.len;
        if (*n == COMMAND_MEMBER_URLS)
            rv = err_set(e, ERR_USAGE, "--initial-advertise-peer-urls: more than %d",
                         COMMAND_MEMBER_URLS);
        else if (!peer_url_check(span_make(rest.ptr, len), &why))
            rv = err_set(e, ERR_USAGE, "--initial-advertise-peer-urls: %s", buf_cstr(&why));
        else
            urls[*n] = peer_url_trim(span_make(rest.ptr, len));
        rest = span_from(rest, len + (comma != NULL));
    }
    buf_fini(&why);
    return rv;
}

static int identify(const struct words *w, struct identity *id, struct err *e)
{
    const char *urls_text = text_or(w, "initial-advertise-peer-urls", "http://localhost:2380");
    const char *name = text_or(w, "name", "default"),
               *cluster = text_or(w, "initial-cluster", NULL);
    struct span token = span_of(text_or(w, "initial-cluster-token", "etcd-cluster"));
    struct span urls[COMMAND_MEMBER_URLS];
    struct buf alone = {0};
    unsigned n;
    int rv = take_urls(urls_text, urls, &n, e);
    for (unsigned i = 0; rv == 0 && cluster == NULL && i < n; i++)
        buf_printf(&alone, "%s%s=%.*s", i > 0 ? "," : "", name, (int)urls[i].len, urls[i].ptr);
    if (rv == 0 && cluster == NULL)
        cluster = buf_cstr(&alone);
    if (rv == 0)
        rv = founding_parse(&id->founding, cluster, token, "initial-cluster", e);
    if (rv == 0)
        rv = founding_self(&id->founding, cluster, span_of(name), urls, n, &id->self, e);
    buf_fini(&alone);
    return rv;
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
                                 .member_id = id->self->id,
                                 .cluster_id = id->founding.cluster_id,
                                 .n_founders = id->founding.n,
                                 .founders = id->founding.founders,
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
    struct identity id = {.self = NULL};
    struct copy_info info;
    struct buf dir = {0};
    int rv = w->argument != NULL ? identify(w, &id, e)
                                 : err_set(e, ERR_USAGE, "from which backup or snapshot?");
    if (rv == 0) {
        buf_printf(&dir, "%s.copse", text_or(w, "name", "default"));
        rv = restore(w, &id, text_or(w, "data-dir", buf_cstr(&dir)), &info, e);
    }
    if (rv == 0)
        printf("restored up to entry %" PRIu64 " into %s: member %" PRIx64 " of cluster %" PRIx64
               "\n",
               info.last_index, text_or(w, "data-dir", buf_cstr(&dir)), id.self->id,
               id.founding.cluster_id);
    else if (rv != ERR_USAGE)
        fprintf(stderr, "copse: restore: %s\n", e->text);
    buf_fini(&dir);
    founding_fini(&id.founding);
    return rv == 0 ? 0 : ADMIN_FAILED;
}

static const struct word_option options[] = {
    {"data-dir", "DIR", "where to; empty or new (default: NAME.copse)"},
    {"wal-dir", "DIR", "log of the backup, where that is apart"},
    {"name", "NAME", "of the new member (default: default)"},
    {"initial-cluster", "NAME=URL,...", "all members of the new cluster (default: this one)"},
    {"initial-cluster-token", "TOKEN", "of the new cluster (default: etcd-cluster)"},
    {"initial-advertise-peer-urls", "URLS", "of the new member (default: http://localhost:2380)"},
    {.name = NULL},
};

const struct admin_command admin_restore = {
    .name = "restore",
    .usage = "restore [options] BACKUP-DIR|SNAPSHOT --data-dir DIR",
    .text = "make a new data directory from a backup or a snapshot",
    .more =
        "For a cluster of several, run it once for each member, from the same backup, with the "
        "same\n"
        "--initial-cluster and token and its own name and URLs. Start the server on it with the\n"
        "same. Exit status: 0, 1 it failed, 2 wrong words.",
    .options = options,
    .arguments = 1,
    .usage_status = ADMIN_USAGE,
    .run = run,
};
