/* Who may what: every route, every method, every kind of caller; and what the endpoints of accounts
 * say beyond the recorded cases. */
#include "test_api.h"

#include "base/mem.h"
#include "codec/command.h"
#include "store/account.h"

#include <pthread.h>

/* of "r" and "p", at the least cost */
#define HASH_R "$2a$04$WUHhXETkX0fnYkrqZU3ta.djRF21twvHcAJ0pdCDDSAww0UQUwMei"
#define HASH_P "$2a$04$WUHhXETkX0fnYkrqZU3ta.QyDmtl3BXh.4zpEfy4JR5KJIuCZW33K"

static void apply(struct account_op op)
{
    struct command c = {.kind = COMMAND_ACCOUNT, .account = op};
    struct proposal *p = mem_zalloc(sizeof(*p));
    p->command = command_encode(&c);
    p->kind = COMMAND_ACCOUNT;
    p->account.verb = (int)op.verb;
    buf_span(&p->account.name, op.name);
    fake_engine_apply(&engine, p);
    struct api_reply r;
    api_proposal_reply(&api, &p, false, &r);
    ck_assert_msg(r.status < 300, "setting up: %d", r.status);
    api_reply_fini(&r);
}

static struct texts texts(struct buf *packed, const char *text)
{
    texts_pack(packed, span_of(text));
    return (struct texts){.packed = buf_as_span(packed), .n = 1};
}

/* root:r; al:p may read below /a/; guest may read below /g/. */
static void setup(void)
{
    struct err e;
    struct buf a = {0}, g = {0}, r = {0};
    api_setup();
    ck_assert_int_eq(guard_new(&api.guard, &e), 0);
    apply(
        (struct account_op){.verb = ACCOUNT_PUT_USER, .name = SPAN("root"), .hash = SPAN(HASH_R)});
    apply((struct account_op){.verb = ACCOUNT_PUT_USER,
                              .name = SPAN("al"),
                              .hash = SPAN(HASH_P),
                              .list = {[USER_ROLES] = texts(&r, "reader")}});
    apply((struct account_op){.verb = ACCOUNT_PUT_ROLE,
                              .name = SPAN("reader"),
                              .list = {[ROLE_READ] = texts(&a, "/a/*")}});
    apply((struct account_op){.verb = ACCOUNT_PUT_ROLE,
                              .name = SPAN("guest"),
                              .list = {[ROLE_READ] = texts(&g, "/g/*")}});
    buf_fini(&a);
    buf_fini(&g);
    buf_fini(&r);
    apply((struct account_op){.verb = ACCOUNT_ENABLE});
}

static void teardown(void)
{
    guard_free(api.guard);
    api_teardown();
}

/* ---- a request, with all it has to wait for ---- */

struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t came;
    bool done;
};

static void on_done(struct secret *s)
{
    struct waiting *w = s->owner;
    pthread_mutex_lock(&w->lock);
    w->done = true;
    pthread_cond_signal(&w->came);
    pthread_mutex_unlock(&w->lock);
}

static void wait_for(struct secret *s)
{
    struct waiting w = {.done = false};
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.came, NULL);
    s->owner = &w;
    s->done = on_done;
    ck_assert(guard_ask(api.guard, s));
    pthread_mutex_lock(&w.lock);
    while (!w.done)
        pthread_cond_wait(&w.came, &w.lock);
    pthread_mutex_unlock(&w.lock);
    pthread_cond_destroy(&w.came);
    pthread_mutex_destroy(&w.lock);
}

/* The status; BODY gets a copy when it is not NULL. */
static int ask(struct api_request rq, struct buf *body)
{
    struct api_result out;
    struct secret *secret = NULL;
    api_handle(&api, 0, &rq, &out);
    while (out.outcome == API_SECRET) {
        secret_free(secret);
        secret = out.secret;
        wait_for(secret);
        rq.secret = secret;
        api_handle(&api, 0, &rq, &out);
    }
    secret_free(secret);
    if (out.outcome == API_PROPOSE) {
        fake_engine_apply(&engine, out.proposal);
        api_proposal_reply(&api, &out.proposal, out.no_value, &out.reply);
    } else if (out.outcome == API_WATCH) {
        buf_fini(&out.watch.path);
        right_fini(&out.watch.right);
        return 200;
    }
    int status = out.reply.status;
    if (body != NULL)
        buf_span(body, buf_as_span(&out.reply.body));
    api_reply_fini(&out.reply);
    return status;
}

