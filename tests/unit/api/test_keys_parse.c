/* keys_parse by tables: what is refused and with which words; what the rest means. */
#include "test_api.h"

#include "api/keys_parse.h"
#include "proto/limits.h"

#include <stdio.h>

struct row {
    enum v2_method method;
    const char *query, *body;
    enum v2_code code;
    const char *text; /* cause of the refusal, or the request described */
};

#define GET    V2_M_GET
#define PUT    V2_M_PUT
#define POST   V2_M_POST
#define DELETE V2_M_DELETE
#define HEAD   V2_M_HEAD

#define VALUE_OF(name) "invalid value for \"" name "\""
#define ONLY_GET       "\"wait\" can only be used with GET requests"
#define EMPTY_PREV     "\"prevValue\" cannot be empty"
#define SEMICOLON      "invalid semicolon separator in query"
#define ESCAPE(e)      "invalid URL escape \"" e "\""

static const struct row refusals[] = {
    /* each parameter by itself */
    {PUT, "", "prevIndex=x", V2_INDEX_NAN, VALUE_OF("prevIndex")},
    {PUT, "", "prevIndex=", V2_INDEX_NAN, VALUE_OF("prevIndex")},
    {PUT, "", "prevIndex=-1", V2_INDEX_NAN, VALUE_OF("prevIndex")},
    {PUT, "", "prevIndex=%201", V2_INDEX_NAN, VALUE_OF("prevIndex")},
    {PUT, "", "prevIndex=18446744073709551616", V2_INDEX_NAN, VALUE_OF("prevIndex")},
    {GET, "waitIndex=0x1", "", V2_INDEX_NAN, VALUE_OF("waitIndex")},
    {GET, "recursive", "", V2_INVALID_FIELD, VALUE_OF("recursive")},
    {GET, "recursive=tRue", "", V2_INVALID_FIELD, VALUE_OF("recursive")},
    {GET, "sorted=2", "", V2_INVALID_FIELD, VALUE_OF("sorted")},
    {GET, "wait=yes", "", V2_INVALID_FIELD, VALUE_OF("wait")},
    {GET, "dir=on", "", V2_INVALID_FIELD, VALUE_OF("dir")},
    {GET, "quorum=+true", "", V2_INVALID_FIELD, VALUE_OF("quorum")},
    {GET, "stream=null", "", V2_INVALID_FIELD, VALUE_OF("stream")},
    {PUT, "wait=true", "", V2_INVALID_FIELD, ONLY_GET},
    {POST, "", "wait=1", V2_INVALID_FIELD, ONLY_GET},
    {DELETE, "wait=t", "", V2_INVALID_FIELD, ONLY_GET},
    {HEAD, "wait=true", "", V2_INVALID_FIELD, ONLY_GET},
    {PUT, "", "prevValue=", V2_PREV_VALUE_REQUIRED, EMPTY_PREV},
    {GET, "prevValue", "", V2_PREV_VALUE_REQUIRED, EMPTY_PREV},
    {PUT, "prevValue=2", "prevValue=", V2_PREV_VALUE_REQUIRED, EMPTY_PREV},
    {PUT, "noValueOnSuccess=x", "", V2_INVALID_FIELD, VALUE_OF("noValueOnSuccess")},
    {PUT, "", "ttl=1.5", V2_TTL_NAN, VALUE_OF("ttl")},
    {PUT, "", "ttl=-1", V2_TTL_NAN, VALUE_OF("ttl")},
    {GET, "ttl=x", "", V2_TTL_NAN, VALUE_OF("ttl")},
    {PUT, "prevExist=", "", V2_INVALID_FIELD, "invalid value for prevExist"},
    {GET, "refresh=x", "", V2_INVALID_FIELD, "invalid value for refresh"},
    {PUT, "", "refresh=true&ttl=5&value=1", V2_REFRESH_VALUE, "A value was provided on a refresh"},
    {PUT, "", "refresh=true&value=", V2_REFRESH_TTL_REQUIRED, "No TTL value set"},
    {GET, "refresh=true", "", V2_REFRESH_TTL_REQUIRED, "No TTL value set"},
    {PUT, "", "refresh=true&ttl=", V2_REFRESH_TTL_REQUIRED, "No TTL value set"},
    /* the first in order wins */
    {PUT, "%zz", "prevIndex=x", V2_INVALID_FORM, ESCAPE("%zz")},
    {PUT, "", "prevIndex=x&waitIndex=x", V2_INDEX_NAN, VALUE_OF("prevIndex")},
    {PUT, "", "waitIndex=x&recursive=x", V2_INDEX_NAN, VALUE_OF("waitIndex")},
    {PUT, "", "sorted=x&recursive=x", V2_INVALID_FIELD, VALUE_OF("recursive")},
    {PUT, "", "wait=x&sorted=x", V2_INVALID_FIELD, VALUE_OF("sorted")},
    {PUT, "", "dir=x&wait=x", V2_INVALID_FIELD, VALUE_OF("wait")},
    {PUT, "", "quorum=x&dir=x", V2_INVALID_FIELD, VALUE_OF("dir")},
    {PUT, "", "stream=x&quorum=x", V2_INVALID_FIELD, VALUE_OF("quorum")},
    {PUT, "", "wait=true&stream=x", V2_INVALID_FIELD, VALUE_OF("stream")},
    {PUT, "", "wait=true&prevValue=", V2_INVALID_FIELD, ONLY_GET},
    {PUT, "", "prevValue=&noValueOnSuccess=x", V2_PREV_VALUE_REQUIRED, EMPTY_PREV},
    {PUT, "", "noValueOnSuccess=x&ttl=x", V2_INVALID_FIELD, VALUE_OF("noValueOnSuccess")},
    {PUT, "", "ttl=x&prevExist=x", V2_TTL_NAN, VALUE_OF("ttl")},
    {PUT, "", "prevExist=x&refresh=x", V2_INVALID_FIELD, "invalid value for prevExist"},
    {PUT, "", "refresh=true&value=1", V2_REFRESH_VALUE, "A value was provided on a refresh"},
    /* the form itself */
    {PUT, "", "value=%zz", V2_INVALID_FORM, ESCAPE("%zz")},
    {PUT, "", "value=%", V2_INVALID_FORM, ESCAPE("%")},
    {PUT, "", "%c=1", V2_INVALID_FORM, ESCAPE("%c")},
    {GET, "x=%4", "", V2_INVALID_FORM, ESCAPE("%4")},
    {GET, "%zz&%yy", "", V2_INVALID_FORM, ESCAPE("%zz")},
    {PUT, "a=%yy", "a=%zz", V2_INVALID_FORM, ESCAPE("%zz")},
    {PUT, "", "a;b", V2_INVALID_FORM, SEMICOLON},
    {PUT, "", "value=a;b", V2_INVALID_FORM, SEMICOLON},
    {GET, "x=;", "", V2_INVALID_FORM, SEMICOLON},
    {PUT, "", "value=%zz&a=;", V2_INVALID_FORM, SEMICOLON},
    {PUT, "a;b", "value=%zz", V2_INVALID_FORM, ESCAPE("%zz")},
    {GET, "a=%\"b", "", V2_INVALID_FORM, ESCAPE("%\\\"b")},
    {GET, "a=%\\\x01", "", V2_INVALID_FORM, ESCAPE("%\\\\\\x01")},
    {GET, "a=%\n\x7f", "", V2_INVALID_FORM, ESCAPE("%\\n\\x7f")},
    {GET, "a=%\xff", "", V2_INVALID_FORM, ESCAPE("%\\xff")},
    {GET, "a=%\xe2\x82\xac", "", V2_INVALID_FORM, ESCAPE("%\\xe2\\x82")},
    {GET, "a=%\xc3\xa9", "", V2_INVALID_FORM, ESCAPE("%\xc3\xa9")},
    {GET, "a=%\xc2\xa0", "", V2_INVALID_FORM, ESCAPE("%\\u00a0")},
    {GET, "a=%\xc2\xad", "", V2_INVALID_FORM, ESCAPE("%\\u00ad")},
};

