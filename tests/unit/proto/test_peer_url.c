/* URLs of members. The messages are those of etcd 3.4.23. */
#include "test_proto.h"

#include "proto/peer_url.h"

static const struct {
    const char *url, *message;
} urls[] = {
    {"", "URL scheme must be http, https, unix, or unixs: "},
    {"x", "URL scheme must be http, https, unix, or unixs: x"},
    {" http://127.0.0.1 ", "URL address does not have the form \"host:port\": http://127.0.0.1"},
    {"http://a:1/", "URL must not contain a path: http://a:1/"},
    {"HTTP://127.0.0.1:33380", NULL},
    {"http://127.0.0.1:33380 ", NULL},
    {"ftp://a:1", "URL scheme must be http, https, unix, or unixs: ftp://a:1"},
    {"unix://a:1", NULL},
    {"unixs://a/b:1", "URL address does not have the form \"host:port\": unixs://a/b:1"},
    {"http:a:1", "URL address does not have the form \"host:port\": http:a:1"},
    {"http:/a", "URL address does not have the form \"host:port\": http:/a"},
    {"http://", "URL address does not have the form \"host:port\": http://"},
    {"http://:1/x", "URL must not contain a path: http://:1/x"},
    {"http://a:b", "parse \"http://a:b\": invalid port \":b\" after host"},
    {"http://a:1b", "parse \"http://a:1b\": invalid port \":1b\" after host"},
    {"http://[::1]", "URL address does not have the form \"host:port\": http://[::1]"},
    {"http://[::1", "parse \"http://[::1\": missing ']' in host"},
    {"http://[::1]x", "parse \"http://[::1]x\": invalid port \"x\" after host"},
    {"http://[::1]:x", "parse \"http://[::1]:x\": invalid port \":x\" after host"},
    {"http://[::1]:1/", "URL must not contain a path: http://[::1]:1/"},
    {"http://::1:1", "URL address does not have the form \"host:port\": http://::1:1"},
    {"http://a b:1", "parse \"http://a b:1\": invalid character \" \" in host name"},
    {"http://a:1/%zz", "parse \"http://a:1/%zz\": invalid URL escape \"%zz\""},
    {"http://a:1?x", NULL},
    {"//a:1", "URL scheme must be http, https, unix, or unixs: //a:1"},
    {"a:1", "URL scheme must be http, https, unix, or unixs: a:1"},
    {"1a:1", "parse \"1a:1\": first path segment in URL cannot contain colon"},
    {"/a:1", "URL scheme must be http, https, unix, or unixs: /a:1"},
    {":1", "parse \":1\": missing protocol scheme"},
    {"a/b:1", "URL scheme must be http, https, unix, or unixs: a/b:1"},
    {"http://u:p@a:1/", "URL must not contain a path: http://u:p@a:1/"},
    {"http://u p@a:1", "parse \"http://u p@a:1\": net/url: invalid userinfo"},
    {"http://a%zz:1", "parse \"http://a%zz:1\": invalid URL escape \"%zz\""},
    {"http://a%41:1", "parse \"http://a%41:1\": invalid URL escape \"%41\""},
    {"http://a%20:1", "parse \"http://a%20:1\": invalid URL escape \"%20\""},
    {"http://a<b:1", NULL},
    {"http://a\x01:1", "parse \"http://a\\x01:1\": net/url: invalid control character in URL"},
    {"http://a:1\n", NULL},
    {"http://a:1#f\"q", NULL},
    {"http://a\"b:x", "parse \"http://a\\\"b:x\": invalid port \":x\" after host"},
    {"http://\xc3\xa9:x", "parse \"http://\xc3\xa9:x\": invalid port \":x\" after host"},
    {"http://a\\b:x", "parse \"http://a\\\\b:x\": invalid port \":x\" after host"},
    {"http://a[b:1", "URL address does not have the form \"host:port\": http://a[b:1"},
    {"http://a]b:1", "URL address does not have the form \"host:port\": http://a]b:1"},
    {"http://[a[b]:1", "URL address does not have the form \"host:port\": http://[a[b]:1"},
    {"http://a:", NULL},
    {"http://[a]b]:1", "URL address does not have the form \"host:port\": http://[a]b]:1"},
    {"?", "URL scheme must be http, https, unix, or unixs: ?"},
    {"*", "URL scheme must be http, https, unix, or unixs: *"},
    {"http://a:1#%zz", "parse \"http://a:1#%zz\": invalid URL escape \"%zz\""},
    {"http://a:1/#%zz", "parse \"http://a:1/#%zz\": invalid URL escape \"%zz\""},
    {"mailto:x", "URL scheme must be http, https, unix, or unixs: mailto:x"},
    {"http1://a:1", "URL scheme must be http, https, unix, or unixs: http1://a:1"},
    {"ht_tp://a:1", "parse \"ht_tp://a:1\": first path segment in URL cannot contain colon"},
    {"http://a%4:1", "parse \"http://a%4:1\": invalid URL escape \"%4:\""},
    {"http://[::1%25eth0]:x", "parse \"http://[::1%25eth0]:x\": invalid port \":x\" after host"},
    {"http://[::1%eth0]:1", "parse \"http://[::1%eth0]:1\": invalid URL escape \"%et\""},
    {"http://[fe80::1%25e%20n]:1/", "URL must not contain a path: http://[fe80::1%25e%20n]:1/"},
    {"http://a^b:1", "parse \"http://a^b:1\": invalid character \"^\" in host name"},
    {"http://a`:1", "parse \"http://a`:1\": invalid character \"`\" in host name"},
    {"http://u%zz@a:1", "parse \"http://u%zz@a:1\": invalid URL escape \"%zz\""},
    {"http://@:1/", "URL must not contain a path: http://@:1/"},
    {"a b", "URL scheme must be http, https, unix, or unixs: a b"},
    {"http://a:1\x7f", "parse \"http://a:1\\x7f\": net/url: invalid control character in URL"},
    {"http:///:1", "URL address does not have the form \"host:port\": http:///:1"},
    {"///a", "URL scheme must be http, https, unix, or unixs: ///a"},
    {"//", "URL scheme must be http, https, unix, or unixs: //"},
    {"http://a:1//b", "URL must not contain a path: http://a:1//b"},
    {"http://[%41]:1/x", "parse \"http://[%41]:1/x\": invalid URL escape \"%41\""},
    {"http://[]:1/x", "URL must not contain a path: http://[]:1/x"},
    {"http://]:1", "URL address does not have the form \"host:port\": http://]:1"},
    {"ht tp://a:1", "parse \"ht tp://a:1\": first path segment in URL cannot contain colon"},
    {"http://u:p%zz@a:1", "parse \"http://u:p%zz@a:1\": invalid URL escape \"%zz\""},
    {"http://u@b@c:1", NULL},
    {"http://a;b=c,(!)*$&'+:1/", "URL must not contain a path: http://a;b=c,(!)*$&'+:1/"},
    {"http://a|:1", "parse \"http://a|:1\": invalid character \"|\" in host name"},
    {"http://a>:1", NULL},
    {"http://a\ttab:1", "parse \"http://a\\ttab:1\": net/url: invalid control character in URL"},
    {"https://h:99999/", "URL must not contain a path: https://h:99999/"},
    {"http://a:1/\xc3\xbf", "URL must not contain a path: http://a:1/\xc3\xbf"},
    {"http://a:1?%zz/", NULL},
    {"0:1", "parse \"0:1\": first path segment in URL cannot contain colon"},
    {"-x", "URL scheme must be http, https, unix, or unixs: -x"},
    {"a.b+c-d://h:1", "URL scheme must be http, https, unix, or unixs: a.b+c-d://h:1"},
    {"http://%e4:1/", "URL must not contain a path: http://%e4:1/"},
    {"http://%C3%A9:1/", "URL must not contain a path: http://%C3%A9:1/"},
};

START_TEST(url)
{
    struct buf why = {0};
    bool good = peer_url_check(span_of(urls[_i].url), &why);
    ck_assert_msg(good == (urls[_i].message == NULL), "%s", urls[_i].url);
    ck_assert_str_eq(buf_cstr(&why), good ? "" : urls[_i].message);
    buf_fini(&why);
}
END_TEST

TCase *peer_url_case(void)
{
    TCase *t = tcase_create("peer urls");
    tcase_add_loop_test(t, url, 0, (int)CP_COUNT(urls));
    return t;
}
