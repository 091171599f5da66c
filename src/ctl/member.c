/* member: who belongs to the cluster. */
#include "base/err.h"
#include "base/jsonw.h"
#include "base/mem.h"
#include "ctl/members.h"
#include "ctl/table.h"
#include "ctl/text.h"
#include "proto/peer_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT                                                                                   \
    "https://github.com/etcd-io/etcd/blob/master/Documentation/"                                   \
    "runtime-configuration.md#remove-a-member"

static enum exit_status begin(struct session *s)
{
    enum exit_status status = session_open(s, true);

    if (status == EXIT_FINE)
        session_start_clock(s);
    return status;
}

static void print_urls(const struct strings *urls)
{
    for (size_t i = 0; i < urls->count; i++)
        printf("%s%s", i > 0 ? "," : "", urls->items[i]);
}

static void print_member(const struct member *m, const char *leader_id)
{
    if (m->name[0] == '\0') {
        printf("%s[unstarted]: peerURLs=", m->id);
        print_urls(&m->peer_urls);
    } else {
        printf("%s: name=%s peerURLs=", m->id, m->name);
        print_urls(&m->peer_urls);
        printf(" clientURLs=");
        print_urls(&m->client_urls);
        printf(" isLeader=%s", strcmp(m->id, leader_id) == 0 ? "true" : "false");
    }
    printf("\n");
}

enum exit_status member_list_run(struct session *s, const struct opts *o)
{
    struct members members = {0}, leader = {0};
    struct fail f = {0};

    if (o->args_count != 0)
        return session_refuse("No arguments accepted");

    enum exit_status status = begin(s);

    if (status != EXIT_FINE)
        return status;
    if (members_list(&s->client, &members, &f) != 0) {
        status = session_fail_bare(&f);
    } else if (members_leader(&s->client, &leader, &f) != 0) {
        fprintf(stderr, "Failed to get leader:  ");
        status = session_fail_bare(&f);
    } else {
        for (size_t i = 0; i < members.count; i++)
            print_member(&members.items[i], leader.items[0].id);
    }
    members_fini(&members);
    members_fini(&leader);
    fail_fini(&f);
    return status;
}

static int compare_spans(const void *a, const void *b)
{
    return span_cmp(*(const struct span *)a, *(const struct span *)b);
}

/* Appends the URLs of LIST, which are COUNT, as a sorted JSON array. */
static int add_urls(struct buf *out, const char *list, size_t count, struct buf *why)
{
    struct span *urls = mem_zalloc(count * sizeof(*urls));
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        size_t n = count == 1 ? strlen(list) : strcspn(list, ",");

        urls[i] = peer_url_trim((struct span){list, n});
        rc = peer_url_check(urls[i], why) ? 0 : ERR_USAGE;
        list += list[n] == ',' ? n + 1 : n;
    }
    if (rc == 0) {
        qsort(urls, count, sizeof(*urls), compare_spans);
        for (size_t i = 0; i < count; i++) {
            buf_char(out, i == 0 ? '[' : ',');
            jsonw_str(out, urls[i]);
        }
        buf_char(out, ']');
    }
    mem_free(urls);
    return rc;
}

static void print_addition(const struct members *members, const char *id, const char *name)
{
    struct buf cluster = {0}, line = {0};

    for (size_t i = 0; i < members->count; i++) {
        const struct member *m = &members->items[i];

        for (size_t j = 0; j < m->peer_urls.count; j++)
            buf_printf(&cluster, "%s%s=%s", cluster.len > 0 ? "," : "",
                       strcmp(m->id, id) == 0 ? name : m->name, m->peer_urls.items[j]);
    }
    buf_lit(&line, "\nETCD_NAME=");
    text_quote(&line, span_of(name));
    buf_lit(&line, "\nETCD_INITIAL_CLUSTER=");
    text_quote(&line, buf_as_span(&cluster));
    buf_lit(&line, "\nETCD_INITIAL_CLUSTER_STATE=\"existing\"\n");
    fputs(buf_cstr(&line), stdout);
    buf_fini(&cluster);
    buf_fini(&line);
}

