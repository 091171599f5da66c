/* TLS between members: who is believed to be one, by those who call and by those who are called. */
#include "node.h"
#include "test_peer.h"

#include "peer/dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CALL_MS 20000

/* Certificates that have signed themselves: each is an authority of its own. */
struct files {
    char dir[96], cert[128], key[128];
};

static void files_make(struct files *f, const char *host)
{
    struct err e;

    snprintf(f->dir, sizeof(f->dir), "%s/peer-tls-XXXXXX", P_tmpdir);
    ck_assert_ptr_nonnull(mkdtemp(f->dir));
    snprintf(f->cert, sizeof(f->cert), "%s/cert.pem", f->dir);
    snprintf(f->key, sizeof(f->key), "%s/key.pem", f->dir);
    ck_assert_msg(tls_self_signed(f->dir, &host, 1, &e) == 0, "%s", e.text);
}

static void files_remove(struct files *f)
{
    unlink(f->cert);
    unlink(f->key);
    rmdir(f->dir);
}

static struct tls *open_tls(const struct files *own, const char *ca, const char *cn)
{
    struct tls_conf conf = {.side = "peer",
                            .cert_file = own->cert,
                            .key_file = own->key,
                            .ca_file = ca,
                            .crl_file = "",
                            .allowed_cn = cn,
                            .allowed_host = "",
                            .cipher_suites = ""};
    struct tls *tls;
    struct err e;

    ck_assert_msg(tls_new(&tls, &conf, &e) == 0, "%s", e.text);
    return tls;
}

static struct peer_trust trust(const struct files *own, const char *ca)
{
    return (struct peer_trust){.cert_file = own != NULL ? own->cert : NULL,
                               .key_file = own != NULL ? own->key : NULL,
                               .ca_file = ca};
}

/* Status of a page of N, or 0 when the call failed. */
static long call(const struct node *n, const struct peer_trust *t, const char *host)
{
    struct buf page = {0};
    uint64_t cluster;
    long status = 0;
    char url[64];
    struct err e;

    snprintf(url, sizeof(url), "https://%s:%s", host, n->port);
    if (dial_get(t, url, "/version", CALL_MS, 4096, &status, &cluster, &page, &e) != 0)
        status = 0;
    buf_fini(&page);
    return status;
}

START_TEST(members_speak_over_tls)
{
    struct files fa, fb;
    struct node a, b;

    files_make(&fa, "127.0.0.1");
    files_make(&fb, "127.0.0.1");

    struct tls *ta = open_tls(&fa, fb.cert, ""), *tb = open_tls(&fb, fa.cert, "");
    struct peer_trust from_a = trust(&fa, fb.cert), from_b = trust(&fb, fa.cert);

    node_init_tls(&a, 1, ta, &from_a);
    node_init_tls(&b, 2, tb, &from_b);
    node_open(&a);
    node_open(&b);
    node_meet(&a, &b);
    node_meet(&b, &a);
    for (uint64_t i = 0; i < 2000; i++) {
        node_send(&a, 2, frame_numbered(1, 2, i));
        node_send(&b, 1, frame_numbered(2, 1, i));
    }
    for (uint64_t i = 0; i < 2000; i++) {
        struct frame *to_a = node_take(&a), *to_b = node_take(&b);

        ck_assert_uint_eq(to_a->read.number, i);
        ck_assert_uint_eq(to_b->read.number, i);
        frame_free(to_a);
        frame_free(to_b);
    }
    node_send(&a, 2, frame_sized(1, 2, 3000000));
    frame_free(node_take(&b));
    node_fini(&a);
    node_fini(&b);
    tls_free(ta);
    tls_free(tb);
    files_remove(&fa);
    files_remove(&fb);
}
END_TEST

