/* Headers, hashes, what was proven, who has tried too often; and the decision itself. */
#include "auth/basic.h"
#include "auth/grant.h"
#include "auth/guard.h"
#include "auth/proven.h"
#include "auth/secret.h"
#include "auth/throttle.h"
#include "base/mem.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- basic ---- */

static const struct {
    const char *header, *user, *password; /* user NULL: refused */
} headers[] = {
    {"Basic YTpi", "a", "b"},    {"bAsIc YTpi", "a", "b"},       {"Basic YTo=", "a", ""},
    {"Basic OmI=", "", "b"},     {"Basic YTpiOmM=", "a", "b:c"}, {"Basic YTpi\r\n", "a", "b"},
    {"Basic", NULL, NULL},       {"Basic ", NULL, NULL},         {"Basic  YTpi", NULL, NULL},
    {"Basic YWI=", NULL, NULL},  /* no colon */
    {"Basic YTo", NULL, NULL},   /* not padded */
    {"Basic YTpi=", NULL, NULL}, /* padded too much */
    {"Basic YT=pi", NULL, NULL}, {"Basic !!!!", NULL, NULL},     {"Bearer YTpi", NULL, NULL},
};

START_TEST(basic)
{
    struct buf text = {0};
    struct span user, password;
    bool ok = basic_parse(span_of(headers[_i].header), &text, &user, &password);

    ck_assert_msg(ok == (headers[_i].user != NULL), "%s", headers[_i].header);
    if (ok) {
        ck_assert_msg(span_eq(user, span_of(headers[_i].user)), "%s", headers[_i].header);
        ck_assert_msg(span_eq(password, span_of(headers[_i].password)), "%s", headers[_i].header);
    }
    basic_wipe(&text);
}
END_TEST

/* ---- secret ---- */