/* ---- routes and callers ---- */

enum who { NONE, EMPTY, USER, ROOT, WRONG, UNKNOWN, MALFORMED, OTHER, CERT, CERT_UNKNOWN, WHO_N };

static const struct {
    const char *name, *authorization, *cert;
} callers[WHO_N] = {
    [NONE] = {"no header", NULL, NULL},
    [EMPTY] = {"an empty header", "", NULL},
    [USER] = {"a user", "Basic YWw6cA==", NULL},
    [ROOT] = {"root", "Basic cm9vdDpy", NULL},
    [WRONG] = {"root with a wrong password", "Basic cm9vdDp4", NULL},
    [UNKNOWN] = {"an unknown user", "Basic bm9ib2R5OnA=", NULL},
    [MALFORMED] = {"no base64", "Basic !!!", NULL},
    [OTHER] = {"another scheme", "Bearer abc", NULL},
    [CERT] = {"a certificate of a user", NULL, "al"},
    [CERT_UNKNOWN] = {"a certificate of nobody", NULL, "nobody"},
};

#define ALL     ((1u << WHO_N) - 1)
#define ONLY(w) (1u << (w))
#define GUESTS  (ONLY(NONE) | ONLY(EMPTY) | ONLY(CERT_UNKNOWN))
#define USERS   (ONLY(USER) | ONLY(CERT))

/* Who gets another answer than 401. */
static const struct {
    const char *target;
    unsigned read, write;
} routes[] = {
    {"/version", ALL, ALL},
    {"/health", ALL, ALL},
    {"/livez", ALL, ALL},
    {"/readyz", ALL, ALL},
    {"/metrics", ALL, ALL},
    {"/v2/machines", ALL, ALL},
    {"/v2/stats/self", ALL, ALL},
    {"/v2/stats/store", ALL, ALL},
    {"/v2/stats/leader", ALL, ALL},
    {"/debug/vars", ALL, ALL},
    {"/config/local/log", ALL, ONLY(ROOT)},
    {"/v2/nothing", ALL, ALL},
    {"/v2/members", ALL, ONLY(ROOT)},
    {"/v2/members/leader", ALL, ONLY(ROOT)},
    {"/v2/members/zz", ALL, ONLY(ROOT)},
    {"/v2/auth/enable", ALL, ONLY(ROOT)},
    {"/v2/auth/users", ONLY(ROOT), ONLY(ROOT)},
    {"/v2/auth/users/", ONLY(ROOT), ONLY(ROOT)},
    {"/v2/auth/users/al", ONLY(ROOT), ONLY(ROOT)},
    {"/v2/auth/roles", ONLY(ROOT), ONLY(ROOT)},
    {"/v2/auth/roles/reader", ONLY(ROOT), ONLY(ROOT)},
    {"/v2/keys", ONLY(ROOT), ONLY(ROOT)},
    {"/v2/keys/", ONLY(ROOT), ONLY(ROOT)},
    {"/v2/keys/a", ONLY(ROOT), ONLY(ROOT)},
    {"/v2/keys/a/", ONLY(ROOT) | USERS, ONLY(ROOT)},
    {"/v2/keys/a/x", ONLY(ROOT) | USERS, ONLY(ROOT)},
    {"/v2/keys/a/x?recursive=true", ONLY(ROOT) | USERS, ONLY(ROOT)},
    {"/v2/keys/a/x?quorum=true", ONLY(ROOT) | USERS, ONLY(ROOT)},
    {"/v2/keys/%61/x", ONLY(ROOT) | USERS, ONLY(ROOT)},
    {"/v2/keys/a?recursive=true", ONLY(ROOT), ONLY(ROOT)},
    {"/v2/keys/ab", ONLY(ROOT), ONLY(ROOT)},
    {"/v2/keys/g/x", ONLY(ROOT) | GUESTS, ONLY(ROOT)},
    {"/v2/keys/g/?recursive=true", ONLY(ROOT) | GUESTS, ONLY(ROOT)},
};

