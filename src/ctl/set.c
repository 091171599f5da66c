/* set, update: the value of a key that may, or must, be there. */
#include "ctl/keys.h"
#include "ctl/table.h"

static enum exit_status put_value(struct session *s, const struct opts *o, struct key_request *r)
{
    struct buf value = {0};
    enum exit_status status = keys_value(o, 1, &value);

    if (status != EXIT_FINE) {
        buf_fini(&value);
        key_request_fini(r);
        return status;
    }
    r->has_form = true;
    keys_pair_ttl(&r->form, opts_int(o, "ttl"));
    keys_pair(&r->form, "value", buf_as_span(&value));
    buf_fini(&value);
    return keys_ask_and_show(s, r, SHOW_ALWAYS);
}

enum exit_status set_run(struct session *s, const struct opts *o)
{
    struct key_request r = {.method = "PUT"};
    const char *prev_value = opts_text(o, "swap-with-value");
    int64_t prev_index = opts_int(o, "swap-with-index");
    enum exit_status status = keys_begin(s, o, &r.key);

    if (status != EXIT_FINE)
        return status;
    /* quirk: nothing and 0 mean "do not compare"; a negative index goes out as 2^64 less (swap). */
    if (prev_index != 0)
        keys_pair_number(&r.query, "prevIndex", (uint64_t)prev_index);
    if (prev_value[0] != '\0')
        keys_pair(&r.query, "prevValue", span_of(prev_value));
    return put_value(s, o, &r);
}

enum exit_status update_run(struct session *s, const struct opts *o)
{
    struct key_request r = {.method = "PUT"};
    enum exit_status status = keys_begin(s, o, &r.key);

    if (status != EXIT_FINE)
        return status;
    keys_pair_bool(&r.query, "prevExist", true);
    return put_value(s, o, &r);
}
