/* Users and roles: what each change does, costs and is refused for. */
#include "suite.h"

#include "base/mem.h"
#include "proto/limits.h"
#include "store/account.h"

#include <stdio.h>

/* "a,b": the texts a and b; NULL: null. Kept until the end of the test. */
static struct texts list(const char *commas)
{
    struct texts t = {.null = commas == NULL};
    struct buf b = {0};
    while (commas != NULL && *commas != '\0') {
        size_t len = strcspn(commas, ",");
        texts_pack(&b, span_make(commas, len));
        t.n++;
        commas += len + (commas[len] == ',');
    }
    t.packed = buf_as_span(&b);
    return t;
}

static void check_list(struct texts got, const char *want, const char *name)
{
    struct texts expected = list(want);
    ck_assert_msg(texts_same(got, expected), "%s: want %s, got %u texts%s", name,
                  want != NULL ? want : "null", got.n, got.null ? ", null" : "");
    mem_free((void *)(uintptr_t)expected.packed.ptr);
}

/* One change after the other, from nothing on. */
static const struct {
    const char *name;
    enum account_verb verb;
    const char *who, *hash;
    const char *list[ACCOUNT_LISTS]; /* NULL stands for an empty one here */
    enum account_code code;
    unsigned indexes;
    const char *what;
    const char *first,
        *second; /* the lists afterwards: roles; read and write. "-": not looked at */
} steps[] = {
    {"no password costs nothing",
     ACCOUNT_PUT_USER,
     "a",
     "",
     {NULL},
     ACCOUNT_NO_PASSWORD,
     0,
     "",
     "-",
     "-"},
    {"enabling without root", ACCOUNT_ENABLE, "", "", {NULL}, ACCOUNT_NO_ROOT, 0, "", "-", "-"},
    {"the first write costs four, though refused",
     ACCOUNT_DELETE_USER,
     "zz",
     "",
     {NULL},
     ACCOUNT_UNKNOWN,
     4,
     "",
     "-",
     "-"},
    {"unknown, again", ACCOUNT_DELETE_USER, "zz", "", {NULL}, ACCOUNT_UNKNOWN, 0, "", "-", "-"},
    {"create", ACCOUNT_PUT_USER, "a", "h", {NULL}, ACCOUNT_CREATED, 1, "", "", "-"},
    {"an update of the password",
     ACCOUNT_PUT_USER,
     "a",
     "h2",
     {NULL},
     ACCOUNT_DONE,
     1,
     "",
     "",
     "-"},
    {"nothing new", ACCOUNT_PUT_USER, "a", "", {NULL}, ACCOUNT_UNCHANGED, 0, "", "", "-"},
    {"created with roles",
     ACCOUNT_PUT_USER,
     "b",
     "h",
     {"r1,r0"},
     ACCOUNT_DONE,
     1,
     "",
     "r1,r0",
     "-"},
    {"exists", ACCOUNT_PUT_USER, "b", "h", {"r1"}, ACCOUNT_EXISTS, 0, "", "r1,r0", "-"},
    {"granted, sorted",
     ACCOUNT_PUT_USER,
     "b",
     "",
     {NULL, "x"},
     ACCOUNT_DONE,
     1,
     "",
     "r0,r1,x",
     "-"},
    {"granted before",
     ACCOUNT_PUT_USER,
     "b",
     "",
     {NULL, "y,x"},
     ACCOUNT_ROLE_GRANTED,
     0,
     "x",
     "r0,r1,x",
     "-"},
    {"not granted",
     ACCOUNT_PUT_USER,
     "b",
     "",
     {NULL, NULL, "r0,zz"},
     ACCOUNT_NOT_GRANTED,
     0,
     "zz",
     "r0,r1,x",
     "-"},
    {"revoked", ACCOUNT_PUT_USER, "b", "", {NULL, NULL, "x,r1"}, ACCOUNT_DONE, 1, "", "r0", "-"},
    {"granted to nobody",
     ACCOUNT_PUT_USER,
     "zz",
     "",
     {NULL, "x"},
     ACCOUNT_UNKNOWN,
     0,
     "",
     "-",
     "-"},
    {"root gets its role",
     ACCOUNT_PUT_USER,
     "root",
     "h",
     {NULL},
     ACCOUNT_CREATED,
     1,
     "",
     "root",
     "-"},
    {"root loses it on paper",
     ACCOUNT_PUT_USER,
     "root",
     "",
     {NULL, NULL, "root"},
     ACCOUNT_DONE,
     1,
     "",
     "",
     "-"},
    {"and has it still",
     ACCOUNT_PUT_USER,
     "root",
     "",
     {NULL, "root"},
     ACCOUNT_ROLE_GRANTED,
     0,
     "root",
     "",
     "-"},
    {"a role", ACCOUNT_PUT_ROLE, "r", "", {NULL}, ACCOUNT_CREATED, 1, "", "", ""},
    {"it exists", ACCOUNT_PUT_ROLE, "r", "", {NULL}, ACCOUNT_EXISTS, 0, "", "", ""},
    {"grants",
     ACCOUNT_PUT_ROLE,
     "r",
     "",
     {NULL, NULL, "/b,/a", "/c"},
     ACCOUNT_DONE,
     1,
     "",
     "/a,/b",
     "/c"},
    {"read twice",
     ACCOUNT_PUT_ROLE,
     "r",
     "",
     {NULL, NULL, "/b"},
     ACCOUNT_READ_GRANTED,
     0,
     "/b",
     "/a,/b",
     "/c"},
    {"write twice",
     ACCOUNT_PUT_ROLE,
     "r",
     "",
     {NULL, NULL, "/z", "/c"},
     ACCOUNT_WRITE_GRANTED,
     0,
     "/c",
     "/a,/b",
     "/c"},
    {"revokes what is not there too",
     ACCOUNT_PUT_ROLE,
     "r",
     "",
     {NULL, NULL, NULL, NULL, "/b,/q", "/q"},
     ACCOUNT_DONE,
     1,
     "",
     "/a",
     "/c"},
    {"revokes nothing",
     ACCOUNT_PUT_ROLE,
     "r",
     "",
     {NULL, NULL, NULL, NULL, "/q"},
     ACCOUNT_UNCHANGED,
     0,
     "",
     "/a",
     "/c"},
    {"no such role",
     ACCOUNT_PUT_ROLE,
     "t",
     "",
     {NULL, NULL, "/q"},
     ACCOUNT_UNKNOWN,
     0,
     "",
     "-",
     "-"},
    {"the role root", ACCOUNT_PUT_ROLE, "root", "", {NULL}, ACCOUNT_IS_ROOT, 0, "", "-", "-"},
    {"the role root goes",
     ACCOUNT_DELETE_ROLE,
     "root",
     "",
     {NULL},
     ACCOUNT_IS_ROOT,
     0,
     "",
     "-",
     "-"},
    {"off already", ACCOUNT_DISABLE, "", "", {NULL}, ACCOUNT_ALREADY, 0, "", "-", "-"},
    {"on, and a guest", ACCOUNT_ENABLE, "", "", {NULL}, ACCOUNT_DONE, 2, "", "-", "-"},
    {"on already", ACCOUNT_ENABLE, "", "", {NULL}, ACCOUNT_ALREADY, 0, "", "-", "-"},
    {"root stays while it is on",
     ACCOUNT_DELETE_USER,
     "root",
     "",
     {NULL},
     ACCOUNT_KEEP_ROOT,
     0,
     "",
     "",
     "-"},
    {"guest may be changed",
     ACCOUNT_PUT_ROLE,
     "guest",
     "",
     {NULL, NULL, NULL, NULL, "/*"},
     ACCOUNT_DONE,
     1,
     "",
     "",
     "/*"},
    {"off", ACCOUNT_DISABLE, "", "", {NULL}, ACCOUNT_DONE, 1, "", "-", "-"},
    {"on, with the guest of before", ACCOUNT_ENABLE, "", "", {NULL}, ACCOUNT_DONE, 1, "", "-", "-"},
    {"a role goes", ACCOUNT_DELETE_ROLE, "r", "", {NULL}, ACCOUNT_DONE, 1, "", "-", "-"},
    {"it went", ACCOUNT_DELETE_ROLE, "r", "", {NULL}, ACCOUNT_UNKNOWN, 0, "", "-", "-"},
};

