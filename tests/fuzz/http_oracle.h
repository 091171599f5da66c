/* http_oracle: what bytes of HTTP/1.1 are, told independently of any server: requests that every
 * server must answer, and the answers in what came back. */
#pragma once

#include "base/span.h"

/* A request without anything a server might object to. */
struct plain_request {
    size_t bytes;
    bool head;  /* the answer has no body */
    bool watch; /* a long poll or stream perhaps: the end of its answer may not come */
    bool close; /* asks for the end of the connection */
};
/* Does S begin with a whole one? */
bool plain_request(struct span s, struct plain_request *out);

enum answer_kind {
    ANSWER_WHOLE,
    ANSWER_PART, /* so far */
    ANSWER_NONE, /* not HTTP */
};
struct answer {
    size_t bytes;     /* of a whole one, interim answers before it included */
    int status;       /* 0: the head is not there yet */
    bool close;       /* the last one of its connection */
    bool bare;        /* its body ends with the connection */
    struct span body; /* as sent, as far as it is there */
};
/* HEAD_ONLY: no body follows. ENDED: no byte comes after S. */
enum answer_kind answer_read(struct span s, bool head_only, bool ended, struct answer *out);
