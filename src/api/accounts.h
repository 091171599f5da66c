/* accounts: what became of a change of users or roles. */
#pragma once

#include "api/route.h"

/* Frees what the proposal has of accounts. */
void accounts_reply(struct proposal *p, struct api_reply *reply);
