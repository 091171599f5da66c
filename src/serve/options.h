/* options: the settings of the server: one table, where each has its flag, its environment
 * variables COPSE_X and ETCD_X, and its key in a configuration file. Precedence: flag, COPSE_X,
 * ETCD_X, file, default. */
#pragma once

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define OPTIONS_URLS 16
#define OPTIONS_MAX  160 /* rows of the table */

struct url_list {
    unsigned n;
    struct span text[OPTIONS_URLS];                /* whole URLs, into the option's string */
    char *host[OPTIONS_URLS], *port[OPTIONS_URLS]; /* owned */
    bool tls[OPTIONS_URLS];                        /* https */
};

/* Of one side: clients or peers. */
struct options_tls {
    char *cert_file, *key_file, *ca_file, *old_ca_file, *crl_file, *allowed_host;
    char *allowed_cn; /* of peers */
    bool cert_auth, auto_tls;
};

struct options {
    /* as given; owned strings */
    char *name, *data_dir, *wal_dir;
    char *listen_client_urls, *advertise_client_urls;
    char *listen_peer_urls, *initial_advertise_peer_urls;
    char *listen_metrics_urls;
    char *log_level, *log_format, *log_outputs, *access_log, *audit_log;
    char *cors, *host_whitelist;
    char *initial_cluster, *initial_cluster_state, *initial_cluster_token;
    char *auth_guest;
    char *config_file, *cipher_suites;
    struct options_tls client_tls, peer_tls;
    unsigned heartbeat_ms, election_ms;
    unsigned snapshot_count, history_events, history_bytes;
    unsigned workers, connections_max, watchers_max, head_bytes, idle_timeout_s;
    bool strict_reconfig, force_new_cluster;
    bool debug, enable_v2, help, version, print_config;
    unsigned char from[OPTIONS_MAX]; /* enum option_source, by row */
    /* derived */
    struct url_list listen_client, advertise_client, listen_peer, advertise_peer, listen_metrics;
};

/* Reads flags (argv[1] on), environment and file, and checks that they make sense together. 0, or
 * ERR_USAGE with one line that says what is wrong and what to do. help, version and print_config
 * are only noted, and what makes sense together is not checked for them. */
int options_read(struct options *o, int argc, char **argv, struct err *e) CP_MUST_CHECK;
void options_fini(struct options *o);
/* Was the setting at OFFSET of struct options given, by whatever means? */
bool options_given(const struct options *o, size_t offset);
#define OPTIONS_GIVEN(o, field) options_given((o), offsetof(struct options, field))
/* One line of the log for each setting that is taken and has no effect, and for each variable of
 * the environment that looks like a setting and is none. */
void options_warn(const struct options *o);
/* Of the library that reads the file. */
const char *options_yaml_version(void);
void options_help(FILE *out, const char *program);
/* All settings as a configuration file; what nobody has set is commented out. */
void options_print(const struct options *o, FILE *out);
