/* accounts: see accounts.h. */
#include "ctl/accounts.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum exit_status accounts_begin(struct session *s)
{
    enum exit_status status = session_open(s, true);

    if (status != EXIT_FINE)
        return status;
    session_show_endpoints(s); /* quirk: a second time (debug) */
    session_start_clock(s);
    return EXIT_FINE;
}

enum exit_status accounts_begin_named(struct session *s, const struct opts *o, const char *wrong,
                                      const char **name)
{
    if (o->args_count != 1)
        return session_refuse(wrong);
    *name = o->args[0];
    return accounts_begin(s);
}

static int read_answer(const struct http_reply *reply, enum accounts_answer answer, json_t **root,
                       struct fail *f)
{
    if (reply->status != 200 && !(reply->status == 201 && answer == ACCOUNTS_CHANGED))
        return answer == ACCOUNTS_ROLES ? reply_unexpected(reply, f) : reply_message(reply, f);
    if (answer == ACCOUNTS_CHANGED)
        return 0;

    json_t *value = NULL;
    int rc = reply_json(reply, &value, f);

    if (root != NULL)
        *root = value;
    else
        json_decref(value);
    return rc;
}

int accounts_ask(struct session *s, const char *method, const char *kind, const char *name,
                 const struct buf *body, enum accounts_answer answer, json_t **root, struct fail *f)
{
    struct buf path = {0};
    struct http_reply reply = {0};

    buf_printf(&path, "/v2/auth/%s%s%s", kind, name != NULL ? "/" : "", name != NULL ? name : "");

    struct client_request r = {
        .method = method,
        .path = buf_as_span(&path),
        .body = body != NULL ? body->ptr : NULL,
        .body_bytes = body != NULL ? body->len : 0,
        .content_type = "application/json",
    };
    int rc = client_do(&s->client, &r, &reply, f);

    if (rc == 0)
        rc = read_answer(&reply, answer, root, f);
    http_reply_fini(&reply);
    buf_fini(&path);
    return rc;
}

enum exit_status accounts_end(int rc, struct fail *f, const char *before, const char *name,
                              const char *after)
{
    enum exit_status status = EXIT_FINE;

    if (rc != 0)
        status = session_fail_bare(f);
    else
        printf("%s%s%s\n", before, name, after);
    fail_fini(f);
    return status;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *accounts_sorted(const json_t *array, const char *name)
{
    size_t count = json_array_size(array), n = 0;
    const char **texts = mem_zalloc((count + 1) * sizeof(*texts));
    json_t *sorted = json_array();

    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(array, i);
        const char *text =
            json_string_value(json_is_object(one) ? json_object_get(one, name) : one);

        if (text != NULL)
            texts[n++] = text;
    }
    qsort(texts, n, sizeof(*texts), compare_texts);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(sorted, json_string(texts[i]));
    mem_free(texts);
    return sorted;
}

void accounts_print_lines(const json_t *texts, const char *before)
{
    for (size_t i = 0; i < json_array_size(texts); i++)
        printf("%s%s\n", before, json_string_value(json_array_get(texts, i)));
}

enum exit_status accounts_list(struct session *s, const struct opts *o, const char *kind,
                               const char *member, enum accounts_answer answer)
{
    struct fail f = {0};
    json_t *root = NULL;

    if (o->args_count != 0)
        return session_refuse("No arguments accepted");

    enum exit_status status = accounts_begin(s);

    if (status != EXIT_FINE)
        return status;
    if (accounts_ask(s, "GET", kind, NULL, NULL, answer, &root, &f) != 0) {
        status = session_fail_bare(&f);
    } else {
        json_t *names = accounts_sorted(json_object_get(root, kind), member);

        accounts_print_lines(names, "");
        json_decref(names);
    }
    json_decref(root);
    fail_fini(&f);
    return status;
}

enum exit_status accounts_show(struct session *s, const struct opts *o, const char *wrong,
                               const char *kind,
                               void (*print)(const json_t *one, const char *asked))
{
    struct fail f = {0};
    json_t *root = NULL;
    const char *name = "";
    enum exit_status status = accounts_begin_named(s, o, wrong, &name);

    if (status != EXIT_FINE)
        return status;
    if (accounts_ask(s, "GET", kind, name, NULL, ACCOUNTS_VALUE, &root, &f) != 0)
        status = session_fail_bare(&f);
    else
        print(root, name);
    json_decref(root);
    fail_fini(&f);
    return status;
}

enum exit_status accounts_remove(struct session *s, const struct opts *o, const char *wrong,
                                 const char *kind, const char *title)
{
    struct fail f = {0};
    const char *name = "";
    enum exit_status status = accounts_begin_named(s, o, wrong, &name);

    if (status != EXIT_FINE)
        return status;

    int rc = accounts_ask(s, "DELETE", kind, name, NULL, ACCOUNTS_CHANGED, NULL, &f);

    return accounts_end(rc, &f, title, name, " removed");
}
