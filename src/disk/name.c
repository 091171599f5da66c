#include "disk/name.h"

bool name_parse_hex(const char *s, uint64_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < NAME_HEX_DIGITS; i++) {
        unsigned digit;
        if (s[i] >= '0' && s[i] <= '9')
            digit = (unsigned)(s[i] - '0');
        else if (s[i] >= 'a' && s[i] <= 'f')
            digit = (unsigned)(s[i] - 'a') + 10;
        else
            return false;
        *out = *out << 4 | digit;
    }
    return true;
}
