/* What the peer port answers to everybody, to the byte as etcd 3.4 does (dates aside). */
#include "node.h"
#include "test_peer.h"

#include <unistd.h>

#define SNIFF "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"

static const struct {
    const char *request;
    const char *status, *head, *body;
} rows[] = {
    {"GET /members", "200 OK",
     "Content-Type: application/json\r\nX-Etcd-Cluster-Id: cdf818194e3a8c32\r\n",
     "\r\n\r\n[{\"id\":7}]\n"},
    {"GET /members?x=1&y", "200 OK", "Content-Type: application/json\r\n", "[{\"id\":7}]\n"},
    {"GET /version", "200 OK", "Content-Type: application/json\r\n", "{\"etcdserver\":\"3\"}"},
    {"POST /members", "405 Method Not Allowed", "Allow: GET\r\n" SNIFF, "Method Not Allowed\n"},
    {"OPTIONS /version", "405 Method Not Allowed", "Allow: GET\r\n" SNIFF, "Method Not Allowed\n"},
    {"GET /copse/v1/stream", "405 Method Not Allowed", "Allow: POST\r\n" SNIFF,
     "Method Not Allowed\n"},
    {"GET /", "404 Not Found", SNIFF, "404 page not found\n"},
    {"GET /members/", "404 Not Found", SNIFF, "404 page not found\n"},
    {"GET /v2/keys", "404 Not Found", SNIFF, "404 page not found\n"},
    {"GET /health", "404 Not Found", SNIFF, "404 page not found\n"},
};

START_TEST(pages_are_as_in_etcd)
{
    struct node n;
    struct buf rq = {0};
    char *reply;
    int fd;

    node_init(&n, 2);
    node_open(&n);
    fd = raw_dial(&n);
    buf_printf(&rq, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", rows[_i].request);
    raw_send(fd, rq.ptr, rq.len);
    reply = raw_rest(fd);
    ck_assert_msg(strncmp(reply + 9, rows[_i].status, strlen(rows[_i].status)) == 0, "%s: %s",
                  rows[_i].request, reply);
    ck_assert_msg(strstr(reply, rows[_i].head) != NULL, "%s: %s", rows[_i].request, reply);
    ck_assert_msg(strstr(reply, rows[_i].body) != NULL, "%s: %s", rows[_i].request, reply);
    close(fd);
    mem_free(reply);
    buf_fini(&rq);
    node_fini(&n);
}
END_TEST

START_TEST(one_connection_asks_again)
{
    struct node n;
    static const char rq[] = "GET /version HTTP/1.1\r\nHost: x\r\n\r\n";
    char body[18];
    int fd;

    node_init(&n, 2);
    node_open(&n);
    fd = raw_dial(&n);
    for (unsigned i = 0; i < 3; i++) {
        raw_send(fd, rq, sizeof(rq) - 1);
        ck_assert_int_eq(raw_status(fd), 200);
        for (size_t got = 0; got < sizeof(body);)
            got += (size_t)read(fd, body, sizeof(body) - got);
    }
    close(fd);
    node_fini(&n);
}
END_TEST

TCase *tcase_pages(void)
{
    TCase *t = tcase_create("pages");

    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, pages_are_as_in_etcd, 0, CP_COUNT(rows));
    tcase_add_test(t, one_connection_asks_again);
    return t;
}