static void change(const struct accounts **a, const struct account_op *op, struct account_result *r)
{
    account_apply(*a, op, r);
    if (r->after != NULL) {
        accounts_unref(*a);
        *a = r->after;
    }
}

START_TEST(one_after_the_other)
{
    const struct accounts *a = NULL;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct account_op op = {.verb = steps[i].verb,
                                .guest_open = true,
                                .name = span_of(steps[i].who),
                                .hash = span_of(steps[i].hash)};
        struct account_result r;
        for (unsigned k = 0; k < ACCOUNT_LISTS; k++)
            op.list[k] = list(steps[i].list[k] != NULL ? steps[i].list[k] : "");
        change(&a, &op, &r);
        ck_assert_msg(r.code == steps[i].code, "%s: code %d", steps[i].name, (int)r.code);
        ck_assert_msg(r.indexes == steps[i].indexes, "%s: costs %u", steps[i].name, r.indexes);
        ck_assert_msg(span_eq(r.what, span_of(steps[i].what)), "%s: what", steps[i].name);
        const struct user *u = accounts_user(a, op.name);
        const struct role *p = accounts_role(a, op.name);
        if (op.verb == ACCOUNT_PUT_USER && strcmp(steps[i].first, "-") != 0)
            check_list(u->roles, steps[i].first, steps[i].name);
        if (op.verb == ACCOUNT_PUT_ROLE && strcmp(steps[i].first, "-") != 0) {
            check_list(p->read, steps[i].first, steps[i].name);
            check_list(p->write, steps[i].second, steps[i].name);
        }
        for (unsigned k = 0; k < ACCOUNT_LISTS; k++)
            mem_free((void *)(uintptr_t)op.list[k].packed.ptr);
    }
    accounts_unref(a);
}
END_TEST

