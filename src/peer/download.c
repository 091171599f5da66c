#include "peer/download.h"

#include "base/crc32c.h"
#include "base/log.h"
#include "base/mem.h"
#include "cluster/engine.h"
#include "peer/spawn.h"
#include "proto/limits.h"

#include <poll.h>

struct download {
    /* Fixed. */
    struct download_conf conf;
    pthread_t thread;
    struct mailbox mailbox;
    /* Atomic: download_stop sets. */
    atomic_bool stop;
};

static int finish(struct download *d, struct incoming *in)
{
    int rc;

    if (in->err.code != 0)
        return in->err.code;
    if (in->written_crc != in->crc)
        return err_set(&in->err, ERR_CORRUPT, "checksum %08x, sent was %08x", in->written_crc,
                       in->crc);
    rc = snapfile_commit(&in->writer, &in->err);
    if (rc != 0)
        return rc;
    log_info("snapshot.received", LOG_X("from", in->from), LOG_U("index", in->id.index),
             LOG_U("bytes", in->size));
    engine_receive(d->conf.engine, in->frame);
    in->frame = NULL;
    return 0;
}

static int work(struct download *d, struct piece *p)
{
    struct incoming *in = p->in;

    switch ((enum piece_kind)p->mail.kind) {
    case PIECE_BEGIN:
        return snapfile_begin(&in->writer, d->conf.io, d->conf.snap_dir, in->id, &in->err);
    case PIECE_BYTES:
        if (in->err.code != 0)
            return in->err.code;
        in->written_crc = crc32c(in->written_crc, p->bytes, p->n);
        return snapfile_write(in->writer, p->bytes, p->n, &in->err);
    case PIECE_END: {
        int rc = finish(d, in);

        snapfile_abort(&in->writer);
        return rc;
    }
    case PIECE_ABORT:
        snapfile_abort(&in->writer);
        return 0;
    }
    CP_NEVER("a piece of no kind");
}

static void take_pieces(struct download *d)
{
    struct mail *m = mailbox_take(&d->mailbox);

    while (m != NULL) {
        struct mail *next = m->next;
        struct piece *p = CP_CONTAINER_OF(m, struct piece, mail);

        p->rc = work(d, p);
        m->next = NULL;
        mailbox_post_chain(d->conf.back, m);
        m = next;
    }
}

static void *download_main(void *download)
{
    struct download *d = download;

    while (!atomic_load(&d->stop)) {
        take_pieces(d);
        if (mailbox_sleep_begin(&d->mailbox)) {
            struct pollfd fd = {.fd = d->mailbox.wake_fd, .events = POLLIN};

            (void)poll(&fd, 1, -1);
            mailbox_sleep_end(&d->mailbox);
        }
    }
    return NULL;
}

int download_start(struct download **out, const struct download_conf *conf, struct err *e)
{
    struct download *d = mem_zalloc(sizeof(*d));
    int rc;

    d->conf = *conf;
    rc = mailbox_init(&d->mailbox, LIMIT_ENGINE_MAIL);
    if (rc < 0) {
        mem_free(d);
        return err_sys(e, -rc, "peer: eventfd");
    }
    rc = spawn(&d->thread, "download", download_main, d, e);
    if (rc != 0) {
        mailbox_fini(&d->mailbox);
        mem_free(d);
        return rc;
    }
    *out = d;
    return 0;
}

void download_stop(struct download *d)
{
    if (d == NULL)
        return;
    atomic_store(&d->stop, true);
    mailbox_wake(&d->mailbox);
    pthread_join(d->thread, NULL);
    mailbox_fini(&d->mailbox);
    mem_free(d);
}

void download_post(struct download *d, struct piece *p)
{
    p->mail.next = NULL;
    mailbox_post_chain(&d->mailbox, &p->mail);
}
