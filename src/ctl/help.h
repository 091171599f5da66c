/* help: the help texts, byte for byte in the reference's layout. Pure: they are appended to a
 * buffer. */
#pragma once

#include "base/buf.h"
#include "ctl/table.h"

#include <stdbool.h>

void help_program(struct buf *out, const char *program);
/* GROUP is NULL for a command of the program itself. */
void help_command(struct buf *out, const char *program, const struct ctl_command *group,
                  const struct ctl_command *c);
/* What `GROUP` alone says; with AS_PROGRAM what `GROUP help` says. */
void help_group(struct buf *out, const char *program, const struct ctl_command *group,
                bool as_program);
/* Name and usage only: `help GROUP`. */
void help_group_short(struct buf *out, const char *program, const struct ctl_command *group);
