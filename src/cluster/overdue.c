/* overdue: writes whose time is up, and those that the log has no room for. */
#include "cluster/engine_priv.h"

#include "disk/advice.h"

#define CAUSE_TIMEOUT "etcdserver: request timed out"
/* In front of why, and what to do. A write that is in the log already may still become durable, so
 * it is never refused: its time is up, and what became of it has to be looked at. */
#define CAUSE_NO_ROOM "etcdserver: the log has no room: "
#define CAUSE_IS_WAITING                                                                           \
    "etcdserver: request timed out, and may still take effect: the log has no room: "
#define ROOM_PATIENCE_NS (uint64_t) NS_PER_S /* in the log, without room, before it is answered */

uint64_t engine_write_timeout_ns(const struct engine *e)
{
    return (5000 + 2 * (uint64_t)e->conf.election_ms) * (uint64_t)NS_PER_MS;
}

static void fail_without_room(struct engine *e, struct proposal *p, const char *begin, int trouble)
{
    struct buf cause = {0};
    const char *advice = disk_advice(trouble);
    buf_printf(&cause, "%s%s%s%s", begin, err_text(trouble), advice != NULL ? "; " : "",
               advice != NULL ? advice : "");
    engine_fail(e, p, buf_cstr(&cause));
    buf_fini(&cause);
}

void engine_fail_no_room(struct engine *e, struct proposal *p, int trouble)
{
    fail_without_room(e, p, CAUSE_NO_ROOM, trouble);
}

/* How long before its deadline a write is answered that is in the log while that has no room:
 * nobody knows when there will be any. */
static uint64_t room_lead_ns(const struct engine *e)
{
    if (atomic_load(&e->log_trouble) == 0)
        return 0;
    return engine_write_timeout_ns(e) - ROOM_PATIENCE_NS;
}

void engine_fail_overdue(struct engine *e)
{
    struct proposal *p;
    uint64_t now_ns = clock_mono_ns(e->conf.clock);
    int trouble = atomic_load(&e->log_trouble);
    while (trouble != 0 && (p = waiting_expired(&e->waiting, now_ns + room_lead_ns(e))) != NULL)
        fail_without_room(e, p, CAUSE_IS_WAITING, trouble);
    while ((p = waiting_expired(&e->waiting, now_ns)) != NULL)
        engine_fail(e, p, CAUSE_TIMEOUT);
}

uint64_t engine_overdue_ns(struct engine *e)
{
    uint64_t deadline = waiting_deadline_ns(&e->waiting), lead = room_lead_ns(e);
    return deadline == UINT64_MAX || deadline < lead ? deadline : deadline - lead;
}
