/* members: see members.h. */
#include "ctl/members.h"
#include "base/err.h"
#include "base/mem.h"
#include "ctl/client.h"
#include "ctl/reply.h"

#include <jansson.h>

static void add_strings(const json_t *array, struct strings *out)
{
    size_t n = json_array_size(array);

    out->items = mem_zalloc((n + 1) * sizeof(*out->items));
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(array, i));

        out->items[out->count++] = mem_strdup(text != NULL ? text : "");
    }
}

static char *copy_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return mem_strdup(text != NULL ? text : "");
}

static void add_member(const json_t *object, struct members *out)
{
    out->items = mem_realloc(out->items, (out->count + 1) * sizeof(*out->items));

    struct member *m = &out->items[out->count++];

    *m = (struct member){.id = copy_text(object, "id"), .name = copy_text(object, "name")};
    add_strings(json_object_get(object, "peerURLs"), &m->peer_urls);
    add_strings(json_object_get(object, "clientURLs"), &m->client_urls);
}

static void strings_fini(struct strings *s)
{
    for (size_t i = 0; i < s->count; i++)
        mem_free(s->items[i]);
    mem_free(s->items);
}

void members_fini(struct members *m)
{
    for (size_t i = 0; i < m->count; i++) {
        mem_free(m->items[i].id);
        mem_free(m->items[i].name);
        strings_fini(&m->items[i].peer_urls);
        strings_fini(&m->items[i].client_urls);
    }
    mem_free(m->items);
    *m = (struct members){0};
}

/* Sends one request; WANT is the status of success, REFUSED those whose body has a `message`. */
static int ask(struct client *c, const struct client_request *r, int want, const int refused[2],
               json_t **root, struct fail *f)
{
    struct http_reply reply = {0};
    int rc = client_do(c, r, &reply, f);

    if (rc == 0 && reply.status != want) {
        if (reply.status == refused[0] || reply.status == refused[1])
            rc = reply_message(&reply, f);
        else
            rc = reply_unexpected(&reply, f);
    } else if (rc == 0 && root != NULL) {
        rc = reply_json(&reply, root, f);
    }
    http_reply_fini(&reply);
    return rc;
}

int members_list(struct client *c, struct members *out, struct fail *f)
{
    struct client_request r = {.method = "GET", .path = SPAN("/v2/members")};
    json_t *root = NULL;
    int rc = ask(c, &r, 200, (const int[2]){0, 0}, &root, f);
    const json_t *list = json_object_get(root, "members");

    for (size_t i = 0; i < json_array_size(list); i++)
        add_member(json_array_get(list, i), out);
    json_decref(root);
    return rc;
}

int members_leader(struct client *c, struct members *out, struct fail *f)
{
    struct client_request r = {.method = "GET", .path = SPAN("/v2/members/leader")};
    json_t *root = NULL;
    int rc = ask(c, &r, 200, (const int[2]){0, 0}, &root, f);

    if (rc == 0)
        add_member(root, out);
    json_decref(root);
    return rc;
}

static struct buf urls_body(const char *urls)
{
    struct buf body = {0};

    buf_printf(&body, "{\"peerURLs\":%s}", urls);
    return body;
}

int members_add(struct client *c, const char *urls, struct members *out, struct fail *f)
{
    struct buf body = urls_body(urls);
    struct client_request r = {
        .method = "POST",
        .path = SPAN("/v2/members"),
        .body = body.ptr,
        .body_bytes = body.len,
        .content_type = "application/json",
    };
    json_t *root = NULL;
    int rc = ask(c, &r, 201, (const int[2]){409, 409}, &root, f);

    if (rc == 0)
        add_member(root, out);
    json_decref(root);
    buf_fini(&body);
    return rc;
}

int members_update(struct client *c, const char *id, const char *urls, struct fail *f)
{
    struct buf body = urls_body(urls), path = {0};

    buf_printf(&path, "/v2/members/%s", id);

    struct client_request r = {
        .method = "PUT",
        .path = buf_as_span(&path),
        .body = body.ptr,
        .body_bytes = body.len,
        .content_type = "application/json",
    };
    int rc = ask(c, &r, 204, (const int[2]){404, 409}, NULL, f);

    buf_fini(&path);
    buf_fini(&body);
    return rc;
}

int members_remove(struct client *c, const char *id, struct fail *f)
{
    struct buf path = {0};

    buf_printf(&path, "/v2/members/%s", id);

    struct client_request r = {.method = "DELETE", .path = buf_as_span(&path)};
    struct http_reply reply = {0};
    int rc = client_do(c, &r, &reply, f);

    if (rc == 0 && reply.status != 204 && reply.status != 410)
        rc = reply_unexpected(&reply, f);
    http_reply_fini(&reply);
    buf_fini(&path);
    return rc;
}
