/* rm, rmdir: keys and directories go. */
#include "ctl/keys.h"
#include "ctl/table.h"

enum exit_status rm_run(struct session *s, const struct opts *o)
{
    struct key_request r = {.method = "DELETE", .once = true};
    const char *prev_value = opts_text(o, "with-value");
    int64_t prev_index = opts_int(o, "with-index");
    enum exit_status status = keys_begin(s, o, &r.key);

    if (status != EXIT_FINE)
        return status;
    if (opts_flag(o, "dir"))
        keys_pair_bool(&r.query, "dir", true);
    if (prev_index != 0)
        keys_pair_number(&r.query, "prevIndex", (uint64_t)prev_index);
    if (prev_value[0] != '\0')
        keys_pair(&r.query, "prevValue", span_of(prev_value));
    if (opts_flag(o, "recursive"))
        keys_pair_bool(&r.query, "recursive", true);
    return keys_ask_and_show(s, &r, SHOW_FILES);
}

enum exit_status rmdir_run(struct session *s, const struct opts *o)
{
    struct key_request r = {.method = "DELETE", .once = true};
    enum exit_status status = keys_begin(s, o, &r.key);

    if (status != EXIT_FINE)
        return status;
    keys_pair_bool(&r.query, "dir", true);
    return keys_ask_and_show(s, &r, SHOW_FILES);
}
