#include "api/keys_parse.h"

#include "api/form.h"
#include "base/num.h"

/* What the checks gather besides the request itself. */
struct draft {
    struct keys_request *k;
    enum v2_method method;
    struct form form;
    bool wait, dir, no_value, refresh, has_ttl, has_prev_exist, prev_exist;
    uint64_t prev_index, ttl_s;
};

static bool refuse(struct keys_request *k, enum v2_code code, const char *cause)
{
    k->code = code;
    buf_span(&k->cause, span_of(cause));
    return false;
}

static bool refuse_value(struct keys_request *k, enum v2_code code, enum form_name name)
{
    struct span text = form_text[name];
    k->code = code;
    buf_printf(&k->cause, "invalid value for \"%.*s\"", (int)text.len, text.ptr);
    return false;
}

/* Absent leaves *OUT alone; present and empty is wrong. */
static bool read_u64(struct draft *d, enum form_name name, enum v2_code code, uint64_t *out)
{
    if (form_has(&d->form, name) && !num_u64(d->form.value[name], out))
        return refuse_value(d->k, code, name);
    return true;
}

static bool read_bool(struct draft *d, enum form_name name, bool *out)
{
    if (form_has(&d->form, name) && !num_bool(d->form.value[name], out))
        return refuse_value(d->k, V2_INVALID_FIELD, name);
    return true;
}

static bool read_indexes_and_flags(struct draft *d)
{
    struct keys_request *k = d->k;
    return read_u64(d, FORM_PREV_INDEX, V2_INDEX_NAN, &d->prev_index) &&
           read_u64(d, FORM_WAIT_INDEX, V2_INDEX_NAN, &k->wait_index) &&
           read_bool(d, FORM_RECURSIVE, &k->recursive) && read_bool(d, FORM_SORTED, &k->sorted) &&
           read_bool(d, FORM_WAIT, &d->wait) && read_bool(d, FORM_DIR, &d->dir) &&
           read_bool(d, FORM_QUORUM, &k->quorum) && read_bool(d, FORM_STREAM, &k->stream);
}

static bool read_conditions(struct draft *d)
{
    struct form *f = &d->form;
    if (d->wait && d->method != V2_M_GET)
        return refuse(d->k, V2_INVALID_FIELD, "\"wait\" can only be used with GET requests");
    if (form_has(f, FORM_PREV_VALUE) && f->value[FORM_PREV_VALUE].len == 0)
        return refuse(d->k, V2_PREV_VALUE_REQUIRED, "\"prevValue\" cannot be empty");
    if (!read_bool(d, FORM_NO_VALUE, &d->no_value))
        return false;
    d->has_ttl = f->value[FORM_TTL].len > 0; /* quirk: an empty ttl is none (dup-params) */
    if (d->has_ttl && !read_u64(d, FORM_TTL, V2_TTL_NAN, &d->ttl_s))
        return false;
    d->has_prev_exist = form_has(f, FORM_PREV_EXIST);
    /* quirk: these two names stand without quotes in the cause (bool-errors) */
    if (d->has_prev_exist && !num_bool(f->value[FORM_PREV_EXIST], &d->prev_exist))
        return refuse(d->k, V2_INVALID_FIELD, "invalid value for prevExist");
    if (form_has(f, FORM_REFRESH) && !num_bool(f->value[FORM_REFRESH], &d->refresh))
        return refuse(d->k, V2_INVALID_FIELD, "invalid value for refresh");
    if (d->refresh && f->value[FORM_VALUE].len > 0)
        return refuse(d->k, V2_REFRESH_VALUE, "A value was provided on a refresh");
    if (d->refresh && !d->has_ttl)
        return refuse(d->k, V2_REFRESH_TTL_REQUIRED, "No TTL value set");
    return true;
}

static void set_condition(const struct draft *d, struct store_op *op)
{
    op->prev_index = d->prev_index;
    if (form_has(&d->form, FORM_PREV_VALUE)) {
        op->flags |= OP_HAS_PREV_VALUE;
        op->prev_value = d->form.value[FORM_PREV_VALUE];
    }
}

static void set_content(const struct draft *d, struct store_op *op)
{
    op->value = d->form.value[FORM_VALUE];
    if (d->has_ttl) {
        op->flags |= OP_HAS_TTL;
        op->ttl_s = d->ttl_s;
    }
}

static void make_op(const struct draft *d, struct store_op *op)
{
    op->path = d->k->path;
    op->flags = (d->dir ? (uint32_t)OP_DIR : 0) | (d->no_value ? (uint32_t)OP_NO_VALUE : 0);
    switch (d->method) {
    case V2_M_PUT:
        op->verb = OP_PUT;
        op->exist = !d->has_prev_exist ? OP_EXIST_ANY : d->prev_exist ? OP_EXIST_YES : OP_EXIST_NO;
        op->flags |= d->refresh ? (uint32_t)OP_REFRESH : 0;
        set_condition(d, op);
        set_content(d, op);
        break;
    case V2_M_POST:
        op->verb = OP_POST;
        set_content(d, op);
        break;
    default:
        op->verb = OP_DELETE;
        op->flags |= d->k->recursive ? (uint32_t)OP_RECURSIVE : 0;
        set_condition(d, op);
        break;
    }
}

static struct span without_slash(struct span path)
{
    if (path.len == 0)
        return SPAN("/");
    if (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    return path;
}

enum v2_code keys_parse(const struct api_request *rq, struct span key_path, struct span query,
                        struct keys_request *out)
{
    struct draft d = {.k = out, .method = rq->method};
    *out = (struct keys_request){.path = without_slash(key_path)};

    if (!form_read(rq, query, &d.form, &out->scratch, &out->cause))
        return out->code = V2_INVALID_FORM;
    if (!read_indexes_and_flags(&d) || !read_conditions(&d))
        return out->code;

    if (rq->method == V2_M_GET || rq->method == V2_M_HEAD) {
        /* quirk: quorum outdoes wait (watch-quorum) */
        out->kind = d.wait && !out->quorum ? KEYS_WATCH : KEYS_READ;
        return V2_OK;
    }
    out->kind = KEYS_WRITE;
    make_op(&d, &out->op);
    return V2_OK;
}

void keys_request_fini(struct keys_request *k)
{
    buf_fini(&k->cause);
    buf_fini(&k->scratch);
}
