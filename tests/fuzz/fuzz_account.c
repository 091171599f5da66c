/* Bodies of requests for users and roles, one a line behind a letter that says which, applied one
 * after the other: what is read is within its limits, each change survives the log and a snapshot,
 * and what is shown is JSON. */
#include "api/account_body.h"
#include "api/account_render.h"
#include "base/gojson.h"
#include "codec/command.h"
#include "codec/lines.h"
#include "fuzz.h"
#include "proto/limits.h"

static void check_json(struct buf *b)
{
    struct buf why = {0};
    CP_ASSERT(gojson_check(buf_as_span(b), &why));
    CP_ASSERT(lines_is_text(buf_as_span(b)));
    buf_clear(b);
}

static void show_all(const struct accounts *a)
{
    struct buf b = {0};
    for (uint32_t i = 0; a != NULL && i < a->n_users; i++) {
        struct span missing = {0};
        account_render_whole_user(&b, a, a->users[i], &missing);
        check_json(&b);
        account_render_user(&b, a->users[i]->name, a->users[i]->roles);
        check_json(&b);
    }
    for (uint32_t i = 0; a != NULL && i < a->n_roles; i++) {
        CP_ASSERT(account_render_role_named(&b, a, a->roles[i]->name));
        check_json(&b);
    }
    buf_fini(&b);
}

/* Through the log, as every member gets it. */
static void apply(const struct accounts **a, const struct account_op *op)
{
    struct command c = {.kind = COMMAND_ACCOUNT, .account = *op}, got;
    struct blob *bytes = command_encode(&c);
    struct account_result r;
    CP_ASSERT(command_decode(blob_span(bytes), &got, NULL) == 0);
    account_apply(*a, &got.account, &r);
    if (r.after != NULL) {
        accounts_unref(*a);
        *a = r.after;
    }
    blob_unref(bytes);
}

static void one(const struct accounts **a, char what, struct span text)
{
    struct account_body body;
    bool is_role = what == 'r';
    struct account_op op = {.verb = is_role ? ACCOUNT_PUT_ROLE : ACCOUNT_PUT_USER};
    bool good = account_body_read(text, is_role, &body) == BODY_GOOD;
    if (good) {
        CP_ASSERT(body.name.len <= LIMIT_ACCOUNT_NAME);
        CP_ASSERT(body.password.len <= LIMIT_PASSWORD_BYTES);
        op.name = buf_as_span(&body.name);
        memcpy(op.list, body.list, sizeof(op.list));
        op.hash = body.password.len > 0 && !is_role ? SPAN("$2a$10$x") : SPAN("");
        apply(a, &op);
    }
    if (good && what == 'd') {
        op = (struct account_op){.verb = ACCOUNT_DELETE_USER, .name = buf_as_span(&body.name)};
        apply(a, &op);
    }
    account_body_fini(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const struct accounts *a = NULL;
    struct span rest = span_make(bytes, n);
    while (rest.len > 0) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end != NULL ? (size_t)(end - rest.ptr) : rest.len;
        if (len > 0)
            one(&a, rest.ptr[0], span_make(rest.ptr + 1, len - 1));
        rest = span_from(rest, len + (end != NULL));
    }
    show_all(a);
    accounts_unref(a);
    return 0;
}
