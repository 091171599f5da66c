#include "admin/target.h"

#include "base/buf.h"
#include "base/mem.h"
#include "disk/datadir.h"
#include "disk/diskio.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static char *join(const char *dir, const char *name)
{
    struct buf b = {0};
    buf_printf(&b, "%s/%s", dir, name);
    char *path = mem_strdup(buf_cstr(&b));
    buf_fini(&b);
    return path;
}

/* The root of a file system of its own counts as empty. */
static int on_name(void *arg, const char *name)
{
    char **found = arg;
    if (*found == NULL && strcmp(name, "lost+found") != 0)
        *found = mem_strdup(name);
    return 0;
}

static int must_be_empty(const char *dir, struct err *e)
{
    char *found = NULL;
    int rv = diskio_system.list(NULL, dir, on_name, &found);
    if (rv == -ENOENT)
        rv = 0;
    else if (rv < 0)
        err_sys(e, -rv, "list %s", dir);
    else if (found != NULL)
        rv = err_set(e, ERR_USAGE, "%s is not empty: there is %s in it; give an empty or a new one",
                     dir, found);
    mem_free(found);
    return rv;
}

int target_begin(struct target *t, const char *dir, const char *wal, struct err *e)
{
    *t = (struct target){.dir = mem_strdup(dir),
                         .part = join(dir, "member.part"),
                         .member = join(dir, "member"),
                         .own_wal = wal != NULL};
    t->wal = wal != NULL ? mem_strdup(wal) : join(t->part, "wal");
    t->snap = join(t->part, "snap");
    int rv = must_be_empty(dir, e);
    if (rv == 0)
        rv = must_be_empty(t->wal, e);
    t->begun = rv == 0;
    if (rv == 0)
        rv = datadir_make(t->snap, e);
    return rv == 0 ? datadir_make(t->wal, e) : rv;
}

static void target_fini(struct target *t)
{
    mem_free(t->dir);
    mem_free(t->part);
    mem_free(t->member);
    mem_free(t->wal);
    mem_free(t->snap);
    *t = (struct target){.begun = false};
}

static int remove_name(void *arg, const char *name)
{
    char *path = join(arg, name);
    (void)unlink(path); /* best effort: what is left is not taken for a data directory */
    mem_free(path);
    return 0;
}

static void remove_files(char *dir)
{
    (void)diskio_system.list(NULL, dir, remove_name, dir);
    (void)rmdir(dir);
}

void target_abort(struct target *t)
{
    if (t->begun) {
        remove_files(t->wal);
        remove_files(t->snap);
        (void)rmdir(t->part);
    }
    target_fini(t);
}

int target_commit(struct target *t, struct err *e)
{
    /* The log makes its own names durable, the snapshot too, and datadir_make the directories. */
    int rv = diskio_system.rename(NULL, t->part, t->member);
    if (rv < 0) {
        err_sys(e, -rv, "rename %s", t->part);
        target_abort(t);
        return rv;
    }
    rv = diskio_system.sync_dir(NULL, t->dir);
    if (rv < 0)
        err_sys(e, -rv, "sync directory %s", t->dir);
    target_fini(t);
    return rv;
}
