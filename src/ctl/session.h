/* session: one run of the client: its global options, its client, what it prints in general. */
#pragma once

#include "ctl/client.h"
#include "ctl/opts.h"

enum exit_status {
    EXIT_FINE = 0,
    EXIT_ARGUMENTS = 1,
    EXIT_CONNECTION = 2,
    EXIT_UNKNOWN = 3,
    EXIT_SERVER = 4,
    EXIT_UNHEALTHY = 5,
};

struct session {
    const char *program;                  /* as help texts name it */
    const struct opts *global;            /* of table_global */
    const char *output;                   /* --output */
    int (*backup)(int argc, char **argv); /* see ctl_main */
    struct client client;
    bool opened;
};

/* Reads endpoints, certificates and credentials (asking for a password where one is missing) and,
 * unless WITH_SYNC is false or --no-sync was given, asks the cluster for its endpoints. Returns
 * EXIT_FINE, or a status with the reason printed. */
enum exit_status session_open(struct session *s, bool with_sync) CP_MUST_CHECK;
/* From now on --total-timeout runs. */
void session_start_clock(struct session *s);
void session_close(struct session *s);

/* Checks files and pairing of the TLS options; 0 or ERR_USAGE with the message in WHY. */
int session_check_tls(const struct session *s, struct buf *why) CP_MUST_CHECK;

/* "Cluster-Endpoints: …" on err, with --debug. */
void session_show_endpoints(const struct session *s);
/* "Error:  …" on err, as key commands say it; returns STATUS. */
enum exit_status session_fail(const struct fail *f, enum exit_status status);
enum exit_status session_fail_text(const char *text, enum exit_status status);
/* The bare text on err, as member, user, role and auth say it; returns EXIT_ARGUMENTS. */
enum exit_status session_fail_bare(const struct fail *f);
enum exit_status session_refuse(const char *text);

/* Ctrl-C ends the process with status 0 from now on. */
void session_end_at_interrupt(void);