static const struct row meanings[] = {
    {GET, "", "", V2_OK, "read"},
    {GET, "recursive=true&sorted=1&quorum=t", "", V2_OK, "read recursive sorted quorum"},
    {GET, "Recursive=true", "", V2_OK, "read"},
    {GET, "recursive=false&recursive=x", "", V2_OK, "read"},
    {GET, "stream=true&waitIndex=7", "", V2_OK, "read stream wait_index=7"},
    {GET, "prevIndex=1&prevExist=false&dir=true&ttl=5&refresh=true&value=", "", V2_OK, "read"},
    {GET, "x[]=1&%20=2&&", "", V2_OK, "read"},
    {GET, "", "recursive=x", V2_OK, "read"},
    {HEAD, "recursive=T&quorum=true", "", V2_OK, "read recursive quorum"},
    {GET, "wait=true", "", V2_OK, "watch"},
    {GET, "wait=true&recursive=TRUE&stream=True&waitIndex=007", "", V2_OK,
     "watch recursive stream wait_index=7"},
    {GET, "wait=true&waitIndex=18446744073709551615", "", V2_OK,
     "watch wait_index=18446744073709551615"},
    {GET, "wait=true&quorum=true", "", V2_OK, "read quorum"},
    {GET, "wait=F", "", V2_OK, "read"},
    {PUT, "", "", V2_OK, "put value=[]"},
    {PUT, "", "value=a+b%2Bc%00", V2_OK, "put value=[a b+c?]"},
    {PUT, "value=3", "value=4&value=5", V2_OK, "put value=[4]"},
    {PUT, "value=q", "", V2_OK, "put value=[q]"},
    {PUT, "", "%76alue=7", V2_OK, "put value=[7]"},
    {PUT, "", "value=1=2", V2_OK, "put value=[1=2]"},
    {PUT, "", "=1&&value=3", V2_OK, "put value=[3]"},
    {PUT, "ttl=50", "ttl=", V2_OK, "put value=[]"},
    {PUT, "", "ttl=0", V2_OK, "put ttl=0 value=[]"},
    {PUT, "", "ttl=00100", V2_OK, "put ttl=100 value=[]"},
    {PUT, "", "dir=true&ttl=5", V2_OK, "put dir ttl=5 value=[]"},
    {PUT, "", "prevExist=true&value=1", V2_OK, "put exist=yes value=[1]"},
    {PUT, "", "prevExist=0&value=1", V2_OK, "put exist=no value=[1]"},
    {PUT, "", "prevValue=x&prevIndex=7&value=1", V2_OK, "put prev_index=7 prev=[x] value=[1]"},
    {PUT, "", "refresh=true&ttl=5", V2_OK, "put refresh ttl=5 value=[]"},
    {PUT, "", "refresh=false&value=1", V2_OK, "put value=[1]"},
    {PUT, "noValueOnSuccess=true", "value=1", V2_OK, "put no_value value=[1]"},
    {POST, "", "value=1&ttl=3&dir=true", V2_OK, "post dir ttl=3 value=[1]"},
    {POST, "recursive=true", "value=1&prevValue=9&prevIndex=9&prevExist=true", V2_OK,
     "post value=[1]"},
    {POST, "", "refresh=true&ttl=90", V2_OK, "post ttl=90 value=[]"},
    {DELETE, "", "", V2_OK, "delete"},
    {DELETE, "", "recursive=x", V2_OK, "delete"},
    {DELETE, "recursive=true&dir=true", "", V2_OK, "delete recursive dir"},
    {DELETE, "prevValue=x&prevIndex=3&prevExist=false&value=1", "", V2_OK,
     "delete prev_index=3 prev=[x]"},
};

