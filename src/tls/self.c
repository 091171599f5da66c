/* self: certificates for --auto-tls and --peer-auto-tls. */
#include "tls/tls.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SERIAL_BYTES 16
#define BEFORE_S     60 /* the clocks of clients may be behind */

static int trouble(struct err *e, int code)
{
    return err_set(e, ERR_VERSION, "tls: making a certificate: %s", gnutls_strerror(code));
}

/* Whole and durable, or not at all. */
static int write_file(const char *dir, const char *name, const gnutls_datum_t *text, mode_t mode,
                      struct err *e)
{
    char path[PATH_MAX], draft[PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path) ||
        snprintf(draft, sizeof(draft), "%s/.%s.new", dir, name) >= (int)sizeof(draft))
        return err_set(e, -ENAMETOOLONG, "%s: the path is too long", dir);
    (void)unlink(draft);

    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

    if (fd < 0)
        return err_sys(e, errno, "create %s", draft);
    errno = EIO;
    if (write(fd, text->data, text->size) != (ssize_t)text->size || fsync(fd) < 0 ||
        rename(draft, path) < 0) {
        int code = err_sys(e, errno, "write %s", path);

        close(fd);
        (void)unlink(draft);
        return code;
    }
    close(fd);
    return 0;
}

static int add_host(gnutls_x509_crt_t crt, const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    if (host[0] == '\0')
        return 0;
    if (inet_pton(AF_INET, host, address) == 1)
        return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address,
                                                    sizeof(struct in_addr), GNUTLS_FSAN_APPEND);
    if (inet_pton(AF_INET6, host, address) == 1)
        return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address,
                                                    sizeof(struct in6_addr), GNUTLS_FSAN_APPEND);
    return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, host,
                                                (unsigned)strlen(host), GNUTLS_FSAN_APPEND);
}

static int fill(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *const *hosts,
                unsigned n_hosts)
{
    unsigned char serial[SERIAL_BYTES];
    time_t now = (time_t)(clock_wall_ns(&clock_system) / NS_PER_S);
    int rc = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));

    serial[0] = (serial[0] & 0x7f) | 1; /* positive, and as long as it is */
    rc = rc < 0 ? rc : gnutls_x509_crt_set_version(crt, 3);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
    rc = rc < 0 ? rc : gnutls_x509_crt_set_activation_time(crt, now - BEFORE_S);
    rc =
        rc < 0 ? rc : gnutls_x509_crt_set_expiration_time(crt, now + (time_t)TLS_SELF_DAYS * 86400);
    rc = rc < 0 ? rc
                : gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, "copse",
                                                strlen("copse"));
    rc = rc < 0 ? rc : gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
    rc = rc < 0 ? rc
                : gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE |
                                                         GNUTLS_KEY_KEY_ENCIPHERMENT);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_CLIENT, 0);
    for (unsigned i = 0; rc >= 0 && i < n_hosts; i++)
        rc = add_host(crt, hosts[i]);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_key(crt, key);
    return rc < 0 ? rc : gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
}

static int make(const char *dir, const char *const *hosts, unsigned n_hosts, struct err *e)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
    gnutls_datum_t key_pem = {.data = NULL}, crt_pem = {.data = NULL};
    int rc = gnutls_x509_privkey_init(&key);

    if (rc < 0)
        return trouble(e, rc);
    rc = gnutls_x509_crt_init(&crt);
    if (rc < 0) {
        gnutls_x509_privkey_deinit(key);
        return trouble(e, rc);
    }
    rc = gnutls_x509_privkey_generate(key, GNUTLS_PK_EC,
                                      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    rc = rc < 0 ? rc : fill(crt, key, hosts, n_hosts);
    rc = rc < 0 ? rc : gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &key_pem);
    rc = rc < 0 ? rc : gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &crt_pem);
    if (rc < 0)
        rc = trouble(e, rc);
    else
        rc = write_file(dir, "key.pem", &key_pem, 0600, e);
    if (rc == 0)
        rc = write_file(dir, "cert.pem", &crt_pem, 0644, e);
    if (key_pem.data != NULL)
        gnutls_memset(key_pem.data, 0, key_pem.size);
    gnutls_free(key_pem.data);
    gnutls_free(crt_pem.data);
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(key);
    return rc;
}

/* A certificate that can still be used is in DIR. */
static bool is_there(const char *dir)
{
    char path[PATH_MAX];
    gnutls_datum_t pem;
    gnutls_x509_crt_t crt;
    bool good = false;

    snprintf(path, sizeof(path), "%s/key.pem", dir);
    if (access(path, R_OK) < 0)
        return false;
    snprintf(path, sizeof(path), "%s/cert.pem", dir);
    if (gnutls_load_file(path, &pem) < 0)
        return false;
    if (gnutls_x509_crt_init(&crt) == 0) {
        good = gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) == 0 &&
               gnutls_x509_crt_get_expiration_time(crt) > clock_wall_ns(&clock_system) / NS_PER_S;
        gnutls_x509_crt_deinit(crt);
    }
    gnutls_free(pem.data);
    return good;
}

int tls_self_signed(const char *dir, const char *const *hosts, unsigned n_hosts, struct err *e)
{
    return is_there(dir) ? 0 : make(dir, hosts, n_hosts, e);
}
