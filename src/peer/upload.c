/* upload: jobs, at most one for each peer, on a libcurl multi handle of their own: a slow disk
 * holds up snapshots, never heartbeats. A job that fails is told in the log and forgotten:
 * consensus asks again. */
#include "peer/upload.h"

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/log.h"
#include "base/mem.h"
#include "peer/spawn.h"
#include "peer/speech.h"

#include <endian.h>

#define IDLE_MS 60000

struct job {
    struct mail mail;
    struct list place;
    struct line *line; /* a reference */
    struct frame *frame;
    struct snapfile_id id;
    uint64_t start_ms;
    struct snapfile_reader *reader;
    uint64_t size; /* of the file */
    struct buf head;
    struct dial dial;
    unsigned url;
    uint64_t sent; /* of head, file and checksum */
    uint32_t crc;
    struct err err; /* of the disk */
};

struct upload {
    /* Fixed. */
    struct upload_conf conf;
    pthread_t thread;
    struct mailbox mailbox;
    /* Atomic: upload_stop sets. */
    atomic_bool stop;
    /* Upload thread only. */
    CURLM *multi;
    struct list jobs;
};

static uint64_t now_ms(void)
{
    return clock_mono_ns(&clock_system) / NS_PER_MS;
}

static size_t read_file(struct job *j, uint64_t at, char *bytes, size_t n)
{
    if (n > j->size - at)
        n = (size_t)(j->size - at);
    if (snapfile_read(j->reader, at, bytes, n, &j->err) != 0)
        return CURL_READFUNC_ABORT;
    j->crc = crc32c(j->crc, bytes, n);
    return n;
}

static size_t copy(struct span from, uint64_t at, char *bytes, size_t n)
{
    struct span rest = span_from(from, (size_t)at);

    if (n > rest.len)
        n = rest.len;
    memcpy(bytes, rest.ptr, n);
    return n;
}

/* dial_read. */
static size_t job_read(void *ctx, char *bytes, size_t n)
{
    struct job *j = ctx;
    uint64_t file_at = j->head.len, crc_at = file_at + j->size;
    size_t got;

    if (j->sent < file_at) {
        got = copy(buf_as_span(&j->head), j->sent, bytes, n);
    } else if (j->sent < crc_at) {
        got = read_file(j, j->sent - file_at, bytes, n);
    } else {
        uint32_t crc = htole32(j->crc);

        got = copy(span_make(&crc, sizeof(crc)), j->sent - crc_at, bytes, n);
    }
    if (got != CURL_READFUNC_ABORT)
        j->sent += got;
    return got;
}

static void dial(struct upload *u, struct job *j)
{
    j->sent = 0;
    j->crc = 0;
    dial_init(&j->dial, &u->conf.by, j->line->id, j->line->urls[j->url], SPEECH_SNAPSHOT);
    dial_header(&j->dial, SPEECH_H_INDEX, j->id.index);
    dial_header(&j->dial, SPEECH_H_TERM, j->id.term);
    dial_header(&j->dial, SPEECH_H_BYTES, j->size);
    dial_body(&j->dial, (int64_t)(j->head.len + j->size + SPEECH_CRC_BYTES), job_read, j);
    CP_ASSERT(curl_multi_add_handle(u->multi, j->dial.easy) == CURLM_OK);
}

static void hang_up(struct upload *u, struct job *j)
{
    if (j->dial.easy != NULL)
        (void)curl_multi_remove_handle(u->multi, j->dial.easy);
    dial_fini(&j->dial);
}

static void job_free(struct upload *u, struct job *j)
{
    hang_up(u, j);
    list_del(&j->place);
    if (j->reader != NULL)
        snapfile_close(j->reader);
    buf_fini(&j->head);
    frame_free(j->frame);
    atomic_store(&j->line->uploading, false);
    line_unref(j->line);
    mem_free(j);
}

static void fail(struct upload *u, struct job *j, const char *reason)
{
    log_warn("snapshot.not_sent", LOG_X("peer", j->line->id), LOG_U("index", j->id.index),
             LOG_S("reason", reason));
    job_free(u, j);
}