enum exit_status member_add_run(struct session *s, const struct opts *o)
{
    struct members added = {0}, all = {0};
    struct buf urls = {0};
    struct fail f = {0};

    if (o->args_count != 2)
        return session_refuse("Provide a name and a single member peerURL");

    enum exit_status status = begin(s);

    if (status != EXIT_FINE)
        return status;

    int rc = add_urls(&urls, o->args[1], 1, &f.text);

    if (rc == 0)
        rc = members_add(&s->client, buf_cstr(&urls), &added, &f);
    if (rc == 0) {
        printf("Added member named %s with ID %s to cluster\n", o->args[0], added.items[0].id);
        rc = members_list(&s->client, &all, &f);
    }
    if (rc == 0)
        print_addition(&all, added.items[0].id, o->args[0]);
    else
        status = session_fail_bare(&f);
    members_fini(&added);
    members_fini(&all);
    buf_fini(&urls);
    fail_fini(&f);
    return status;
}

static bool find_member(const struct session *s, const struct members *members, const char *id)
{
    bool found = false;

    for (size_t i = 0; i < members->count; i++) {
        const struct member *m = &members->items[i];

        found = found || strcmp(m->id, id) == 0;
        if (strcmp(m->name, id) == 0)
            fprintf(stderr,
                    "Found a member named %s; if this is correct, please use its ID, eg:\n"
                    "\t%s member remove %s\n"
                    "For more details, read the documentation at " DOCUMENT "\n\n",
                    m->name, s->program, m->id);
    }
    return found;
}

static enum exit_status remove_found(struct session *s, const char *id,
                                     const struct members *members)
{
    struct fail f = {0};
    enum exit_status status = EXIT_FINE;

    if (!find_member(s, members, id)) {
        fprintf(stderr, "Couldn't find a member in the cluster with an ID of %s.\n", id);
        return EXIT_ARGUMENTS;
    }
    if (members_remove(&s->client, id, &f) != 0) {
        fprintf(stderr, "Received an error trying to remove member %s: ", id);
        status = session_fail_bare(&f);
    } else {
        printf("Removed member %s from cluster\n", id);
    }
    fail_fini(&f);
    return status;
}

enum exit_status member_remove_run(struct session *s, const struct opts *o)
{
    struct members members = {0};
    struct fail f = {0};

    if (o->args_count != 1)
        return session_refuse("Provide a single member ID");

    enum exit_status status = begin(s);

    if (status != EXIT_FINE)
        return status;
    if (members_list(&s->client, &members, &f) != 0) {
        fprintf(stderr, "Error while verifying ID against known members: ");
        status = session_fail_bare(&f);
    } else {
        status = remove_found(s, o->args[0], &members);
    }
    members_fini(&members);
    fail_fini(&f);
    return status;
}

enum exit_status member_update_run(struct session *s, const struct opts *o)
{
    struct buf urls = {0};
    struct fail f = {0};
    size_t count = 1;

    if (o->args_count != 2)
        return session_refuse("Provide an ID and a list of comma separated peerURL "
                              "(0xabcd http://example.com,http://example1.com)");

    enum exit_status status = begin(s);

    if (status != EXIT_FINE)
        return status;
    for (const char *p = strchr(o->args[1], ','); p != NULL; p = strchr(p + 1, ','))
        count++;

    int rc = add_urls(&urls, o->args[1], count, &f.text);

    if (rc == 0)
        rc = members_update(&s->client, o->args[0], buf_cstr(&urls), &f);
    if (rc == 0)
        printf("Updated member with ID %s in cluster\n", o->args[0]);
    else
        status = session_fail_bare(&f);
    buf_fini(&urls);
    fail_fini(&f);
    return status;
}
