/* reply: an outcome as a reply, in one place. */
#include "api/accounts.h"
#include "api/api.h"
#include "api/roll.h"

#include "base/jsonw.h"
#include "base/log.h"
#include "base/mem.h"
#include "codec/render.h"

void api_reply_fini(struct api_reply *r)
{
    buf_fini(&r->location);
    buf_fini(&r->body);
    event_unref(r->event);
    *r = (struct api_reply){0};
}

void api_fixed(struct api_reply *out, int status, enum api_type type, struct span text)
{
    out->status = status;
    out->type = type;
    out->fixed = text;
}

void api_message(struct api_reply *out, int status, struct span text)
{
    out->status = status;
    out->type = API_TYPE_JSON;
    buf_lit(&out->body, "{\"message\":");
    jsonw_str(&out->body, text);
    buf_char(&out->body, '}');
}

void api_error(struct api_reply *out, enum v2_code code, struct span cause, uint64_t index)
{
    out->status = v2_status(code);
    out->type = API_TYPE_JSON;
    out->cluster_id = true;
    out->has_etcd_index = true;
    out->etcd_index = index;
    render_error(&out->body, code, cause, index);
}

static void success(struct api_reply *out, int status, uint64_t etcd_index, uint64_t raft_index,
                    uint64_t raft_term)
{
    out->status = status;
    out->type = API_TYPE_JSON;
    out->cluster_id = true;
    out->has_etcd_index = out->has_raft = true;
    out->etcd_index = etcd_index;
    out->raft_index = raft_index;
    out->raft_term = raft_term;
}

static bool created(const struct event *e)
{
    return e->action == V2_CREATE || (e->action == V2_SET && !e->replaced);
}

/* noValueOnSuccess has no say in these. */
static bool always_whole(enum v2_action action)
{
    return action == V2_DELETE || action == V2_COMPARE_AND_DELETE;
}

/* What no member can read would end them all, at each start again: it must not reach the log. */
static bool is_readable(const struct blob *command)
{
    struct command c;
    struct err e;
    if (command_decode(blob_span(command), &c, &e) == 0)
        return true;
    log_error("request.unreadable", LOG_U("kind", command_kind(command)), LOG_S("error", e.text),
              LOG_S("effect", "answered with 500, nothing was written"),
              LOG_S("do", "report it as a defect of copse"));
    return false;
}

struct proposal *api_propose(struct api_result *out, const struct command *c)
{
    struct blob *command = command_encode(c);
    if (!is_readable(command)) {
        blob_unref(command);
        api_message(&out->reply, 500, SPAN("Internal Server Error"));
        out->outcome = API_REPLY;
        return NULL;
    }
    out->proposal = mem_zalloc(sizeof *out->proposal);
    out->proposal->command = command;
    out->proposal->kind = (int)c->kind;
    out->outcome = API_PROPOSE;
    return out->proposal;
}

static void key_reply(struct proposal *done, bool no_value, struct api_reply *out)
{
    if (done->code == V2_OK) {
        struct event *e = done->event;
        CP_ASSERT(e != NULL);
        success(out, created(e) ? 201 : 200, done->etcd_index, done->raft_index, done->raft_term);
        if (no_value && !always_whole(e->action)) {
            render_action(&out->body, e->action);
        } else {
            out->event = e;
            done->event = NULL;
        }
    } else {
        /* what consensus refused says nothing of the tree */
        bool of_tree = done->code != V2_RAFT_INTERNAL && done->code != V2_LEADER_ELECT;
        api_error(out, done->code, buf_as_span(&done->cause), of_tree ? done->etcd_index : 0);
    }
}

void api_proposal_reply(struct api *a, struct proposal **p, bool no_value, struct api_reply *out)
{
    struct proposal *done = *p;
    (void)a;
    *p = NULL;
    *out = (struct api_reply){0};
    if (done->kind == COMMAND_STORE)
        key_reply(done, no_value, out);
    else if (done->kind == COMMAND_ACCOUNT)
        accounts_reply(done, out);
    else
        member_change_reply(done, out);
    event_unref(done->event);
    blob_unref(done->command);
    blob_unref(done->member.info);
    buf_fini(&done->cause);
    mem_free(done);
}

bool api_watch_head(struct api *a, const struct watch *w, struct api_reply *out)
{
    (void)a;
    *out = (struct api_reply){0};
    if (w->code == V2_OK) {
        success(out, 200, w->etcd_index, w->raft_index, w->raft_term);
        return true;
    }
    if (w->code == V2_RAFT_INTERNAL) {
        api_error(out, w->code, SPAN("etcdserver: no leader"), 0);
        return false;
    }
    struct buf cause = {0};
    buf_lit(&cause, "the requested history has been cleared [");
    buf_u64(&cause, w->oldest);
    buf_char(&cause, '/');
    buf_u64(&cause, w->watcher.since);
    buf_char(&cause, ']');
    api_error(out, w->code, buf_as_span(&cause), w->etcd_index);
    buf_fini(&cause);
    return false;
}
