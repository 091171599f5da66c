/* mailbox: many threads post, one takes all. Messages are intrusive and change hands whole. The
 * taker sleeps on an eventfd; posting writes to it only when the taker said that it is going to
 * sleep. */
#pragma once

#include "base/check.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mail {
    struct mail *next;
    unsigned kind; /* the receiver's own enumeration */
};

struct mailbox {
    _Atomic(struct mail *) newest; /* any thread: a stack, newest first */
    atomic_size_t count;           /* any thread: messages posted and not yet taken */
    atomic_bool asleep;            /* taker sets, poster clears before it writes wake_fd */
    size_t max;                    /* fixed after init */
    int wake_fd;                   /* fixed after init: eventfd, nonblocking */
};

/* MAX bounds mailbox_post; 0 or -errno. */
int mailbox_init(struct mailbox *m, size_t max) CP_MUST_CHECK;
void mailbox_fini(struct mailbox *m);

/* Takes MAIL; false when MAX messages wait: the mail then stays the caller's. */
bool mailbox_post(struct mailbox *m, struct mail *mail) CP_MUST_CHECK;
/* The same, but a taker that sleeps sleeps on until mailbox_ring. */
bool mailbox_leave(struct mailbox *m, struct mail *mail) CP_MUST_CHECK;
/* Wakes the taker if it sleeps: one wake for all that the caller has left. */
void mailbox_ring(struct mailbox *m);
/* Takes a chain linked by next, oldest first, with one wake; for answers to what was admitted, so
 * not bounded. */
void mailbox_post_chain(struct mailbox *m, struct mail *first);
/* Wakes the taker without a message; before it sleeps as well, so that no such wake is lost. */
void mailbox_wake(struct mailbox *m);

/* Taker: gives all messages, oldest first, or NULL. */
struct mail *mailbox_take(struct mailbox *m);
/* Taker: say that sleep follows; false when messages wait already (do not sleep). */
bool mailbox_sleep_begin(struct mailbox *m) CP_MUST_CHECK;
/* Taker: awake again. Empties the eventfd. */
void mailbox_sleep_end(struct mailbox *m);
