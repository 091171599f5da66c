/* keys_parse: a request for /v2/keys as an operation, a read or a watch; or the first v2 error in
 * v2's order of checks. Pure. Source: contract, keys 3 and 6. */
#pragma once

#include "api/request.h"
#include "store/op.h"

enum keys_kind { KEYS_READ, KEYS_WATCH, KEYS_WRITE };

struct keys_request {
    enum keys_kind kind;
    struct span path; /* clean, absolute, no trailing slash; borrows from KEY_PATH */
    bool recursive, sorted, quorum, stream;
    uint64_t wait_index;
    struct store_op op; /* KEYS_WRITE */
    enum v2_code code;  /* V2_OK or the refusal, then cause is set */
    struct buf cause;
    struct buf
        scratch; /* decoded bytes: the other spans point into it, into the request or the query */
};

/* KEY_PATH: the decoded path behind /v2/keys, already clean. OUT is zeroed first; keys_request_fini
 * frees it. */
enum v2_code keys_parse(const struct api_request *rq, struct span key_path, struct span query,
                        struct keys_request *out);
void keys_request_fini(struct keys_request *k);
