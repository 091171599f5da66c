/* ls: what is in a directory. */
#include "ctl/keys.h"
#include "ctl/print.h"
#include "ctl/table.h"

#include <string.h>

enum exit_status ls_run(struct session *s, const struct opts *o)
{
    struct key_request r = {.method = "GET", .key = o->args_count > 0 ? o->args[0] : "/"};
    struct event_reply e;
    enum exit_status status = session_open(s, true);

    if (status != EXIT_FINE)
        return status;
    session_start_clock(s);
    keys_pair_bool(&r.query, "quorum", opts_flag(o, "quorum"));
    keys_pair_bool(&r.query, "recursive", opts_flag(o, "recursive"));
    keys_pair_bool(&r.query, "sorted", opts_flag(o, "sort"));
    status = keys_ask(s, &r, &e);
    if (status != EXIT_FINE)
        return status;
    if (strcmp(s->output, "simple") == 0) {
        struct buf text = {0};

        print_listing(
            &text, e.node,
            (struct print_marks){.slash = opts_flag(o, "p"), .colour = print_may_colour()});
        print_out(&text);
        buf_fini(&text);
    } else {
        print_show_event(&e, s->output);
    }
    event_reply_fini(&e);
    return EXIT_FINE;
}
