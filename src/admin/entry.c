#include "admin/entry.h"

#include "base/jsonw.h"
#include "cluster/consensus.h"
#include "codec/command.h"
#include "codec/lines.h"

/* `,"key":` */
static void key(struct buf *b, const char *name)
{
    buf_printf(b, ",\"%s\":", name);
}

static void put_u64(struct buf *b, const char *name, uint64_t v)
{
    key(b, name);
    buf_u64(b, v);
}

static void put_hex(struct buf *b, const char *name, uint64_t v)
{
    key(b, name);
    lines_hex(b, v, 16);
}

/* Under "NAME64" where it is not UTF-8. */
static void put_bytes(struct buf *b, const char *name, struct span s)
{
    buf_printf(b, ",\"%s", name);
    lines_bytes(b, s);
}

static void put_word(struct buf *b, const char *name, const char *word)
{
    key(b, name);
    lines_text(b, span_of(word));
}

static void put_flag(struct buf *b, const char *name, bool on)
{
    if (on)
        buf_printf(b, ",\"%s\":true", name);
}

static void put_op(struct buf *b, const struct store_op *op)
{
    static const char *const verbs[] = {
        [OP_PUT] = "put", [OP_POST] = "post", [OP_DELETE] = "delete"};
    put_word(b, "verb", verbs[op->verb]);
    put_bytes(b, "key", op->path);
    if (op->verb != OP_DELETE && (op->flags & (OP_DIR | OP_REFRESH)) == 0)
        put_bytes(b, "value", op->value);
    put_flag(b, "dir", (op->flags & OP_DIR) != 0);
    put_flag(b, "recursive", (op->flags & OP_RECURSIVE) != 0);
    put_flag(b, "refresh", (op->flags & OP_REFRESH) != 0);
    if ((op->flags & OP_HAS_TTL) != 0)
        put_u64(b, "ttl", op->ttl_s);
    if (op->exist != OP_EXIST_ANY)
        buf_printf(b, ",\"prevExist\":%s", op->exist == OP_EXIST_YES ? "true" : "false");
    if (op->prev_index != 0)
        put_u64(b, "prevIndex", op->prev_index);
    if ((op->flags & OP_HAS_PREV_VALUE) != 0)
        put_bytes(b, "prevValue", op->prev_value);
    put_flag(b, "noValueOnSuccess", (op->flags & OP_NO_VALUE) != 0);
}

static void put_list(struct buf *b, const char *name, const struct span *v, unsigned n)
{
    key(b, name);
    buf_char(b, '[');
    for (unsigned i = 0; i < n; i++) {
        if (i > 0)
            buf_char(b, ',');
        jsonw_str(b, v[i]);
    }
    buf_char(b, ']');
}

static void put_texts(struct buf *b, const char *name, struct texts t)
{
    struct span text;
    bool first = true;
    if (t.n == 0)
        return;
    key(b, name);
    buf_char(b, '[');
    for (; texts_next(&t, &text); first = false) {
        if (!first)
            buf_char(b, ',');
        jsonw_str(b, text);
    }
    buf_char(b, ']');
}

/* Never what a password could be guessed from. */
static void put_account(struct buf *b, const struct account_op *op)
{
    static const char *const verbs[] = {
        [ACCOUNT_PUT_USER] = "putUser", [ACCOUNT_DELETE_USER] = "deleteUser",
        [ACCOUNT_PUT_ROLE] = "putRole", [ACCOUNT_DELETE_ROLE] = "deleteRole",
        [ACCOUNT_ENABLE] = "enable",    [ACCOUNT_DISABLE] = "disable",
    };
    static const char *const of_user[] = {"roles", "grant", "revoke"};
    static const char *const of_role[] = {"read",       "write",      "grantRead",
                                          "grantWrite", "revokeRead", "revokeWrite"};
    put_word(b, "verb", verbs[op->verb]);
    if (op->verb == ACCOUNT_PUT_USER || op->verb == ACCOUNT_DELETE_USER)
        put_bytes(b, "user", op->name);
    if (op->verb == ACCOUNT_PUT_ROLE || op->verb == ACCOUNT_DELETE_ROLE)
        put_bytes(b, "role", op->name);
    if (op->hash.len > 0)
        put_word(b, "hash", "redacted");
    for (unsigned i = 0; op->verb == ACCOUNT_PUT_USER && i < CP_COUNT(of_user); i++)
        put_texts(b, of_user[i], op->list[i]);
    for (unsigned i = 0; op->verb == ACCOUNT_PUT_ROLE && i < CP_COUNT(of_role); i++)
        put_texts(b, of_role[i], op->list[i]);
    put_flag(b, "guestOpen", op->guest_open);
}

