/* process: the names are those of Prometheus' own libraries. What the system does not tell is left
 * out. */
#include "serve/process.h"

#include "base/metric.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct stat_line {
    uint64_t user, system; /* ticks */
    uint64_t start;        /* ticks since the system came up */
    uint64_t vm_bytes, resident_pages;
};

/* The fields behind the name, which stands in brackets and may have anything in it. */
static bool read_stat(struct stat_line *s)
{
    char text[1024];
    FILE *f = fopen("/proc/self/stat", "re");
    if (f == NULL)
        return false;
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    const char *fields = strrchr(text, ')');
    return fields != NULL &&
           sscanf(fields,
                  ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
                  " %*d %*d %*d %*d %*d %*d %" SCNu64 " %" SCNu64 " %" SCNu64,
                  &s->user, &s->system, &s->start, &s->vm_bytes, &s->resident_pages) == 5;
}

static uint64_t ticks_ns(uint64_t ticks)
{
    return ticks * (UINT64_C(1000000000) / (uint64_t)sysconf(_SC_CLK_TCK));
}

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool count_fds(uint64_t *n)
{
    DIR *d = opendir("/proc/self/fd");
    if (d == NULL)
        return false;
    *n = 0;
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        *n += e->d_name[0] != '.';
    closedir(d);
    --*n; /* that of the directory itself */
    return true;
}

void process_metrics(struct buf *b)
{
    struct stat_line s;
    struct rlimit limit;
    uint64_t fds;
    if (read_stat(&s)) {
        metric_head(b, "process_cpu_seconds_total", "counter",
                    "Total user and system CPU time spent in seconds.");
        metric_seconds(b, "process_cpu_seconds_total", NULL, ticks_ns(s.user + s.system));
        metric_gauge(b, "process_virtual_memory_bytes", "Virtual memory size in bytes.",
                     s.vm_bytes);
        metric_gauge(b, "process_resident_memory_bytes", "Resident memory size in bytes.",
                     s.resident_pages * (uint64_t)sysconf(_SC_PAGESIZE));
        metric_head(b, "process_start_time_seconds", "gauge",
                    "Start time of the process since unix epoch in seconds.");
        metric_seconds(b, "process_start_time_seconds", NULL,
                       now_ns(CLOCK_REALTIME) - (now_ns(CLOCK_BOOTTIME) - ticks_ns(s.start)));
    }
    /* etcd 3.4 has both under two names. */
    if (count_fds(&fds)) {
        metric_gauge(b, "process_open_fds", "Number of open file descriptors.", fds);
        metric_gauge(b, "os_fd_used", "The number of used file descriptors.", fds);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        metric_gauge(b, "process_max_fds", "Maximum number of open file descriptors.",
                     (uint64_t)limit.rlim_cur);
        metric_gauge(b, "os_fd_limit", "The file descriptor limit.", (uint64_t)limit.rlim_cur);
    }
    if (getrlimit(RLIMIT_AS, &limit) == 0)
        metric_gauge(b, "process_virtual_memory_max_bytes",
                     "Maximum amount of virtual memory available in bytes.",
                     (uint64_t)limit.rlim_cur);
}