static const struct {
    const char *password, *hash;
    bool right;
} hashes[] = {
    /* as Go's bcrypt and OpenBSD's write them */
    {"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", true},
    {"U*V", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", false},
    {"\xa3", "$2a$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq", true},
    {"\xff\xff\xa3", "$2a$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", true},
    {"", "", false},
    {"x", "", false},
    {"x", "no hash", false},
    {"x", "$2a$05$CCCC", false},
    {"x", "*0", false},
    {"", "$2a$05$", false},
};

START_TEST(check_of_hashes)
{
    ck_assert_msg(secret_check(span_of(hashes[_i].password), span_of(hashes[_i].hash)) ==
                      hashes[_i].right,
                  "%s against %s", hashes[_i].password, hashes[_i].hash);
}
END_TEST

START_TEST(a_hash_of_our_own)
{
    char longest[LIMIT_PASSWORD_BYTES], hash[LIMIT_HASH_BYTES];

    memset(longest, 'x', sizeof(longest));
    ck_assert(secret_hash(span_make(longest, sizeof(longest)), hash));
    ck_assert(strncmp(hash, "$2a$10$", 7) == 0);
    ck_assert(secret_check(span_make(longest, sizeof(longest)), span_of(hash)));
    longest[sizeof(longest) - 1] = 'y';
    ck_assert(!secret_check(span_make(longest, sizeof(longest)), span_of(hash)));
    ck_assert(!secret_check(SPAN("x\0x"), span_of(hash)));
}
END_TEST

/* ---- proven ---- */

START_TEST(proven_pairs)
{
    struct proven *p = mem_alloc(sizeof(*p));

    proven_init(p);

    struct proven_mark m = proven_mark(p, SPAN("a"), SPAN("b"), SPAN("h"));

    ck_assert(!proven_has(p, m));
    proven_add(p, m);
    ck_assert(proven_has(p, m));
    ck_assert(proven_has(p, proven_mark(p, SPAN("a"), SPAN("b"), SPAN("h"))));
    ck_assert(!proven_has(p, proven_mark(p, SPAN("a"), SPAN("b"), SPAN("i"))));
    ck_assert(!proven_has(p, proven_mark(p, SPAN("ab"), SPAN(""), SPAN("h"))));
    ck_assert(!proven_has(p, proven_mark(p, SPAN(""), SPAN("ab"), SPAN("h"))));

    /* one beyond the ways of a place pushes the oldest out */
    for (uint64_t i = 0; i < PROVEN_WAYS; i++)
        proven_add(p, (struct proven_mark){{m.half[0], m.half[1] + 1 + i}});
    ck_assert(!proven_has(p, m));
    ck_assert(proven_has(p, (struct proven_mark){{m.half[0], m.half[1] + PROVEN_WAYS}}));
    mem_free(p);
}
END_TEST

/* ---- throttle ---- */

START_TEST(throttle_at_its_limit)
{
    struct throttle *t = mem_alloc(sizeof(*t));
    uint64_t now = 5000;

    throttle_init(t, 3, 100);
    for (int i = 0; i < 3; i++)
        ck_assert(throttle_take(t, SPAN("a"), now));
    ck_assert(!throttle_take(t, SPAN("a"), now));
    ck_assert(throttle_take(t, SPAN("b"), now));
    ck_assert(!throttle_take(t, SPAN("a"), now + 99));
    ck_assert(throttle_take(t, SPAN("a"), now + 100));
    ck_assert(!throttle_take(t, SPAN("a"), now + 100));
    throttle_give_back(t, SPAN("a"));
    ck_assert(throttle_take(t, SPAN("a"), now + 100));

    /* of more than are kept, the one that was quiet longest is forgotten */
    for (uint32_t i = 0; i < THROTTLE_KEPT; i++)
        ck_assert(throttle_take(t, span_make(&i, sizeof(i)), now + 100));
    ck_assert(throttle_take(t, SPAN("a"), now + 100));
    mem_free(t);
}
END_TEST

/* ---- guard ---- */

struct crowd {
    pthread_mutex_t lock;
    pthread_cond_t came, go;
    unsigned came_back, done; /* they wait for go in between */
    bool hold;
};

static void on_done(struct secret *s)
{
    struct crowd *c = s->owner;

    pthread_mutex_lock(&c->lock);
    c->came_back++;
    pthread_cond_signal(&c->came);
    while (c->hold)
        pthread_cond_wait(&c->go, &c->lock);
    c->done++;
    pthread_cond_signal(&c->came);
    pthread_mutex_unlock(&c->lock);
    secret_free(s);
}

static bool ask(struct guard *g, struct crowd *c)
{
    struct secret *s = secret_new(SECRET_CHECK, SPAN("x"));

    s->owner = c;
    s->done = on_done;
    memcpy(s->hash, "$2a$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", 61);
    s->known = true;

    bool taken = guard_ask(g, s);

    if (!taken)
        secret_free(s);
    return taken;
}

/* Half of the processors, one to four. */
static unsigned guard_threads(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN) / 2;

    return n < 1 ? 1 : n > 4 ? 4 : (unsigned)n;
}

/* LIMIT_SECRETS wait beside those under way; one more is refused, and all come back. */
START_TEST(a_full_guard)
{
    struct crowd c = {.hold = true};
    struct guard *g;
    struct err e;
    struct guard_stats stats;
    unsigned busy = guard_threads(), taken = busy + LIMIT_SECRETS;

    pthread_mutex_init(&c.lock, NULL);
    pthread_cond_init(&c.came, NULL);
    pthread_cond_init(&c.go, NULL);
    ck_assert_int_eq(guard_new(&g, &e), 0);
    for (unsigned i = 0; i < busy; i++)
        ck_assert(ask(g, &c));
    pthread_mutex_lock(&c.lock);
    while (c.came_back < busy) /* then no thread is left that could take one */
        pthread_cond_wait(&c.came, &c.lock);
    pthread_mutex_unlock(&c.lock);
    for (unsigned i = 0; i < LIMIT_SECRETS; i++)
        ck_assert(ask(g, &c));
    ck_assert(!ask(g, &c));
    guard_stats(g, &stats);
    ck_assert_uint_eq(stats.waiting, LIMIT_SECRETS);
    ck_assert_uint_eq(stats.refused, 1);
    ck_assert_int_eq(guard_admit(g, SPAN("a"), SPAN("1")), GUARD_FULL);
    pthread_mutex_lock(&c.lock);
    c.hold = false;
    pthread_cond_broadcast(&c.go);
    while (c.done < taken)
        pthread_cond_wait(&c.came, &c.lock);
    pthread_mutex_unlock(&c.lock);
    guard_stats(g, &stats);
    ck_assert_uint_eq(stats.wrong, taken);
    ck_assert_uint_eq(stats.right, 0);
    guard_free(g);
    pthread_cond_destroy(&c.came);
    pthread_cond_destroy(&c.go);
    pthread_mutex_destroy(&c.lock);
}
END_TEST