static void put_command(struct buf *b, const struct command *c)
{
    static const char *const kinds[] = {[COMMAND_STORE] = "store",
                                        [COMMAND_EXPIRE] = "expire",
                                        [COMMAND_MEMBER] = "member",
                                        [COMMAND_LEVEL] = "level",
                                        [COMMAND_MEMBER_ADD] = "memberAdd",
                                        [COMMAND_MEMBER_REMOVE] = "memberRemove",
                                        [COMMAND_MEMBER_UPDATE] = "memberUpdate",
                                        [COMMAND_ACCOUNT] = "account"};
    put_word(b, "command", kinds[c->kind]);
    key(b, "stamp");
    buf_i64(b, c->stamp_ns);
    key(b, "time");
    jsonw_time(b, c->stamp_ns);
    put_hex(b, "origin", c->origin);
    put_u64(b, "request", c->request);
    switch (c->kind) {
    case COMMAND_STORE:
        put_op(b, &c->op);
        break;
    case COMMAND_EXPIRE:
        put_u64(b, "most", c->expire_max);
        break;
    case COMMAND_MEMBER_REMOVE:
        put_hex(b, "member", c->member.id);
        break;
    case COMMAND_MEMBER:
    case COMMAND_MEMBER_ADD:
    case COMMAND_MEMBER_UPDATE:
        put_hex(b, "member", c->member.id);
        put_bytes(b, "name", c->member.name);
        put_list(b, "peerURLs", c->member.peer_urls, c->member.n_peer_urls);
        put_list(b, "clientURLs", c->member.client_urls, c->member.n_client_urls);
        break;
    case COMMAND_LEVEL:
        put_u64(b, "level", c->level);
        break;
    case COMMAND_ACCOUNT:
        put_account(b, &c->account);
        break;
    }
}

static bool put_members(struct buf *b, struct span payload)
{
    static const char *const roles[] = {
        [MEMBER_STANDBY] = "standby", [MEMBER_VOTER] = "voter", [MEMBER_SPARE] = "spare"};
    struct consensus_members m;
    if (consensus_members_decode(payload, &m) != 0)
        return false;
    key(b, "members");
    buf_char(b, '[');
    for (unsigned i = 0; i < m.n; i++) {
        buf_printf(b, "%s{\"id\":", i > 0 ? "," : "");
        lines_hex(b, m.m[i].id, 16);
        put_word(b, "role", roles[m.m[i].role]);
        buf_char(b, '}');
    }
    buf_char(b, ']');
    return true;
}

static void put_entry(struct buf *b, const struct wal_record *r)
{
    struct command c;
    struct span payload = r->entry.payload;
    bool known = true;
    put_u64(b, "index", r->entry.index);
    put_u64(b, "term", r->entry.term);
    switch (r->entry.kind) {
    case ENTRY_COMMAND:
        put_word(b, "type", "command");
        known = command_decode(payload, &c, NULL) == 0;
        if (known)
            put_command(b, &c);
        break;
    case ENTRY_BARRIER:
        put_word(b, "type", "barrier");
        break;
    case ENTRY_CHANGE:
        put_word(b, "type", "change");
        known = put_members(b, payload);
        break;
    default:
        put_u64(b, "type", r->entry.kind);
        known = false;
        break;
    }
    if (!known) {
        key(b, "unknown64");
        lines_base64(b, payload);
    }
}

void entry_place(struct buf *b, const char *file, uint64_t offset)
{
    const char *slash = strrchr(file, '/');
    buf_lit(b, "{\"file\":");
    lines_text(b, span_of(slash != NULL ? slash + 1 : file));
    put_u64(b, "offset", offset);
}

void entry_line(struct buf *b, const struct wal_place *place, const struct wal_record *r)
{
    static const char *const names[] = {[WAL_IDENTITY] = "identity",
                                        [WAL_STATE] = "state",
                                        [WAL_ENTRY] = "entry",
                                        [WAL_MARK] = "mark"};
    entry_place(b, place->file, place->at);
    put_u64(b, "bytes", place->bytes);
    put_word(b, "record", names[r->type]);
    switch (r->type) {
    case WAL_IDENTITY:
        put_hex(b, "cluster", r->identity.cluster_id);
        put_hex(b, "member", r->identity.member_id);
        break;
    case WAL_STATE:
        put_u64(b, "term", r->state.term);
        put_hex(b, "vote", r->state.vote);
        break;
    case WAL_ENTRY:
        put_entry(b, r);
        break;
    case WAL_MARK:
        put_u64(b, "index", r->mark.index);
        put_u64(b, "term", r->mark.term);
        break;
    }
    buf_lit(b, "}\n");
}
