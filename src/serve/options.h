/* options: the settings of the server: one table of flags, each with its environment variables
 * COPSE_X and ETCD_X. Precedence: flag, COPSE_X, ETCD_X, default. */
#pragma once

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdio.h>

#define OPTIONS_URLS 16

struct url_list {
    unsigned n;
    struct span text[OPTIONS_URLS];                /* whole URLs, into the option's string */
    char *host[OPTIONS_URLS], *port[OPTIONS_URLS]; /* owned */
};

struct options {
    /* as given; owned strings */
    char *name, *data_dir;
    char *listen_client_urls, *advertise_client_urls;
    char *listen_peer_urls, *initial_advertise_peer_urls;
    char *cors;
    char *initial_cluster, *initial_cluster_state, *initial_cluster_token;
    unsigned heartbeat_ms, election_ms;
    unsigned snapshot_count, history_events, history_bytes;
    unsigned workers, connections_max, watchers_max, head_bytes, idle_timeout_s;
    bool debug, enable_v2, help, version;
    /* derived */
    bool given_listen_client, given_advertise_client, given_listen_peer;
    struct url_list listen_client, advertise_client, listen_peer, advertise_peer;
};

/* Reads environment and flags (argv[1] on) and checks that they make sense together. 0, or
 * ERR_USAGE with one line that says what is wrong and what to do. help and version are only noted.
 */
int options_read(struct options *o, int argc, char **argv, struct err *e) CP_MUST_CHECK;
void options_fini(struct options *o);
/* One line of the log for each setting that is accepted and has no effect in a cluster of one. */
void options_warn(const struct options *o);
void options_help(FILE *out, const char *program);
