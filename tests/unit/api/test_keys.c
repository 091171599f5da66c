/* /v2/keys from request to reply: the real store behind a fake engine. */
#include "test_api.h"

#include "api/route.h"
#include "codec/command.h"
#include "proto/limits.h"

#include <stdio.h>
#include <stdlib.h>

static void handle(enum v2_method method, const char *target, const char *body,
                   struct api_result *out)
{
    struct api_request rq = {.method = method,
                             .target = span_of(target),
                             .content_type = SPAN(FORM_TYPE),
                             .body = span_of(body)};
    api_handle(&api, 3, &rq, out);
}

static struct span body_of(const struct api_reply *r)
{
    return r->event != NULL ? event_json(r->event) : buf_as_span(&r->body);
}

/* Sends a request and, when it is a write, what follows; the reply as "status headers body". */
static struct api_reply answer(enum v2_method method, const char *target, const char *body)
{
    struct api_result out;
    handle(method, target, body, &out);
    if (out.outcome == API_PROPOSE) {
        fake_engine_apply(&engine, out.proposal);
        api_proposal_reply(&api, &out.proposal, out.no_value, &out.reply);
        ck_assert_ptr_null(out.proposal);
    } else {
        ck_assert_int_eq(out.outcome, API_REPLY);
    }
    return out.reply;
}

static void expect(enum v2_method method, const char *target, const char *body, int status,
                   uint64_t index, bool raft, const char *text)
{
    struct api_reply r = answer(method, target, body);
    ck_assert_msg(r.status == status, "%s: %d", target, r.status);
    ck_assert_int_eq(r.type, API_TYPE_JSON);
    ck_assert(r.cluster_id && r.has_etcd_index);
    ck_assert_msg(r.etcd_index == index, "%s: index %lu", target, (unsigned long)r.etcd_index);
    ck_assert_msg(r.has_raft == raft, "%s: raft headers", target);
    same_text(target, body_of(&r), text);
    api_reply_fini(&r);
}

START_TEST(writes_and_reads)
{
    expect(V2_M_PUT, "/v2/keys/a", "value=1", 201, 1, true,
           "{\"action\":\"set\",\"node\":{\"key\":\"/a\",\"value\":\"1\",\"modifiedIndex\":1,"
           "\"createdIndex\":1}}\n");
    expect(V2_M_PUT, "/v2/keys/a/", "value=2", 200, 2, true,
           "{\"action\":\"set\",\"node\":{\"key\":\"/a\",\"value\":\"2\",\"modifiedIndex\":2,"
           "\"createdIndex\":2},\"prevNode\":{\"key\":\"/a\",\"value\":\"1\",\"modifiedIndex\":1,"
           "\"createdIndex\":1}}\n");
    expect(V2_M_GET, "/v2/keys/%61?quorum=true", "", 200, 2, true,
           "{\"action\":\"get\",\"node\":{\"key\":\"/a\",\"value\":\"2\",\"modifiedIndex\":2,"
           "\"createdIndex\":2}}\n");
    expect(V2_M_HEAD, "/v2/keys/a", "", 200, 2, true,
           "{\"action\":\"get\",\"node\":{\"key\":\"/a\",\"value\":\"2\",\"modifiedIndex\":2,"
           "\"createdIndex\":2}}\n");
    expect(V2_M_POST, "/v2/keys", "value=3", 201, 3, true,
           "{\"action\":\"create\",\"node\":{\"key\":\"/00000000000000000003\",\"value\":\"3\","
           "\"modifiedIndex\":3,\"createdIndex\":3}}\n");
    expect(
        V2_M_DELETE, "/v2/keys/a?noValueOnSuccess=true", "", 200, 4, true,
        "{\"action\":\"delete\",\"node\":{\"key\":\"/a\",\"modifiedIndex\":4,\"createdIndex\":2},"
        "\"prevNode\":{\"key\":\"/a\",\"value\":\"2\",\"modifiedIndex\":2,\"createdIndex\":2}}\n");
    expect(
        V2_M_GET, "/v2/keys", "", 200, 4, true,
        "{\"action\":\"get\",\"node\":{\"dir\":true,\"nodes\":[{\"key\":\"/00000000000000000003\","
        "\"value\":\"3\",\"modifiedIndex\":3,\"createdIndex\":3}]}}\n");
}
END_TEST

START_TEST(no_value)
{
    expect(V2_M_PUT, "/v2/keys/a?noValueOnSuccess=true", "value=1", 201, 1, true,
           "{\"action\":\"set\"}\n");
    expect(V2_M_PUT, "/v2/keys/a?noValueOnSuccess=true", "value=1", 200, 2, true,
           "{\"action\":\"set\"}\n");
    expect(V2_M_PUT, "/v2/keys/a?noValueOnSuccess=1", "value=2&prevValue=1", 200, 3, true,
           "{\"action\":\"compareAndSwap\"}\n");
    expect(V2_M_PUT, "/v2/keys/a?noValueOnSuccess=1", "value=2&prevExist=true", 200, 4, true,
           "{\"action\":\"update\"}\n");
    expect(V2_M_POST, "/v2/keys/q?noValueOnSuccess=1", "value=2", 201, 5, true,
           "{\"action\":\"create\"}\n");
}
END_TEST

