/* http: see http.h. The transfer runs on a multi handle of its own, so that its two deadlines
 * (headers; everything) are ours and exact. */
#include "ctl/http.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "ctl/nameserver.h"
#include "ctl/text.h"

#include <curl/curl.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEPALIVE_S 30L
#define DIAL_S      30L

struct http {
    CURL *easy;
    CURLM *multi;
    struct http_tls tls;
    char dialled[80];            /* first address tried in this exchange */
    char words[CURL_ERROR_SIZE]; /* libcurl's own, on the last failure */
    bool headers_done;
    struct http_reply *reply;
};

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct http *h = ctx;
    char host[NI_MAXHOST], port[NI_MAXSERV];

    (void)purpose;
    if (h->dialled[0] == '\0' && getnameinfo(&a->addr, a->addrlen, host, sizeof(host), port,
                                             sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        snprintf(h->dialled, sizeof(h->dialled),
                 a->family == AF_INET6 ? "[%.50s]:%.10s" : "%.50s:%.10s", host, port);
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static size_t take_body(char *bytes, size_t size, size_t n, void *ctx)
{
    struct http *h = ctx;

    buf_add(&h->reply->body, bytes, size * n);
    return size * n;
}

static bool take_field(struct span line, const char *name, struct buf *out)
{
    size_t n = strlen(name);

    if (line.len <= n || strncasecmp(line.ptr, name, n) != 0 || line.ptr[n] != ':')
        return false;
    line = span_from(line, n + 1);
    while (line.len > 0 && (*line.ptr == ' ' || *line.ptr == '\t'))
        line = span_from(line, 1);
    while (line.len > 0 && isspace((unsigned char)line.ptr[line.len - 1]))
        line.len--;
    buf_clear(out);
    buf_span(out, line);
    return true;
}

static size_t take_header(char *bytes, size_t size, size_t n, void *ctx)
{
    struct http *h = ctx;
    struct span line = {bytes, size * n};
    long status = 0;

    curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    if (!take_field(line, "X-Etcd-Index", &h->reply->etcd_index))
        take_field(line, "Location", &h->reply->location);
    if (line.len <= 2 && status >= 200)
        h->headers_done = true;
    return size * n;
}

struct http *http_new(const struct http_tls *tls)
{
    struct http *h = mem_zalloc(sizeof(*h));

    curl_global_init(CURL_GLOBAL_DEFAULT);
    h->tls = *tls;
    h->easy = curl_easy_init();
    h->multi = curl_multi_init();
    CP_ASSERT(h->easy != NULL);
    CP_ASSERT(h->multi != NULL);
    return h;
}

void http_free(struct http *h)
{
    if (h == NULL)
        return;
    curl_easy_cleanup(h->easy);
    curl_multi_cleanup(h->multi);
    curl_global_cleanup();
    mem_free(h);
}

void http_reply_fini(struct http_reply *r)
{
    buf_fini(&r->body);
    buf_fini(&r->etcd_index);
    buf_fini(&r->location);
    *r = (struct http_reply){0};
}

static void set_tls(struct http *h)
{
    if (h->tls.cert_file[0] != '\0') {
        curl_easy_setopt(h->easy, CURLOPT_SSLCERT, h->tls.cert_file);
        curl_easy_setopt(h->easy, CURLOPT_SSLKEY, h->tls.key_file);
    }
    if (h->tls.ca_file[0] != '\0') {
        curl_easy_setopt(h->easy, CURLOPT_CAINFO, h->tls.ca_file);
        curl_easy_setopt(h->easy, CURLOPT_CAPATH, NULL); /* else the system's would do, too */
    }
}

/* Whether the URL's host is this machine: proxies are not asked then, whatever the environment
 * says. */
static bool is_loopback(const char *url)
{
    const char *at = strstr(url, "://");
    const char *host = at != NULL ? at + 3 : url;

    return strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0 ||
           (strncmp(host, "localhost", 9) == 0 &&
            (host[9] == ':' || host[9] == '/' || host[9] == '\0'));
}

static void set_up(struct http *h, const struct http_call *call, struct curl_slist *headers)
{
    CURL *e = h->easy;

    curl_easy_reset(e); /* keeps the connections */
    curl_easy_setopt(e, CURLOPT_URL, call->url);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->words);
    curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
    /* A watch waits for ever; a server that is gone without a word is to be noticed. */
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_S);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_S);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, DIAL_S);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, call->method);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, h);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, h);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, h);
    if (call->body != NULL) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, call->body);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_bytes);
    }
    if (call->user != NULL) {
        curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(e, CURLOPT_USERNAME, call->user);
        curl_easy_setopt(e, CURLOPT_PASSWORD, call->password);
    }
    if (is_loopback(call->url))
        curl_easy_setopt(e, CURLOPT_PROXY, "");
    set_tls(h);
}

