#include "disk/advice.h"

#include "base/log.h"
#include "disk/wal.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

static const struct {
    int errnum;
    const char *text;
} advices[] = {
    {EROFS, "mount the file system for writing; if the kernel made it read-only, its log says why; "
            "a unit of systemd needs ReadWritePaths= for it"},
    {ENOSPC, "make room on this file system"},
    {EDQUOT, "raise the quota, or make room"},
    {EIO, "look into the kernel's log, and put the data directory on a sound disk"},
    {EACCES, "give the user that copse runs as this directory and all in it"},
    {EPERM, "give the user that copse runs as this directory and all in it"},
    {EMFILE, "raise the limit of open files (ulimit -n, LimitNOFILE=)"},
    {ENFILE, "the whole system has too many open files: raise fs.file-max"},
    {EISDIR, "something that is not of copse stands there: move it away"},
    {ENOTDIR, "something that is not of copse stands there: move it away, or give another "
              "--data-dir"},
};

const char *disk_advice(int code)
{
    for (size_t i = 0; i < CP_COUNT(advices); i++)
        if (code == -advices[i].errnum)
            return advices[i].text;
    return NULL;
}

void disk_advise(struct err *e)
{
    const char *text = e != NULL ? disk_advice(e->code) : NULL;
    if (text == NULL)
        return;
    err_add(e, "; ");
    err_add(e, text);
}

void disk_die(const char *path, const char *what, int rv)
{
    const char *advice = disk_advice(rv);
    log_error("wal.failed", LOG_S("file", path), LOG_S("what", what), LOG_S("reason", err_text(rv)),
              LOG_S("effect", "the process ends; nothing was acknowledged that is not there"),
              LOG_S("do", advice != NULL ? advice : "look after the disk"),
              LOG_S("then", "start again"));
    _exit(WAL_EXIT_CODE);
}
