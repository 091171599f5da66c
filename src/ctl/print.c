/* print: see print.h. Depth of nodes is bounded by the JSON reader (2048 levels), so walking them
 * may recurse. */
#include "ctl/print.h"
#include "base/jsonw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLUE  "\033[1;34m"
#define PLAIN "\033[0m"

static void add_member(struct buf *out, const char *name, uint64_t number)
{
    buf_printf(out, ",\"%s\":%llu", name, (unsigned long long)number);
}

/* Members in the order of the reference's own struct, which is not the server's. */
static void add_node(struct buf *out, const json_t *node)
{
    const json_t *nodes = json_object_get(node, "nodes");
    struct span expiration = node_text(node, "expiration");
    int64_t ttl = (int64_t)node_number(node, "ttl");

    buf_lit(out, "{\"key\":");
    jsonw_str(out, node_text(node, "key"));
    if (node_is_dir(node))
        buf_lit(out, ",\"dir\":true");
    buf_lit(out, ",\"value\":");
    jsonw_str(out, node_text(node, "value"));
    buf_lit(out, ",\"nodes\":");
    if (json_is_array(nodes)) {
        buf_char(out, '[');
        for (size_t i = 0; i < json_array_size(nodes); i++) {
            if (i > 0)
                buf_char(out, ',');
            add_node(out, json_array_get(nodes, i));
        }
        buf_char(out, ']');
    } else {
        buf_lit(out, "null");
    }
    add_member(out, "createdIndex", node_number(node, "createdIndex"));
    add_member(out, "modifiedIndex", node_number(node, "modifiedIndex"));
    if (expiration.len > 0) {
        buf_lit(out, ",\"expiration\":");
        jsonw_str(out, expiration);
    }
    if (ttl != 0)
        buf_printf(out, ",\"ttl\":%lld", (long long)ttl);
    buf_char(out, '}');
}

static void add_json(struct buf *out, const struct event_reply *e)
{
    buf_lit(out, "{\"action\":");
    jsonw_str(out, span_of(e->action));
    buf_lit(out, ",\"node\":");
    add_node(out, e->node);
    buf_lit(out, ",\"prevNode\":");
    if (e->prev_node != NULL)
        add_node(out, e->prev_node);
    else
        buf_lit(out, "null");
    buf_lit(out, "}\n");
}

static void add_line(struct buf *out, const char *label, struct span text)
{
    buf_printf(out, "%s", label);
    buf_span(out, text);
    buf_char(out, '\n');
}

static void add_extended(struct buf *out, const struct event_reply *e)
{
    add_line(out, "Key: ", node_text(e->node, "key"));
    buf_printf(out, "Created-Index: %llu\n",
               (unsigned long long)node_number(e->node, "createdIndex"));
    buf_printf(out, "Modified-Index: %llu\n",
               (unsigned long long)node_number(e->node, "modifiedIndex"));
    if (e->prev_node != NULL)
        add_line(out, "PrevNode.Value: ", node_text(e->prev_node, "value"));
    buf_printf(out, "TTL: %lld\n", (long long)node_number(e->node, "ttl"));
    buf_printf(out, "Index: %llu\n", (unsigned long long)e->index);
    /* quirk: the empty value of an expiry and of a compared deletion is shown (rm and rmdir). */
    if (strcmp(e->action, "delete") != 0) {
        buf_char(out, '\n');
        add_line(out, "", node_text(e->node, "value"));
    }
}

bool print_event(struct buf *out, const struct event_reply *e, const char *format)
{
    if (strcmp(format, "json") == 0)
        add_json(out, e);
    else if (strcmp(format, "extended") == 0)
        add_extended(out, e);
    else if (strcmp(format, "simple") != 0)
        return false;
    else if (strcmp(e->action, "delete") == 0)
        add_line(out, "PrevNode.Value: ", node_text(e->prev_node, "value"));
    else
        add_line(out, "", node_text(e->node, "value"));
    return true;
}

void print_show_event(const struct event_reply *e, const char *format)
{
    struct buf text = {0};

    if (print_event(&text, e, format))
        print_out(&text);
    else
        fprintf(stderr, "Unsupported output format: %s\n", format);
    buf_fini(&text);
}

static void add_name(struct buf *out, const json_t *node, struct print_marks marks)
{
    bool dir = node_is_dir(node);

    buf_printf(out, "%s", dir && marks.colour ? BLUE : "");
    buf_span(out, node_text(node, "key"));
    buf_printf(out, "%s%s\n", dir && marks.colour ? PLAIN : "", dir && marks.slash ? "/" : "");
}

static void add_names(struct buf *out, const json_t *node, struct print_marks marks)
{
    add_name(out, node, marks);

    const json_t *nodes = json_object_get(node, "nodes");

    for (size_t i = 0; i < json_array_size(nodes); i++)
        add_names(out, json_array_get(nodes, i), marks);
}

void print_listing(struct buf *out, const json_t *node, struct print_marks marks)
{
    const json_t *nodes = json_object_get(node, "nodes");

    if (!node_is_dir(node))
        add_line(out, "", node_text(node, "key"));
    for (size_t i = 0; i < json_array_size(nodes); i++)
        add_names(out, json_array_get(nodes, i), marks);
}

bool print_may_colour(void)
{
    const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && (none == NULL || none[0] == '\0') && term != NULL &&
           strcmp(term, "dumb") != 0;
}

void print_out(const struct buf *text)
{
    if (text->len > 0)
        fwrite(text->ptr, 1, text->len, stdout);
    fflush(stdout);
}
