/* mkdir, setdir, updatedir: directories and how long they live. */
#include "ctl/keys.h"
#include "ctl/table.h"

enum existence { MUST_NOT, MAY, MUST };

static enum exit_status put_dir(struct session *s, const struct opts *o, enum existence exist)
{
    struct key_request r = {.method = "PUT", .has_form = true, .once = exist == MUST_NOT};
    enum exit_status status = keys_begin(s, o, &r.key);

    if (status != EXIT_FINE)
        return status;
    keys_pair_bool(&r.query, "dir", true);
    if (exist != MAY)
        keys_pair_bool(&r.query, "prevExist", exist == MUST);
    keys_pair_ttl(&r.form, opts_int(o, "ttl"));
    return keys_ask_and_show(s, &r, SHOW_NEVER);
}

enum exit_status mkdir_run(struct session *s, const struct opts *o)
{
    return put_dir(s, o, MUST_NOT);
}

enum exit_status setdir_run(struct session *s, const struct opts *o)
{
    return put_dir(s, o, MAY);
}

enum exit_status updatedir_run(struct session *s, const struct opts *o)
{
    return put_dir(s, o, MUST);
}
