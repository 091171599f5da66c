#include "peer/dial.h"

#include "base/mem.h"
#include "peer/speech.h"
#include "proto/limits.h"
#include "tls/tls.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define REPLY_BYTES  256 /* of a refusal, to be logged */
#define UPLOAD_BYTES 262144L
#define KEEP_IDLE_S  5L
#define KEEP_EACH_S  2L
#define STALL_S      60L

void dial_global_init(void)
{
    CP_ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

void dial_global_fini(void)
{
    curl_global_cleanup();
}

/* Bytes that nobody acknowledges for so long end the connection: a cut cable is noticed before the
 * kernel's patience ends, and the way back is found as soon as it is there. */
static int on_socket(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    struct dial *d = ctx;
    unsigned silence_ms = DIAL_SILENCE_MS;

    (void)purpose;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence_ms, sizeof(silence_ms));
    if (d != NULL) {
        struct stat st;

        d->sockets[d->n_sockets % DIAL_SOCKETS].fd = fd;
        d->sockets[d->n_sockets++ % DIAL_SOCKETS].inode = fstat(fd, &st) == 0 ? st.st_ino : 0;
    }
    return CURL_SOCKOPT_OK;
}

static bool is_set(const char *s)
{
    return s != NULL && s[0] != '\0';
}

int dial_check(const struct peer_trust *t, struct err *e)
{
    const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);

    if (!is_set(t->allowed_cn) ||
        (v->ssl_version != NULL && strncmp(v->ssl_version, "GnuTLS", 6) == 0))
        return 0;
    return err_set(e, ERR_VERSION,
                   "--peer-cert-allowed-cn needs a libcurl with GnuTLS, not with %s; on Debian "
                   "build with libcurl4-gnutls-dev",
                   v->ssl_version != NULL ? v->ssl_version : "no TLS");
}

/* libcurl with GnuTLS takes nothing but names of files, which it opens for each call. With
 * T->tls these are of copies that were found good, HELD until the call is over: a file that is
 * being replaced does not keep members apart. */
static void set_trust(CURL *e, const struct peer_trust *given, struct tls_set **held)
{
    struct peer_trust files, *t = &files;

    *held = NULL;
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (given == NULL)
        return;
    files = *given;
    if (t->tls != NULL) {
        *held = tls_hold(t->tls);
        t->cert_file = tls_path(*held, TLS_CERT);
        t->key_file = tls_path(*held, TLS_KEY);
        t->ca_file = tls_path(*held, TLS_CA);
        t->crl_file = tls_path(*held, TLS_CRL);
    }
    if (is_set(t->cert_file)) {
        curl_easy_setopt(e, CURLOPT_SSLCERT, t->cert_file);
        curl_easy_setopt(e, CURLOPT_SSLKEY, t->key_file);
    }
    if (is_set(t->ca_file)) {
        curl_easy_setopt(e, CURLOPT_CAINFO, t->ca_file);
        curl_easy_setopt(e, CURLOPT_CAPATH, NULL); /* else those of the system would do, too */
    }
    if (is_set(t->crl_file))
        curl_easy_setopt(e, CURLOPT_CRLFILE, t->crl_file);
    if (t->anybody) {
        curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

/* What goes for every call. */
static CURL *easy_new(const struct peer_trust *trust, const char *url, const char *path,
                      char *words, struct tls_set **held)
{
    CURL *e = curl_easy_init();
    struct buf whole = {0};

    CP_ASSERT(e != NULL);
    buf_printf(&whole, "%s%s", url, path);
    words[0] = '\0';
    curl_easy_setopt(e, CURLOPT_URL, buf_cstr(&whole));
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, words);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    /* Peers are where their URLs say, whatever the environment has for others. */
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, DIAL_CONNECT_MS);
    curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPIDLE, KEEP_IDLE_S);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPINTVL, KEEP_EACH_S);
    curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, on_socket);
    set_trust(e, trust, held);
    buf_fini(&whole);
    return e;
}

