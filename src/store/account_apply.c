/* account_apply: what each change of users and roles does, and what refuses it. Every refusal is
 * found before the first change; but it may have cost the indexes of etcd's directories. */
#include "store/account_priv.h"

#include "base/check.h"
#include "base/mem.h"
#include "proto/limits.h"

#include <stdlib.h>

/* ---- lists ---- */

static int by_bytes(const void *a, const void *b)
{
    return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

/* What etcd's set makes of a list: sorted, each text once, never null. */
struct set {
    struct span *v; /* sorted only by set_pack */
    uint32_t n;
};

static void set_add(struct set *s, struct span text)
{
    s->v[s->n++] = text;
}

static bool set_find(const struct set *s, struct span text, uint32_t *at)
{
    for (*at = 0; *at < s->n; ++*at) {
        if (span_eq(s->v[*at], text))
            return true;
    }
    return false;
}

/* Adds GRANT to BASE; false at the first text that is there already, which WHAT then says. */
static bool set_make(struct set *s, struct texts base, bool implied, struct texts grant,
                     struct span *what)
{
    struct span text;
    uint32_t at;

    s->v = mem_alloc((base.n + (size_t)grant.n + 1) * sizeof(struct span));
    s->n = 0;
    while (texts_next(&base, &text)) {
        if (!set_find(s, text, &at))
            set_add(s, text);
    }
    if (implied)
        set_add(s, ACCOUNT_ROOT);
    while (texts_next(&grant, &text)) {
        if (set_find(s, text, &at)) {
            *what = text;
            return false;
        }
        set_add(s, text);
    }
    return true;
}

/* Takes REVOKE off; false at the first text that is not there. All others go. */
static bool set_take(struct set *s, struct texts revoke, struct span *what)
{
    struct span text;
    bool all = true;
    uint32_t at;

    while (texts_next(&revoke, &text)) {
        if (set_find(s, text, &at)) {
            s->v[at] = s->v[--s->n];
        } else if (all) {
            *what = text;
            all = false;
        }
    }
    return all;
}

static struct texts set_pack(struct set *s, struct buf *b)
{
    qsort(s->v, s->n, sizeof(s->v[0]), by_bytes);
    buf_clear(b);
    for (uint32_t i = 0; i < s->n; i++)
        texts_pack(b, s->v[i]);
    return (struct texts){.packed = buf_as_span(b), .n = s->n};
}

/* ---- one operation under way ---- */

struct work {
    const struct accounts *before;
    const struct account_op *op;
    struct account_result *out;
    struct accounts *next; /* NULL until something changes */
};

/* quirk: etcd makes three directories and a flag in its tree when accounts are first written, and
 * also when the write is refused after that (auth-off in tests/unit/store/test_account.c). */
#define MAKING_INDEXES 4

static struct accounts *open_next(struct work *w)
{
    if (w->next == NULL)
        w->next = accounts_copy(w->before);
    return w->next;
}

static void make(struct work *w)
{
    if (w->before != NULL || w->next != NULL)
        return;
    (void)open_next(w);
    w->out->indexes += MAKING_INDEXES;
}

static enum account_code create_user(struct work *w, enum account_code done)
{
    const struct account_op *op = w->op;
    struct texts roles = op->list[USER_ROLES];
    struct buf packed = {0};

    if (op->hash.len == 0)
        return ACCOUNT_NO_PASSWORD;
    make(w);
    if (accounts_user(w->before, op->name) != NULL)
        return ACCOUNT_EXISTS;
    if ((w->before != NULL && w->before->n_users >= LIMIT_ACCOUNTS) || roles.n > LIMIT_ACCOUNT_LIST)
        return ACCOUNT_TOO_MANY;
    if (span_eq(op->name, ACCOUNT_ROOT) && !texts_has(roles, ACCOUNT_ROOT)) {
        buf_span(&packed, roles.packed);
        texts_pack(&packed, ACCOUNT_ROOT);
        roles = (struct texts){.packed = buf_as_span(&packed), .n = roles.n + 1};
    }
    accounts_set_user(open_next(w), user_new(op->name, op->hash, roles));
    w->out->indexes++;
    buf_fini(&packed);
    return done;
}

static enum account_code merge_user(struct work *w, const struct user *old, struct set *s)
{
    const struct account_op *op = w->op;
    struct span *what = &w->out->what;
    struct buf packed = {0};
    enum account_code code = ACCOUNT_DONE;
    bool implied;
    struct texts before = user_roles(old, &implied);

    if (!set_make(s, before, implied, op->list[USER_GRANT], what))
        return ACCOUNT_ROLE_GRANTED;
    if (!set_take(s, op->list[USER_REVOKE], what))
        return ACCOUNT_NOT_GRANTED;
    if (s->n > LIMIT_ACCOUNT_LIST)
        return ACCOUNT_TOO_MANY;

    struct texts roles = set_pack(s, &packed);
    struct buf shown = {0}; /* what etcd compares with: with the role that root always has */

    buf_span(&shown, before.packed);
    if (implied) {
        texts_pack(&shown, ACCOUNT_ROOT);
        before = (struct texts){.n = before.n + 1};
    }
    before.packed = buf_as_span(&shown);
    if (op->hash.len == 0 && texts_same(before, roles)) {
        code = ACCOUNT_UNCHANGED;
    } else {
        make(w);
        accounts_set_user(open_next(w),
                          user_new(op->name, op->hash.len > 0 ? op->hash : old->hash, roles));
        w->out->indexes++;
    }
    buf_fini(&shown);
    buf_fini(&packed);
    return code;
}

static enum account_code update_user(struct work *w)
{
    const struct user *old = accounts_user(w->before, w->op->name);
    struct set s = {0};

    if (old == NULL)
        return ACCOUNT_UNKNOWN;

    enum account_code code = merge_user(w, old, &s);

    mem_free(s.v);
    return code;
}

static enum account_code put_user(struct work *w)
{
    const struct account_op *op = w->op;

    if (op->list[USER_GRANT].n > 0 || op->list[USER_REVOKE].n > 0)
        return update_user(w);
    if (op->list[USER_ROLES].n > 0) /* quirk: created with roles, 200 (auth-users) */
        return create_user(w, ACCOUNT_DONE);
    if (accounts_user(w->before, op->name) != NULL)
        return update_user(w);
    return create_user(w, ACCOUNT_CREATED);
}

static enum account_code delete_user(struct work *w)
{
    if (accounts_enabled(w->before) && span_eq(w->op->name, ACCOUNT_ROOT))
        return ACCOUNT_KEEP_ROOT;
    make(w);
    if (accounts_user(w->before, w->op->name) == NULL)
        return ACCOUNT_UNKNOWN;
    accounts_drop_user(open_next(w), w->op->name);
    w->out->indexes++;
    return ACCOUNT_DONE;
}

static bool is_full(const struct accounts *a)
{
    return a != NULL && a->n_roles >= LIMIT_ACCOUNTS;
}

static enum account_code create_role(struct work *w)
{
    const struct account_op *op = w->op;

    make(w);
    if (accounts_role(w->before, op->name) != NULL)
        return ACCOUNT_EXISTS;
    if (is_full(w->before) || op->list[ROLE_READ].n > LIMIT_ACCOUNT_LIST ||
        op->list[ROLE_WRITE].n > LIMIT_ACCOUNT_LIST)
        return ACCOUNT_TOO_MANY;
    accounts_set_role(open_next(w), role_new(op->name, op->list[ROLE_READ], op->list[ROLE_WRITE]));
    w->out->indexes++;
    return ACCOUNT_CREATED;
}

static enum account_code merge_role(struct work *w, const struct role *old, struct set *read,
                                    struct set *write)
{
    const struct texts *list = w->op->list;
    struct buf packed[2] = {{0}, {0}};
    struct span ignored;
    enum account_code code = ACCOUNT_DONE;

    if (!set_make(read, old->read, false, list[ROLE_GRANT_READ], &w->out->what))
        return ACCOUNT_READ_GRANTED;
    if (!set_make(write, old->write, false, list[ROLE_GRANT_WRITE], &w->out->what))
        return ACCOUNT_WRITE_GRANTED;
    /* quirk: what was never granted is revoked in silence (auth-roles) */
    (void)set_take(read, list[ROLE_REVOKE_READ], &ignored);
    (void)set_take(write, list[ROLE_REVOKE_WRITE], &ignored);
    if (read->n > LIMIT_ACCOUNT_LIST || write->n > LIMIT_ACCOUNT_LIST)
        return ACCOUNT_TOO_MANY;

    struct texts reads = set_pack(read, &packed[0]), writes = set_pack(write, &packed[1]);

    if (texts_same(reads, old->read) && texts_same(writes, old->write)) {
        code = ACCOUNT_UNCHANGED;
    } else {
        make(w);
        accounts_set_role(open_next(w), role_new(old->name, reads, writes));
        w->out->indexes++;
    }
    buf_fini(&packed[0]);
    buf_fini(&packed[1]);
    return code;
}

static enum account_code put_role(struct work *w)
{
    const struct texts *list = w->op->list;
    bool update = false;

    if (span_eq(w->op->name, ACCOUNT_ROOT))
        return ACCOUNT_IS_ROOT;
    for (unsigned i = ROLE_GRANT_READ; i <= ROLE_REVOKE_WRITE; i++)
        update = update || list[i].n > 0;
    if (!update)
        return create_role(w);

    const struct role *old = accounts_role(w->before, w->op->name);
    struct set read = {0}, write = {0};

    if (old == NULL)
        return ACCOUNT_UNKNOWN;

    enum account_code code = merge_role(w, old, &read, &write);

    mem_free(read.v);
    mem_free(write.v);
    return code;
}

static enum account_code delete_role(struct work *w)
{
    if (span_eq(w->op->name, ACCOUNT_ROOT))
        return ACCOUNT_IS_ROOT;
    make(w);
    if (accounts_role(w->before, w->op->name) == NULL)
        return ACCOUNT_UNKNOWN;
    accounts_drop_role(open_next(w), w->op->name);
    w->out->indexes++;
    return ACCOUNT_DONE;
}

static enum account_code enable(struct work *w)
{
    if (accounts_enabled(w->before))
        return ACCOUNT_ALREADY;
    if (accounts_user(w->before, ACCOUNT_ROOT) == NULL)
        return ACCOUNT_NO_ROOT;
    if (accounts_role(w->before, ACCOUNT_GUEST) == NULL) {
        struct buf packed = {0};

        texts_pack(&packed, SPAN("/*"));

        struct texts all = {.packed = buf_as_span(&packed), .n = 1}, none = {.n = 0};
        struct texts patterns = w->op->guest_open ? all : none;

        accounts_set_role(open_next(w), role_new(ACCOUNT_GUEST, patterns, patterns));
        w->out->indexes++;
        buf_fini(&packed);
    }
    open_next(w)->enabled = true;
    w->out->indexes++;
    return ACCOUNT_DONE;
}

static enum account_code disable(struct work *w)
{
    if (!accounts_enabled(w->before))
        return ACCOUNT_ALREADY;
    open_next(w)->enabled = false;
    w->out->indexes++;
    return ACCOUNT_DONE;
}

void account_apply(const struct accounts *before, const struct account_op *op,
                   struct account_result *out)
{
    static enum account_code (*const verbs[])(struct work *) = {
        [ACCOUNT_PUT_USER] = put_user, [ACCOUNT_DELETE_USER] = delete_user,
        [ACCOUNT_PUT_ROLE] = put_role, [ACCOUNT_DELETE_ROLE] = delete_role,
        [ACCOUNT_ENABLE] = enable,     [ACCOUNT_DISABLE] = disable,
    };
    struct work w = {.before = before, .op = op, .out = out};

    CP_ASSERT(op->verb >= ACCOUNT_PUT_USER && op->verb <= ACCOUNT_DISABLE);
    *out = (struct account_result){.code = ACCOUNT_DONE};
    out->code = verbs[op->verb](&w);
    out->after = w.next;
    CP_ASSERT((out->after != NULL) == (out->indexes > 0));
}
