/* mk: a key that must not be there yet, or the next one in order. */
#include "ctl/keys.h"
#include "ctl/table.h"

enum exit_status mk_run(struct session *s, const struct opts *o)
{
    bool in_order = opts_flag(o, "in-order");
    struct key_request r = {
        .method = in_order ? "POST" : "PUT", .has_form = true, .once = !in_order};
    struct buf value = {0};
    enum exit_status status = keys_begin(s, o, &r.key);

    if (status == EXIT_FINE)
        status = keys_value(o, 1, &value);
    if (status == EXIT_FINE) {
        if (!in_order)
            keys_pair_bool(&r.query, "prevExist", false);
        keys_pair_ttl(&r.form, opts_int(o, "ttl"));
        keys_pair(&r.form, "value", buf_as_span(&value));
        status = keys_ask_and_show(s, &r, SHOW_ALWAYS);
    }
    buf_fini(&value);
    return status;
}
