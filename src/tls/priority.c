/* priority: TLS 1.2 and 1.3, forward secrecy and authenticated ciphers only. */
#include "tls/tls.h"

#include "base/span.h"

#include <stdio.h>
#include <string.h>

struct word {
    const char *name, *gnutls;
};

static const struct word exchanges[] = {{"TLS_ECDHE_ECDSA_WITH_", ":+ECDHE-ECDSA"},
                                        {"TLS_ECDHE_RSA_WITH_", ":+ECDHE-RSA"}};
static const struct word ciphers[] = {{"AES_128_GCM_SHA256", ":+AES-128-GCM"},
                                      {"AES_256_GCM_SHA384", ":+AES-256-GCM"},
                                      {"CHACHA20_POLY1305_SHA256", ":+CHACHA20-POLY1305"},
                                      {"CHACHA20_POLY1305", ":+CHACHA20-POLY1305"}};
#define CIPHERS 3

static bool find(struct span name, unsigned *exchange, unsigned *cipher)
{
    for (*exchange = 0; *exchange < CP_COUNT(exchanges); ++*exchange) {
        struct span start = span_of(exchanges[*exchange].name);

        if (!span_starts(name, start))
            continue;
        for (*cipher = 0; *cipher < CP_COUNT(ciphers); ++*cipher) {
            if (span_eq(span_from(name, start.len), span_of(ciphers[*cipher].name))) {
                if (*cipher == CIPHERS)
                    *cipher = CIPHERS - 1; /* the other name of the same */
                return true;
            }
        }
    }
    return false;
}

/* Marks each suite of TEXT in WANTED. */
static int read_suites(const char *text, bool wanted[CP_COUNT(exchanges)][CIPHERS], struct err *e)
{
    struct span rest = span_of(text);

    while (rest.len > 0) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        struct span name = {rest.ptr, comma != NULL ? (size_t)(comma - rest.ptr) : rest.len};
        unsigned x, c;

        if (!find(name, &x, &c))
            return err_set(e, ERR_USAGE,
                           "--cipher-suites: unexpected TLS cipher suite \"%.*s\"; known are "
                           "TLS_ECDHE_{ECDSA,RSA}_WITH_{AES_128_GCM_SHA256,AES_256_GCM_SHA384,"
                           "CHACHA20_POLY1305_SHA256}",
                           (int)name.len, name.ptr);
        wanted[x][c] = true;
        rest = span_from(rest, comma != NULL ? name.len + 1 : name.len);
    }
    return 0;
}

int tls_priority(char out[TLS_PRIORITY_BYTES], const char *cipher_suites, struct err *e)
{
    bool wanted[CP_COUNT(exchanges)][CIPHERS] = {0};
    bool exchange[CP_COUNT(exchanges)] = {0}, cipher[CIPHERS] = {0};
    int rc = read_suites(cipher_suites, wanted, e);
    size_t n = 0;

    if (rc < 0)
        return rc;
    if (cipher_suites[0] == '\0')
        memset(wanted, true, sizeof(wanted));
    for (unsigned x = 0; x < CP_COUNT(exchanges); x++) {
        for (unsigned c = 0; c < CIPHERS; c++) {
            exchange[x] = exchange[x] || wanted[x][c];
            cipher[c] = cipher[c] || wanted[x][c];
        }
    }
    n = (size_t)snprintf(out, TLS_PRIORITY_BYTES, "NONE:+VERS-TLS1.3:+VERS-TLS1.2");
    for (unsigned x = 0; x < CP_COUNT(exchanges); x++) {
        for (unsigned c = 0; c < CIPHERS; c++) {
            /* gnutls takes key exchanges and ciphers, and offers each of one with each of the
             * other. */
            if (exchange[x] && cipher[c] && !wanted[x][c])
                return err_set(e, ERR_USAGE,
                               "--cipher-suites: give both key exchanges the same ciphers (%s%s is "
                               "missing)",
                               exchanges[x].name, ciphers[c].name);
        }
        if (exchange[x])
            n += (size_t)snprintf(out + n, TLS_PRIORITY_BYTES - n, "%s", exchanges[x].gnutls);
    }
    for (unsigned c = 0; c < CIPHERS; c++) {
        if (cipher[c])
            n += (size_t)snprintf(out + n, TLS_PRIORITY_BYTES - n, "%s", ciphers[c].gnutls);
    }
    n += (size_t)snprintf(out + n, TLS_PRIORITY_BYTES - n,
                          ":+AEAD:+COMP-NULL:+CTYPE-X509:+SIGN-ALL:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:"
                          "-SIGN-DSA-SHA1:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:"
                          "+GROUP-SECP521R1:%%SERVER_PRECEDENCE");
    CP_ASSERT(n < TLS_PRIORITY_BYTES);
    return 0;
}
