/* accounts: /v2/auth: users, roles, and whether they count. Source: contract, server 4. */
#include "api/accounts.h"
#include "api/account_body.h"
#include "api/account_render.h"

#include "base/log.h"
#include "base/mem.h"
#include "codec/command.h"
#include "store/read.h"

#include <stdlib.h>

#define GUEST_IS_ROOT                                                                              \
    "299 copse \"whoever sends no password may read or write every key: revoke it from the role "  \
    "guest, or start members with --auth-guest=closed\""

/* ---- a way into the pinned version ---- */

static const struct accounts *pin(const struct api_call *call)
{
    return version_accounts(store_pin(engine_store(call->api->engine), call->slot));
}

static void unpin(const struct api_call *call)
{
    store_unpin(engine_store(call->api->engine), call->slot);
}

static void begin_json(struct api_reply *reply)
{
    reply->status = 200;
    reply->type = API_TYPE_JSON;
    reply->cluster_id = true;
}

/* {"message":"BEFORE NAME AFTER"} */
static void say(struct api_reply *reply, int status, const char *before, struct span name,
                const char *after)
{
    struct buf b = {0};
    buf_span(&b, span_of(before));
    buf_span(&b, name);
    buf_span(&b, span_of(after));
    api_message(reply, status, buf_as_span(&b));
    reply->cluster_id = true;
    buf_fini(&b);
}

static void refuse(struct api_reply *reply, int status, const char *text)
{
    say(reply, status, text, SPAN(""), "");
}

/* ---- reading ---- */

static void list_users(const struct api_call *call, struct api_reply *reply)
{
    const struct accounts *a = pin(call);
    struct buf *b = &reply->body;
    begin_json(reply);
    buf_lit(b, "{\"users\":");
    for (uint32_t i = 0; a != NULL && i < a->n_users; i++) {
        struct span missing = {0};
        buf_char(b, i > 0 ? ',' : '[');
        account_render_whole_user(b, a, a->users[i], &missing);
    }
    buf_span(b, a != NULL && a->n_users > 0 ? SPAN("]}\n") : SPAN("null}\n"));
    unpin(call);
}

static void show_user(const struct api_call *call, struct span name, struct api_reply *reply)
{
    const struct accounts *a = pin(call);
    const struct user *u = accounts_user(a, name);
    struct span missing = {0};
    if (u == NULL) {
        say(reply, 404, "auth: User ", name, " does not exist.");
    } else {
        begin_json(reply);
        account_render_whole_user(&reply->body, a, u, &missing);
        buf_char(&reply->body, '\n');
        if (missing.ptr != NULL) { /* quirk: one of its roles is gone (auth-users) */
            buf_clear(&reply->body);
            say(reply, 404, "auth: Role ", missing, " does not exist.");
        }
    }
    unpin(call);
}

static void list_roles(const struct api_call *call, struct api_reply *reply)
{
    const struct accounts *a = pin(call);
    struct buf *b = &reply->body;
    bool root = false;
    begin_json(reply);
    buf_lit(b, "{\"roles\":[");
    for (uint32_t i = 0; a != NULL && i < a->n_roles; i++) {
        if (!root && span_cmp(ACCOUNT_ROOT, a->roles[i]->name) < 0) {
            root = account_render_role_named(b, a, ACCOUNT_ROOT);
            buf_char(b, ',');
        }
        (void)account_render_role_named(b, a, a->roles[i]->name);
        if (!root || i + 1 < a->n_roles)
            buf_char(b, ',');
    }
    if (!root)
        (void)account_render_role_named(b, a, ACCOUNT_ROOT);
    buf_lit(b, "]}\n");
    unpin(call);
}

static void show_role(const struct api_call *call, struct span name, struct api_reply *reply)
{
    const struct accounts *a = pin(call);
    begin_json(reply);
    if (account_render_role_named(&reply->body, a, name))
        buf_char(&reply->body, '\n');
    else
        say(reply, 404, "auth: Role ", name, " does not exist.");
    unpin(call);
}

/* ---- changing ---- */

