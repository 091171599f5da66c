#include "cluster/progress.h"

#include "base/log.h"

void progress_begin(struct progress *p, const struct clock *clock, const char *file)
{
    *p = (struct progress){.clock = clock, .file = file, .said_ns = clock_mono_ns(clock)};
}

bool progress_note(struct progress *p, uint64_t done, uint64_t all)
{
    uint64_t now_ns = clock_mono_ns(p->clock);
    if (now_ns - p->said_ns < PROGRESS_NS)
        return false;
    p->said_ns = now_ns;
    if (all > 0)
        log_info("storage.reading", LOG_S("file", p->file), LOG_U("percent", done * 100 / all));
    else
        log_info("storage.reading", LOG_S("file", p->file), LOG_U("bytes", done));
    return true;
}
