/* command: what a log entry of type ENTRY_COMMAND holds, as bytes.
 * Layout, little endian: kind u8, format u8, reserved u16 (0), stamp i64, origin u64, request u64,
 * then the kind's body. A member that meets a kind or format it does not know stops; it never skips
 * (DESIGN 13). */
#pragma once

#include "base/blob.h"
#include "base/err.h"
#include "store/account.h"
#include "store/op.h"

#include <stdint.h>

enum command_kind {
    COMMAND_STORE = 1,  /* one store_op */
    COMMAND_EXPIRE = 2, /* expire what is due at the stamp, at most LIMIT items */
    COMMAND_MEMBER = 3, /* name and URLs of a member, published by itself; costs one store index */
    COMMAND_LEVEL = 4,  /* cluster feature level; costs one store index */
    /* What member.h makes of these says what they cost. */
    COMMAND_MEMBER_ADD = 5,    /* id and peer URLs; a founder's name too */
    COMMAND_MEMBER_REMOVE = 6, /* id */
    COMMAND_MEMBER_UPDATE = 7, /* id and new peer URLs */
    COMMAND_ACCOUNT = 8,       /* one account_op */
};

#define COMMAND_FORMAT      1
#define COMMAND_HEAD_BYTES  28
#define COMMAND_MEMBER_URLS 16 /* URLs of each kind a member may have */

struct command_member {
    uint64_t id;
    struct span name;
    unsigned n_peer_urls, n_client_urls;
    struct span peer_urls[COMMAND_MEMBER_URLS], client_urls[COMMAND_MEMBER_URLS];
};

struct command {
    enum command_kind kind;
    int64_t stamp_ns; /* the cluster's time, set by the leader when it submits */
    uint64_t origin;  /* member that took the request */
    uint64_t request; /* its number there */
    union {
        struct store_op op;           /* STORE */
        uint32_t expire_max;          /* EXPIRE */
        struct command_member member; /* MEMBER, MEMBER_ADD, MEMBER_REMOVE, MEMBER_UPDATE */
        uint32_t level;               /* LEVEL */
        struct account_op account;    /* ACCOUNT */
    };
};

/* Gives the bytes (one reference). */
struct blob *command_encode(const struct command *c);
/* OUT borrows from BYTES. 0, ERR_MALFORMED or ERR_VERSION (unknown kind or format). Never reads
 * beyond BYTES. */
int command_decode(struct span bytes, struct command *out, struct err *e) CP_MUST_CHECK;
/* Writes the stamp into encoded bytes that nobody else holds yet. */
void command_stamp(struct blob *b, int64_t stamp_ns);
/* Of encoded bytes. */
int64_t command_stamp_of(const struct blob *b);
void command_address(struct blob *b, uint64_t origin, uint64_t request);
/* Of encoded bytes. */
static inline enum command_kind command_kind(const struct blob *b)
{
    return (enum command_kind)(unsigned char)b->data[0];
}