static void propose(const struct account_op *op, struct api_result *out)
{
    struct command c = {.kind = COMMAND_ACCOUNT, .account = *op};
    struct proposal *p = api_propose(out, &c);
    if (p == NULL)
        return;
    p->account.verb = (int)op->verb;
    buf_span(&p->account.name, op->name);
}

static bool read_body(const struct api_call *call, bool is_role, struct span name,
                      struct account_body *body, struct api_reply *reply)
{
    enum account_fault fault = account_body_read(call->rq->body, is_role, body);
    bool good = false;
    if (call->rq->body_too_large)
        refuse(reply, 413, "request body too large");
    else if (fault == BODY_INVALID)
        refuse(reply, 400, "Invalid JSON in request body.");
    else if (!span_eq(buf_as_span(&body->name), name))
        refuse(reply, 400,
               is_role ? "Role JSON name does not match the name in the URL"
                       : "User JSON name does not match the name in the URL");
    else if (fault == BODY_TOO_LONG)
        refuse(reply, 400,
               "auth: A name, a pattern, a password or a list is too long: names have up to 256 "
               "bytes, patterns 4096, passwords 72, lists 1024 members");
    else
        good = true;
    return good;
}

/* True: OP has the hash of the password, if there is one; else OUT is what there is to do. */
static bool take_hash(const struct api_call *call, const struct account_body *body,
                      struct account_op *op, struct api_result *out)
{
    struct span password = buf_as_span(&body->password);
    const struct secret *s = call->rq->secret;
    if (password.len == 0)
        return true;
    if (memchr(password.ptr, '\0', password.len) != NULL) {
        refuse(&out->reply, 400, "auth: A password cannot have a NUL byte");
        return false;
    }
    if (s == NULL || s->task != SECRET_HASH || !span_eq(buf_as_span(&s->password), password)) {
        out->secret = secret_new(SECRET_HASH, password);
        out->outcome = API_SECRET;
        return false;
    }
    if (!s->ok) {
        refuse(&out->reply, 500, "Internal Server Error");
        return false;
    }
    op->hash = span_of(s->hash);
    return true;
}

static void put_user(const struct api_call *call, struct span name, struct api_result *out)
{
    struct account_body body;
    struct account_op op = {.verb = ACCOUNT_PUT_USER, .name = name};
    if (read_body(call, false, name, &body, &out->reply)) {
        memcpy(op.list, body.list, sizeof(op.list));
        if ((op.list[USER_GRANT].n > 0 || op.list[USER_REVOKE].n > 0) && op.list[USER_ROLES].n > 0)
            refuse(&out->reply, 400, "User JSON contains both roles and grant/revoke");
        else if (take_hash(call, &body, &op, out))
            propose(&op, out);
    }
    account_body_fini(&body);
}

static void put_role(const struct api_call *call, struct span name, struct api_result *out)
{
    struct account_body body;
    struct account_op op = {.verb = ACCOUNT_PUT_ROLE, .name = name};
    if (read_body(call, true, name, &body, &out->reply)) {
        memcpy(op.list, body.list, sizeof(op.list));
        bool update = false;
        for (unsigned i = ROLE_GRANT_READ; i <= ROLE_REVOKE_WRITE; i++)
            update = update || op.list[i].n > 0;
        if (update && (op.list[ROLE_READ].n > 0 || op.list[ROLE_WRITE].n > 0))
            refuse(&out->reply, 400, "Role JSON contains both permissions and grant/revoke");
        else
            propose(&op, out);
    }
    account_body_fini(&body);
}

static void method_not_allowed(const char *allow, struct api_reply *reply)
{
    api_fixed(reply, 405, API_TYPE_TEXT_NOSNIFF, SPAN("Method Not Allowed\n"));
    reply->allow = allow;
}

static const struct grant_ask root_only = {.need = GRANT_ROOT};

/* Splits what stands behind /v2/auth/users or /roles. Nothing or a slash: the list. False: OUT is
 * what there is to do. */