static const enum v2_method methods[] = {V2_M_GET,    V2_M_HEAD,    V2_M_PUT,  V2_M_POST,
                                         V2_M_DELETE, V2_M_OPTIONS, V2_M_OTHER};

static struct api_request request(enum v2_method method, const char *target, enum who who)
{
    /* addresses of their own: this test is not about floods */
    static unsigned from;
    from++;
    struct api_request rq = {
        .method = method, .target = span_of(target), .address = span_make(&from, sizeof(from))};
    if (callers[who].authorization != NULL)
        rq.authorization = span_of(callers[who].authorization);
    if (callers[who].cert != NULL)
        rq.cert_user = span_of(callers[who].cert);
    return rq;
}

START_TEST(every_route_every_caller)
{
    enum who who = (enum who)_i;
    unsigned wrong_tries = 0;
    for (size_t r = 0; r < CP_COUNT(routes); r++) {
        for (size_t m = 0; m < CP_COUNT(methods); m++) {
            bool reads = methods[m] == V2_M_GET || methods[m] == V2_M_HEAD;
            unsigned may = reads ? routes[r].read : routes[r].write;
            int status = ask(request(methods[m], routes[r].target, who), NULL);
            if (status == 429) { /* as bad as 401, and all there is after some wrong passwords */
                ck_assert(who == WRONG || who == UNKNOWN);
                wrong_tries++;
                status = 401;
            }
            if (status == 405 || methods[m] == V2_M_OPTIONS)
                continue; /* before anybody asks who is calling */
            bool admitted = status != 401;
            ck_assert_msg(admitted == ((may >> who & 1) != 0), "%s, method %d of %s: %d",
                          callers[who].name, (int)methods[m], routes[r].target, status);
        }
        /* what root did on the way: */
        if (who == ROOT && !accounts_enabled(store_accounts(engine.store)))
            apply((struct account_op){.verb = ACCOUNT_ENABLE});
    }
    ck_assert(who == WRONG || who == UNKNOWN || wrong_tries == 0);
}
END_TEST

START_TEST(a_new_password_ends_the_old_one)
{
    struct api_request rq = request(V2_M_GET, "/v2/auth/users/al", ROOT);
    ck_assert_int_eq(ask(rq, NULL), 200);
    ck_assert(guard_knows(api.guard, SPAN("root"), SPAN("r"),
                          accounts_user(store_accounts(engine.store), SPAN("root"))->hash));
    struct api_request put = request(V2_M_PUT, "/v2/auth/users/root", ROOT);
    put.body = SPAN("{\"user\":\"root\",\"password\":\"s\"}");
    ck_assert_int_eq(ask(put, NULL), 200);
    ck_assert_int_eq(ask(rq, NULL), 401);
    rq.authorization = SPAN("Basic cm9vdDpz");
    ck_assert_int_eq(ask(rq, NULL), 200);
}
END_TEST

START_TEST(wrong_passwords_run_out)
{
    struct api_request rq = request(V2_M_GET, "/v2/keys/a/x", WRONG);
    struct buf body = {0};
    int status = 401;
    unsigned tries = 0;
    for (; status == 401 && tries < 4 * LIMIT_WRONG_BY_ADDRESS; tries++) {
        buf_clear(&body);
        status = ask(rq, &body);
    }
    ck_assert_int_eq(status, 429);
    ck_assert_uint_gt(tries, LIMIT_WRONG_BY_USER);
    same_text(
        "the error", buf_as_span(&body),
        "{\"errorCode\":110,\"message\":\"The request requires user authentication\",\"cause\":"
        "\"too many wrong passwords, try again in a second\",\"index\":0}\n");
    buf_fini(&body);
}
END_TEST

