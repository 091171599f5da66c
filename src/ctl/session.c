/* session: see session.h. */
#include "ctl/session.h"
#include "base/err.h"
#include "base/mem.h"
#include "ctl/credentials.h"
#include "ctl/password.h"
#include "ctl/srv.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* COPSE_NAME, or where that is absent or empty ETCDCTL_NAME; "" at last. */
static const char *variable(const char *name)
{
    static const char *const prefixes[] = {"COPSE_", "ETCDCTL_"};
    const char *text = NULL;

    for (size_t i = 0; i < CP_COUNT(prefixes) && (text == NULL || text[0] == '\0'); i++) {
        char whole[64];

        snprintf(whole, sizeof(whole), "%s%s", prefixes[i], name);
        text = getenv(whole);
    }
    return text != NULL ? text : "";
}

/* The option, or the variable where the option is absent or empty; "" at last. */
static const char *option_or_env(const struct session *s, const char *option, const char *name)
{
    const char *text = opts_text(s->global, option);

    return text[0] != '\0' ? text : variable(name);
}

static int read_endpoints(struct session *s, struct buf *why)
{
    static const struct {
        const char *option, *name;
    } sources[] = {
        {"endpoints", "ENDPOINTS"},
        {"endpoint", "ENDPOINT"},
        {"peers", "PEERS"},
    };
    const char *domain = option_or_env(s, "discovery-srv", "DISCOVERY_SRV");

    if (domain[0] != '\0') {
        bool any =
            opts_flag(s->global, "insecure-discovery") || variable("INSECURE_DISCOVERY")[0] != '\0';
        int rc = srv_discover(domain, any, &s->client.endpoints, why);

        if (rc != 0 || s->client.endpoints.count > 0)
            return rc;
    }
    for (size_t i = 0; i < CP_COUNT(sources); i++) {
        const char *list = option_or_env(s, sources[i].option, sources[i].name);

        if (list[0] != '\0')
            return endpoints_add_list(&s->client.endpoints, list, why);
    }
    return endpoints_add_list(&s->client.endpoints, "http://127.0.0.1:2379,http://127.0.0.1:4001",
                              why);
}

static struct http_tls tls_of(const struct session *s)
{
    return (struct http_tls){
        .cert_file = option_or_env(s, "cert-file", "CERT_FILE"),
        .key_file = option_or_env(s, "key-file", "KEY_FILE"),
        .ca_file = option_or_env(s, "ca-file", "CA_FILE"),
    };
}

int session_check_tls(const struct session *s, struct buf *why)
{
    struct http_tls tls = tls_of(s);

    return credentials_check(&tls, why);
}

static void read_credentials(struct session *s)
{
    const char *text = option_or_env(s, "username", "USERNAME");
    const char *colon = strchr(text, ':');

    if (text[0] == '\0')
        return;
    if (colon == NULL) {
        s->client.user = mem_strdup(text);
        s->client.password = password_ask("Password: ");
        return;
    }
    s->client.user = mem_strdup(text);
    s->client.user[colon - text] = '\0';
    s->client.password = mem_strdup(colon + 1);
}

void session_show_endpoints(const struct session *s)
{
    struct buf list = {0};

    if (!s->client.debug)
        return;
    endpoints_join(&s->client.endpoints, ", ", &list);
    fprintf(stderr, "Cluster-Endpoints: %s\n", buf_cstr(&list));
    buf_fini(&list);
}

static void show_sync(const struct session *s, const char *before, const char *after)
{
    struct buf list = {0};

    if (!s->client.debug)
        return;
    endpoints_join(&s->client.endpoints, ",", &list);
    fprintf(stderr, "%s(%s)%s\n", before, buf_cstr(&list), after);
    buf_fini(&list);
}

/* Failures other than an unreachable cluster do not stop anything: the list given is used. */
static enum exit_status sync_endpoints(struct session *s)
{
    struct fail f = {0};
    enum exit_status status = EXIT_FINE;

    show_sync(s, "start to sync cluster using endpoints", "");
    session_start_clock(s);

    int rc = client_sync(&s->client, &f);

    client_stop_clock(&s->client);
    if (rc != 0 && f.no_endpoints) {
        struct buf list = {0};

        endpoints_join(&s->client.endpoints, ",", &list);
        fprintf(stderr,
                "etcd cluster has no published client endpoints.\n"
                "Try '--no-sync' if you want to access non-published client endpoints(%s).\n",
                buf_cstr(&list));
        buf_fini(&list);
        status = session_fail(&f, EXIT_SERVER);
    } else if (rc != 0 && f.connection) {
        status = session_fail(&f, EXIT_CONNECTION);
    } else {
        show_sync(s, "got endpoints", " after sync");
    }
    fail_fini(&f);
    return status;
}

enum exit_status session_open(struct session *s, bool with_sync)
{
    struct buf why = {0};

    if (s->opened)
        return EXIT_FINE;

    int rc = read_endpoints(s, &why);

    if (rc == 0)
        rc = session_check_tls(s, &why);
    if (rc != 0) {
        fprintf(stderr, "%s\n", buf_cstr(&why));
        buf_fini(&why);
        return EXIT_ARGUMENTS;
    }
    buf_fini(&why);
    read_credentials(s);

    struct http_tls tls = tls_of(s);

    endpoints_shuffle(&s->client.endpoints);
    s->client.http = http_new(&tls);
    s->client.debug = opts_flag(s->global, "debug");
    s->client.header_timeout_ns = opts_int(s->global, "timeout");
    s->opened = true;
    if (with_sync && !opts_flag(s->global, "no-sync")) {
        enum exit_status status = sync_endpoints(s);

        if (status != EXIT_FINE)
            return status;
    }
    session_show_endpoints(s);
    return EXIT_FINE;
}

void session_start_clock(struct session *s)
{
    client_start_clock(&s->client, opts_int(s->global, "total-timeout"));
}

void session_close(struct session *s)
{
    client_fini(&s->client);
    s->opened = false;
}

static void print_err(const char *before, const struct buf *text, const char *after)
{
    fflush(stdout);
    fprintf(stderr, "%s", before);
    if (text->len > 0)
        fwrite(text->ptr, 1, text->len, stderr);
    fprintf(stderr, "%s", after);
}

enum exit_status session_fail(const struct fail *f, enum exit_status status)
{
    print_err("Error:  ", &f->text, "\n");
    if (f->detail.len > 0)
        print_err("", &f->detail, "\n");
    return status;
}

enum exit_status session_fail_text(const char *text, enum exit_status status)
{
    fprintf(stderr, "Error:  %s\n", text);
    return status;
}

enum exit_status session_fail_bare(const struct fail *f)
{
    print_err("", &f->text, "\n");
    return EXIT_ARGUMENTS;
}

enum exit_status session_refuse(const char *text)
{
    fprintf(stderr, "%s\n", text);
    return EXIT_ARGUMENTS;
}

static void on_interrupt(int sig)
{
    (void)sig;
    _exit(EXIT_FINE);
}

void session_end_at_interrupt(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};

    sigaction(SIGINT, &action, NULL);
}
