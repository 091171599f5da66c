#include "serve/options_priv.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "proto/limits.h"

#include <ctype.h>
#include <stdlib.h>

#define AT(field) offsetof(struct options, field)
#define TEXT(n)   TEXT_(n)
#define TEXT_(n)  #n

/* Source of names and defaults: contract, server 6. */
static const struct option_def table[] = {
    {"name", OPTION_STRING, AT(name), "default", "NAME", "name of this member"},
    {"data-dir", OPTION_STRING, AT(data_dir), "", "DIR",
     "directory of log and snapshots (default NAME.copse)"},
    {"listen-client-urls", OPTION_STRING, AT(listen_client_urls), "http://127.0.0.1:2379", "URLS",
     "addresses to serve clients on, comma-separated"},
    {"advertise-client-urls", OPTION_STRING, AT(advertise_client_urls), "http://localhost:2379",
     "URLS", "client URLs told to clients; needed when --listen-client-urls is given"},
    {"listen-peer-urls", OPTION_STRING, AT(listen_peer_urls), "http://localhost:2380", "URLS",
     "addresses to serve peers on; not opened by a cluster of one"},
    {"initial-advertise-peer-urls", OPTION_STRING, AT(initial_advertise_peer_urls),
     "http://localhost:2380", "URLS", "peer URLs of this member; its id is made of them"},
    {"initial-cluster", OPTION_STRING, AT(initial_cluster), "", "NAME=URL,...",
     "members of the new cluster (default NAME=peer URLs); this version serves one"},
    {"initial-cluster-state", OPTION_STRING, AT(initial_cluster_state), "new", "new",
     "whether the cluster is new"},
    {"initial-cluster-token", OPTION_STRING, AT(initial_cluster_token), "etcd-cluster", "TOKEN",
     "goes into the ids of members and cluster"},
    {"heartbeat-interval", OPTION_UINT, AT(heartbeat_ms), "100", "MS",
     "milliseconds between heartbeats"},
    {"election-timeout", OPTION_UINT, AT(election_ms), "1000", "MS",
     "milliseconds without a leader before an election; at least 5 heartbeats"},
    {"snapshot-count", OPTION_UINT, AT(snapshot_count), "10000", "N",
     "applied entries between snapshots; 0: 10000"},
    {"history-events", OPTION_UINT, AT(history_events), TEXT(LIMIT_HISTORY_EVENTS), "N",
     "events kept for waitIndex"},
    {"history-bytes", OPTION_UINT, AT(history_bytes), TEXT(LIMIT_HISTORY_BYTES), "N",
     "bytes those events may take, the newest one excepted; 0: any number"},
    {"cors", OPTION_STRING, AT(cors), "", "ORIGINS",
     "comma-separated origins whose pages may read the answers, * for all (default none)"},
    {"workers", OPTION_UINT, AT(workers), "0", "N",
     "threads that serve clients; 0: one a processor"},
    {"max-connections", OPTION_UINT, AT(connections_max), TEXT(LIMIT_CONNECTIONS), "N",
     "client connections"},
    {"max-watchers", OPTION_UINT, AT(watchers_max), "0", "N",
     "watches open at a time; 0: as many as connections"},
    {"max-head-bytes", OPTION_UINT, AT(head_bytes), TEXT(LIMIT_HEAD_BYTES), "N",
     "request line and headers; each connection takes this much memory"},
    {"idle-timeout", OPTION_UINT, AT(idle_timeout_s), TEXT(LIMIT_IDLE_S), "SECONDS",
     "close a connection that has been silent this long"},
    {"enable-v2", OPTION_BOOL, AT(enable_v2), "true", NULL, "the v2 API is always served"},
    {"debug", OPTION_BOOL, AT(debug), "false", NULL, "log more"},
    {"version", OPTION_BOOL, AT(version), "false", NULL, "print the version and exit"},
    {"help", OPTION_BOOL, AT(help), "false", NULL, "print this help and exit"},
};

static const struct option_def *find(struct span name)
{
    if (span_eq(name, SPAN("h")))
        name = SPAN("help");
    for (size_t i = 0; i < CP_COUNT(table); i++)
        if (span_eq(name, span_of(table[i].flag)))
            return &table[i];
    return NULL;
}

static int bad_value(const struct option_def *d, const char *value, const char *source,
                     struct err *e)
{
    return err_set(e, ERR_USAGE, "invalid value \"%s\" for %s: it takes %s", value, source,
                   d->type == OPTION_BOOL ? "true or false" : "a whole number up to 4294967295");
}

