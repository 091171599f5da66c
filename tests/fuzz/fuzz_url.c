/* Request targets, queries and forms: laws that hold for all bytes. */
#include "base/jsonw.h"
#include "base/num.h"
#include "fuzz.h"
#include "proto/url.h"

/* What is escaped comes back; what unescapes does not grow, and a refusal leaves the output alone.
 */
static void check_coding(struct span in, enum url_mode mode)
{
    struct buf escaped = {0}, plain = {0};
    struct span bad;

    if (mode == URL_PATH)
        url_escape_path(&escaped, in);
    else
        url_escape_query(&escaped, in);
    CP_ASSERT(url_unescape(&plain, buf_as_span(&escaped), mode, &bad));
    CP_ASSERT(span_eq(buf_as_span(&plain), in));

    buf_clear(&plain);
    if (url_unescape(&plain, in, mode, &bad)) {
        CP_ASSERT(plain.len <= in.len);
    } else {
        CP_ASSERT(plain.len == 0);
        CP_ASSERT(bad.len >= 1 && bad.len <= 3 && bad.ptr[0] == '%');
        CP_ASSERT(bad.ptr >= in.ptr && bad.ptr + bad.len <= in.ptr + in.len);
    }
    buf_fini(&escaped);
    buf_fini(&plain);
}

/* A clean path is absolute, has no "//", "/./" or "/../", and is its own clean form. */
static void check_clean(struct span in)
{
    struct buf once = {0}, twice = {0};
    bool same = url_clean_path(&once, in);

    CP_ASSERT(same == span_eq(buf_as_span(&once), in));
    CP_ASSERT(once.len > 0 && once.ptr[0] == '/');
    CP_ASSERT(once.len <= in.len + 1);
    CP_ASSERT(url_clean_path(&twice, buf_as_span(&once)));
    buf_char(&once, '/');
    CP_ASSERT(memmem(once.ptr, once.len - 1, "//", 2) == NULL);
    CP_ASSERT(memmem(once.ptr, once.len, "/./", 3) == NULL);
    CP_ASSERT(memmem(once.ptr, once.len, "/../", 4) == NULL);
    buf_fini(&once);
    buf_fini(&twice);
}

static void check_pairs(struct span in)
{
    struct span rest = in;
    struct url_pair pair;
    size_t bytes = 0;

    while (url_next_pair(&rest, &pair)) {
        uint64_t number;
        bool truth;

        CP_ASSERT(pair.name.len == 0 || memchr(pair.name.ptr, '=', pair.name.len) == NULL);
        CP_ASSERT(pair.value.len == 0 || memchr(pair.value.ptr, '&', pair.value.len) == NULL);
        bytes += pair.name.len + pair.value.len;
        (void)num_u64(pair.value, &number);
        (void)num_bool(pair.value, &truth);
    }
    CP_ASSERT(rest.len == 0);
    CP_ASSERT(bytes <= in.len);
}

/* No byte that JSON or HTML would mind comes through. */
static void check_json(struct span in)
{
    struct buf json = {0};

    jsonw_str(&json, in);
    CP_ASSERT(json.len >= 2 && json.ptr[0] == '"' && json.ptr[json.len - 1] == '"');
    for (size_t i = 1; i < json.len - 1; i++) {
        unsigned char c = (unsigned char)json.ptr[i];

        if (c == '\\') {
            i++;
            CP_ASSERT(i < json.len - 1);
            continue;
        }
        CP_ASSERT(c >= ' ' && c != '"' && c != '<' && c != '>' && c != '&');
    }
    buf_fini(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct span in = span_make(bytes, n);

    check_coding(in, URL_PATH);
    check_coding(in, URL_QUERY);
    check_clean(in);
    check_pairs(in);
    check_json(in);
    return 0;
}
