/* twin: the key space as naively as it can be had: one sorted array of full paths, written after
 * etcd's store.go. The store must agree with it in every answer and every node. */
#pragma once

#include "store/store.h"

#define KEY_BYTES   127
#define VALUE_BYTES 23

struct key {
    uint8_t len;
    char bytes[KEY_BYTES];
};

struct twin_node {
    struct key path;
    bool dir;
    uint64_t created, modified;
    uint64_t tree; /* directories: largest index of an event in or below, refreshes excepted */
    uint32_t version;
    int64_t expires_ns;
    uint8_t value_len;
    char value[VALUE_BYTES];
};

struct twin {
    struct twin_node *node; /* sorted so that a directory stands before what is below it */
    size_t count, room;
    uint64_t index;
    uint64_t tree; /* of the root */
};

struct twin_result {
    enum v2_code code;
    enum v2_action action;
    struct key path;
    char cause[512];
    size_t cause_len;
    struct twin_node node, prev;
    bool has_prev, refresh;
};

void twin_fini(struct twin *t);
struct twin *twin_copy(const struct twin *t);
void twin_apply(struct twin *t, const struct store_op *op, int64_t now_ns, struct twin_result *r);
bool twin_expire(struct twin *t, int64_t cutoff_ns, struct twin_result *r);
/* The least expiration, or STORE_NEVER. */
int64_t twin_next_expiry(const struct twin *t);

static inline struct span key_span(const struct key *k)
{
    return (struct span){k->bytes, k->len};
}

struct key key_of(struct span s);
struct key key_parent(const struct key *k);
/* Whether BELOW is in the subtree of K, K itself not included. */
bool key_is_below(const struct key *below, const struct key *k);
/* As read_find: looks every component up, one after the other. */
enum v2_code twin_walk(const struct twin *t, const struct key *path, struct twin_node **out,
                       size_t *cause_len);
/* NULL: no such node. PATH is not the root. */
struct twin_node *twin_find(const struct twin *t, const struct key *path);