static void begin(struct upload *u, struct job *j)
{
    list_add_tail(&u->jobs, &j->place);
    if (snapfile_open(&j->reader, u->conf.io, u->conf.snap_dir, j->id, &j->err) != 0) {
        j->reader = NULL;
        fail(u, j, j->err.text);
        return;
    }
    j->size = snapfile_bytes(j->reader);
    frame_encode(j->frame, &j->head);
    j->start_ms = now_ms();
    log_info("snapshot.sending", LOG_X("peer", j->line->id), LOG_U("index", j->id.index),
             LOG_U("bytes", j->size));
    dial(u, j);
}

static void end(struct upload *u, struct job *j, CURLcode rc)
{
    long status = dial_status(&j->dial);

    if (rc == CURLE_OK && status == 204) {
        log_info("snapshot.sent", LOG_X("peer", j->line->id), LOG_U("index", j->id.index),
                 LOG_U("bytes", j->size), LOG_U("ms", now_ms() - j->start_ms));
        job_free(u, j);
    } else if (j->err.code != 0) {
        fail(u, j, j->err.text);
    } else if (status == 0 && !j->dial.accepted && j->url + 1 < j->line->n_urls) {
        hang_up(u, j);
        j->url++;
        dial(u, j);
    } else {
        fail(u, j, dial_reason(&j->dial, rc));
    }
}

static void take_ends(struct upload *u)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(u->multi, &left)) != NULL) {
        CURLcode rc = m->data.result;
        void *ptr = NULL;

        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &ptr);
        end(u, CP_CONTAINER_OF(ptr, struct job, dial), rc);
    }
}

static void take_mail(struct upload *u)
{
    struct mail *m = mailbox_take(&u->mailbox);

    while (m != NULL) {
        struct mail *next = m->next;

        begin(u, CP_CONTAINER_OF(m, struct job, mail));
        m = next;
    }
}

static void *upload_main(void *upload)
{
    struct upload *u = upload;
    int running;

    while (!atomic_load(&u->stop)) {
        take_mail(u);
        (void)curl_multi_perform(u->multi, &running);
        take_ends(u);
        if (mailbox_sleep_begin(&u->mailbox)) {
            struct curl_waitfd mail = {.fd = u->mailbox.wake_fd, .events = CURL_WAIT_POLLIN};

            (void)curl_multi_poll(u->multi, &mail, 1, IDLE_MS, NULL);
            mailbox_sleep_end(&u->mailbox);
        }
    }
    take_mail(u);
    while (!list_empty(&u->jobs))
        job_free(u, CP_CONTAINER_OF(u->jobs.next, struct job, place));
    return NULL;
}

int upload_start(struct upload **out, const struct upload_conf *conf, struct err *e)
{
    struct upload *u = mem_zalloc(sizeof(*u));
    int rc;

    u->conf = *conf;
    list_init(&u->jobs);
    rc = mailbox_init(&u->mailbox, LIMIT_MEMBERS);
    if (rc < 0) {
        mem_free(u);
        return err_sys(e, -rc, "peer: eventfd");
    }
    u->multi = curl_multi_init();
    CP_ASSERT(u->multi != NULL);
    rc = spawn(&u->thread, "upload", upload_main, u, e);
    if (rc != 0) {
        curl_multi_cleanup(u->multi);
        mailbox_fini(&u->mailbox);
        mem_free(u);
        return rc;
    }
    *out = u;
    return 0;
}

void upload_stop(struct upload *u)
{
    if (u == NULL)
        return;
    atomic_store(&u->stop, true);
    mailbox_wake(&u->mailbox);
    pthread_join(u->thread, NULL);
    curl_multi_cleanup(u->multi);
    mailbox_fini(&u->mailbox);
    mem_free(u);
}

void upload_begin(struct upload *u, struct line *l, struct frame **f, struct snapfile_id id)
{
    struct job *j = mem_zalloc(sizeof(*j));

    j->line = line_ref(l);
    j->frame = *f;
    j->id = id;
    list_init(&j->place);
    *f = NULL;
    mailbox_post_chain(&u->mailbox, &j->mail);
}
