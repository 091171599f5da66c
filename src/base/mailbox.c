/* mailbox: a lock-free stack that is only pushed to and emptied whole, so there is no ABA problem.
 *
 * No wake-up is lost because of two pairs of sequentially consistent accesses: a poster pushes,
 * then reads `asleep`; the taker sets `asleep`, then reads `newest`. In the one order of all four,
 * whichever pair comes second sees the other's first: either the poster writes the eventfd, or the
 * taker does not go to sleep. */
#include "base/mailbox.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int mailbox_init(struct mailbox *m, size_t max)
{
    CP_ASSERT(max > 0);

    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    if (fd < 0)
        return -errno;
    atomic_init(&m->newest, NULL);
    atomic_init(&m->count, 0);
    atomic_init(&m->asleep, false);
    m->max = max;
    m->wake_fd = fd;
    return 0;
}

void mailbox_fini(struct mailbox *m)
{
    CP_ASSERT(atomic_load(&m->newest) == NULL);
    close(m->wake_fd);
    m->wake_fd = -1;
}

void mailbox_wake(struct mailbox *m)
{
    uint64_t one = 1;
    ssize_t n;

    do
        n = write(m->wake_fd, &one, sizeof(one));
    while (n < 0 && errno == EINTR);
    /* EAGAIN: the counter is at its maximum, so the taker is woken anyway. */
    CP_ASSERT(n == sizeof(one) || errno == EAGAIN);
}

/* Pushes a chain that is linked newest first. */
static void push(struct mailbox *m, struct mail *newest, struct mail *oldest)
{
    struct mail *head = atomic_load_explicit(&m->newest, memory_order_relaxed);

    do
        oldest->next = head;
    while (!atomic_compare_exchange_weak_explicit(&m->newest, &head, newest, memory_order_seq_cst,
                                                  memory_order_relaxed));

}

void mailbox_ring(struct mailbox *m)
{
    /* The plain load first: most find the taker awake, and an exchange would fight for the cache
     * line. */
    if (atomic_load(&m->asleep) && atomic_exchange(&m->asleep, false))
        mailbox_wake(m);
}

bool mailbox_leave(struct mailbox *m, struct mail *mail)
{
    size_t count = atomic_load_explicit(&m->count, memory_order_relaxed);

    do {
        if (count >= m->max)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&m->count, &count, count + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    push(m, mail, mail);
    return true;
}

bool mailbox_post(struct mailbox *m, struct mail *mail)
{
    if (!mailbox_leave(m, mail))
        return false;
    mailbox_ring(m);
    return true;
}

/* Turns a chain round and counts it. Gives the former last. */
static struct mail *reverse(struct mail *first, size_t *n)
{
    struct mail *turned = NULL;

    *n = 0;
    while (first != NULL) {
        struct mail *next = first->next;

        first->next = turned;
        turned = first;
        first = next;
        ++*n;
    }
    return turned;
}

void mailbox_post_chain(struct mailbox *m, struct mail *first)
{
    size_t n;

    if (first == NULL)
        return;

    struct mail *newest = reverse(first, &n);

    atomic_fetch_add_explicit(&m->count, n, memory_order_relaxed);
    push(m, newest, first);
    mailbox_ring(m);
}

struct mail *mailbox_take(struct mailbox *m)
{
    size_t n;

    if (atomic_load_explicit(&m->newest, memory_order_relaxed) == NULL)
        return NULL;

    struct mail *newest = atomic_exchange_explicit(&m->newest, NULL, memory_order_acquire);
    struct mail *oldest = reverse(newest, &n);

    atomic_fetch_sub_explicit(&m->count, n, memory_order_relaxed);
    return oldest;
}

bool mailbox_sleep_begin(struct mailbox *m)
{
    atomic_store(&m->asleep, true);
    if (atomic_load(&m->newest) == NULL)
        return true;
    /* A poster may have cleared it and be about to write: then the next sleep ends at once, which
     * is harmless. */
    atomic_store(&m->asleep, false);
    return false;
}

void mailbox_sleep_end(struct mailbox *m)
{
    uint64_t ignored;

    atomic_store(&m->asleep, false);
    while (read(m->wake_fd, &ignored, sizeof(ignored)) < 0 && errno == EINTR)
        continue;
}
