#include "base/mailbox.h"

#include "base/mem.h"
#include "test_base.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>

#define POSTERS  4
#define MESSAGES 20000 /* of each poster */

struct letter {
    struct mail mail;
    unsigned from, number;
};

static struct letter *letter_of(struct mail *mail)
{
    return CP_CONTAINER_OF(mail, struct letter, mail);
}

static int readable(struct mailbox *m, int timeout_ms)
{
    struct pollfd p = {.fd = m->wake_fd, .events = POLLIN};

    return poll(&p, 1, timeout_ms);
}

START_TEST(oldest_first)
{
    struct mailbox m;
    struct letter letters[5] = {0};
    unsigned n = 0;

    ck_assert_int_eq(mailbox_init(&m, 10), 0);
    ck_assert_ptr_null(mailbox_take(&m));
    ck_assert(mailbox_post(&m, &letters[0].mail));
    letters[1].mail.next = &letters[2].mail;
    letters[2].mail.next = &letters[3].mail;
    mailbox_post_chain(&m, &letters[1].mail);
    mailbox_post_chain(&m, NULL);
    ck_assert(mailbox_post(&m, &letters[4].mail));
    for (struct mail *mail = mailbox_take(&m); mail != NULL; mail = mail->next)
        ck_assert_ptr_eq(letter_of(mail), &letters[n++]);
    ck_assert_uint_eq(n, 5);
    ck_assert_ptr_null(mailbox_take(&m));
    mailbox_fini(&m);
}
END_TEST

START_TEST(bounded_but_not_for_answers)
{
    struct mailbox m;
    struct letter letters[4] = {0};

    ck_assert_int_eq(mailbox_init(&m, 2), 0);
    ck_assert(mailbox_post(&m, &letters[0].mail));
    ck_assert(mailbox_post(&m, &letters[1].mail));
    ck_assert(!mailbox_post(&m, &letters[2].mail));
    mailbox_post_chain(&m, &letters[3].mail);
    ck_assert(!mailbox_post(&m, &letters[2].mail));
    ck_assert_ptr_nonnull(mailbox_take(&m));
    ck_assert(mailbox_post(&m, &letters[2].mail));
    ck_assert_ptr_eq(mailbox_take(&m), &letters[2].mail);
    mailbox_fini(&m);
}
END_TEST

START_TEST(one_ring_for_all_that_was_left)
{
    struct mailbox m;
    struct letter letters[3] = {0};

    ck_assert_int_eq(mailbox_init(&m, 2), 0);
    ck_assert(mailbox_sleep_begin(&m));
    ck_assert(mailbox_leave(&m, &letters[0].mail));
    ck_assert(mailbox_leave(&m, &letters[1].mail));
    ck_assert(!mailbox_leave(&m, &letters[2].mail));
    ck_assert_int_eq(readable(&m, 0), 0);
    mailbox_ring(&m);
    ck_assert_int_eq(readable(&m, 0), 1);
    mailbox_sleep_end(&m);
    mailbox_ring(&m);
    ck_assert_int_eq(readable(&m, 0), 0);
    ck_assert(!mailbox_sleep_begin(&m));
    ck_assert_ptr_eq(mailbox_take(&m), &letters[0].mail);
    mailbox_fini(&m);
}
END_TEST

START_TEST(wakes_only_sleepers)
{
    struct mailbox m;
    struct letter letters[3] = {0};

    ck_assert_int_eq(mailbox_init(&m, 9), 0);
    ck_assert(mailbox_post(&m, &letters[0].mail));
    ck_assert_int_eq(readable(&m, 0), 0);
    ck_assert(!mailbox_sleep_begin(&m));
    ck_assert_ptr_nonnull(mailbox_take(&m));

    ck_assert(mailbox_sleep_begin(&m));
    ck_assert_int_eq(readable(&m, 0), 0);
    ck_assert(mailbox_post(&m, &letters[1].mail));
    ck_assert_int_eq(readable(&m, 0), 1);
    ck_assert(mailbox_post(&m, &letters[2].mail));
    mailbox_sleep_end(&m);
    ck_assert_int_eq(readable(&m, 0), 0);
    ck_assert_ptr_nonnull(mailbox_take(&m));

    /* Without a message, and also when it comes before the sleep. */
    mailbox_wake(&m);
    ck_assert(mailbox_sleep_begin(&m));
    ck_assert_int_eq(readable(&m, 0), 1);
    mailbox_sleep_end(&m);
    ck_assert_int_eq(readable(&m, 0), 0);
    mailbox_sleep_end(&m);
    mailbox_fini(&m);
}
END_TEST

