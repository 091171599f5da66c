/* set: see set.h. The words for files that cannot be had are Go's. */
#include "tls/set.h"

#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHAIN_MAX 16 /* certificates in a certificate file */

static int read_file(const char *path, gnutls_datum_t *out, struct err *e)
{
    char words[128];

    if (gnutls_load_file(path, out) == 0)
        return 0;
    snprintf(words, sizeof(words), "%s", strerror(errno));
    return err_set(e, errno != 0 ? -errno : -EIO, "open %s: %c%s", path,
                   tolower((unsigned char)words[0]), words + 1);
}

/* Keeps what is good; where the system has no such files, the original has to do. */
static void keep_copy(struct tls_set *s, enum tls_file which, const char *origin,
                      const gnutls_datum_t *bytes)
{
    int fd = memfd_create("tls", MFD_CLOEXEC);

    s->copies[which].origin = origin;
    if (fd < 0)
        return;
    snprintf(s->copies[which].path, sizeof(s->copies[which].path), "/proc/self/fd/%d", fd);
    if (write(fd, bytes->data, bytes->size) == (ssize_t)bytes->size &&
        access(s->copies[which].path, R_OK) == 0)
        s->copies[which].fd = fd;
    else
        close(fd);
}

const char *tls_path(const struct tls_set *s, enum tls_file which)
{
    if (s->copies[which].fd >= 0)
        return s->copies[which].path;
    return s->copies[which].origin != NULL ? s->copies[which].origin : "";
}

static int refuse(struct err *e, const char *path, int code)
{
    return err_set(e, ERR_MALFORMED, "%s: %s", path, gnutls_strerror(code));
}

/* When the first of the chain expires. */
static int read_expiry(struct tls_set *s, const char *path, const gnutls_datum_t *pem,
                       struct err *e)
{
    gnutls_x509_crt_t chain[CHAIN_MAX];
    unsigned n = CHAIN_MAX;
    int rc = gnutls_x509_crt_list_import(chain, &n, pem, GNUTLS_X509_FMT_PEM, 0);

    if (rc < 0)
        return refuse(e, path, rc);
    s->not_after = INT64_MAX;
    for (unsigned i = 0; i < n; i++) {
        int64_t at = gnutls_x509_crt_get_expiration_time(chain[i]);

        if (at < s->not_after)
            s->not_after = at;
        gnutls_x509_crt_deinit(chain[i]);
    }
    return 0;
}

static int read_identity(struct tls_set *s, const struct tls_conf *conf, struct err *e)
{
    gnutls_datum_t cert, key;
    int rc = read_file(conf->cert_file, &cert, e);

    if (rc < 0)
        return rc;
    rc = read_file(conf->key_file, &key, e);
    if (rc < 0)
        goto free_cert;
    rc = read_expiry(s, conf->cert_file, &cert, e);
    if (rc < 0)
        goto free_key;
    rc = gnutls_certificate_set_x509_key_mem2(s->credentials, &cert, &key, GNUTLS_X509_FMT_PEM,
                                              NULL, GNUTLS_PKCS_PLAIN);
    if (rc == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
        rc = err_set(e, ERR_MALFORMED, "tls: the key in %s is not that of the certificate in %s",
                     conf->key_file, conf->cert_file);
    else if (rc < 0)
        rc = refuse(e, conf->key_file, rc);
    else
        rc = 0;
    if (rc == 0) {
        keep_copy(s, TLS_CERT, conf->cert_file, &cert);
        keep_copy(s, TLS_KEY, conf->key_file, &key);
    }
free_key:
    gnutls_memset(key.data, 0, key.size);
    gnutls_free(key.data);
free_cert:
    gnutls_free(cert.data);
    return rc;
}

static int add_revoked(struct tls_set *s, gnutls_x509_trust_list_t list, const char *path,
                       struct err *e)
{
    gnutls_datum_t file;
    gnutls_x509_crl_t *crls = NULL;
    unsigned n = 0;
    int rc = read_file(path, &file, e);

    if (rc < 0)
        return rc;
    rc = gnutls_x509_crl_list_import2(&crls, &n, &file, GNUTLS_X509_FMT_PEM, 0);
    if (rc < 0)
        rc = gnutls_x509_crl_list_import2(&crls, &n, &file, GNUTLS_X509_FMT_DER, 0);
    if (rc >= 0)
        keep_copy(s, TLS_CRL, path, &file);
    gnutls_free(file.data);
    if (rc < 0)
        return refuse(e, path, rc);

    int taken = gnutls_x509_trust_list_add_crls(list, crls, n, GNUTLS_TL_VERIFY_CRL, 0);

    gnutls_free(crls); /* the list has what was in it */
    if (taken < (int)n)
        return err_set(e, ERR_MALFORMED,
                       "%s: a revocation list in it is not signed by an authority of ours", path);
    return 0;
}

static int read_authorities(struct tls_set *s, const struct tls_conf *conf, struct err *e)
{
    gnutls_x509_trust_list_t list;
    gnutls_datum_t file;

    if (conf->ca_file[0] == '\0')
        return 0;

    int rc = read_file(conf->ca_file, &file, e);

    if (rc < 0)
        return rc;
    if (gnutls_x509_trust_list_init(&list, 0) < 0) {
        gnutls_free(file.data);
        return err_set(e, -ENOMEM, "tls: out of memory");
    }
    rc = gnutls_x509_trust_list_add_trust_mem(list, &file, NULL, GNUTLS_X509_FMT_PEM,
                                              GNUTLS_TL_USE_IN_TLS, 0);
    if (rc > 0)
        keep_copy(s, TLS_CA, conf->ca_file, &file);
    gnutls_free(file.data);
    if (rc <= 0)
        rc = refuse(e, conf->ca_file, rc < 0 ? rc : GNUTLS_E_NO_CERTIFICATE_FOUND);
    else
        rc = conf->crl_file[0] != '\0' ? add_revoked(s, list, conf->crl_file, e) : 0;
    if (rc < 0) {
        gnutls_x509_trust_list_deinit(list, 1);
        return rc;
    }
    gnutls_certificate_set_trust_list(s->credentials, list, 0);
    s->has_authorities = true;
    return 0;
}

int set_read(struct tls_set **out, const struct tls_conf *conf, struct err *e)
{
    struct tls_set *s = mem_zalloc(sizeof(*s));

    atomic_init(&s->refs, 1);
    for (unsigned i = 0; i < TLS_FILES; i++)
        s->copies[i].fd = -1;
    if (gnutls_certificate_allocate_credentials(&s->credentials) < 0) {
        mem_free(s);
        return err_set(e, -ENOMEM, "tls: out of memory");
    }

    int rc = read_identity(s, conf, e);

    if (rc == 0)
        rc = read_authorities(s, conf, e);
    if (rc < 0) {
        set_unref(s);
        return rc;
    }
    *out = s;
    return 0;
}

void set_unref(struct tls_set *s)
{
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) > 1)
        return;
    gnutls_certificate_free_credentials(s->credentials);
    for (unsigned i = 0; i < TLS_FILES; i++) {
        if (s->copies[i].fd >= 0)
            close(s->copies[i].fd);
    }
    mem_free(s);
}