START_TEST(a_guest_made_closed)
{
    const struct accounts *a = NULL;
    struct account_result r;
    change(&a,
           &(struct account_op){.verb = ACCOUNT_PUT_USER, .name = ACCOUNT_ROOT, .hash = SPAN("h")},
           &r);
    change(&a, &(struct account_op){.verb = ACCOUNT_ENABLE}, &r);
    ck_assert_int_eq(r.code, ACCOUNT_DONE);
    ck_assert_uint_eq(accounts_role(a, ACCOUNT_GUEST)->read.n, 0);
    ck_assert_uint_eq(accounts_role(a, ACCOUNT_GUEST)->write.n, 0);
    accounts_unref(a);
}
END_TEST

/* LIMIT_ACCOUNTS and LIMIT_ACCOUNT_LIST: one more is refused, and what is there stays. */
START_TEST(limits)
{
    struct accounts *full = accounts_new(false);
    char name[16];
    struct texts none = {.n = 0};
    for (unsigned i = 0; i < LIMIT_ACCOUNTS; i++) {
        snprintf(name, sizeof(name), "%08u", i);
        ck_assert(accounts_add_user(full, span_of(name), SPAN("h"), none));
        ck_assert(accounts_add_role(full, span_of(name), none, none));
    }
    ck_assert(!accounts_add_user(full, SPAN("x"), SPAN("h"), none));
    ck_assert(!accounts_add_role(full, SPAN("x"), none, none));
    struct account_result r;
    account_apply(
        full, &(struct account_op){.verb = ACCOUNT_PUT_USER, .name = SPAN("x"), .hash = SPAN("h")},
        &r);
    ck_assert_int_eq(r.code, ACCOUNT_TOO_MANY);
    account_apply(full, &(struct account_op){.verb = ACCOUNT_PUT_ROLE, .name = SPAN("x")}, &r);
    ck_assert_int_eq(r.code, ACCOUNT_TOO_MANY);
    accounts_unref(full);

    const struct accounts *a = NULL;
    struct buf many = {0};
    for (unsigned i = 0; i < LIMIT_ACCOUNT_LIST; i++) {
        snprintf(name, sizeof(name), "%08u", i);
        texts_pack(&many, span_of(name));
    }
    struct texts most = {.packed = buf_as_span(&many), .n = LIMIT_ACCOUNT_LIST}, one = list("x");
    change(&a,
           &(struct account_op){
               .verb = ACCOUNT_PUT_USER, .name = SPAN("u"), .hash = SPAN("h"), .list = {most}},
           &r);
    ck_assert_int_eq(r.code, ACCOUNT_DONE);
    change(
        &a,
        &(struct account_op){.verb = ACCOUNT_PUT_USER, .name = SPAN("u"), .list = {{.n = 0}, one}},
        &r);
    ck_assert_int_eq(r.code, ACCOUNT_TOO_MANY);
    ck_assert_uint_eq(accounts_user(a, SPAN("u"))->roles.n, LIMIT_ACCOUNT_LIST);
    buf_fini(&many);
    mem_free((void *)(uintptr_t)one.packed.ptr);
    accounts_unref(a);
}
END_TEST

/* A pinned version keeps the accounts it was published with. */
START_TEST(pinned)
{
    struct store *s = store_new();
    struct account_result r;
    account_apply(
        NULL, &(struct account_op){.verb = ACCOUNT_PUT_USER, .name = SPAN("u"), .hash = SPAN("h")},
        &r);
    ck_assert_uint_eq(r.indexes, 5);
    (void)store_burn(s);
    store_set_accounts(s, r.after);
    store_publish(s);
    const struct version *v = store_pin(s, 0);
    account_apply(store_accounts(s),
                  &(struct account_op){.verb = ACCOUNT_DELETE_USER, .name = SPAN("u")}, &r);
    (void)store_burn(s);
    store_set_accounts(s, r.after);
    store_publish(s);
    ck_assert_ptr_nonnull(accounts_user(version_accounts(v), SPAN("u")));
    ck_assert_ptr_null(accounts_user(version_accounts(store_pin(s, 1)), SPAN("u")));
    store_unpin(s, 0);
    store_unpin(s, 1);
    store_free(s);
}
END_TEST

TCase *case_account(void)
{
    TCase *tc = tcase_create("account");
    tcase_add_test(tc, one_after_the_other);
    tcase_add_test(tc, a_guest_made_closed);
    tcase_add_test(tc, limits);
    tcase_add_test(tc, pinned);
    return tc;
}