static struct api_request request_of(const struct row *r)
{
    return (struct api_request){
        .method = r->method, .content_type = SPAN(FORM_TYPE), .body = span_of(r->body)};
}

static void put_span(struct buf *b, const char *name, struct span s)
{
    buf_printf(b, " %s=[", name);
    for (size_t i = 0; i < s.len; i++)
        buf_char(b, s.ptr[i] != '\0' ? s.ptr[i] : '?');
    buf_char(b, ']');
}

static void describe_op(struct buf *b, const struct store_op *op)
{
    static const char *const verb[] = {
        [OP_PUT] = "put", [OP_POST] = "post", [OP_DELETE] = "delete"};
    static const char *const flag[] = {" dir", " recursive", " refresh", "", "", " no_value"};
    buf_printf(b, "%s", verb[op->verb]);
    if (op->exist != OP_EXIST_ANY)
        buf_printf(b, " exist=%s", op->exist == OP_EXIST_YES ? "yes" : "no");
    static const unsigned order[] = {1, 0, 2, 5};
    for (size_t i = 0; i < CP_COUNT(order); i++)
        buf_printf(b, "%s", (op->flags & 1u << order[i]) != 0 ? flag[order[i]] : "");
    if (op->prev_index != 0)
        buf_printf(b, " prev_index=%lu", (unsigned long)op->prev_index);
    if ((op->flags & OP_HAS_PREV_VALUE) != 0)
        put_span(b, "prev", op->prev_value);
    if ((op->flags & OP_HAS_TTL) != 0)
        buf_printf(b, " ttl=%lu", (unsigned long)op->ttl_s);
    if (op->verb != OP_DELETE)
        put_span(b, "value", op->value);
}

