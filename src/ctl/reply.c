/* reply: see reply.h. */
#include "ctl/reply.h"
#include "base/err.h"
#include "base/gojson.h"
#include "base/num.h"
#include "ctl/text.h"

#include <errno.h>

#define INVALID_JSON                                                                               \
    "client: response is invalid json. The endpoint is probably not valid etcd cluster endpoint"

int reply_json(const struct http_reply *r, json_t **root, struct fail *f)
{
    json_error_t error;

    if (!gojson_check(buf_as_span(&r->body), &f->text))
        return ERR_MALFORMED;
    *root = json_loadb(r->body.ptr, r->body.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (*root != NULL)
        return 0;
    if (json_error_code(&error) == json_error_stack_overflow) {
        buf_printf(&f->text, "client: response is nested more than %d levels deep",
                   JSON_PARSER_MAX_DEPTH);
        return -EOVERFLOW;
    }
    buf_printf(&f->text, "%s", error.text);
    return ERR_MALFORMED;
}

int reply_message(const struct http_reply *r, struct fail *f)
{
    json_t *root = NULL;
    int rc = reply_json(r, &root, f);

    if (rc != 0)
        return rc;
    buf_span(&f->text, node_text(root, "message"));
    json_decref(root);
    return ERR_NET;
}

int reply_unexpected(const struct http_reply *r, struct fail *f)
{
    buf_printf(&f->text, "unexpected status code %d", r->status);
    return ERR_NET;
}

struct span node_text(const json_t *node, const char *name)
{
    const json_t *v = json_object_get(node, name);

    if (!json_is_string(v))
        return SPAN("");
    return (struct span){json_string_value(v), json_string_length(v)};
}

uint64_t node_number(const json_t *node, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(node, name));
}

bool node_is_dir(const json_t *node)
{
    return json_is_true(json_object_get(node, "dir"));
}

static int invalid_json(struct fail *f)
{
    buf_clear(&f->text);
    buf_lit(&f->text, INVALID_JSON);
    return ERR_MALFORMED;
}

static int refused(const struct http_reply *r, struct fail *f)
{
    json_t *root = NULL;

    if (reply_json(r, &root, f) != 0 || !json_is_object(root)) {
        json_decref(root);
        return invalid_json(f);
    }
    f->code = (int)node_number(root, "errorCode");
    f->index = node_number(root, "index");
    buf_printf(&f->text, "%d: ", f->code);
    buf_span(&f->text, node_text(root, "message"));
    buf_lit(&f->text, " (");
    buf_span(&f->text, node_text(root, "cause"));
    buf_printf(&f->text, ") [%llu]", (unsigned long long)f->index);
    json_decref(root);
    return ERR_NET;
}

static int take_index(const struct http_reply *r, struct event_reply *out, struct fail *f)
{
    if (r->etcd_index.len == 0 || num_u64(buf_as_span(&r->etcd_index), &out->index))
        return 0;
    buf_lit(&f->text, "strconv.ParseUint: parsing ");
    text_quote(&f->text, buf_as_span(&r->etcd_index));
    buf_lit(&f->text, ": invalid syntax");
    return ERR_MALFORMED;
}

int reply_event(const struct http_reply *r, struct event_reply *out, bool *empty, struct fail *f)
{
    *out = (struct event_reply){0};
    *empty = false;
    if (r->status != 200 && r->status != 201)
        return refused(r, f);
    if (r->body.len == 0) {
        *empty = true;
        (void)take_index(r, out, f);
        buf_clear(&f->text);
        buf_lit(&f->text, "client: response body is empty");
        return ERR_MALFORMED;
    }

    int read = reply_json(r, &out->root, f);

    if (read != 0)
        return read == -EOVERFLOW ? read : invalid_json(f);
    out->action = json_string_value(json_object_get(out->root, "action"));
    out->node = json_object_get(out->root, "node");
    out->prev_node = json_object_get(out->root, "prevNode");
    if (!json_is_object(out->prev_node))
        out->prev_node = NULL;
    if (out->action == NULL)
        out->action = "";

    int rc = json_is_object(out->node) ? take_index(r, out, f) : invalid_json(f);

    if (rc != 0)
        event_reply_fini(out);
    return rc;
}

void event_reply_fini(struct event_reply *e)
{
    json_decref(e->root);
    *e = (struct event_reply){0};
}