/* A limit, and one beyond. */
START_TEST(limits_of_bodies)
{
    static const struct {
        const char *before;
        size_t n;
        const char *after;
        bool role, fits;
    } rows[] = {
        {"{\"user\":\"a\",\"password\":\"", LIMIT_PASSWORD_BYTES, "\"}", false, true},
        {"{\"user\":\"a\",\"password\":\"", LIMIT_PASSWORD_BYTES + 1, "\"}", false, false},
        {"{\"user\":\"a\",\"password\":\"p\",\"roles\":[\"", LIMIT_ACCOUNT_NAME, "\"]}", false,
         true},
        {"{\"user\":\"a\",\"password\":\"p\",\"roles\":[\"", LIMIT_ACCOUNT_NAME + 1, "\"]}", false,
         false},
        {"{\"role\":\"a\",\"permissions\":{\"kv\":{\"read\":[\"", LIMIT_PATTERN_BYTES, "\"]}}}",
         true, true},
        {"{\"role\":\"a\",\"permissions\":{\"kv\":{\"read\":[\"", LIMIT_PATTERN_BYTES + 1, "\"]}}}",
         true, false},
    };
    struct buf body = {0};
    buf_span(&body, span_of(rows[_i].before));
    for (size_t i = 0; i < rows[_i].n; i++)
        buf_char(&body, 'x');
    buf_span(&body, span_of(rows[_i].after));
    struct api_request rq =
        request(V2_M_PUT, rows[_i].role ? "/v2/auth/roles/a" : "/v2/auth/users/a", ROOT);
    rq.body = buf_as_span(&body);
    int status = ask(rq, NULL);
    ck_assert_msg(rows[_i].fits ? status < 300 : status == 400, "row %d: %d", _i, status);
    buf_fini(&body);
}
END_TEST

START_TEST(limit_of_lists)
{
    for (unsigned more = 0; more < 2; more++) {
        struct buf body = {0};
        buf_lit(&body, "{\"user\":\"b\",\"password\":\"p\",\"roles\":[\"r\"");
        for (unsigned i = 1; i < LIMIT_ACCOUNT_LIST + more; i++)
            buf_printf(&body, ",\"%u\"", i);
        buf_lit(&body, "]}");
        struct api_request rq = request(V2_M_PUT, "/v2/auth/users/b", ROOT);
        rq.body = buf_as_span(&body);
        ck_assert_int_eq(ask(rq, NULL), more == 0 ? 200 : 400);
        buf_fini(&body);
    }
}
END_TEST

START_TEST(enabling_warns_of_an_open_guest)
{
    static const bool open[] = {false, true};
    for (unsigned i = 0; i < CP_COUNT(open); i++) {
        api.guest_open = open[i];
        apply((struct account_op){.verb = ACCOUNT_DELETE_ROLE, .name = SPAN("guest")});
        apply((struct account_op){.verb = ACCOUNT_DISABLE});
        struct api_request rq = request(V2_M_PUT, "/v2/auth/enable", NONE);
        struct api_result out;
        api_handle(&api, 0, &rq, &out);
        fake_engine_apply(&engine, out.proposal);
        api_proposal_reply(&api, &out.proposal, false, &out.reply);
        ck_assert_int_eq(out.reply.status, 200);
        ck_assert_uint_eq(out.reply.body.len, 0);
        ck_assert((out.reply.warning != NULL) == open[i]);
        ck_assert_int_eq(ask(request(V2_M_GET, "/v2/keys/", NONE), NULL), open[i] ? 200 : 401);
        api_reply_fini(&out.reply);
    }
}
END_TEST

Suite *auth_suite(void)
{
    Suite *s = suite_create("auth");
    TCase *tc = tcase_create("auth");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, every_route_every_caller, 0, WHO_N);
    tcase_add_test(tc, a_new_password_ends_the_old_one);
    tcase_add_test(tc, wrong_passwords_run_out);
    tcase_add_loop_test(tc, limits_of_bodies, 0, 6);
    tcase_add_test(tc, limit_of_lists);
    tcase_add_test(tc, enabling_warns_of_an_open_guest);
    suite_add_tcase(s, tc);
    return s;
}