static void describe(struct buf *b, const struct keys_request *k)
{
    if (k->kind == KEYS_WRITE) {
        describe_op(b, &k->op);
        return;
    }
    buf_printf(b, "%s%s%s%s%s", k->kind == KEYS_WATCH ? "watch" : "read",
               k->recursive ? " recursive" : "", k->sorted ? " sorted" : "",
               k->quorum ? " quorum" : "", k->stream ? " stream" : "");
    if (k->wait_index != 0)
        buf_printf(b, " wait_index=%lu", (unsigned long)k->wait_index);
}

START_TEST(refuses)
{
    const struct row *r = &refusals[_i];
    struct api_request rq = request_of(r);
    struct keys_request k;
    char what[200];
    snprintf(what, sizeof what, "row %d ?%s %s", _i, r->query, r->body);
    enum v2_code code = keys_parse(&rq, SPAN("/a"), span_of(r->query), &k);
    ck_assert_msg(code == r->code, "%s: code %d", what, code);
    ck_assert_int_eq(k.code, code);
    same_text(what, buf_as_span(&k.cause), r->text);
    keys_request_fini(&k);
}
END_TEST

START_TEST(means)
{
    const struct row *r = &meanings[_i];
    struct api_request rq = request_of(r);
    struct keys_request k;
    struct buf text = {0};
    char what[200];
    snprintf(what, sizeof what, "row %d ?%s %s", _i, r->query, r->body);
    ck_assert_msg(keys_parse(&rq, SPAN("/a"), span_of(r->query), &k) == V2_OK, "%s: %s", what,
                  buf_cstr(&k.cause));
    describe(&text, &k);
    same_text(what, buf_as_span(&text), r->text);
    buf_fini(&text);
    keys_request_fini(&k);
}
END_TEST

START_TEST(takes_every_bool)
{
    static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
    static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False"};
    for (size_t i = 0; i < 12; i++) {
        char query[40];
        snprintf(query, sizeof query, "recursive=%s", i < 6 ? yes[i] : no[i - 6]);
        struct api_request rq = {.method = V2_M_GET};
        struct keys_request k;
        ck_assert_int_eq(keys_parse(&rq, SPAN("/a"), span_of(query), &k), V2_OK);
        ck_assert(k.recursive == (i < 6));
        keys_request_fini(&k);
    }
}
END_TEST

