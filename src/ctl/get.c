/* get: the value of a key. */
#include "ctl/keys.h"
#include "ctl/print.h"
#include "ctl/table.h"

#include <stdio.h>

enum exit_status get_run(struct session *s, const struct opts *o)
{
    struct key_request r = {.method = "GET"};
    struct event_reply e;
    enum exit_status status = keys_begin(s, o, &r.key);

    if (status != EXIT_FINE)
        return status;
    keys_pair_bool(&r.query, "quorum", opts_flag(o, "quorum"));
    keys_pair_bool(&r.query, "recursive", false);
    keys_pair_bool(&r.query, "sorted", opts_flag(o, "sort"));
    status = keys_ask(s, &r, &e);
    if (status != EXIT_FINE)
        return status;
    if (node_is_dir(e.node)) {
        struct span key = node_text(e.node, "key");

        fprintf(stderr, "%.*s: is a directory\n", (int)key.len, key.ptr);
        status = EXIT_ARGUMENTS;
    } else {
        print_show_event(&e, s->output);
    }
    event_reply_fini(&e);
    return status;
}
