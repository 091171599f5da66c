/* wait: see wait.h. */
#include "ctl/wait.h"
#include "ctl/keys.h"
#include "proto/v2.h"

#include <stdio.h>

uint64_t wait_first_index(int64_t after_index)
{
    /* quirk: 0 is "no index", not "all of history"; -1 comes to the same (watch history). */
    return after_index == 0 ? 0 : (uint64_t)after_index + 1;
}

static int wait_once(struct session *s, const struct waiter *w, struct event_reply *out,
                     bool *empty, struct fail *f)
{
    struct key_request r = {.method = "GET", .key = w->key, .wait = true};

    keys_pair_bool(&r.query, "recursive", w->recursive);
    keys_pair_bool(&r.query, "wait", true);
    keys_pair_number(&r.query, "waitIndex", w->next_index);

    int rc = keys_send(s, &r, out, empty, f);

    key_request_fini(&r);
    return rc;
}

enum exit_status wait_next(struct session *s, struct waiter *w, struct event_reply *out)
{
    struct fail f = {0};
    bool empty = false;
    enum exit_status status = EXIT_FINE;

    for (;;) {
        int rc = wait_once(s, w, out, &empty, &f);

        if (rc == 0)
            break;
        if (empty) /* the server's own time limit */
            continue;
        if (f.code == V2_EVENT_INDEX_CLEARED && w->seen_any && f.index >= w->next_index) {
            fprintf(stderr, "changes of %s from index %llu to %llu are no longer known\n", w->key,
                    (unsigned long long)w->next_index, (unsigned long long)f.index);
            w->next_index = f.index + 1;
            continue;
        }
        status = session_fail(&f, EXIT_SERVER);
        break;
    }
    fail_fini(&f);
    if (status == EXIT_FINE) {
        w->next_index = node_number(out->node, "modifiedIndex") + 1;
        w->seen_any = true;
    }
    return status;
}
