/* cluster-health: each member asked for its health. */
#include "base/clock.h"
#include "ctl/members.h"
#include "ctl/reply.h"
#include "ctl/table.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CHECK_EVERY_S 10

/* Whether the answer tells anything; *healthy what. */
static bool read_health(const struct http_reply *reply, bool *healthy, struct fail *f)
{
    json_t *root = NULL;

    if (reply_json(reply, &root, f) != 0)
        return false;

    const json_t *health = json_object_get(root, "health");

    *healthy = json_is_true(health) ||
               (json_is_string(health) && strcmp(json_string_value(health), "true") == 0);
    json_decref(root);
    return true;
}

static void say_failed(const char *id, const char *url, const struct fail *f, bool network)
{
    printf("failed to check the health of member %s on %s: ", id, url);
    if (network)
        printf("Get \"%s/health\": ", url);
    if (f->text.len > 0)
        fwrite(f->text.ptr, 1, f->text.len, stdout);
    printf("\n");
}

/* Asks one URL; true when the answer is usable. */
static bool probe(struct session *s, const char *id, const char *base, bool *healthy)
{
    struct buf url = {0};
    struct http_reply reply = {0};
    struct fail f = {0};

    buf_printf(&url, "%s/health", base);

    /* A process that hangs still has its connections accepted: the reference waits for ever. */
    int64_t timeout_ns = s->client.header_timeout_ns;
    struct http_call call = {.method = "GET",
                             .url = buf_cstr(&url),
                             .endpoint = base,
                             .has_header_deadline = timeout_ns > 0,
                             .header_deadline_ns =
                                 clock_mono_ns(&clock_system) + (uint64_t)timeout_ns};
    bool network = http_do(s->client.http, &call, &reply, &f) != 0;
    bool usable = !network && read_health(&reply, healthy, &f);

    if (!usable)
        say_failed(id, base, &f, network);
    http_reply_fini(&reply);
    fail_fini(&f);
    buf_fini(&url);
    return usable;
}

static bool check_member(struct session *s, const struct member *m)
{
    bool healthy = false;

    if (m->client_urls.count == 0) {
        printf("member %s is unreachable: no available published client urls\n", m->id);
        return false;
    }
    for (size_t i = 0; i < m->client_urls.count; i++) {
        const char *url = m->client_urls.items[i];

        if (!probe(s, m->id, url, &healthy))
            continue;
        printf(healthy ? "member %s is healthy: got healthy result from %s\n"
                       : "member %s is unhealthy: got unhealthy result from %s\n",
               m->id, url);
        return healthy;
    }
    printf("member %s is unreachable: [", m->id);
    for (size_t i = 0; i < m->client_urls.count; i++)
        printf("%s%s", i > 0 ? " " : "", m->client_urls.items[i]);
    printf("] are all unreachable\n");
    return false;
}

static enum exit_status check_all(struct session *s, const struct members *members)
{
    size_t healthy = 0;

    for (size_t i = 0; i < members->count; i++)
        healthy += check_member(s, &members->items[i]);
    if (healthy == members->count)
        printf("cluster is healthy\n");
    else
        printf(healthy == 0 ? "cluster is unavailable\n" : "cluster is degraded\n");
    return healthy == members->count ? EXIT_FINE : EXIT_UNHEALTHY;
}

enum exit_status health_run(struct session *s, const struct opts *o)
{
    struct members members = {0};
    struct fail f = {0};
    struct buf why = {0};
    bool forever = opts_flag(o, "forever");
    enum exit_status status;

    if (forever)
        session_end_at_interrupt();
    if (session_check_tls(s, &why) != 0) {
        status = session_fail_text(buf_cstr(&why), EXIT_SERVER);
        buf_fini(&why);
        return status;
    }
    buf_fini(&why);
    status = session_open(s, false);
    if (status != EXIT_FINE)
        return status;
    if (members_list(&s->client, &members, &f) != 0) {
        printf("cluster may be unhealthy: failed to list members\n");
        status = session_fail(&f, EXIT_SERVER);
    } else {
        for (;;) {
            status = check_all(s, &members);
            if (!forever || fflush(stdout) != 0)
                break;
            printf("\nnext check after %d second...\n\n", CHECK_EVERY_S);
            fflush(stdout);
            sleep(CHECK_EVERY_S);
        }
    }
    members_fini(&members);
    fail_fini(&f);
    return status;
}