START_TEST(errors)
{
    expect(V2_M_PUT, "/v2/keys/a", "value=1", 201, 1, true,
           "{\"action\":\"set\",\"node\":{\"key\":\"/a\",\"value\":\"1\",\"modifiedIndex\":1,"
           "\"createdIndex\":1}}\n");
    expect(V2_M_GET, "/v2/keys/x/y/z", "", 404, 1, false,
           "{\"errorCode\":100,\"message\":\"Key not found\",\"cause\":\"/x\",\"index\":1}\n");
    expect(
        V2_M_PUT, "/v2/keys/a", "value=2&prevValue=x", 412, 1, false,
        "{\"errorCode\":101,\"message\":\"Compare failed\",\"cause\":\"[x != 1]\",\"index\":1}\n");
    expect(V2_M_DELETE, "/v2/keys/", "", 400, 1, false,
           "{\"errorCode\":107,\"message\":\"Root is read only\",\"cause\":\"/\",\"index\":1}\n");
    expect(V2_M_HEAD, "/v2/keys/a?wait=true", "", 400, 0, false,
           "{\"errorCode\":209,\"message\":\"Invalid field\","
           "\"cause\":\"\\\"wait\\\" can only be used with GET requests\",\"index\":0}\n");
}
END_TEST

/* With other members a quorum read waits until it is confirmed, and is a plain one then. */
START_TEST(quorum_read_is_confirmed)
{
    static const char target[] = "/v2/keys/a?quorum=true";
    struct api_result out;
    struct api_request rq = {.method = V2_M_GET, .target = span_of(target)};
    engine.shared = true;
    expect(V2_M_PUT, "/v2/keys/a", "value=1", 201, 1, true,
           "{\"action\":\"set\",\"node\":{\"key\":\"/a\",\"value\":\"1\",\"modifiedIndex\":1,"
           "\"createdIndex\":1}}\n");
    handle(V2_M_GET, target, "", &out);
    ck_assert_int_eq(out.outcome, API_READ);
    out.read->code = V2_OK;
    api_read_reply(&api, 3, &rq, &out.read, &out);
    ck_assert_ptr_null(out.read);
    ck_assert_int_eq(out.outcome, API_REPLY);
    ck_assert_int_eq(out.reply.status, 200);
    same_text(target, body_of(&out.reply),
              "{\"action\":\"get\",\"node\":{\"key\":\"/a\",\"value\":\"1\",\"modifiedIndex\":1,"
              "\"createdIndex\":1}}\n");
    api_reply_fini(&out.reply);
    expect(V2_M_HEAD, "/v2/keys/b?quorum=true", "", 404, 1, false,
           "{\"errorCode\":100,\"message\":\"Key not found\",\"cause\":\"/b\",\"index\":1}\n");
}
END_TEST

START_TEST(quorum_read_without_a_quorum)
{
    struct api_result out;
    struct api_request rq = {.method = V2_M_GET, .target = SPAN("/v2/keys/a?quorum=true")};
    engine.leader = false;
    handle(V2_M_GET, "/v2/keys/a?quorum=true", "", &out);
    ck_assert_int_eq(out.outcome, API_READ);
    out.read->code = V2_RAFT_INTERNAL;
    buf_lit(&out.read->cause, "etcdserver: request timed out");
    api_read_reply(&api, 3, &rq, &out.read, &out);
    ck_assert_int_eq(out.reply.status, 500);
    ck_assert(!out.reply.has_raft);
    same_text("body", body_of(&out.reply),
              "{\"errorCode\":300,\"message\":\"Raft Internal Error\","
              "\"cause\":\"etcdserver: request timed out\",\"index\":0}\n");
    api_reply_fini(&out.reply);
}
END_TEST

START_TEST(refused_by_consensus)
{
    struct api_result out;
    handle(V2_M_PUT, "/v2/keys/a", "value=1", &out);
    ck_assert_int_eq(out.outcome, API_PROPOSE);
    out.proposal->code = V2_RAFT_INTERNAL;
    out.proposal->etcd_index = 17;
    buf_lit(&out.proposal->cause, "etcdserver: request timed out");
    api_proposal_reply(&api, &out.proposal, out.no_value, &out.reply);
    ck_assert_int_eq(out.reply.status, 500);
    ck_assert(out.reply.has_etcd_index && out.reply.etcd_index == 0 && !out.reply.has_raft);
    same_text("timeout", body_of(&out.reply),
              "{\"errorCode\":300,\"message\":\"Raft Internal Error\","
              "\"cause\":\"etcdserver: request timed out\",\"index\":0}\n");
    api_reply_fini(&out.reply);
}
END_TEST

