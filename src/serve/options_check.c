/* options_check: URLs taken apart, and the settings held against each other. */
#include "serve/logs.h"
#include "serve/options_priv.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "proto/limits.h"
#include "proto/peer_url.h"

#include <inttypes.h>

#define SNAPSHOT_COUNT  10000
#define ELECTION_MS_MAX 50000

/* Cuts S at the first SEP; gives the part before it, S becomes the rest. */
static struct span cut(struct span *s, char sep)
{
    const char *at = s->len > 0 ? memchr(s->ptr, sep, s->len) : NULL;
    struct span part = {s->ptr, at != NULL ? (size_t)(at - s->ptr) : s->len};
    *s = at != NULL ? span_from(*s, part.len + 1) : span_from(*s, s->len);
    return part;
}

static char *copy(struct span s)
{
    char *c = mem_alloc(s.len + 1);
    memcpy(c, s.ptr, s.len);
    c[s.len] = '\0';
    return c;
}

/* A larger one would be cut down to 16 bits when it is listened on. */
static bool is_port(struct span s)
{
    uint64_t port;
    return num_u64(s, &port) && port <= UINT16_MAX;
}

/* "http://host:port", also "http://[v6]:port", blanks around it; the texts of the errors are etcd's
 * (contract, server 3). */
static int parse_url(struct url_list *list, struct span given, const char *flag, struct err *e)
{
    struct span url = peer_url_trim(given);
    bool tls = span_starts(url, SPAN("https://"));
    if (list->n == OPTIONS_URLS)
        return err_set(e, ERR_USAGE, "--%s: more than %d URLs", flag, OPTIONS_URLS);
    if (!tls && !span_starts(url, SPAN("http://")))
        return err_set(e, ERR_USAGE, "--%s: URL scheme must be http or https: %.*s", flag,
                       (int)url.len, url.ptr);
    struct span address = span_from(url, strlen(tls ? "https://" : "http://"));
    if (memchr(address.ptr, '/', address.len) != NULL)
        return err_set(e, ERR_USAGE, "--%s: URL must not contain a path: %.*s", flag, (int)url.len,
                       url.ptr);
    size_t colon = address.len;
    while (colon > 0 && address.ptr[colon - 1] != ':')
        colon--;
    struct span host = {address.ptr, colon > 0 ? colon - 1 : 0};
    struct span port = span_from(address, colon);
    bool bracket = host.len > 0 && host.ptr[0] == '[';
    bool closed = host.len > 1 && host.ptr[host.len - 1] == ']';
    if (colon == 0 || port.len == 0 || bracket != closed)
        return err_set(e, ERR_USAGE, "--%s: URL address does not have the form \"host:port\": %.*s",
                       flag, (int)url.len, url.ptr);
    if (!is_port(port))
        return err_set(e, ERR_USAGE, "--%s: invalid port \"%.*s\" after host: %.*s", flag,
                       (int)port.len, port.ptr, (int)url.len, url.ptr);
    if (bracket)
        host = span_make(host.ptr + 1, host.len - 2);
    list->text[list->n] = url;
    list->tls[list->n] = tls;
    list->host[list->n] = copy(host);
    list->port[list->n++] = copy(port);
    return 0;
}

static int parse_urls(struct url_list *list, const char *text, const char *flag, struct err *e)
{
    struct span rest = span_of(text);
    int rv = rest.len == 0 ? err_set(e, ERR_USAGE, "--%s must not be empty", flag) : 0;
    for (bool more = true; rv == 0 && more;) {
        more = memchr(rest.ptr, ',', rest.len) != NULL; /* behind the last one, too */
        rv = parse_url(list, cut(&rest, ','), flag, e);
    }
    return rv;
}

static int check_times(const struct options *o, struct err *e)
{
    if (o->heartbeat_ms == 0)
        return err_set(e, ERR_USAGE, "--heartbeat-interval must be at least 1");
    if ((uint64_t)o->heartbeat_ms * 5 > o->election_ms)
        return err_set(
            e, ERR_USAGE,
            "--election-timeout[%ums] should be at least as 5 times as --heartbeat-interval[%ums]",
            o->election_ms, o->heartbeat_ms);
    if (o->election_ms > ELECTION_MS_MAX)
        return err_set(e, ERR_USAGE,
                       "--election-timeout[%ums] is too long, and should be set less than %dms",
                       o->election_ms, ELECTION_MS_MAX);
    return 0;
}