struct poster {
    struct mailbox *box;
    struct letter *letters;
    unsigned from;
    bool chains;
};

static void *post_all(void *arg)
{
    struct poster *p = arg;

    for (unsigned i = 0; i < MESSAGES;) {
        struct letter *first = &p->letters[i];
        unsigned n = p->chains ? i % 3 + 1 : 1;

        if (n > MESSAGES - i)
            n = MESSAGES - i;
        for (unsigned k = 0; k < n; k++) {
            p->letters[i + k].from = p->from;
            p->letters[i + k].number = i + k;
            p->letters[i + k].mail.next = k + 1 < n ? &p->letters[i + k + 1].mail : NULL;
        }
        if (p->chains)
            mailbox_post_chain(p->box, &first->mail);
        else
            while (!mailbox_post(p->box, &first->mail))
                sched_yield();
        i += n;
    }
    return NULL;
}

/* All messages arrive, each once and each poster's in order; the taker sleeps whenever there is
 * nothing. A lost wake-up leaves it asleep for good, which the limit of the whole test finds. */
START_TEST(nothing_lost_between_threads)
{
    struct mailbox m;
    struct poster posters[POSTERS];
    pthread_t threads[POSTERS];
    unsigned next[POSTERS] = {0};

    ck_assert_int_eq(mailbox_init(&m, 64), 0);
    for (unsigned i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.box = &m,
                                     .letters = mem_zalloc(MESSAGES * sizeof(struct letter)),
                                     .from = i,
                                     .chains = i % 2 == 1};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
    }
    for (unsigned taken = 0; taken < POSTERS * MESSAGES;) {
        struct mail *mail = mailbox_take(&m);

        for (; mail != NULL; mail = mail->next) {
            struct letter *l = letter_of(mail);

            ck_assert_uint_eq(l->number, next[l->from]);
            next[l->from]++;
            taken++;
        }
        if (taken < POSTERS * MESSAGES && mailbox_sleep_begin(&m)) {
            ck_assert_int_eq(readable(&m, -1), 1);
            mailbox_sleep_end(&m);
        }
    }
    for (unsigned i = 0; i < POSTERS; i++) {
        pthread_join(threads[i], NULL);
        mem_free(posters[i].letters);
    }
    ck_assert_uint_eq(atomic_load(&m.count), 0);
    mailbox_fini(&m);
}
END_TEST

struct pong {
    struct mailbox in, *out;
};

static void *answer_all(void *arg)
{
    struct pong *p = arg;

    for (unsigned answered = 0; answered < MESSAGES;) {
        struct mail *mail = mailbox_take(&p->in);

        if (mail == NULL) {
            if (mailbox_sleep_begin(&p->in)) {
                readable(&p->in, -1);
                mailbox_sleep_end(&p->in);
            }
            continue;
        }
        CP_ASSERT(mail->next == NULL);
        answered++;
        mailbox_post_chain(p->out, mail);
    }
    return NULL;
}

/* One message goes to and fro: each side sleeps, or is about to, whenever the other posts. */
START_TEST(no_wake_up_lost_in_ping_pong)
{
    struct mailbox box;
    struct pong pong = {.out = &box};
    struct letter letter = {0};
    pthread_t thread;

    ck_assert_int_eq(mailbox_init(&box, 1), 0);
    ck_assert_int_eq(mailbox_init(&pong.in, 1), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, answer_all, &pong), 0);
    for (unsigned i = 0; i < MESSAGES; i++) {
        letter.mail.next = NULL;
        ck_assert(mailbox_post(&pong.in, &letter.mail));
        while (mailbox_take(&box) == NULL) {
            if (mailbox_sleep_begin(&box)) {
                ck_assert_int_eq(readable(&box, -1), 1);
                mailbox_sleep_end(&box);
            }
        }
    }
    pthread_join(thread, NULL);
    mailbox_fini(&pong.in);
    mailbox_fini(&box);
}
END_TEST

TCase *mailbox_case(void)
{
    TCase *tc = tcase_create("mailbox");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, oldest_first);
    tcase_add_test(tc, bounded_but_not_for_answers);
    tcase_add_test(tc, one_ring_for_all_that_was_left);
    tcase_add_test(tc, wakes_only_sleepers);
    tcase_add_test(tc, nothing_lost_between_threads);
    tcase_add_test(tc, no_wake_up_lost_in_ping_pong);
    return tc;
}
