/* watch: changes of a key, printed. */
#include "ctl/keys.h"
#include "ctl/print.h"
#include "ctl/table.h"
#include "ctl/wait.h"

#include <stdio.h>

static void show_change(const struct session *s, const struct event_reply *e, bool recursive)
{
    if (recursive) {
        struct buf line = {0};

        buf_printf(&line, "[%s] ", e->action);
        buf_span(&line, node_text(e->node, "key"));
        buf_char(&line, '\n');
        print_out(&line);
        buf_fini(&line);
    }
    print_show_event(e, s->output);
}

enum exit_status watch_run(struct session *s, const struct opts *o)
{
    struct waiter w = {.recursive = opts_flag(o, "recursive"),
                       .forever = opts_flag(o, "forever"),
                       .next_index = wait_first_index(opts_int(o, "after-index"))};
    enum exit_status status = keys_begin(s, o, &w.key);

    client_stop_clock(&s->client);
    session_end_at_interrupt();
    for (bool shown = false; status == EXIT_FINE && (w.forever || !shown) && !ferror(stdout);) {
        struct event_reply e;

        status = wait_next(s, &w, &e);
        if (status != EXIT_FINE)
            break;
        shown = !node_is_dir(e.node);
        if (shown)
            show_change(s, &e, w.recursive);
        event_reply_fini(&e);
    }
    return status;
}