static int store(struct options *o, const struct option_def *d, const char *value,
                 const char *source, struct err *e)
{
    void *at = (char *)o + d->at;
    uint64_t number;
    switch (d->type) {
    case OPTION_STRING:
        mem_free(*(char **)at);
        *(char **)at = mem_strdup(value);
        return 0;
    case OPTION_UINT:
        if (!num_u64(span_of(value), &number) || number > UINT32_MAX)
            return bad_value(d, value, source, e);
        *(unsigned *)at = (unsigned)number;
        return 0;
    case OPTION_BOOL:
        return num_bool(span_of(value), at) ? 0 : bad_value(d, value, source, e);
    }
    return 0;
}

/* PREFIX_DATA_DIR for "data-dir"; empty counts as unset. */
static const char *from_env(const char *prefix, const char *flag, char *name, size_t room)
{
    snprintf(name, room, "%s%s", prefix, flag);
    for (char *c = name; *c != '\0'; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static int read_env(struct options *o, const struct option_def *d, struct err *e)
{
    static const char *const prefixes[] = {"copse_", "etcd_"};
    for (size_t i = 0; i < CP_COUNT(prefixes); i++) {
        char name[64];
        const char *value = from_env(prefixes[i], d->flag, name, sizeof(name));
        if (value == NULL)
            continue;
        options_given(o, d->at);
        return store(o, d, value, name, e);
    }
    return 0;
}

/* Both one dash and two, "--f=v" and "--f v"; a bool takes a value only with "=". */
static int read_flags(struct options *o, int argc, char **argv, struct err *e)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (word[0] != '-' || word[1] == '\0')
            return err_set(e, ERR_USAGE,
                           "'%s' is not a valid flag; copse help lists flags and commands", word);
        const char *name = word + (word[1] == '-' ? 2 : 1);
        const char *eq = strchr(name, '=');
        struct span flag = span_make(name, eq != NULL ? (size_t)(eq - name) : strlen(name));
        const struct option_def *d = find(flag);
        if (d == NULL)
            return err_set(e, ERR_USAGE,
                           "flag provided but not defined: -%.*s; copse --help lists the flags",
                           (int)flag.len, flag.ptr);
        const char *value = eq != NULL ? eq + 1 : d->type == OPTION_BOOL ? "true" : argv[i + 1];
        if (value == NULL)
            return err_set(e, ERR_USAGE, "flag needs an argument: -%s", d->flag);
        if (eq == NULL && d->type != OPTION_BOOL)
            i++;
        char source[64];
        snprintf(source, sizeof(source), "--%s", d->flag);
        options_given(o, d->at);
        int rv = store(o, d, value, source, e);
        if (rv != 0)
            return rv;
    }
    return 0;
}

int options_read(struct options *o, int argc, char **argv, struct err *e)
{
    *o = (struct options){.name = NULL};
    int rv = 0;
    for (size_t i = 0; rv == 0 && i < CP_COUNT(table); i++)
        rv = store(o, &table[i], table[i].fallback, "default", e);
    for (size_t i = 0; rv == 0 && i < CP_COUNT(table); i++)
        rv = read_env(o, &table[i], e);
    if (rv == 0)
        rv = read_flags(o, argc, argv, e);
    if (rv == 0 && !o->help && !o->version)
        rv = options_check(o, e);
    return rv;
}

void options_fini(struct options *o)
{
    for (size_t i = 0; i < CP_COUNT(table); i++)
        if (table[i].type == OPTION_STRING)
            mem_free(*(char **)((char *)o + table[i].at));
    options_check_fini(o);
    *o = (struct options){.name = NULL};
}

void options_help(FILE *out, const char *program)
{
    fprintf(out,
            "%s serves the etcd v2 API.\n\nusage: %s [serve] [flags]     start a member\n"
            "       %s COMMAND [...]       be a client; %s help lists the commands\n\nflags:\n",
            program, program, program, program);
    for (size_t i = 0; i < CP_COUNT(table); i++) {
        char left[64];
        snprintf(left, sizeof(left), "--%s %s", table[i].flag,
                 table[i].argument != NULL ? table[i].argument : "");
        fprintf(out, "  %-34s %s", left, table[i].text);
        if (table[i].fallback[0] != '\0' && table[i].type != OPTION_BOOL)
            fprintf(out, " (default %s)", table[i].fallback);
        fputc('\n', out);
    }
    fprintf(out, "\nEach flag can be set as COPSE_FLAG_NAME or ETCD_FLAG_NAME in the environment; "
                 "the command line wins.\n");
}
