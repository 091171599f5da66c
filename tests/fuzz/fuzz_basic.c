/* An Authorization header: whatever is taken for user and password is what base64 says, and the
 * same header again gives the same. */
#include "auth/basic.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct buf first = {0}, second = {0}, exact = {0};
    struct span user, password, again_user, again_password;

    buf_reserve(&exact, n);
    buf_add(&exact, bytes, n);

    bool ok = basic_parse(buf_as_span(&exact), &first, &user, &password);

    CP_ASSERT(ok == basic_parse(buf_as_span(&exact), &second, &again_user, &again_password));
    if (ok) {
        CP_ASSERT(span_eq(user, again_user) && span_eq(password, again_password));
        CP_ASSERT(user.len == 0 || memchr(user.ptr, ':', user.len) == NULL);
        CP_ASSERT(user.ptr + user.len + 1 == password.ptr);
        CP_ASSERT((user.len + 1 + password.len) <= n / 4 * 3);
    }
    basic_wipe(&first);
    basic_wipe(&second);
    buf_fini(&exact);
    return 0;
}
