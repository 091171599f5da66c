#include "store/account_priv.h"

#include "base/check.h"
#include "base/mem.h"
#include "proto/limits.h"

/* ---- values ---- */

/* Copies S to *AT, which moves on. */
static struct span keep(char **at, struct span s)
{
    struct span kept = {*at, s.len};

    if (s.len > 0)
        memcpy(*at, s.ptr, s.len);
    *at += s.len;
    return kept;
}

static struct texts keep_texts(char **at, struct texts t)
{
    t.packed = keep(at, t.packed);
    return t;
}

struct user *user_new(struct span name, struct span hash, struct texts roles)
{
    struct user *u = mem_alloc(sizeof(*u) + name.len + hash.len + roles.packed.len);
    char *at = u->bytes;

    atomic_init(&u->refs, 1);
    u->name = keep(&at, name);
    u->hash = keep(&at, hash);
    u->roles = keep_texts(&at, roles);
    return u;
}

struct role *role_new(struct span name, struct texts read, struct texts write)
{
    struct role *r = mem_alloc(sizeof(*r) + name.len + read.packed.len + write.packed.len);
    char *at = r->bytes;

    atomic_init(&r->refs, 1);
    r->name = keep(&at, name);
    r->read = keep_texts(&at, read);
    r->write = keep_texts(&at, write);
    return r;
}

static bool last_of(atomic_uint *refs)
{
    return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

static void user_unref(struct user *u)
{
    if (last_of(&u->refs))
        mem_free(u);
}

static void role_unref(struct role *r)
{
    if (last_of(&r->refs))
        mem_free(r);
}

struct accounts *accounts_new(bool enabled)
{
    struct accounts *a = mem_zalloc(sizeof(*a));

    atomic_init(&a->refs, 1);
    a->enabled = enabled;
    return a;
}

const struct accounts *accounts_ref(const struct accounts *a)
{
    if (a != NULL)
        atomic_fetch_add_explicit(&((struct accounts *)(uintptr_t)a)->refs, 1,
                                  memory_order_relaxed);
    return a;
}

void accounts_unref(const struct accounts *counted)
{
    struct accounts *a = (struct accounts *)(uintptr_t)counted;

    if (a == NULL || !last_of(&a->refs))
        return;
    for (uint32_t i = 0; i < a->n_users; i++)
        user_unref(a->users[i]);
    for (uint32_t i = 0; i < a->n_roles; i++)
        role_unref(a->roles[i]);
    mem_free(a->users);
    mem_free(a->roles);
    mem_free(a);
}

struct accounts *accounts_copy(const struct accounts *from)
{
    struct accounts *a = accounts_new(accounts_enabled(from));
    uint32_t n_users = from != NULL ? from->n_users : 0, n_roles = from != NULL ? from->n_roles : 0;

    a->users = mem_alloc((n_users + (size_t)1) * sizeof(struct user *));
    a->roles = mem_alloc((n_roles + (size_t)1) * sizeof(struct role *));
    for (; a->n_users < n_users; a->n_users++) {
        a->users[a->n_users] = from->users[a->n_users];
        atomic_fetch_add_explicit(&a->users[a->n_users]->refs, 1, memory_order_relaxed);
    }
    for (; a->n_roles < n_roles; a->n_roles++) {
        a->roles[a->n_roles] = from->roles[a->n_roles];
        atomic_fetch_add_explicit(&a->roles[a->n_roles]->refs, 1, memory_order_relaxed);
    }
    return a;
}

static struct span user_name(const struct accounts *a, uint32_t i)
{
    return a->users[i]->name;
}

static struct span role_name(const struct accounts *a, uint32_t i)
{
    return a->roles[i]->name;
}

/* Where NAME is, or belongs, among N that stand in the order of their names. */
static uint32_t place(const struct accounts *a, uint32_t n,
                      struct span (*name_of)(const struct accounts *a, uint32_t i),
                      struct span name, bool *there)
{
    uint32_t low = 0, high = n;

    *there = false;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int order = span_cmp(name, name_of(a, mid));

        if (order == 0) {
            *there = true;
            return mid;
        }
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static uint32_t user_place(const struct accounts *a, struct span name, bool *there)
{
    return place(a, a != NULL ? a->n_users : 0, user_name, name, there);
}

static uint32_t role_place(const struct accounts *a, struct span name, bool *there)
{
    return place(a, a != NULL ? a->n_roles : 0, role_name, name, there);
}

const struct user *accounts_user(const struct accounts *a, struct span name)
{
    bool there;
    uint32_t at = user_place(a, name, &there);

    return there ? a->users[at] : NULL;
}

const struct role *accounts_role(const struct accounts *a, struct span name)
{
    bool there;
    uint32_t at = role_place(a, name, &there);

    return there ? a->roles[at] : NULL;
}

struct texts user_roles(const struct user *u, bool *implied)
{
    *implied = span_eq(u->name, ACCOUNT_ROOT) && !texts_has(u->roles, ACCOUNT_ROOT);
    return u->roles;
}

/* ---- a private copy is changed ---- */

void accounts_set_user(struct accounts *a, struct user *u)
{
    bool there;
    uint32_t at = user_place(a, u->name, &there);

    if (there) {
        user_unref(a->users[at]);
    } else {
        memmove(a->users + at + 1, a->users + at, (a->n_users - at) * sizeof(struct user *));
        a->n_users++;
    }
    a->users[at] = u;
}

void accounts_set_role(struct accounts *a, struct role *r)
{
    bool there;
    uint32_t at = role_place(a, r->name, &there);

    if (there) {
        role_unref(a->roles[at]);
    } else {
        memmove(a->roles + at + 1, a->roles + at, (a->n_roles - at) * sizeof(struct role *));
        a->n_roles++;
    }
    a->roles[at] = r;
}

void accounts_drop_user(struct accounts *a, struct span name)
{
    bool there;
    uint32_t at = user_place(a, name, &there);

    CP_ASSERT(there);
    user_unref(a->users[at]);
    a->n_users--;
    memmove(a->users + at, a->users + at + 1, (a->n_users - at) * sizeof(struct user *));
}

void accounts_drop_role(struct accounts *a, struct span name)
{
    bool there;
    uint32_t at = role_place(a, name, &there);

    CP_ASSERT(there);
    role_unref(a->roles[at]);
    a->n_roles--;
    memmove(a->roles + at, a->roles + at + 1, (a->n_roles - at) * sizeof(struct role *));
}

/* ---- from a snapshot ---- */

bool accounts_add_user(struct accounts *a, struct span name, struct span hash, struct texts roles)
{
    if (a->n_users == LIMIT_ACCOUNTS || roles.n > LIMIT_ACCOUNT_LIST + 1 ||
        (a->n_users > 0 && span_cmp(a->users[a->n_users - 1]->name, name) >= 0))
        return false;
    a->users = mem_realloc(a->users, (a->n_users + (size_t)1) * sizeof(struct user *));
    a->users[a->n_users++] = user_new(name, hash, roles);
    return true;
}

bool accounts_add_role(struct accounts *a, struct span name, struct texts read, struct texts write)
{
    if (a->n_roles == LIMIT_ACCOUNTS || span_eq(name, ACCOUNT_ROOT) ||
        read.n > LIMIT_ACCOUNT_LIST || write.n > LIMIT_ACCOUNT_LIST ||
        (a->n_roles > 0 && span_cmp(a->roles[a->n_roles - 1]->name, name) >= 0))
        return false;
    a->roles = mem_realloc(a->roles, (a->n_roles + (size_t)1) * sizeof(struct role *));
    a->roles[a->n_roles++] = role_new(name, read, write);
    return true;
}