START_TEST(strangers_are_refused)
{
    struct files own, other, elsewhere;
    struct node n;

    files_make(&own, "127.0.0.1");
    files_make(&other, "127.0.0.1");
    files_make(&elsewhere, "b.example");

    struct tls *tls = open_tls(&own, other.cert, "");
    const struct peer_trust good = trust(&other, own.cert), nobody = trust(NULL, own.cert),
                            wrong = trust(&own, own.cert), mistrust = trust(&other, other.cert),
                            system = trust(&other, NULL);
    struct peer_trust blind = trust(&other, NULL);

    blind.anybody = true;
    node_init_tls(&n, 1, tls, NULL);
    node_open(&n);
    ck_assert_int_eq(call(&n, &good, "127.0.0.1"), 200);
    ck_assert_int_eq(call(&n, &blind, "127.0.0.1"), 200);
    ck_assert_int_eq(call(&n, &nobody, "127.0.0.1"), 0);   /* shows nothing */
    ck_assert_int_eq(call(&n, &wrong, "127.0.0.1"), 0);    /* shows what nobody signed for */
    ck_assert_int_eq(call(&n, &mistrust, "127.0.0.1"), 0); /* wants another authority */
    ck_assert_int_eq(call(&n, &system, "127.0.0.1"), 0);   /* wants one of the system's */
    ck_assert_int_eq(call(&n, &good, "localhost"), 0);     /* wants another name */
    ck_assert_int_eq(call(&n, &good, "127.0.0.1"), 200);
    node_fini(&n);
    tls_free(tls);

    /* A good certificate without the common name that is asked for. */
    tls = open_tls(&own, other.cert, "member");
    node_init_tls(&n, 1, tls, NULL);
    node_open(&n);
    ck_assert_int_eq(call(&n, &good, "127.0.0.1"), 0);
    node_fini(&n);
    tls_free(tls);
    files_remove(&own);
    files_remove(&other);
    files_remove(&elsewhere);
}
END_TEST

START_TEST(new_files_are_for_new_calls)
{
    struct files own, other;
    struct node n;

    files_make(&own, "127.0.0.1");
    files_make(&other, "127.0.0.1");

    struct tls *tls = open_tls(&own, "", "");
    const struct peer_trust to_own = trust(NULL, own.cert), to_other = trust(NULL, other.cert);
    char kept[128];

    snprintf(kept, sizeof(kept), "%s/kept.pem", own.dir);
    ck_assert_int_eq(link(own.cert, kept), 0);

    const struct peer_trust to_kept = trust(NULL, kept);

    node_init_tls(&n, 1, tls, NULL);
    node_open(&n);
    ck_assert_int_eq(call(&n, &to_own, "127.0.0.1"), 200);
    ck_assert_int_eq(call(&n, &to_other, "127.0.0.1"), 0);
    /* The certificate alone does not fit the key: all stays as it was. */
    ck_assert_int_eq(rename(other.cert, own.cert), 0);
    ck_assert_int_eq(link(own.cert, other.cert), 0);
    tls_refresh(tls, false);
    ck_assert_int_eq(call(&n, &to_kept, "127.0.0.1"), 200);
    ck_assert_int_eq(rename(other.key, own.key), 0);
    tls_refresh(tls, false);
    ck_assert_int_eq(call(&n, &to_other, "127.0.0.1"), 200);
    ck_assert_int_eq(call(&n, &to_kept, "127.0.0.1"), 0);
    node_fini(&n);
    tls_free(tls);
    unlink(kept);
    files_remove(&own);
    files_remove(&other);
}
END_TEST

START_TEST(stalled_handshakes_hold_nobody_up)
{
    static const char begun[] = "\x16\x03\x01\x02";
    struct files own;
    struct node n;
    int fds[16];

    files_make(&own, "127.0.0.1");

    struct tls *tls = open_tls(&own, "", "");
    const struct peer_trust good = trust(NULL, own.cert);

    node_init_tls(&n, 1, tls, NULL);
    node_open(&n);
    for (unsigned i = 0; i < CP_COUNT(fds); i++) {
        fds[i] = raw_dial(&n);
        raw_send(fds[i], begun, i % sizeof(begun));
    }
    ck_assert_int_eq(call(&n, &good, "127.0.0.1"), 200);
    node_fini(&n); /* cuts those that wait */
    for (unsigned i = 0; i < CP_COUNT(fds); i++)
        raw_wait_end(fds[i]);
    tls_free(tls);
    files_remove(&own);
}
END_TEST

TCase *tcase_tls(void)
{
    TCase *t = tcase_create("tls");

    tcase_set_timeout(t, 300);
    tcase_add_test(t, members_speak_over_tls);
    tcase_add_test(t, strangers_are_refused);
    tcase_add_test(t, new_files_are_for_new_calls);
    tcase_add_test(t, stalled_handshakes_hold_nobody_up);
    return t;
}
