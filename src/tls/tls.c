/* tls: the current set of files, and when it is replaced. Sessions keep the set they began with. */
#include "tls/tls_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <string.h>

#define DAY_S 86400

static const char *path_of(const struct tls *t, unsigned file)
{
    const char *const paths[TLS_FILES] = {t->conf.cert_file, t->conf.key_file, t->conf.ca_file,
                                          t->conf.crl_file};

    return paths[file];
}

static void look(const struct tls *t, struct stat out[TLS_FILES])
{
    memset(out, 0, TLS_FILES * sizeof(out[0]));
    for (unsigned i = 0; i < TLS_FILES; i++) {
        if (path_of(t, i)[0] != '\0')
            (void)stat(path_of(t, i), &out[i]); /* zero for one that is missing */
    }
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool has_changed(const struct tls *t)
{
    struct stat now[TLS_FILES];

    look(t, now);
    for (unsigned i = 0; i < TLS_FILES; i++) {
        if (!is_same(&now[i], &t->seen[i]))
            return true;
    }
    return false;
}

struct tls_set *tls_current(struct tls *t)
{
    pthread_mutex_lock(&t->lock);

    struct tls_set *s = t->set;

    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock(&t->lock);
    return s;
}

struct tls_set *tls_hold(struct tls *t)
{
    return tls_current(t);
}

void tls_let_go(struct tls_set *s)
{
    set_unref(s);
}

int64_t tls_not_after(struct tls *t)
{
    struct tls_set *s = tls_current(t);
    int64_t at = s->not_after;

    set_unref(s);
    return at;
}

/* How near the end is: 1 for a month, 2 for a week, 3 for over. */
static unsigned soon(int64_t left_s)
{
    return left_s < 0 ? 3 : left_s < 7 * DAY_S ? 2 : left_s < 30 * DAY_S ? 1 : 0;
}

static void warn_of_expiry(struct tls *t)
{
    int64_t left_s = tls_not_after(t) - clock_wall_ns(&clock_system) / NS_PER_S;
    unsigned now = soon(left_s);

    if (now > t->warned && now == 3)
        log_error("tls.expired", LOG_S("side", t->conf.side), LOG_S("file", t->conf.cert_file));
    else if (now > t->warned)
        log_warn("tls.expires", LOG_S("side", t->conf.side), LOG_S("file", t->conf.cert_file),
                 LOG_I("days", left_s / DAY_S));
    t->warned = now;
}

static int read_now(struct tls *t, struct err *e)
{
    struct tls_set *fresh, *old;

    /* Before reading: a change meanwhile is found the next time. */
    look(t, t->seen);

    int rc = set_read(&fresh, &t->conf, e);

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&t->lock);
    old = t->set;
    t->set = fresh;
    pthread_mutex_unlock(&t->lock);
    if (old != NULL)
        set_unref(old);
    return 0;
}

void tls_refresh(struct tls *t, bool anyway)
{
    struct err e = {.code = 0};

    /* While something is wrong it is tried each time: certificate and key are seldom replaced at
     * once. */
    if (anyway || t->trouble[0] != '\0' || has_changed(t)) {
        if (read_now(t, &e) == 0) {
            t->trouble[0] = '\0';
            log_info("tls.reloaded", LOG_S("side", t->conf.side),
                     LOG_I("not_after", tls_not_after(t)));
        } else if (anyway || strcmp(t->trouble, e.text) != 0) {
            memcpy(t->trouble, e.text, sizeof(t->trouble));
            log_error("tls.reload", LOG_S("side", t->conf.side), LOG_S("error", e.text),
                      LOG_S("text", "the files read before stay in use"));
        }
    }
    warn_of_expiry(t);
}

static int set_priority(struct tls *t, struct err *e)
{
    char text[TLS_PRIORITY_BYTES];
    int rc = tls_priority(text, t->conf.cipher_suites, e);

    if (rc == 0 && gnutls_priority_init(&t->priority, text, NULL) < 0)
        rc = err_set(e, ERR_VERSION, "tls: this gnutls does not know all of %s", text);
    return rc;
}

int tls_new(struct tls **out, const struct tls_conf *conf, struct err *e)
{
    struct tls *t = mem_zalloc(sizeof(*t));

    t->conf = (struct tls_conf){.side = mem_strdup(conf->side),
                                .cert_file = mem_strdup(conf->cert_file),
                                .key_file = mem_strdup(conf->key_file),
                                .ca_file = mem_strdup(conf->ca_file),
                                .crl_file = mem_strdup(conf->crl_file),
                                .allowed_cn = mem_strdup(conf->allowed_cn),
                                .allowed_host = mem_strdup(conf->allowed_host),
                                .cipher_suites = mem_strdup(conf->cipher_suites)};
    pthread_mutex_init(&t->lock, NULL);

    int rc = set_priority(t, e);

    if (rc == 0 && gnutls_session_ticket_key_generate(&t->tickets) < 0)
        rc = err_set(e, ERR_VERSION, "tls: no key for session tickets");
    if (rc == 0)
        rc = read_now(t, e);
    if (rc < 0) {
        tls_free(t);
        return rc;
    }
    warn_of_expiry(t);
    *out = t;
    return 0;
}

void tls_free(struct tls *t)
{
    if (t == NULL)
        return;
    if (t->set != NULL)
        set_unref(t->set);
    if (t->priority != NULL)
        gnutls_priority_deinit(t->priority);
    if (t->tickets.data != NULL)
        gnutls_memset(t->tickets.data, 0, t->tickets.size);
    gnutls_free(t->tickets.data);
    pthread_mutex_destroy(&t->lock);

    const char *const strings[] = {t->conf.side,         t->conf.cert_file,    t->conf.key_file,
                                   t->conf.ca_file,      t->conf.crl_file,     t->conf.allowed_cn,
                                   t->conf.allowed_host, t->conf.cipher_suites};

    for (size_t i = 0; i < CP_COUNT(strings); i++)
        mem_free((void *)(uintptr_t)strings[i]);
    mem_free(t);
}