static void add_os_words(struct buf *b, int errnum)
{
    char words[128];

    snprintf(words, sizeof(words), "%s", strerror(errnum));
    words[0] = (char)tolower((unsigned char)words[0]);
    buf_printf(b, "%s", words);
}

static void add_lookup_failure(struct buf *b, const char *url)
{
    CURLU *u = curl_url();
    char *host = NULL;

    if (u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK)
        (void)curl_url_get(u, CURLUPART_HOST, &host, 0);
    buf_printf(b, "dial tcp: lookup %s on ", host != NULL ? host : "");
    nameserver_add(b);
    buf_lit(b, ": no such host");
    curl_free(host);
    curl_url_cleanup(u);
}

/* "read tcp 127.0.0.1:4->127.0.0.1:5: read: connection reset by peer" */
static void add_broken(struct http *h, struct buf *b, const char *verb, long errnum)
{
    char *local = NULL, *remote = NULL;
    long local_port = 0, remote_port = 0;

    curl_easy_getinfo(h->easy, CURLINFO_LOCAL_IP, &local);
    curl_easy_getinfo(h->easy, CURLINFO_LOCAL_PORT, &local_port);
    curl_easy_getinfo(h->easy, CURLINFO_PRIMARY_IP, &remote);
    curl_easy_getinfo(h->easy, CURLINFO_PRIMARY_PORT, &remote_port);
    buf_printf(b, "%s tcp %s:%ld->%s:%ld: %s: ", verb, local, local_port, remote, remote_port,
               verb);
    add_os_words(b, errnum != 0 ? (int)errnum : ECONNRESET);
}

/* Whether the server took the handshake's end for refusing us. With TLS 1.3 that shows only when we
 * have begun to write, as an alert or as a connection that is gone. */
static bool is_certificate_refused(const struct http *h, const struct http_call *call, CURLcode rc)
{
    long connects = 0;

    if (strncasecmp(call->url, "https:", 6) != 0 || h->headers_done)
        return false;
    curl_easy_getinfo(h->easy, CURLINFO_NUM_CONNECTS, &connects);
    return strstr(h->words, "alert") != NULL || (rc == CURLE_SEND_ERROR && connects > 0);
}

