/* turn: the engine's side of the door. Everything here runs on the engine thread, inside its
 * callbacks: it gathers, for each worker, what the turn has for it, and hands that over with one
 * wake at the end of the turn. */
#include "base/mem.h"
#include "http/conn.h"
#include "http/sub.h"

static void gather(struct worker *w, struct mail *m, enum worker_mail kind)
{
    m->kind = kind;
    m->next = NULL;
    *w->out_last = m;
    w->out_last = &m->next;
}

void turn_written(struct proposal *p)
{
    struct conn *k = p->owner;

    gather(k->worker, &p->mail, MAIL_WRITTEN);
}

void turn_confirmed(struct quorum_read *r)
{
    struct conn *k = r->owner;

    gather(k->worker, &r->mail, MAIL_CONFIRMED);
}

void turn_opened(struct watch *watch)
{
    struct sub *s = CP_CONTAINER_OF(watch, struct sub, watch);

    gather(s->worker, &watch->mail, MAIL_OPENED);
}

void turn_closed(struct watch *watch)
{
    struct sub *s = CP_CONTAINER_OF(watch, struct sub, watch);

    gather(s->worker, &watch->mail, MAIL_CLOSED);
}

static void deliver(struct sub *s, struct event *event, bool historic)
{
    struct worker *w = s->worker;
    struct delivery *d = w->out_events;

    if (d == NULL || d->n == DELIVERY_ITEMS) {
        d = mem_alloc(sizeof(*d));
        d->n = 0;
        w->out_events = d;
        gather(w, &d->mail, MAIL_EVENTS);
    }
    d->items[d->n].sub = s;
    d->items[d->n].event = event;
    d->items[d->n].historic = historic;
    d->n++;
}

void turn_push(struct watcher *watcher, struct event *event, bool historic)
{
    struct watch *watch = CP_CONTAINER_OF(watcher, struct watch, watcher);

    deliver(CP_CONTAINER_OF(watch, struct sub, watch), event_ref(event), historic);
}

void turn_ended(struct watch *watch)
{
    deliver(CP_CONTAINER_OF(watch, struct sub, watch), NULL, false);
}

void door_turn_end(void *door)
{
    struct door *d = door;

    for (unsigned i = 0; i < d->n_workers; i++) {
        struct worker *w = &d->workers[i];
        struct mail *first = w->out_first;

        if (first == NULL)
            continue;
        w->out_first = NULL;
        w->out_last = &w->out_first;
        w->out_events = NULL;
        mailbox_post_chain(&w->mailbox, first);
    }
}