static bool enter(const struct api_call *call, struct span *name, struct api_result *out)
{
    enum v2_method method = call->rq->method;
    *name = call->path.len > 0 ? span_from(call->path, 1) : call->path;
    if (name->len > 0 && name->ptr[name->len - 1] == '/')
        name->len--;
    if (name->len > 0 && memchr(name->ptr, '/', name->len) != NULL) {
        /* quirk: before anything else is looked at (auth-users) */
        api_message(&out->reply, 400, SPAN("Invalid path"));
        return false;
    }
    if (name->len == 0 && method != V2_M_GET)
        method_not_allowed("GET", &out->reply);
    else if (method != V2_M_GET && method != V2_M_PUT && method != V2_M_DELETE)
        method_not_allowed("GET,PUT,DELETE", &out->reply);
    else
        return api_admit(call, &root_only, out);
    return false;
}

void auth_users_handle(const struct api_call *call, struct api_result *out)
{
    struct span name;
    if (!enter(call, &name, out))
        return;
    if (name.len == 0)
        list_users(call, &out->reply);
    else if (call->rq->method == V2_M_GET)
        show_user(call, name, &out->reply);
    else if (name.len > LIMIT_ACCOUNT_NAME)
        refuse(&out->reply, 400, "auth: The name is too long: names have up to 256 bytes");
    else if (call->rq->method == V2_M_PUT)
        put_user(call, name, out);
    else
        propose(&(struct account_op){.verb = ACCOUNT_DELETE_USER, .name = name}, out);
}

void auth_roles_handle(const struct api_call *call, struct api_result *out)
{
    struct span name;
    if (!enter(call, &name, out))
        return;
    if (name.len == 0)
        list_roles(call, &out->reply);
    else if (call->rq->method == V2_M_GET)
        show_role(call, name, &out->reply);
    else if (name.len > LIMIT_ACCOUNT_NAME)
        refuse(&out->reply, 400, "auth: The name is too long: names have up to 256 bytes");
    else if (call->rq->method == V2_M_PUT)
        put_role(call, name, out);
    else
        propose(&(struct account_op){.verb = ACCOUNT_DELETE_ROLE, .name = name}, out);
}

void auth_enable_handle(const struct api_call *call, struct api_result *out)
{
    if (call->rq->method == V2_M_GET) {
        bool enabled = accounts_enabled(pin(call));
        unpin(call);
        begin_json(&out->reply);
        buf_span(&out->reply.body,
                 enabled ? SPAN("{\"enabled\":true}\n") : SPAN("{\"enabled\":false}\n"));
    } else if (call->rq->method == V2_M_PUT) {
        propose(&(struct account_op){.verb = ACCOUNT_ENABLE, .guest_open = call->api->guest_open},
                out);
    } else {
        propose(&(struct account_op){.verb = ACCOUNT_DISABLE}, out);
    }
}

/* ---- what became of a change ---- */