START_TEST(cuts_the_slash)
{
    static const char *const paths[][2] = {
        {"", "/"}, {"/", "/"}, {"/a", "/a"}, {"/a/", "/a"}, {"/a/b/", "/a/b"}};
    for (size_t i = 0; i < CP_COUNT(paths); i++) {
        struct api_request rq = {.method = V2_M_DELETE};
        struct keys_request k;
        ck_assert_int_eq(keys_parse(&rq, span_of(paths[i][0]), SPAN(""), &k), V2_OK);
        same_text(paths[i][0], k.path, paths[i][1]);
        same_text(paths[i][0], k.op.path, paths[i][1]);
        keys_request_fini(&k);
    }
}
END_TEST

static const struct {
    const char *type;
    bool large;
    const char *wrong, *value;
} bodies[] = {
    {FORM_TYPE "; charset=utf-8", false, NULL, "put value=[1]"},
    {"text/plain", false, NULL, "put value=[]"},
    {"application/json", false, NULL, "put value=[]"},
    {"", false, NULL, "put value=[]"},
    {NULL, false, NULL, "put value=[]"},
    {"text/", false, "mime: expected token after slash", NULL},
    {FORM_TYPE, true, "http: POST too large", NULL},
    {FORM_TYPE "; a", true, "http: POST too large", NULL},
    {"text/plain", true, NULL, "put value=[]"},
};

START_TEST(reads_the_body_of_forms_only)
{
    struct api_request rq = {.method = V2_M_PUT,
                             .body = bodies[_i].large ? SPAN("") : SPAN("value=1"),
                             .body_too_large = bodies[_i].large};
    if (bodies[_i].type != NULL)
        rq.content_type = span_of(bodies[_i].type);
    struct keys_request k;
    struct buf text = {0};
    enum v2_code code = keys_parse(&rq, SPAN("/a"), SPAN(""), &k);
    ck_assert_int_eq(code, bodies[_i].wrong != NULL ? V2_INVALID_FORM : V2_OK);
    if (code == V2_OK)
        describe(&text, &k);
    else
        buf_span(&text, buf_as_span(&k.cause));
    same_text(bodies[_i].type, buf_as_span(&text),
              code == V2_OK ? bodies[_i].value : bodies[_i].wrong);
    buf_fini(&text);
    keys_request_fini(&k);
}
END_TEST

/* Query and body count together. */
START_TEST(pairs_have_an_end)
{
    for (size_t over = 0; over <= 1; over++) {
        struct buf body = {0};
        for (size_t i = 0; i < LIMIT_PARAMS - 2 + over; i++)
            buf_lit(&body, "a=1&&");
        buf_lit(&body, "value=2");
        struct api_request rq = {
            .method = V2_M_PUT, .content_type = SPAN(FORM_TYPE), .body = buf_as_span(&body)};
        struct keys_request k;
        enum v2_code code = keys_parse(&rq, SPAN("/a"), SPAN("ttl=5"), &k);
        if (over == 0) {
            ck_assert_int_eq(code, V2_OK);
            same_text("value", k.op.value, "2");
        } else {
            ck_assert_int_eq(code, V2_INVALID_FORM);
            same_text("cause", buf_as_span(&k.cause), "too many parameters");
        }
        keys_request_fini(&k);
        buf_fini(&body);
    }
}
END_TEST

Suite *keys_parse_suite(void)
{
    Suite *s = suite_create("keys_parse");
    TCase *t = tcase_create("tables");
    tcase_add_loop_test(t, refuses, 0, (int)CP_COUNT(refusals));
    tcase_add_loop_test(t, means, 0, (int)CP_COUNT(meanings));
    tcase_add_loop_test(t, reads_the_body_of_forms_only, 0, (int)CP_COUNT(bodies));
    tcase_add_test(t, takes_every_bool);
    tcase_add_test(t, cuts_the_slash);
    tcase_add_test(t, pairs_have_an_end);
    suite_add_tcase(s, t);
    return s;
}
