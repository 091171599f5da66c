/* credentials: see credentials.h. The reading of PEM is Go's: text between blocks is passed over,
 * and so is a block that is not well-formed. */
#include "ctl/credentials.h"
#include "base/err.h"
#include "base/span.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 16384
#define BEGIN      "-----BEGIN "
#define END        "-----END "
#define DASHES     "-----"

struct block {
    struct span type;
    gnutls_datum_t der; /* gnutls_free */
};

static int refuse(struct buf *why, const char *text)
{
    buf_printf(why, "%s", text);
    return ERR_USAGE;
}

static int cannot(struct buf *why, const char *verb, const char *path)
{
    char words[128];

    snprintf(words, sizeof(words), "%s", strerror(errno));
    buf_printf(why, "%s %s: %c%s", verb, path, tolower((unsigned char)words[0]), words + 1);
    return ERR_USAGE;
}

/* Appends a zero byte behind the file's, not counted. */
static int read_file(const char *path, struct buf *out, struct buf *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return cannot(why, "open", path);
    for (;;) {
        buf_reserve(out, READ_BYTES);

        ssize_t n = read(fd, out->ptr + out->len, READ_BYTES);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            (void)cannot(why, "read", path);
            close(fd);
            return ERR_USAGE;
        }
        if (n == 0)
            break;
        out->len += (size_t)n;
    }
    close(fd);
    (void)buf_cstr(out);
    return 0;
}

/* Headers, as an encrypted key has them, end at an empty line. */
static struct span skip_headers(struct span body)
{
    const char *colon = body.len > 0 ? memchr(body.ptr, ':', body.len) : NULL;
    const char *empty = colon != NULL ? memmem(body.ptr, body.len, "\n\n", 2) : NULL;

    return empty != NULL ? span_from(body, (size_t)(empty - body.ptr)) : body;
}

/* Takes the next well-formed block off the front of *REST. */
static bool next_block(const char **rest, struct block *out)
{
    const char *at;

    while ((at = strstr(*rest, BEGIN)) != NULL) {
        struct span type = {at + strlen(BEGIN), 0};
        const char *behind = strstr(type.ptr, DASHES);
        const char *end = behind != NULL ? strstr(behind, "\n" END) : NULL;

        *rest = type.ptr;
        if (end == NULL)
            continue;
        type.len = (size_t)(behind - type.ptr);

        struct span closing = {end + strlen("\n" END), strlen(end + strlen("\n" END))};
        const char *from = behind + strlen(DASHES);
        struct span body = skip_headers((struct span){from, (size_t)(end - from)});
        gnutls_datum_t coded = {(unsigned char *)(uintptr_t)body.ptr, (unsigned)body.len};

        if (!span_starts(closing, type) ||
            !span_starts(span_from(closing, type.len), SPAN(DASHES)) ||
            gnutls_base64_decode2(&coded, &out->der) != 0)
            continue;
        *rest = closing.ptr;
        out->type = type;
        return true;
    }
    return false;
}

static bool ends_with(struct span s, struct span tail)
{
    return s.len >= tail.len && span_eq(span_from(s, s.len - tail.len), tail);
}

/* The first block that WANTED fits. The types of those before are gathered in SKIPPED. */
static bool find_block(const char *pem, struct span wanted, struct block *out, struct buf *skipped,
                       size_t *skips)
{
    *skips = 0;
    while (next_block(&pem, out)) {
        if (ends_with(out->type, wanted))
            return true;
        buf_printf(skipped, "%s", *skips > 0 ? " " : "");
        buf_span(skipped, out->type);
        *skips += 1;
        gnutls_free(out->der.data);
    }
    return false;
}

static int import_certificate(const gnutls_datum_t *der, gnutls_x509_crt_t *out, struct buf *why)
{
    if (gnutls_x509_crt_init(out) != 0)
        return refuse(why, "x509: out of memory");
    if (gnutls_x509_crt_import(*out, der, GNUTLS_X509_FMT_DER) == 0)
        return 0;
    gnutls_x509_crt_deinit(*out);
    return refuse(why, "x509: malformed certificate");
}

static int load_certificate(const char *pem, gnutls_x509_crt_t *out, struct buf *why)
{
    struct buf skipped = {0};
    struct block block;
    size_t skips;
    int rc = ERR_USAGE;

    if (find_block(pem, SPAN("CERTIFICATE"), &block, &skipped, &skips)) {
        rc = import_certificate(&block.der, out, why);
        gnutls_free(block.der.data);
    } else if (skips == 0) {
        buf_lit(why, "tls: failed to find any PEM data in certificate input");
    } else if (skips == 1 && ends_with(buf_as_span(&skipped), SPAN("PRIVATE KEY"))) {
        buf_lit(why, "tls: failed to find certificate PEM data in certificate input, but did find "
                     "a private key; PEM inputs may have been switched");
    } else {
        buf_printf(why,
                   "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after "
                   "skipping PEM blocks of the following types: [%s]",
                   buf_cstr(&skipped));
    }
    buf_fini(&skipped);
    return rc;
}

