/* backup: the state of a data directory without the identity of its member. Options, silence and
 * exit status are etcdctl's (contract: ctl.md 9). */
#include "admin/command.h"
#include "admin/target.h"
#include "base/hash.h"
#include "base/log.h"
#include "cluster/copy.h"
#include "cluster/identity.h"
#include "disk/datadir.h"

static void on_damaged(void *ctx, const struct err *e)
{
    (void)ctx;
    log_warn("backup.snapshot_damaged", LOG_S("error", e->text),
             LOG_S("effect", "the one before it and the log are tried"));
}

static const char *or_here(const char *dir)
{
    return dir != NULL ? dir : ".";
}

static int back_up(const struct words *w, struct copy_info *info, struct err *e)
{
    struct datadir from;
    struct target to;
    long holder;
    if (words_get(w, "with-v3") != NULL)
        return err_set(e, ERR_USAGE, "--with-v3: there is no v3 data in a directory of copse");
    int rv = datadir_look(&from, or_here(words_get(w, "data-dir")), &holder, e);
    if (rv != 0)
        return rv;
    rv = target_begin(&to, or_here(words_get(w, "backup-dir")), words_get(w, "backup-wal-dir"), e);
    if (rv == 0) {
        const char *wal = words_get(w, "wal-dir");
        struct founder self = {.id = rand_u64() | 1, .name = SPAN("")};
        struct copy_conf conf = {.io = &diskio_system,
                                 .from_wal = wal != NULL ? wal : from.wal,
                                 .from_snap = from.snap,
                                 .to_wal = to.wal,
                                 .to_snap = to.snap,
                                 .member_id = self.id,
                                 .n_founders = 1,
                                 .founders = &self,
                                 .damaged = on_damaged};
        conf.cluster_id = identity_cluster(&conf.member_id, 1);
        rv = copy_state(&conf, info, e);
    }
    if (rv == 0)
        rv = target_commit(&to, e);
    else
        target_abort(&to);
    datadir_close(&from);
    return rv;
}

static int run(const struct words *w, struct err *e)
{
    struct copy_info info;
    int rv = back_up(w, &info, e);
    if (rv != 0) {
        log_error("backup.failed", LOG_S("error", e->text));
        e->code = rv;
        return ADMIN_FAILED;
    }
    log_info("backup.done", LOG_S("dir", or_here(words_get(w, "backup-dir"))),
             LOG_U("snapshot", info.snapshot_index), LOG_U("last", info.last_index));
    return 0;
}

static const struct word_option options[] = {
    {"data-dir", "DIR", "what to back up (default: here)"},
    {"wal-dir", "DIR", "its log, where that is not in DIR/member/wal"},
    {"backup-dir", "DIR", "where to; empty or new (default: here)"},
    {"backup-wal-dir", "DIR", "where the log goes to, where not below the former"},
    {"with-v3", NULL, "refused: there is no v3 data"},
    {.name = NULL},
};

const struct admin_command admin_backup = {
    .name = "backup",
    .usage = "backup --data-dir DIR --backup-dir DIR [options]",
    .text = "copy the state of a data directory, without its identity",
    .more = "May be run while a member works on the directory: the copy then holds at least all\n"
            "writes that were acknowledged when it began. copse restore makes a data directory of\n"
            "it. Exit status: 0, or 1.",
    .options = options,
    .arguments = 0,
    .usage_status = ADMIN_FAILED,
    .run = run,
};