/* WHAT stands where the text has a %. */
static void refused(const struct proposal *p, struct api_reply *reply)
{
    bool role = p->account.verb == ACCOUNT_PUT_ROLE || p->account.verb == ACCOUNT_DELETE_ROLE;
    struct span name = buf_as_span(&p->account.name), what = buf_as_span(&p->account.what);
    const char *kind = role ? "auth: Role " : "auth: User ";
    switch ((enum account_code)p->account.code) {
    case ACCOUNT_NO_PASSWORD:
        say(reply, 400, "auth: Cannot create user ", name, " with an empty password");
        break;
    case ACCOUNT_EXISTS:
        say(reply, 409, kind, name, " already exists.");
        break;
    case ACCOUNT_UNKNOWN:
        say(reply, 404, kind, name,
            p->account.verb == ACCOUNT_DELETE_USER   ? " does not exist"
            : p->account.verb == ACCOUNT_DELETE_ROLE ? " doesn't exist."
                                                     : " does not exist.");
        break;
    case ACCOUNT_UNCHANGED:
        refuse(reply, 400,
               role ? "auth: Role not updated. Use grant/revoke to update the role."
                    : "auth: User not updated. Use grant/revoke/password to update the user.");
        break;
    case ACCOUNT_ROLE_GRANTED:
    case ACCOUNT_NOT_GRANTED: {
        struct buf b = {0};
        buf_span(&b, what);
        buf_lit(&b, " for user ");
        buf_span(&b, name);
        say(reply, 409,
            p->account.code == ACCOUNT_ROLE_GRANTED ? "auth: Granting duplicate role "
                                                    : "auth: Revoking ungranted role ",
            buf_as_span(&b), "");
        buf_fini(&b);
        break;
    }
    case ACCOUNT_READ_GRANTED:
        say(reply, 409, "auth: Granting duplicate read permission ", what, "");
        break;
    case ACCOUNT_WRITE_GRANTED:
        say(reply, 409, "auth: Granting duplicate write permission ", what, "");
        break;
    case ACCOUNT_IS_ROOT:
        say(reply, 403, "auth: Cannot modify role ", name, ": is root role.");
        break;
    case ACCOUNT_KEEP_ROOT:
        refuse(reply, 403, "auth: Cannot delete root user while auth is enabled.");
        break;
    case ACCOUNT_NO_ROOT:
        refuse(reply, 409, "auth: No root user available, please create one");
        break;
    case ACCOUNT_ALREADY:
        refuse(reply, 409,
               p->account.verb == ACCOUNT_ENABLE ? "auth: already enabled"
                                                 : "auth: already disabled");
        break;
    case ACCOUNT_TOO_MANY:
        refuse(reply, 400,
               "auth: Too many: there may be 10000 users, 10000 roles, and 1024 members "
               "of a list");
        break;
    case ACCOUNT_DONE:
    case ACCOUNT_CREATED:
        CP_NEVER("a refusal");
    }
}

static void warn_of_guest(const struct proposal *p, struct api_reply *reply)
{
    if (!grant_guest_is_root(p->account.after))
        return;
    reply->warning = GUEST_IS_ROOT;
    log_warn("auth.guest_is_open",
             LOG_S("effect", "whoever sends no password may read or write every key"),
             LOG_S("do", "revoke it from the role guest, or start with --auth-guest=closed"));
}

static void done(const struct proposal *p, struct api_reply *reply)
{
    static const char *const verbs[] = {
        [ACCOUNT_PUT_USER] = "put user", [ACCOUNT_DELETE_USER] = "delete user",
        [ACCOUNT_PUT_ROLE] = "put role", [ACCOUNT_DELETE_ROLE] = "delete role",
        [ACCOUNT_ENABLE] = "enable",     [ACCOUNT_DISABLE] = "disable",
    };
    struct span name = buf_as_span(&p->account.name);
    const struct user *u = accounts_user(p->account.after, name);
    const struct role *r = accounts_role(p->account.after, name);
    begin_json(reply);
    if (p->account.code == ACCOUNT_CREATED)
        reply->status = 201;
    if (p->account.verb == ACCOUNT_PUT_USER)
        account_render_user(&reply->body, name, u->roles);
    if (p->account.verb == ACCOUNT_PUT_ROLE)
        account_render_role(&reply->body, name, r->read, r->write);
    if (reply->body.len > 0)
        buf_char(&reply->body, '\n');
    if (p->account.verb == ACCOUNT_ENABLE)
        warn_of_guest(p, reply);
    struct buf text = {0};
    buf_span(&text, name);
    log_info("auth.changed", LOG_S("by", verbs[p->account.verb]), LOG_S("name", buf_cstr(&text)));
    buf_fini(&text);
}

void accounts_reply(struct proposal *p, struct api_reply *reply)
{
    bool good = p->account.code == ACCOUNT_DONE || p->account.code == ACCOUNT_CREATED;
    if (p->code != V2_OK) /* quirk: whatever it was, etcd does not say */
        refuse(reply, 500, "Internal Server Error");
    else if (good)
        done(p, reply);
    else
        refused(p, reply);
    accounts_unref(p->account.after);
    buf_fini(&p->account.name);
    buf_fini(&p->account.what);
}