static int import_key(const gnutls_datum_t *der, gnutls_x509_privkey_t *out, struct buf *why)
{
    if (gnutls_x509_privkey_init(out) != 0)
        return refuse(why, "tls: out of memory");
    if (gnutls_x509_privkey_import2(*out, der, GNUTLS_X509_FMT_DER, NULL, GNUTLS_PKCS_PLAIN) == 0)
        return 0;
    gnutls_x509_privkey_deinit(*out);
    return refuse(why, "tls: failed to parse private key");
}

static int load_key(const char *pem, gnutls_x509_privkey_t *out, struct buf *why)
{
    struct buf skipped = {0};
    struct block block;
    size_t skips;
    int rc = ERR_USAGE;

    if (find_block(pem, SPAN("PRIVATE KEY"), &block, &skipped, &skips)) {
        rc = import_key(&block.der, out, why);
        gnutls_free(block.der.data);
    } else if (skips == 0) {
        buf_lit(why, "tls: failed to find any PEM data in key input");
    } else if (skips == 1 && span_eq(buf_as_span(&skipped), SPAN("CERTIFICATE"))) {
        buf_lit(why, "tls: found a certificate rather than a key in the PEM for the private key");
    } else {
        buf_printf(why,
                   "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input "
                   "after skipping PEM blocks of the following types: [%s]",
                   buf_cstr(&skipped));
    }
    buf_fini(&skipped);
    return rc;
}

static int check_pair(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key, struct buf *why)
{
    unsigned char a[64], b[64];
    size_t a_len = sizeof(a), b_len = sizeof(b);

    if (gnutls_x509_crt_get_pk_algorithm(certificate, NULL) !=
        gnutls_x509_privkey_get_pk_algorithm(key))
        return refuse(why, "tls: private key type does not match public key type");
    if (gnutls_x509_crt_get_key_id(certificate, 0, a, &a_len) != 0 ||
        gnutls_x509_privkey_get_key_id(key, 0, b, &b_len) != 0 || a_len != b_len ||
        memcmp(a, b, a_len) != 0)
        return refuse(why, "tls: private key does not match public key");
    return 0;
}

static int check_identity(const char *certificate_pem, const char *key_pem, struct buf *why)
{
    gnutls_x509_crt_t certificate;
    gnutls_x509_privkey_t key;
    int rc = load_certificate(certificate_pem, &certificate, why);

    if (rc != 0)
        return rc;
    rc = load_key(key_pem, &key, why);
    if (rc == 0) {
        rc = check_pair(certificate, key, why);
        gnutls_x509_privkey_deinit(key);
    }
    gnutls_x509_crt_deinit(certificate);
    return rc;
}

/* quirk: a file without any certificate is fine; then nobody is trusted. */
static int check_authorities(const char *pem, struct buf *why)
{
    struct block block;
    int rc = 0;

    while (rc == 0 && next_block(&pem, &block)) {
        gnutls_x509_crt_t certificate;

        rc = import_certificate(&block.der, &certificate, why);
        if (rc == 0)
            gnutls_x509_crt_deinit(certificate);
        gnutls_free(block.der.data);
    }
    return rc;
}

int credentials_check(const struct http_tls *tls, struct buf *why)
{
    struct buf certificate = {0}, key = {0}, authorities = {0};
    int rc = 0;

    if ((tls->cert_file[0] == '\0') != (tls->key_file[0] == '\0')) {
        buf_printf(why, "KeyFile and CertFile must both be present[key: %s, cert: %s]",
                   tls->key_file, tls->cert_file);
        return ERR_USAGE;
    }
    if (tls->cert_file[0] != '\0') {
        rc = read_file(tls->cert_file, &certificate, why);
        if (rc == 0)
            rc = read_file(tls->key_file, &key, why);
        if (rc == 0)
            rc = check_identity(certificate.ptr, key.ptr, why);
    }
    if (rc == 0 && tls->ca_file[0] != '\0') {
        rc = read_file(tls->ca_file, &authorities, why);
        if (rc == 0)
            rc = check_authorities(authorities.ptr, why);
    }
    buf_fini(&certificate);
    buf_fini(&key);
    buf_fini(&authorities);
    return rc;
}