static int explain(struct http *h, const struct http_call *call, CURLcode rc, struct fail *f)
{
    long errnum = 0;

    curl_easy_getinfo(h->easy, CURLINFO_OS_ERRNO, &errnum);
    if ((rc == CURLE_SEND_ERROR || rc == CURLE_RECV_ERROR) && is_certificate_refused(h, call, rc)) {
        buf_lit(&f->text, "remote error: tls: bad certificate");
        return ERR_NET;
    }
    switch (rc) {
    case CURLE_COULDNT_CONNECT:
        buf_printf(&f->text, "dial tcp %s: connect: ", h->dialled);
        add_os_words(&f->text, errnum != 0 ? (int)errnum : ECONNREFUSED);
        f->connection = true;
        break;
    case CURLE_OPERATION_TIMEDOUT:
        buf_printf(&f->text, "dial tcp %s: i/o timeout", h->dialled);
        f->connection = true;
        break;
    case CURLE_COULDNT_RESOLVE_HOST:
        add_lookup_failure(&f->text, call->url);
        f->connection = true;
        break;
    case CURLE_GOT_NOTHING:
        buf_lit(&f->text, "EOF");
        break;
    case CURLE_PARTIAL_FILE:
        buf_lit(&f->text, "unexpected EOF");
        break;
    case CURLE_RECV_ERROR:
        add_broken(h, &f->text, "read", errnum);
        f->connection = true;
        break;
    case CURLE_SEND_ERROR:
        add_broken(h, &f->text, "write", errnum);
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE: /* no certificate in it */
        buf_lit(&f->text, "x509: certificate signed by unknown authority");
        break;
    default:
        buf_printf(&f->text, "%s", h->words[0] != '\0' ? h->words : curl_easy_strerror(rc));
        break;
    }
    return ERR_NET;
}

static int out_of_time(const struct http *h, const struct http_call *call, struct fail *f)
{
    uint64_t now = clock_mono_ns(&clock_system);

    if (call->has_deadline && now >= call->deadline_ns) {
        buf_lit(&f->text, "context deadline exceeded");
        f->connection = true;
        f->over = true;
        return ERR_NET;
    }
    if (call->has_header_deadline && !h->headers_done && now >= call->header_deadline_ns) {
        buf_printf(&f->text, "client: endpoint %s exceeded header timeout", call->endpoint);
        return ERR_NET;
    }
    return 0;
}

/* How long the next wait may be, in ms, rounded up; at most a minute. */
static int wait_ms(const struct http *h, const struct http_call *call)
{
    uint64_t now = clock_mono_ns(&clock_system);
    uint64_t until = now + 60 * (uint64_t)NS_PER_S;

    if (call->has_deadline && call->deadline_ns < until)
        until = call->deadline_ns;
    if (call->has_header_deadline && !h->headers_done && call->header_deadline_ns < until)
        until = call->header_deadline_ns;
    if (until <= now)
        return 0;
    return (int)((until - now + (uint64_t)NS_PER_MS - 1) / (uint64_t)NS_PER_MS);
}

static int transfer(struct http *h, const struct http_call *call, struct fail *f)
{
    int running = 1, rc = 0;

    for (;;) {
        rc = out_of_time(h, call, f);
        if (rc != 0)
            return rc;
        CP_ASSERT(curl_multi_perform(h->multi, &running) == CURLM_OK);
        if (running == 0)
            break;
        (void)curl_multi_poll(h->multi, NULL, 0, wait_ms(h, call), NULL);
    }

    int left = 0;
    CURLMsg *m = curl_multi_info_read(h->multi, &left);

    CP_ASSERT(m != NULL);
    return m->data.result == CURLE_OK ? 0 : explain(h, call, m->data.result, f);
}

int http_do(struct http *h, const struct http_call *call, struct http_reply *out, struct fail *f)
{
    struct curl_slist *headers = NULL;
    char type[128];
    long status = 0;

    http_reply_fini(out);
    snprintf(type, sizeof(type), "Content-Type: %s",
             call->content_type != NULL ? call->content_type : "");
    if (call->body != NULL)
        headers = curl_slist_append(headers, type);
    headers = curl_slist_append(headers, "Expect:");
    headers = curl_slist_append(headers, "Accept:");
    h->reply = out;
    h->headers_done = false;
    h->dialled[0] = h->words[0] = '\0';
    set_up(h, call, headers);
    curl_multi_add_handle(h->multi, h->easy);

    int rc = transfer(h, call, f);

    curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    out->status = (int)status;
    curl_multi_remove_handle(h->multi, h->easy);
    curl_slist_free_all(headers);
    h->reply = NULL;
    return rc;
}
