/* speed: round trips and throughput between two peer floors over loopback. Figures, no verdict:
 *   make tests/unit/peer/speed && tests/unit/peer/speed */
#include "node.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void round_trips(struct node *a, struct node *b)
{
    enum { N = 20000 };
    double *us = mem_alloc(N * sizeof(*us));

    for (unsigned i = 0; i < N; i++) {
        double begin = now_s();

        node_reach(a, b, i);
        node_reach(b, a, i);
        us[i] = (now_s() - begin) * 1e6;
    }
    qsort(us, N, sizeof(*us), by_size);
    printf("round trip of a small frame: p50 %.0f us, p99 %.0f us\n", us[N / 2], us[N * 99 / 100]);
    mem_free(us);
}

struct sink {
    struct node *node;
    unsigned n;
};

static void *take_all(void *sink)
{
    struct sink *s = sink;

    for (unsigned i = 0; i < s->n; i++)
        frame_free(node_take(s->node));
    return NULL;
}

static void throughput(struct node *a, struct node *b, size_t bytes, unsigned n)
{
    struct sink sink = {b, n};
    pthread_t thread;
    double begin = now_s(), s;

    pthread_create(&thread, NULL, take_all, &sink);
    for (unsigned i = 0; i < n; i++)
        node_send(a, b->id,
                  bytes > 0 ? frame_sized(a->id, b->id, bytes) : frame_numbered(a->id, b->id, i));
    pthread_join(thread, NULL);
    s = now_s() - begin;
    printf("%7zu bytes a frame: %.0f frames/s, %.0f MB/s\n", bytes, n / s,
           (double)bytes * n / s / 1e6);
}

/* A test only because the nodes speak as tests do. */
START_TEST(figures)
{
    struct node a, b;

    node_init(&a, 1);
    node_init(&b, 2);
    node_open(&a);
    node_open(&b);
    node_meet(&a, &b);
    node_meet(&b, &a);
    round_trips(&a, &b);
    throughput(&a, &b, 0, 1000000);
    throughput(&a, &b, 1000, 500000);
    throughput(&a, &b, 1048576, 1000);
    node_fini(&a);
    node_fini(&b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("speed");
    TCase *t = tcase_create("speed");
    SRunner *r = srunner_create(s);

    signal(SIGPIPE, SIG_IGN);
    tcase_set_timeout(t, 600);
    tcase_add_test(t, figures);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_SILENT);
    srunner_free(r);
    return EXIT_SUCCESS;
}
