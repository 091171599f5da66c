/* guard: proves passwords and hashes new ones, on a few threads of its own (bcrypt takes some 50 ms
 * of a processor); remembers what was proven; and keeps those who guess from using them up.
 * Any thread. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/mailbox.h"
#include "proto/limits.h"

struct guard;

enum secret_task { SECRET_CHECK, SECRET_HASH };

/* One task on its way. The caller's, the guard's from guard_ask until done(). */
struct secret {
    struct mail mail; /* the caller's, and the guard's while it has the task */
    void *owner;      /* the caller's own */
    enum secret_task task;
    bool known;          /* CHECK: there is such a user; of another one no password is right */
    struct buf user;     /* CHECK: who it is said to be */
    struct buf address;  /* CHECK: where from */
    struct buf password; /* wiped by secret_free */
    char hash[LIMIT_HASH_BYTES + 1]; /* CHECK: the account's; HASH: the outcome */
    bool ok;
    /* A thread of the guard's: gives the task back. */
    void (*done)(struct secret *s);
};

struct secret *secret_new(enum secret_task task, struct span password);
/* NULL is fine. */
void secret_free(struct secret *s);

int guard_new(struct guard **out, struct err *e) CP_MUST_CHECK;
/* Takes no more, and gives back undone, soon, what waits: a stop does not last as long as it would
 * take. */
void guard_end(struct guard *g);
/* After guard_end: until its threads have ended; nobody is spoken to afterwards. */
void guard_join(struct guard *g);
/* Every task has been given back. NULL is fine. */
void guard_free(struct guard *g);

/* Whether this pair was proven before. */
bool guard_knows(struct guard *g, struct span user, struct span password, struct span hash);

enum guard_answer {
    GUARD_TAKEN,
    GUARD_TOO_MANY, /* wrong passwords, from this user's name or this address */
    GUARD_FULL,     /* tasks wait already */
};
/* Before it is asked to do a CHECK, which costs a try; a right password costs none in the end. */
enum guard_answer guard_admit(struct guard *g, struct span user, struct span address);
/* Takes S, unless false: too many wait. */
bool guard_ask(struct guard *g, struct secret *s) CP_MUST_CHECK;

struct guard_stats {
    uint64_t right, wrong; /* passwords that had to be proven */
    uint64_t throttled, refused;
    uint64_t waiting;
};
void guard_stats(struct guard *g, struct guard_stats *out);
