/* num: strict numbers from text. */
#include "base/num.h"

#include "base/check.h"

bool num_u64(struct span s, uint64_t *out)
{
    uint64_t v = 0;

    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;

        uint64_t digit = (uint64_t)(s.ptr[i] - '0');

        if (__builtin_mul_overflow(v, (uint64_t)10, &v) || __builtin_add_overflow(v, digit, &v))
            return false;
    }
    *out = v;
    return true;
}

bool num_bool(struct span s, bool *out)
{
    static const struct {
        struct span word;
        bool value;
    } words[] = {
        {{"1", 1}, true},    {{"t", 1}, true},      {{"T", 1}, true},      {{"TRUE", 4}, true},
        {{"true", 4}, true}, {{"True", 4}, true},   {{"0", 1}, false},     {{"f", 1}, false},
        {{"F", 1}, false},   {{"FALSE", 5}, false}, {{"false", 5}, false}, {{"False", 5}, false},
    };

    for (size_t i = 0; i < CP_COUNT(words); i++) {
        if (span_eq(s, words[i].word)) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}
