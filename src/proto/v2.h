/* v2: the words of the etcd v2 API: error codes, statuses, actions, methods. */
#pragma once

enum v2_code {
    V2_OK = 0,
#define X(name, code, status, message) V2_##name = (code),
#include "proto/v2_errors.def"
#undef X
};

/* Message and HTTP status of a code; a code without an entry is 400 "". */
const char *v2_message(enum v2_code code);
int v2_status(enum v2_code code);

enum v2_action {
    V2_GET,
    V2_SET,
    V2_CREATE,
    V2_UPDATE,
    V2_COMPARE_AND_SWAP,
    V2_DELETE,
    V2_COMPARE_AND_DELETE,
    V2_EXPIRE,
};

/* The word in an event: "get", "set", "compareAndSwap" … */
const char *v2_action_name(enum v2_action action);

enum v2_method {
    V2_M_GET,
    V2_M_HEAD,
    V2_M_PUT,
    V2_M_POST,
    V2_M_DELETE,
    V2_M_OPTIONS,
    V2_M_OTHER,
};
