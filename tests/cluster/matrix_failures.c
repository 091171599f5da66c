/* Every call fails: the N-th of each kind, on log and snapshots apart, once or from then on. Each
 * case is a process of its own. It may end with the log's exit code and a line that says so, or
 * refuse the start with words, or go on; and on what the disk then holds everything acknowledged is
 * there. */
#include "matrix.h"

#include "base/log.h"
#include "base/mem.h"
#include "disk/wal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_MAX_BYTES 128
#define CASE_S         60 /* a case that takes longer hangs */

struct failure {
    enum gate_trouble trouble;
    enum gate_where where;
    unsigned call, n;
    int errnum;
    bool kept; /* only the process ends, else the power is lost too */
};

/* Of the child: what the end of the process has to know. */
static struct {
    struct world *world;
    int image;
    bool kept;
} dying;

void __real__exit(int code) __attribute__((noreturn));
void __wrap__exit(int code) __attribute__((noreturn));

static void write_all(int fd, const void *bytes, size_t n)
{
    if (write(fd, bytes, n) != (ssize_t)n)
        abort();
}

/* The files as the disk would have them, to where the parent can read them. */
static void save(struct world *w, bool kept, int fd)
{
    const char *path;
    gate_set(&w->gate, (struct gate_plan){0});
    faultio_power_off_at(w->files, 0);
    faultio_power_on(w->files, kept);
    for (size_t i = 0; (path = faultio_path(w->files, i)) != NULL; i++) {
        char name[PATH_MAX_BYTES] = {0};
        size_t len;
        const uint8_t *bytes = faultio_bytes(w->files, path, &len);
        snprintf(name, sizeof(name), "%s", path);
        write_all(fd, name, sizeof(name));
        write_all(fd, &len, sizeof(len));
        if (len > 0)
            write_all(fd, bytes, len);
    }
}

static void load(struct world *w, int fd)
{
    char name[PATH_MAX_BYTES];
    lseek(fd, 0, SEEK_SET);
    while (read(fd, name, sizeof(name)) == (ssize_t)sizeof(name)) {
        size_t len;
        CP_ASSERT(read(fd, &len, sizeof(len)) == (ssize_t)sizeof(len));
        uint8_t *bytes = mem_alloc(len + 1);
        CP_ASSERT(read(fd, bytes, len) == (ssize_t)len);
        faultio_put(w->files, name, bytes, len);
        mem_free(bytes);
    }
}

/* Linked in place of _exit: a log that cannot go on ends the process from one of its threads. The
 * others are halted, so that books and files stay as they are. */
void __wrap__exit(int code)
{
    if (dying.world != NULL) {
        pthread_mutex_lock(&dying.world->lock);
        gate_close(&dying.world->gate);
        struct world *w = dying.world;
        /* No call is inside and none comes in: the files are ours. */
        w->gate.plan = (struct gate_plan){0};
        save(w, dying.kept, dying.image);
    }
    __real__exit(code);
}

/* Two lives with snapshots and segment switches, with the trouble somewhere in them. */
static void suffer(struct world *w, const struct failure *f)
{
    gate_set(&w->gate, (struct gate_plan){.trouble = f->trouble,
                                          .where = f->where,
                                          .call = f->call,
                                          .n = f->n,
                                          .errnum = f->errnum});
    for (int life = 0; life < 2; life++) {
        if (world_start(w) != 0) {
            if (!gate_met(&w->gate))
                world_broken(w, "start: %s", w->err.text);
            break;
        }
        world_check(w);
        world_write(w, 90);
        world_check_now(w);
        world_stop(w);
        faultio_power_off_at(w->files, 0);
        faultio_power_on(w->files, true);
    }
}

static void child(struct books *books, const struct failure *f, uint64_t seed, int image)
{
    struct world w;
    alarm(CASE_S);
    world_init(&w, books, seed);
    w.segment_bytes = 8192;
    w.snapshot_count = 25;
    dying.world = &w;
    dying.image = image;
    dying.kept = f->kept;
    suffer(&w, f);
    bool met = gate_met(&w.gate);
    dying.world = NULL;
    save(&w, f->kept, image);
    __real__exit(met ? 0 : 1);
}

/* Is the log's last word in what the child said? */
static bool said_why(int fd)
{
    static char text[65536];
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return strstr(text, "wal.failed") != NULL;
}

static void show(int fd)
{
    static char text[65536];
    ssize_t n = pread(fd, text, sizeof(text), 0);
    if (n > 0)
        (void)!write(STDERR_FILENO, text, (size_t)n);
}

/* False when the call does not come that often. */
static bool run_case(const struct failure *f, uint64_t seed)
{
    struct books *books = world_books(seed);
    int image = memfd_create("image", MFD_CLOEXEC), words = memfd_create("words", MFD_CLOEXEC);
    CP_ASSERT(image >= 0 && words >= 0);
    pid_t pid = fork();
    CP_ASSERT(pid >= 0);
    if (pid == 0) {
        dup2(words, STDERR_FILENO);
        child(books, f, seed, image);
    }
    int status;
    while (waitpid(pid, &status, 0) < 0)
        CP_ASSERT(errno == EINTR);
    bool died = WIFEXITED(status) && WEXITSTATUS(status) == WAL_EXIT_CODE;
    bool fine = WIFEXITED(status) && WEXITSTATUS(status) <= 1;
    if (!(died && said_why(words)) && !fine) {
        show(words);
        fprintf(stderr, "%s %u, where %d, trouble %d, %s: status %#x (seed %llu)\n",
                gate_call_name(f->call), f->n, (int)f->where, (int)f->trouble, strerror(f->errnum),
                (unsigned)status, (unsigned long long)seed);
        abort();
    }
    struct world w;
    world_init(&w, books, seed + 1);
    w.segment_bytes = 8192;
    w.snapshot_count = 25;
    load(&w, image);
    if (world_start(&w) != 0)
        world_broken(&w, "after %s %u, where %d, trouble %d, %s: %s", gate_call_name(f->call), f->n,
                     (int)f->where, (int)f->trouble, strerror(f->errnum), w.err.text);
    world_check(&w);
    world_write(&w, 10);
    world_drain(&w);
    world_check(&w);
    world_stop(&w);
    matrix_add(books);
    world_fini(&w);
    world_books_free(books);
    close(image);
    close(words);
    return died || WEXITSTATUS(status) == 0;
}

void matrix_failures(uint64_t seed, unsigned stride)
{
    static const int errnums[] = {EIO, EIO, ENOSPC, EROFS, EMFILE};
    unsigned i = (unsigned)(seed % 30); /* another seed, other combinations */
    for (unsigned call = 0; call < GATE_KINDS; call++)
        for (unsigned where = GATE_LOG; where <= GATE_SNAP; where++)
            for (unsigned n = 1; n < 200; n += n < 6 ? 1 : n < 30 ? stride : stride * 7, i++) {
                struct failure f = {.trouble = i % 2 == 0 ? GATE_FAIL_ONCE : GATE_FAIL_ON,
                                    .where = (enum gate_where)where,
                                    .call = call,
                                    .n = n,
                                    .errnum = errnums[i % 5],
                                    .kept = i % 3 == 0};
                if (!run_case(&f, seed + i))
                    break;
            }
}