static size_t on_read(char *bytes, size_t size, size_t n, void *ctx)
{
    struct dial *d = ctx;

    /* Also called when DIAL_ACCEPT_MS are over. */
    if (!d->accepted)
        return CURL_READFUNC_ABORT;
    return d->read(d->ctx, bytes, size * n);
}

/* The one thing of a certificate that libcurl does not look at. */
static bool is_allowed(const struct dial *d)
{
    struct curl_tlssessioninfo *tls = NULL;

    if (d->allowed_cn == NULL)
        return true;
    return curl_easy_getinfo(d->easy, CURLINFO_TLS_SSL_PTR, &tls) == CURLE_OK && tls != NULL &&
           tls->backend == CURLSSLBACKEND_GNUTLS && tls->internals != NULL &&
           tls_has_cn(tls->internals, d->allowed_cn);
}

static size_t on_header(char *bytes, size_t size, size_t n, void *ctx)
{
    static const char go_on[] = "HTTP/1.1 100";
    struct dial *d = ctx;

    if (span_starts(span_make(bytes, size * n), SPAN(go_on))) {
        d->accepted = is_allowed(d);
        d->stranger = !d->accepted;
    }
    return size * n;
}

static size_t on_reply(char *bytes, size_t size, size_t n, void *ctx)
{
    struct dial *d = ctx;
    size_t room = REPLY_BYTES - d->reply.len, len = size * n;

    buf_add(&d->reply, bytes, len < room ? len : room);
    return len;
}

void dial_header(struct dial *d, const char *name, uint64_t value)
{
    char line[80];
    struct curl_slist *longer;

    snprintf(line, sizeof(line), "%s: %" PRIx64, name, value);
    longer = curl_slist_append(d->headers, line);
    CP_ASSERT(longer != NULL);
    d->headers = longer;
}

static void add_line(struct dial *d, const char *line)
{
    struct curl_slist *longer = curl_slist_append(d->headers, line);

    CP_ASSERT(longer != NULL);
    d->headers = longer;
}

