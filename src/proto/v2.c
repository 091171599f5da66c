/* v2: tables of the API's words. */
#include "proto/v2.h"

#include "base/check.h"

const char *v2_message(enum v2_code code)
{
    switch ((int)code) {
#define X(name, number, status, message)                                                           \
    case number:                                                                                   \
        return message;
#include "proto/v2_errors.def"
#undef X
    default:
        return "";
    }
}

int v2_status(enum v2_code code)
{
    switch ((int)code) {
#define X(name, number, status, message)                                                           \
    case number:                                                                                   \
        return status;
#include "proto/v2_errors.def"
#undef X
    default:
        return 400;
    }
}

const char *v2_action_name(enum v2_action action)
{
    static const char *const names[] = {
        [V2_GET] = "get",
        [V2_SET] = "set",
        [V2_CREATE] = "create",
        [V2_UPDATE] = "update",
        [V2_COMPARE_AND_SWAP] = "compareAndSwap",
        [V2_DELETE] = "delete",
        [V2_COMPARE_AND_DELETE] = "compareAndDelete",
        [V2_EXPIRE] = "expire",
    };
    _Static_assert(CP_COUNT(names) == V2_EXPIRE + 1, "a name for each action");

    CP_ASSERT((unsigned)action < CP_COUNT(names));
    return names[action];
}
