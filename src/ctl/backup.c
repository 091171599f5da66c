/* backup: passes the words on to whoever knows data directories. */
#include "base/check.h"
#include "ctl/table.h"

#define WORDS_MAX 16

enum exit_status backup_run(struct session *s, const struct opts *o)
{
    static const char *const options[][2] = {
        {"data-dir", "--data-dir"},
        {"wal-dir", "--wal-dir"},
        {"backup-dir", "--backup-dir"},
        {"backup-wal-dir", "--backup-wal-dir"},
    };
    const char *words[WORDS_MAX] = {s->program, "backup"};
    int n = 2;

    if (s->backup == NULL)
        return session_refuse("backup works on a data directory, which this program cannot read");
    for (size_t i = 0; i < CP_COUNT(options); i++) {
        const char *value = opts_text(o, options[i][0]);

        if (value[0] == '\0')
            continue;
        words[n++] = options[i][1];
        words[n++] = value;
    }
    if (opts_flag(o, "with-v3"))
        words[n++] = "--with-v3";
    CP_ASSERT(n < WORDS_MAX);
    return (enum exit_status)s->backup(n, (char **)(uintptr_t)words);
}
