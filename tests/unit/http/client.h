/* client: the raw side of a connection, and a door with the fake behind it as the fixture of every
 * test. */
#pragma once

#include "fake.h"

#include <check.h>

/* The running pieces of one test. */
struct bench {
    struct engine *engine;
    struct api api;
    struct door *door;
    int listen_fd;
    char port[8];
    const char *cors, *host_names; /* set before bench_start */
};
extern struct bench b;

void bench_start(unsigned workers, unsigned connections_max);
void bench_up(void);   /* two workers */
void bench_down(void); /* the whole ladder; nothing may be left */

int client_open(void); /* connected, with a time-out that only a broken server reaches */
void client_send(int fd, const char *text);
void client_send_bytes(int fd, const void *bytes, size_t n);
void client_gone(int fd); /* closes with a reset */

/* One reply. */
struct answer {
    int status;
    struct buf head, body; /* body decoded */
    bool chunked, cut;     /* cut: ended without its final chunk or before its length */
};
/* Reads one reply; METHOD decides whether a body follows; frees what *A held before. */
void client_read(int fd, const char *method, struct answer *a);
void client_read_head(int fd, struct answer *a);
/* The data of one chunk, appended; false at the final one or at the end of the connection (then
 * cut). */
bool client_read_chunk(int fd, struct answer *a);
void answer_fini(struct answer *a);
/* Value of a header, or NULL; valid until the next call. */
const char *answer_header(const struct answer *a, const char *name);
bool client_at_end(int fd); /* the server has closed */
/* Sends a request and reads its reply, which must have STATUS. */
void ask(int fd, const char *method, const char *request, int status, struct answer *a);

/* Waits until COND holds; a test that waits for ever has failed. */
#define UNTIL(cond)                                                                                \
    do {                                                                                           \
        for (unsigned ms_ = 0; !(cond); ms_++) {                                                   \
            ck_assert_msg(ms_ < 30000, "never came: %s", #cond);                                   \
            client_pause();                                                                        \
        }                                                                                          \
    } while (0)
void client_pause(void);
