/* keys: what the commands on keys have in common: the order of their checks, one request of the key
 * API, its answer. */
#pragma once

#include "ctl/opts.h"
#include "ctl/reply.h"
#include "ctl/session.h"

struct key_request {
    const char *method;
    const char *key;
    struct buf query; /* pairs, appended with keys_pair in alphabetical order */
    struct buf form;
    bool has_form; /* a form goes along, perhaps an empty one */
    bool once;     /* see client_request */
    bool wait;
};

/* Opens the session and takes the first argument for the key. EXIT_FINE with *KEY set, or a status
 * with the reason printed. */
enum exit_status keys_begin(struct session *s, const struct opts *o,
                            const char **key) CP_MUST_CHECK;

void keys_pair(struct buf *pairs, const char *name, struct span value);
void keys_pair_bool(struct buf *pairs, const char *name, bool value);
void keys_pair_number(struct buf *pairs, const char *name, uint64_t value);
/* `ttl`, if it is positive; a TTL that is not is never sent. */
void keys_pair_ttl(struct buf *pairs, int64_t ttl);

/* Sends the request and finishes it. EXIT_FINE with OUT filled (event_reply_fini), or EXIT_SERVER,
 * the error printed. */
enum exit_status keys_ask(struct session *s, struct key_request *r,
                          struct event_reply *out) CP_MUST_CHECK;
/* As keys_ask, without printing: the failure is in F. *EMPTY as reply_event. */
int keys_send(struct session *s, const struct key_request *r, struct event_reply *out, bool *empty,
              struct fail *f) CP_MUST_CHECK;
void key_request_fini(struct key_request *r);

/* What the simple form shows; the others show everything. */
enum keys_show { SHOW_ALWAYS, SHOW_FILES, SHOW_NEVER };

/* Sends and prints the event as --output asks. */
enum exit_status keys_ask_and_show(struct session *s, struct key_request *r,
                                   enum keys_show show) CP_MUST_CHECK;

/* The argument number I, or standard input to its end. EXIT_FINE with OUT appended to. */
enum exit_status keys_value(const struct opts *o, size_t i, struct buf *out) CP_MUST_CHECK;
