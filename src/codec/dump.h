/* dump: a published version with all that belongs to it, as JSON Lines: what a snapshot holds.
 *
 *   {"copse":"snapshot","format":3,"cluster":"…","index":…,"raft_index":…,"raft_term":…,
 *    "config_index":…,"time":…,"level":…,"history":…,"counters":[…]}
 *   {"member":"…","role":"voter","name":"…","peers":["…"],"clients":["…"],"stamp":…,"origin":"…",
 *    "request":…}                   in the order of ids; only id and role when nothing more is
 * known; role none: not in the configuration yet
 *   {"removed":"…"}                 ids of removed members, in order
 *   {"auth":true}                   once accounts were written: whether they count
 *   {"user":"…","roles":["…"],"hash":"…"}
 *   {"role":"…","read":["…"],"write":null}
 *                                   users, then roles, by name; null: v2 shows null, not a list
 *   {"dir":"/","c":…,"m":…,"t":…}   nodes in path order: created, modified and tree index
 *   {"file":"/f","c":…,"m":…,"n":…,"x":…,"v":"…"}
 *                                   n: changes since it was created, where more than one;
 *                                   x: expires, ns since 1970; v: the value
 *   {"event":…,"action":"set","dir":true,"refresh":true,"replaced":true,"path":"…","json":{…}}
 *                                   true ones only; the JSON as it was rendered
 *   {"end":…,"files":…,"dirs":…,"bytes":…,"events":…,"crc32c":"…"}
 *                                   lines before it, counts, checksum of all bytes before it
 *
 * Bytes that are not UTF-8 stand as base64 under "file64", "dir64", "v64", "name64", "path64",
 * "json64", "published64". A new member of a line or a new kind of line needs a new format number;
 * older formats are read as well.
 *   1  no "removed", no role none
 *   2  no accounts
 */
#pragma once

#include "base/blob.h"
#include "base/buf.h"
#include "proto/limits.h"
#include "store/event.h"
#include "store/read.h"

#define DUMP_FORMAT   3
#define DUMP_COUNTERS 32 /* at most */
#define DUMP_MEMBERS                                                                               \
    (2 * LIMIT_MEMBERS) /* those that are, and those still in the configuration                    \
                         */

enum dump_role { DUMP_STANDBY, DUMP_VOTER, DUMP_SPARE, DUMP_NONE };

struct dump_member {
    uint64_t id; /* ascending in the head */
    enum dump_role role;
    struct blob *published; /* encoded COMMAND_MEMBER of that id, or NULL: nothing is known */
};

/* What belongs to a version beside its tree. */
struct dump_head {
    uint64_t cluster_id;
    uint64_t index;                               /* of the store; dump_new takes the version's */
    uint64_t raft_index, raft_term, config_index; /* last applied; of the configuration */
    int64_t time_ns;                              /* the cluster's */
    uint64_t history_oldest; /* oldest index that the history keeps, events or not; at most
                                index + 1 */
    uint32_t level;          /* cluster feature level */
    unsigned n_counters, n_members;
    uint64_t counters[DUMP_COUNTERS];
    struct dump_member members[DUMP_MEMBERS];
    unsigned n_removed;
    uint64_t *removed; /* ascending */
};

struct dump;

/* Copies the head and what it points to; takes references of what members have published and of the
 * N events of HISTORY (ascending by index, from history_oldest to the version's). The version stays
 * pinned until dump_free. */
struct dump *dump_new(const struct dump_head *head, const struct version *v,
                      struct event *const *history, size_t n);
/* Appends lines until MAX bytes were appended, and to the end of the line it is at then; true when
 * more is left. Not to be called again after false. Any one thread. */
bool dump_more(struct dump *d, struct buf *out, size_t max);
/* Of a whole line, newline not included: takes out what a password could be guessed from. */
void dump_redact(struct buf *line);
/* NULL is fine. */
void dump_free(struct dump *d);