START_TEST(watches)
{
    struct api_result out;
    handle(V2_M_GET, "/v2/keys/a/b/?wait=true&recursive=true&stream=true&waitIndex=7", "", &out);
    ck_assert_int_eq(out.outcome, API_WATCH);
    same_text("path", buf_as_span(&out.watch.path), "/a/b");
    ck_assert(out.watch.recursive && out.watch.stream);
    ck_assert_uint_eq(out.watch.since, 7);
    buf_fini(&out.watch.path);
    right_fini(&out.watch.right);

    struct watch w = {.etcd_index = 9, .raft_index = 5, .raft_term = 2};
    ck_assert(api_watch_head(&api, &w, &out.reply));
    ck_assert_int_eq(out.reply.status, 200);
    ck_assert(out.reply.has_raft && out.reply.etcd_index == 9 && out.reply.raft_index == 5);
    api_reply_fini(&out.reply);

    w = (struct watch){.code = V2_EVENT_INDEX_CLEARED, .oldest = 1102, .etcd_index = 2101};
    w.watcher.since = 7;
    ck_assert(!api_watch_head(&api, &w, &out.reply));
    ck_assert_int_eq(out.reply.status, 400);
    same_text(
        "cleared", body_of(&out.reply),
        "{\"errorCode\":401,\"message\":\"The event in requested index is outdated and cleared\","
        "\"cause\":\"the requested history has been cleared [1102/7]\",\"index\":2101}\n");
    api_reply_fini(&out.reply);
}
END_TEST

static void fill(unsigned keys)
{
    for (unsigned i = 0; i < keys; i++) {
        char target[64];
        snprintf(target, sizeof target, "/v2/keys/big/%05u?noValueOnSuccess=true", i);
        struct api_reply r =
            answer(V2_M_PUT, target, "value=0123456789012345678901234567890123456789");
        ck_assert_int_eq(r.status, 201);
        api_reply_fini(&r);
    }
}

static struct buf drain(struct api_listing *l)
{
    struct buf all = {0};
    for (size_t before = 0; api_listing_more(l, &all, 5000); before = all.len)
        ck_assert_uint_gt(all.len, before);
    api_listing_free(l);
    return all;
}

/* Large listings leave in pieces, from the version that was pinned: later changes do not show. */
START_TEST(streams_a_large_listing)
{
    fill(2000);
    struct api_result out, head;
    handle(V2_M_GET, "/v2/keys/big", "", &out);
    handle(V2_M_HEAD, "/v2/keys/big", "", &head);
    ck_assert_int_eq(out.outcome, API_STREAM);
    ck_assert_int_eq(out.reply.status, 200);
    ck_assert(out.reply.has_raft && out.reply.etcd_index == 2000);
    ck_assert_uint_eq(out.reply.body.len, 0);
    struct api_reply later = answer(V2_M_DELETE, "/v2/keys/big?recursive=true", "");
    api_reply_fini(&later);
    struct buf all = drain(out.listing), length = drain(head.listing);
    const char *text = buf_cstr(&all);
    ck_assert_uint_gt(all.len, 65536);
    ck_assert_uint_eq(all.len, length.len);
    ck_assert_ptr_eq(strstr(text, "{\"action\":\"get\",\"node\":{\"key\":\"/big\",\"dir\":true,"),
                     text);
    for (unsigned i = 0; i < 2000; i++) {
        char key[32];
        snprintf(key, sizeof key, "\"key\":\"/big/%05u\"", i);
        text = strstr(text, key);
        ck_assert_msg(text != NULL, "%s is missing", key);
    }
    ck_assert_ptr_nonnull(strstr(text, "}],\"modifiedIndex\":1,\"createdIndex\":1}}\n"));
    buf_fini(&all);
    buf_fini(&length);
    api_reply_fini(&out.reply);
    api_reply_fini(&head.reply);
}
END_TEST

START_TEST(without_a_long_pin_renders_whole)
{
    fill(1000);
    struct api_result out[STORE_LONG_PINS + 1];
    for (size_t i = 0; i < STORE_LONG_PINS; i++) {
        handle(V2_M_GET, "/v2/keys?recursive=true", "", &out[i]);
        ck_assert_int_eq(out[i].outcome, API_STREAM);
    }
    struct api_result *last = &out[STORE_LONG_PINS];
    handle(V2_M_GET, "/v2/keys?recursive=true", "", last);
    ck_assert_int_eq(last->outcome, API_REPLY);
    struct buf first = drain(out[0].listing);
    ck_assert(span_eq(buf_as_span(&first), body_of(&last->reply)));
    buf_fini(&first);
    api_reply_fini(&last->reply);
    for (size_t i = 1; i < STORE_LONG_PINS; i++)
        api_listing_free(out[i].listing); /* a client that went away */
    api_listing_free(NULL);
}
END_TEST

