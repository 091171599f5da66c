/* reply: what is inside an answer: JSON, or the words why it is not; a node of the key API. */
#pragma once

#include "base/check.h"
#include "base/span.h"
#include "ctl/fail.h"
#include "ctl/http.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Gives the value in *ROOT (json_decref), or ERR_MALFORMED with Go's message in F. */
int reply_json(const struct http_reply *r, json_t **root, struct fail *f) CP_MUST_CHECK;
/* ERR_NET, with the `message` member of the body in F, or why it cannot be read. */
int reply_message(const struct http_reply *r, struct fail *f) CP_MUST_CHECK;
/* ERR_NET: "unexpected status code N". */
int reply_unexpected(const struct http_reply *r, struct fail *f) CP_MUST_CHECK;

/* An event of the key API. */
struct event_reply {
    json_t *root;
    const char *action;
    const json_t *node, *prev_node; /* in root; prev_node may be NULL */
    uint64_t index;                 /* X-Etcd-Index; 0 when absent */
};

/* Takes an answer of the key API apart. 0, or an error with F set. *EMPTY tells an empty body of a
 * success, which is an error as well except to a watch; OUT->index is set then, if it is there. */
int reply_event(const struct http_reply *r, struct event_reply *out, bool *empty,
                struct fail *f) CP_MUST_CHECK;
void event_reply_fini(struct event_reply *e);

struct span node_text(const json_t *node, const char *name); /* empty when absent */
uint64_t node_number(const json_t *node, const char *name);  /* 0 when absent */
bool node_is_dir(const json_t *node);
