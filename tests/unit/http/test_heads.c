/* Heads that Go's server refuses and libmicrohttpd does not. */
#include "client.h"
#include "proto/limits.h"
#include "test_http.h"

#include <microhttpd.h>
#include <unistd.h>

/* Newer ones refuse that by themselves, with a page of their own. */
#if MHD_VERSION >= 0x01000100
#define NO_HOST NULL
#else
#define NO_HOST "400 Bad Request: missing required Host header"
#endif

#define HOST "Host: x\r\n"

static const struct head_row {
    const char *name, *request;
    int status;
    const char *text; /* start of the body; NULL: not looked at */
} rows[] = {
    {"no host", "GET /echo HTTP/1.1\r\n\r\n", 400, NO_HOST},
    {"two hosts", "GET /echo HTTP/1.1\r\n" HOST HOST "\r\n", 400,
     "400 Bad Request: too many Host headers"},
    {"no host on 1.0", "GET /echo HTTP/1.0\r\n\r\n", 200, "GET /echo"},
    {"two lengths",
     "PUT /echo HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400,
     "400 Bad Request"},
    {"the same length twice",
     "PUT /echo HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 200, NULL},
    {"method not a token", "G(T /echo HTTP/1.1\r\n" HOST "\r\n", 400, "400 Bad Request"},
    {"unknown method", "PATCH /echo HTTP/1.1\r\n" HOST "\r\n", 200, "OTHER /echo"},
    {"method in small letters", "get /echo HTTP/1.1\r\n" HOST "\r\n", 200, "OTHER /echo"},
    {"blank in the target", "GET /a b HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"tab in the target", "GET /a\tb HTTP/1.1\r\n" HOST "\r\n", 400, NULL},
    {"control byte in the query", "GET /a?b=\x01 HTTP/1.1\r\n" HOST "\r\n", 400, "400 Bad Request"},
    {"delete in the target", "GET /a\x7f HTTP/1.1\r\n" HOST "\r\n", 400, "400 Bad Request"},
    {"no slash", "GET a/b HTTP/1.1\r\n" HOST "\r\n", 400, "400 Bad Request"},
    {"host without a path", "GET http://h:1 HTTP/1.1\r\n" HOST "\r\n", 200, "GET / type"},
    {"bad escape in the path", "GET /a%zz HTTP/1.1\r\n" HOST "\r\n", 400, "400 Bad Request"},
    {"short escape in the path", "GET /a%4 HTTP/1.1\r\n" HOST "\r\n", 400, "400 Bad Request"},
    {"bad escape in the query", "GET /echo?a=%zz HTTP/1.1\r\n" HOST "\r\n", 200, "GET /echo?a=%zz"},
    {"blank before the colon", "GET /echo HTTP/1.1\r\n" HOST "foo : 1\r\n\r\n", 400, NULL},
    {"transfer coding", "PUT /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n", 501, NULL},
    {"two transfer codings",
     "PUT /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501, NULL},
    {"other expectation", "PUT /echo HTTP/1.1\r\n" HOST "Expect: foo\r\nContent-Length: 1\r\n\r\n",
     417, ""},
    {"blanks around a type", "PUT /echo HTTP/1.1\r\n" HOST "Content-Type: \t A/b \t \r\n\r\n", 200,
     "PUT /echo type=A/b body=0"},
    {"blanks alone", "PUT /echo HTTP/1.1\r\n" HOST "Content-Type:  \t \r\n\r\n", 200,
     "PUT /echo type= body=0"},
    {"type in any case", "PUT /echo HTTP/1.1\r\n" HOST "cONTENT-tYPE: A/b\r\n\r\n", 200,
     "PUT /echo type=A/b body=0"},
};

/* TEXT with BYTE at AT; gives the status. */
static int status_with(const char *text, size_t at, int byte)
{
    struct answer a = {0};
    char request[128];
    int fd = client_open();
    size_t n = strlen(text);

    memcpy(request, text, n);
    request[at] = (char)byte;
    client_send_bytes(fd, request, n);
    client_read(fd, "GET", &a);

    int status = a.status;

    answer_fini(&a);
    close(fd);
    return status;
}

/* They are looked at by eights, and what is left one by one. */
START_TEST(each_byte_at_each_place)
{
    static const char target[] = "GET /aaaaaaaaaaaaaa HTTP/1.1\r\n" HOST "\r\n";
    static const char value[] = "GET /echo HTTP/1.1\r\n" HOST "A: aaaaaaaaaaaaaa\r\n\r\n";
    const size_t in_target = 5, in_value = (size_t)(strstr(value, "A: ") - value) + 3;

    for (int byte = 1; byte < 256; byte++) {
        size_t at = 1 + (size_t)byte * 5 % 11;
        bool control = byte < ' ' || byte == 0x7f;

        if (byte == '\r' || byte == '\n')
            continue;
        ck_assert_int_eq(status_with(target, in_target + at, byte),
                         control || byte == ' ' ? 400 : 200);
        ck_assert_int_eq(status_with(value, in_value + at, byte),
                         control && byte != '\t' ? 400 : 200);
    }
    for (size_t at = 0; at < 13; at++) {
        ck_assert_int_eq(status_with(target, in_target + at, 0x1f), 400);
        ck_assert_int_eq(status_with(target, in_target + at, 0x7f), 400);
        ck_assert_int_eq(status_with(value, in_value + at, 0x1f), 400);
        ck_assert_int_eq(status_with(value, in_value + at, 0x7f), 400);
        ck_assert_int_eq(status_with(value, in_value + at, '\t'), 200);
    }
}
END_TEST

START_TEST(head_is_checked)
{
    const struct head_row *row = &rows[_i];
    struct answer a = {0};
    int fd = client_open();

    client_send(fd, row->request);
    client_read(fd, "GET", &a);
    /* A newer libmicrohttpd refuses other transfer codings by itself. */
    ck_assert_msg(a.status == row->status || (row->status == 501 && a.status == 400), "%s: %d",
                  row->name, a.status);
    if (row->text != NULL)
        ck_assert_msg(span_starts(buf_as_span(&a.body), span_of(row->text)), "%s: %.*s", row->name,
                      (int)a.body.len, a.body.ptr);
    if (row->status >= 400) {
        ck_assert_str_eq(answer_header(&a, "Connection"), "close");
        ck_assert_msg(client_at_end(fd), "%s", row->name);
    }
    answer_fini(&a);
    close(fd);

    /* The worker lives. */
    fd = client_open();
    ask(fd, "GET", "GET /echo HTTP/1.1\r\n" HOST "\r\n", 200, &a);
    answer_fini(&a);
    close(fd);
}
END_TEST

START_TEST(bare_reply_has_no_date)
{
    struct answer a = {0};
    int fd = client_open();

    ask(fd, "GET", "GET /%zz HTTP/1.1\r\n" HOST "\r\n", 400, &a);
    ck_assert_ptr_null(answer_header(&a, "Date"));
    ck_assert_ptr_null(answer_header(&a, "Content-Length"));
    ck_assert_ptr_null(answer_header(&a, "Transfer-Encoding"));
    ck_assert_str_eq(answer_header(&a, "Content-Type"), "text/plain; charset=utf-8");
    ck_assert(span_eq(buf_as_span(&a.body), SPAN("400 Bad Request")));
    answer_fini(&a);
    close(fd);
}
END_TEST

/* A head that does not fit is refused with a status, not in silence. */
START_TEST(head_beyond_the_limit)
{
    struct answer a = {0};
    struct buf text = {0};
    int fd = client_open();

    buf_lit(&text, "GET /");
    for (size_t i = 0; i < LIMIT_HEAD_BYTES; i++)
        buf_char(&text, 'a');
    buf_lit(&text, " HTTP/1.1\r\n" HOST "\r\n");
    ask(fd, "GET", buf_cstr(&text), 414, &a);
    close(fd);

    fd = client_open();
    buf_clear(&text);
    buf_lit(&text, "GET / HTTP/1.1\r\n" HOST "X-Long: ");
    for (size_t i = 0; i < LIMIT_HEAD_BYTES; i++)
        buf_char(&text, 'a');
    buf_lit(&text, "\r\n\r\n");
    ask(fd, "GET", buf_cstr(&text), 431, &a);
    close(fd);
    buf_fini(&text);
    answer_fini(&a);
}
END_TEST

TCase *case_heads(void)
{
    TCase *c = tcase_create("heads");

    tcase_set_timeout(c, 60);
    tcase_add_checked_fixture(c, bench_up, bench_down);
    tcase_add_test(c, each_byte_at_each_place);
    tcase_add_loop_test(c, head_is_checked, 0, (int)CP_COUNT(rows));
    tcase_add_test(c, bare_reply_has_no_date);
    tcase_add_test(c, head_beyond_the_limit);
    return c;
}