static void put_large(const char *target, size_t n)
{
    static const char name[] = "value=";
    char *body = malloc(sizeof name + n);
    memcpy(body, name, sizeof name);
    memset(body + strlen(name), 'v', n);
    body[strlen(name) + n] = '\0';
    struct api_reply r = answer(V2_M_PUT, target, body);
    ck_assert_int_eq(r.status, 201);
    api_reply_fini(&r);
    free(body);
}

START_TEST(without_a_long_pin_too_large_is_refused)
{
    fill(1000);
    put_large("/v2/keys/large/1?noValueOnSuccess=true", LIMIT_LISTING_BYTES / 2);
    struct api_result out[STORE_LONG_PINS], last;
    for (size_t i = 0; i < STORE_LONG_PINS; i++)
        handle(V2_M_GET, "/v2/keys/big", "", &out[i]);
    handle(V2_M_GET, "/v2/keys?recursive=true", "", &last);
    ck_assert_int_eq(last.reply.status, 200);
    api_reply_fini(&last.reply);
    put_large("/v2/keys/large/2?noValueOnSuccess=true", LIMIT_LISTING_BYTES / 2);
    put_large("/v2/keys/zz?noValueOnSuccess=true", 1);
    handle(V2_M_GET, "/v2/keys?recursive=true", "", &last);
    ck_assert_int_eq(last.outcome, API_REPLY);
    ck_assert_int_eq(last.reply.status, 503);
    ck_assert(last.reply.retry_after);
    ck_assert(span_starts(body_of(&last.reply), SPAN("{\"errorCode\":300,")));
    api_reply_fini(&last.reply);
    for (size_t i = 0; i < STORE_LONG_PINS; i++)
        api_listing_free(out[i].listing);
    handle(V2_M_GET, "/v2/keys?recursive=true", "", &last);
    ck_assert_int_eq(last.outcome, API_STREAM);
    api_listing_free(last.listing);
    api_reply_fini(&last.reply);
}
END_TEST

/* As once the name of a role that was no text: it ended all members, and again at each start. */
START_TEST(what_no_member_could_read_is_refused)
{
    struct command c = {.kind = COMMAND_STORE, .op = {.verb = OP_PUT, .path = SPAN("/a//b")}};
    struct api_result out = {0};

    ck_assert_ptr_null(api_propose(&out, &c));
    ck_assert_int_eq(out.outcome, API_REPLY);
    ck_assert_int_eq(out.reply.status, 500);
    same_text("body", buf_as_span(&out.reply.body), "{\"message\":\"Internal Server Error\"}");
    api_reply_fini(&out.reply);

    c.op.path = SPAN("/a/b");
    struct proposal *p = api_propose(&out, &c);
    ck_assert_ptr_nonnull(p);
    fake_engine_apply(&engine, p);
    api_proposal_reply(&api, &p, false, &out.reply);
    ck_assert_int_eq(out.reply.status, 201);
    api_reply_fini(&out.reply);
}
END_TEST

START_TEST(depth_has_an_end)
{
    size_t names = LIMIT_PATH_DEPTH;
    char *target = malloc(16 + 2 * (names + 1));
    strcpy(target, "/v2/keys");
    for (size_t i = 0; i < names; i++)
        strcat(target, "/a");
    struct api_reply r = answer(V2_M_GET, target, "");
    ck_assert_int_eq(r.status, 404);
    api_reply_fini(&r);
    strcat(target, "/a");
    r = answer(V2_M_GET, target, "");
    ck_assert_int_eq(r.status, 414);
    api_reply_fini(&r);
    free(target);
}
END_TEST

Suite *keys_suite(void)
{
    Suite *s = suite_create("keys");
    TCase *t = tcase_create("requests");
    tcase_add_checked_fixture(t, api_setup, api_teardown);
    tcase_add_test(t, writes_and_reads);
    tcase_add_test(t, no_value);
    tcase_add_test(t, errors);
    tcase_add_test(t, refused_by_consensus);
    tcase_add_test(t, quorum_read_is_confirmed);
    tcase_add_test(t, quorum_read_without_a_quorum);
    tcase_add_test(t, watches);
    tcase_add_test(t, streams_a_large_listing);
    tcase_add_test(t, without_a_long_pin_renders_whole);
    tcase_add_test(t, without_a_long_pin_too_large_is_refused);
    tcase_add_test(t, what_no_member_could_read_is_refused);
    tcase_add_test(t, depth_has_an_end);
    suite_add_tcase(s, t);
    return s;
}