/* A stop does not wait until all that waits was worked off: it is given back, and no more is taken.
 */
START_TEST(an_ending_guard)
{
    struct crowd c = {.hold = true};
    struct guard *g;
    struct err e;
    struct guard_stats stats;

    pthread_mutex_init(&c.lock, NULL);
    pthread_cond_init(&c.came, NULL);
    pthread_cond_init(&c.go, NULL);
    ck_assert_int_eq(guard_new(&g, &e), 0);
    for (unsigned i = 0; i < 32; i++) {
        struct secret *s = secret_new(SECRET_CHECK, SPAN("x"));

        s->owner = &c;
        s->done = on_done;
        ck_assert(guard_ask(g, s));
    }
    guard_end(g);
    pthread_mutex_lock(&c.lock);
    c.hold = false;
    pthread_cond_broadcast(&c.go);
    while (c.done < 32)
        pthread_cond_wait(&c.came, &c.lock);
    pthread_mutex_unlock(&c.lock);
    guard_stats(g, &stats);
    ck_assert_uint_le(stats.wrong, 4); /* those that were under way */

    struct secret *late = secret_new(SECRET_CHECK, SPAN("x"));

    late->owner = &c;
    late->done = on_done;
    ck_assert(!guard_ask(g, late));
    secret_free(late);
    guard_free(g);
    pthread_cond_destroy(&c.came);
    pthread_cond_destroy(&c.go);
    pthread_mutex_destroy(&c.lock);
}
END_TEST

/* Tries of one address run out whatever the names, and of one name whatever the addresses. */
START_TEST(tries_of_names_and_addresses)
{
    struct guard *g;
    struct err e;

    ck_assert_int_eq(guard_new(&g, &e), 0);

    unsigned n = 0;

    for (uint32_t i = 0; guard_admit(g, span_make(&i, sizeof(i)), SPAN("1")) == GUARD_TAKEN; i++)
        n++;
    ck_assert_uint_ge(n, LIMIT_WRONG_BY_ADDRESS);
    n = 0;
    for (uint32_t i = 0; guard_admit(g, SPAN("name"), span_make(&i, sizeof(i))) == GUARD_TAKEN; i++)
        n++;
    ck_assert_uint_ge(n, LIMIT_WRONG_BY_USER);
    guard_free(g);
}
END_TEST

/* ---- grant ---- */

START_TEST(nothing_said_is_refused)
{
    const struct caller nobody = {.kind = CALLER_NOBODY};

    ck_assert(!grant_allows(NULL, &nobody, &(struct grant_ask){.need = GRANT_NEVER}));
    ck_assert(!grant_allows(NULL, &nobody, &(struct grant_ask){.key = SPAN("/")}));
    ck_assert(grant_allows(NULL, &nobody, &(struct grant_ask){.need = GRANT_ROOT}));
    ck_assert(grant_allows(NULL, &nobody, &(struct grant_ask){.need = GRANT_OPEN}));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("auth");
    TCase *tc = tcase_create("auth");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, basic, 0, CP_COUNT(headers));
    tcase_add_loop_test(tc, check_of_hashes, 0, CP_COUNT(hashes));
    tcase_add_test(tc, a_hash_of_our_own);
    tcase_add_test(tc, proven_pairs);
    tcase_add_test(tc, throttle_at_its_limit);
    tcase_add_test(tc, a_full_guard);
    tcase_add_test(tc, an_ending_guard);
    tcase_add_test(tc, tries_of_names_and_addresses);
    tcase_add_test(tc, nothing_said_is_refused);
    suite_add_tcase(s, tc);

    SRunner *r = srunner_create(s);

    srunner_run_all(r, CK_ENV);

    int failed = srunner_ntests_failed(r);

    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