/* An origin goes into a header as it is; as in 2.3, it need not be one that a browser would send.
 */
static int check_cors(const struct options *o, struct err *e)
{
    for (const char *c = o->cors; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            return err_set(e, ERR_USAGE,
                           "--cors: an origin is printable ASCII, such as http://host:port");
    return 0;
}

static int check_words(struct options *o, struct err *e)
{
    if (o->name[0] == '\0')
        return err_set(e, ERR_USAGE, "--name must not be empty");
    if (strcmp(o->initial_cluster_state, "new") != 0 &&
        strcmp(o->initial_cluster_state, "existing") != 0)
        return err_set(e, ERR_USAGE,
                       "invalid value \"%s\" for --initial-cluster-state: new, or existing",
                       o->initial_cluster_state);
    if (strcmp(o->auth_guest, "open") != 0 && strcmp(o->auth_guest, "closed") != 0)
        return err_set(e, ERR_USAGE, "invalid value \"%s\" for --auth-guest: open, or closed",
                       o->auth_guest);
    if (!o->enable_v2)
        return err_set(e, ERR_USAGE, "--enable-v2=false: copse serves the v2 API and nothing else");
    if (o->history_events == 0 || o->history_events > LIMIT_HISTORY_EVENTS_MAX)
        return err_set(e, ERR_USAGE, "--history-events must be 1 to %d", LIMIT_HISTORY_EVENTS_MAX);
    if (o->snapshot_count == 0)
        o->snapshot_count = SNAPSHOT_COUNT; /* as etcd */
    if (o->connections_max == 0)
        return err_set(e, ERR_USAGE, "--max-connections must be at least 1");
    if (o->head_bytes < LIMIT_HEAD_BYTES_MIN || o->head_bytes > LIMIT_HEAD_BYTES_MAX)
        return err_set(e, ERR_USAGE, "--max-head-bytes must be %d to %d", LIMIT_HEAD_BYTES_MIN,
                       LIMIT_HEAD_BYTES_MAX);
    if (o->idle_timeout_s == 0)
        return err_set(e, ERR_USAGE, "--idle-timeout must be at least 1");
    if (OPTIONS_GIVEN(o, listen_client_urls) && !OPTIONS_GIVEN(o, advertise_client_urls))
        return err_set(
            e, ERR_USAGE,
            "--advertise-client-urls is required when --listen-client-urls is set explicitly");
    if (o->data_dir[0] == '\0') {
        struct buf b = {0};
        buf_printf(&b, "%s.copse", o->name);
        mem_free(o->data_dir);
        o->data_dir = mem_strdup(buf_cstr(&b));
        buf_fini(&b);
    }
    return 0;
}

int options_check(struct options *o, struct err *e)
{
    int rv = check_words(o, e);
    if (rv == 0)
        rv = logs_check(o, e);
    if (rv == 0)
        rv = check_times(o, e);
    if (rv == 0)
        rv = check_cors(o, e);
    if (rv == 0)
        rv = parse_urls(&o->listen_client, o->listen_client_urls, "listen-client-urls", e);
    if (rv == 0)
        rv = parse_urls(&o->advertise_client, o->advertise_client_urls, "advertise-client-urls", e);
    if (rv == 0)
        rv = parse_urls(&o->listen_peer, o->listen_peer_urls, "listen-peer-urls", e);
    if (rv == 0)
        rv = parse_urls(&o->advertise_peer, o->initial_advertise_peer_urls,
                        "initial-advertise-peer-urls", e);
    if (rv == 0 && o->listen_metrics_urls[0] != '\0')
        rv = parse_urls(&o->listen_metrics, o->listen_metrics_urls, "listen-metrics-urls", e);
    return rv == 0 ? options_check_tls(o, e) : rv;
}

static void list_fini(struct url_list *list)
{
    for (unsigned i = 0; i < list->n; i++) {
        mem_free(list->host[i]);
        mem_free(list->port[i]);
    }
}

void options_check_fini(struct options *o)
{
    list_fini(&o->listen_client);
    list_fini(&o->advertise_client);
    list_fini(&o->listen_peer);
    list_fini(&o->advertise_peer);
    list_fini(&o->listen_metrics);
}