void dial_init(struct dial *d, const struct dialler *by, uint64_t to, const char *url,
               const char *path)
{
    struct tls_set *held;

    *d = (struct dial){.easy = easy_new(by->trust, url, path, d->words, &held)};
    d->files = held;
    if (by->trust != NULL && is_set(by->trust->allowed_cn) && strncasecmp(url, "https:", 6) == 0)
        d->allowed_cn = by->trust->allowed_cn;
    dial_header(d, SPEECH_H_WIRE, SPEECH_VERSION);
    dial_header(d, SPEECH_H_CLUSTER, by->cluster_id);
    dial_header(d, SPEECH_H_FROM, by->member_id);
    dial_header(d, SPEECH_H_TO, to);
    add_line(d, "Content-Type: application/octet-stream");
    /* The peer's word that it wants the body; only then anything counts as sent. */
    add_line(d, "Expect: 100-continue");
    curl_easy_setopt(d->easy, CURLOPT_PRIVATE, d);
    curl_easy_setopt(d->easy, CURLOPT_SOCKOPTDATA, d);
    curl_easy_setopt(d->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(d->easy, CURLOPT_EXPECT_100_TIMEOUT_MS, DIAL_ACCEPT_MS);
    curl_easy_setopt(d->easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BYTES);
    curl_easy_setopt(d->easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(d->easy, CURLOPT_READDATA, d);
    curl_easy_setopt(d->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(d->easy, CURLOPT_HEADERDATA, d);
    curl_easy_setopt(d->easy, CURLOPT_WRITEFUNCTION, on_reply);
    curl_easy_setopt(d->easy, CURLOPT_WRITEDATA, d);
}

void dial_body(struct dial *d, int64_t bytes, dial_read *read, void *ctx)
{
    d->read = read;
    d->ctx = ctx;
    if (bytes < 0) {
        add_line(d, "Transfer-Encoding: chunked");
    } else {
        curl_easy_setopt(d->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)bytes);
        /* A stream may rest, a file may not. */
        curl_easy_setopt(d->easy, CURLOPT_LOW_SPEED_LIMIT, (long)LIMIT_RATE);
        curl_easy_setopt(d->easy, CURLOPT_LOW_SPEED_TIME, STALL_S);
    }
    curl_easy_setopt(d->easy, CURLOPT_HTTPHEADER, d->headers);
}

int dial_socket(const struct dial *d)
{
    for (unsigned i = 0; i < d->n_sockets && i < DIAL_SOCKETS; i++) {
        int fd = d->sockets[i].fd;
        struct sockaddr_storage peer;
        socklen_t len = sizeof(peer);
        struct stat st;

        if (fstat(fd, &st) == 0 && st.st_ino == d->sockets[i].inode &&
            getpeername(fd, (struct sockaddr *)&peer, &len) == 0)
            return fd;
    }
    return -1;
}

void dial_fini(struct dial *d)
{
    curl_easy_cleanup(d->easy);
    curl_slist_free_all(d->headers);
    buf_fini(&d->reply);
    if (d->files != NULL)
        tls_let_go(d->files);
    *d = (struct dial){0};
}

long dial_status(const struct dial *d)
{
    long status = 0;

    curl_easy_getinfo(d->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 ? status : 0;
}

/* The reply's first line, or libcurl's words. */
const char *dial_reason(struct dial *d, CURLcode rc)
{
    if (dial_status(d) != 0 && d->reply.len > 0) {
        const char *text = buf_cstr(&d->reply);

        d->reply.ptr[strcspn(text, "\r\n")] = '\0';
        return text;
    }
    if (d->stranger)
        return "the common name of its certificate is not the allowed one";
    if (rc == CURLE_ABORTED_BY_CALLBACK && !d->accepted)
        return "no answer";
    if (rc == CURLE_OK)
        return dial_status(d) != 0 ? "refused without a reason" : "closed by the peer";
    return d->words[0] != '\0' ? d->words : curl_easy_strerror(rc);
}

/* ---- a GET that is waited for ---- */

struct fetch {
    struct buf *out;
    size_t room;
    uint64_t cluster_id;
};

static size_t on_page_header(char *bytes, size_t size, size_t n, void *ctx)
{
    static const char name[] = "X-Etcd-Cluster-Id:";
    struct fetch *f = ctx;
    char line[64];

    if (size * n < sizeof(line)) {
        memcpy(line, bytes, size * n);
        line[size * n] = '\0';
        if (strncasecmp(line, name, sizeof(name) - 1) == 0)
            f->cluster_id = strtoull(line + sizeof(name) - 1, NULL, 16);
    }
    return size * n;
}

static size_t on_page(char *bytes, size_t size, size_t n, void *ctx)
{
    struct fetch *f = ctx;

    if (size * n > f->room)
        return 0;
    f->room -= size * n;
    buf_add(f->out, bytes, size * n);
    return size * n;
}

int dial_get(const struct peer_trust *trust, const char *url, const char *path, long timeout_ms,
             size_t max, long *status, uint64_t *cluster_id, struct buf *out, struct err *e)
{
    char words[CURL_ERROR_SIZE];
    struct fetch f = {.out = out, .room = max};
    struct tls_set *held;
    CURL *easy = easy_new(trust, url, path, words, &held);
    CURLcode rc;

    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_page);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &f);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_page_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &f);
    rc = curl_easy_perform(easy);
    *status = 0;
    *cluster_id = f.cluster_id;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, status);
    curl_easy_cleanup(easy);
    if (held != NULL)
        tls_let_go(held);
    if (rc != CURLE_OK)
        return err_set(e, ERR_NET, "%s%s: %s", url, path,
                       words[0] != '\0' ? words : curl_easy_strerror(rc));
    return 0;
}
