#include "http/trail.h"

#include "base/linelog.h"
#include "base/log.h"
#include "http/answer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define USER_BYTES   (LIMIT_ACCOUNT_NAME + 1) /* and the colon */
#define CLIENT_BYTES (INET6_ADDRSTRLEN + 10)

static const char *const methods[] = {
    [V2_M_GET] = "GET",     [V2_M_HEAD] = "HEAD",     [V2_M_PUT] = "PUT",
    [V2_M_POST] = "POST",   [V2_M_DELETE] = "DELETE", [V2_M_OPTIONS] = "OPTIONS",
    [V2_M_OTHER] = "other",
};

static const char *client_of(const struct conn *k, char out[CLIENT_BYTES])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(k->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *from = info != NULL ? info->client_addr : NULL;
    char host[INET6_ADDRSTRLEN];

    if (from != NULL && from->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)from;

        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(out, CLIENT_BYTES, "%s:%u", host, ntohs(in->sin_port));
    } else if (from != NULL && from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)from;

        inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof(host));
        snprintf(out, CLIENT_BYTES, "[%s]:%u", host, ntohs(in->sin6_port));
    } else {
        snprintf(out, CLIENT_BYTES, "unix");
    }
    return out;
}

/* As it was sent, without the query. */
static struct span path_of(const struct conn *k)
{
    struct span s = k->path_query;
    const char *query = s.len > 0 ? memchr(s.ptr, '?', s.len) : NULL;

    return query != NULL ? span_make(s.ptr, (size_t)(query - s.ptr)) : s;
}

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

/* The name in "Basic <base64 of name:password>", of which nothing behind the name is decoded into
 * OUT. Whether the password was right, the status tells. Without such a header it is the name in
 * the client's certificate, where that counts. */
static struct span user_of(const struct conn *k, char out[USER_BYTES])
{
    const char *text = k->authorization.ptr; /* what ends it is no digit */
    unsigned bits = 0, value = 0;
    size_t n = 0;

    if (k->authorization.len == 0)
        return answer_cert_user(k);
    if (k->authorization.len < 6 || strncasecmp(text, "Basic ", 6) != 0)
        return SPAN("");
    for (text += 6; n < USER_BYTES; text++) {
        int digit = base64_digit(*text);

        if (digit < 0)
            break;
        value = value << 6 | (unsigned)digit;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        out[n] = (char)(value >> bits & 0xff);
        if (out[n] == ':')
            return span_make(out, n);
        n++;
    }
    return SPAN(""); /* not a name and a password */
}

static bool is_write(enum v2_method method)
{
    return method == V2_M_PUT || method == V2_M_POST || method == V2_M_DELETE;
}

static void audit(struct conn *k, const struct api_reply *r)
{
    struct linelog *log = k->worker->door->conf.audit_log;
    struct buf line = {0};
    char client[CLIENT_BYTES], name[USER_BYTES];
    struct span user = user_of(k, name);
    struct log_pair pairs[10] = {LOG_S("client", client_of(k, client))};
    unsigned n = 1;

    if (user.len > 0)
        pairs[n++] = LOG_SPAN("user", user);
    pairs[n++] = LOG_S("method", methods[k->method]);
    pairs[n++] = LOG_SPAN("path", path_of(k));
    if (r->event != NULL) { /* a POST to keys has chosen the name */
        struct span key = event_path(r->event);

        pairs[n++] = LOG_S("action", v2_action_name(r->event->action));
        pairs[n++] = LOG_SPAN("key", key);
    }
    if (r->has_etcd_index)
        pairs[n++] = LOG_U("index", r->etcd_index);
    /* 500: nobody knows; the write may still happen. */
    pairs[n++] = LOG_S("outcome", r->status < 400   ? "done"
                                  : r->status < 500 ? "refused"
                                                    : "failed");
    pairs[n++] = LOG_I("status", r->status);
    pairs[n] = (struct log_pair){.key = NULL};
    log_render(&line, NULL, "write", pairs);
    linelog_add(log, buf_as_span(&line));
    buf_fini(&line);
}

void trail_reply(struct conn *k, const struct api_reply *r)
{
    const struct door_conf *conf = &k->worker->door->conf;

    k->status = r->status;
    if (conf->audit_log != NULL && is_write(k->method))
        audit(k, r);
}

void trail_end(struct conn *k)
{
    struct linelog *log = k->worker->door->conf.access_log;
    struct buf line = {0};
    char client[CLIENT_BYTES];

    if (log == NULL || k->status == 0)
        return;

    uint64_t took_us = (clock_mono_ns(&clock_system) - k->begin_ns) / 1000;

    log_render(&line, NULL, "request",
               (const struct log_pair[]){LOG_S("client", client_of(k, client)),
                                         LOG_S("method", methods[k->method]),
                                         LOG_SPAN("path", path_of(k)),
                                         LOG_I("status", k->status),
                                         LOG_U("took_us", took_us),
                                         {.key = NULL}});
    linelog_add(log, buf_as_span(&line));
    buf_fini(&line);
}
