/* accounts: what user, role and auth have in common: one request of the auth API. */
#pragma once

#include "ctl/reply.h"
#include "ctl/session.h"

enum accounts_answer {
    ACCOUNTS_CHANGED, /* 200 or 201 */
    ACCOUNTS_VALUE,   /* 200 */
    ACCOUNTS_ROLES,   /* 200; a refusal is not read (quirk: auth on) */
};

/* Opens the session; EXIT_FINE, or a status with the reason printed. */
enum exit_status accounts_begin(struct session *s) CP_MUST_CHECK;
/* As accounts_begin for a command with one argument, NAME; another count is refused with WRONG. */
enum exit_status accounts_begin_named(struct session *s, const struct opts *o, const char *wrong,
                                      const char **name) CP_MUST_CHECK;

/* METHOD on /v2/auth/KIND[/NAME], with a JSON body or NULL. 0, or an error with F set; *ROOT (or
 * ROOT NULL) is given for ACCOUNTS_VALUE and ACCOUNTS_ROLES. */
int accounts_ask(struct session *s, const char *method, const char *kind, const char *name,
                 const struct buf *body, enum accounts_answer answer, json_t **root,
                 struct fail *f) CP_MUST_CHECK;

/* Ends a command: SAY (a format with one name) on out when RC is 0, else the failure on err.
 * Finishes F. */
enum exit_status accounts_end(int rc, struct fail *f, const char *before, const char *name,
                              const char *after);

/* Gives the texts in an array, sorted by bytes (json_decref): strings, or the member NAME of
 * objects. */
json_t *accounts_sorted(const json_t *array, const char *name);
/* Prints each text on a line of its own, with BEFORE in front. */
void accounts_print_lines(const json_t *texts, const char *before);

/* Whole commands, for users and roles alike: the names of all, one a line; one of them, as PRINT
 * shows it (ASKED: its name as it was given); the end of one. */
enum exit_status accounts_list(struct session *s, const struct opts *o, const char *kind,
                               const char *member, enum accounts_answer answer);
enum exit_status accounts_show(struct session *s, const struct opts *o, const char *wrong,
                               const char *kind,
                               void (*print)(const json_t *one, const char *asked));
enum exit_status accounts_remove(struct session *s, const struct opts *o, const char *wrong,
                                 const char *kind, const char *title);
