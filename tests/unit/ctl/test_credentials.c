/* Tests of what is said of certificate and key files; the messages are the reference's. The keys
 * are for these tests only. */
#include "base/err.h"
#include "ctl/credentials.h"
#include "test_ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CERTIFICATE                                                                                \
    "-----BEGIN CERTIFICATE-----\n"                                                                \
    "MIIBbTCCAROgAwIBAgIULiP++ZeScAtcyN04FX23xhfADrEwCgYIKoZIzj0EAwIw\n"                           \
    "DDEKMAgGA1UEAwwBeDAeFw0yNjExMjEwMzI1NDNaFw0yNjExMjMwMzI1NDNaMAwx\n"                           \
    "CjAIBgNVBAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARgSysSVQwyxh7R\n"                           \
    "QNRfdncUPqMfPnTId/v2+GPOAKff28s8ShPZ7Mi+m6C+ASzSdbNRfKWpmtuks5Er\n"                           \
    "9SZ+mz1Do1MwUTAdBgNVHQ4EFgQUeHPwJVPQXlQS5DuewShI9l/hmB4wHwYDVR0j\n"                           \
    "BBgwFoAUeHPwJVPQXlQS5DuewShI9l/hmB4wDwYDVR0TAQH/BAUwAwEB/zAKBggq\n"                           \
    "hkjOPQQDAgNIADBFAiEAvOnooOV1KLZT+jX0SAY+asF9Q9geqYZb53f605GirzEC\n"                           \
    "IDzdz6jEaKCFSPn/PO90LT3oCi9VP3XbLLdH6gb5h/jJ\n"                                               \
    "-----END CERTIFICATE-----\n"
#define KEY                                                                                        \
    "-----BEGIN PRIVATE KEY-----\n"                                                                \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgPqifudVaXVCek2EC\n"                           \
    "DKrC0BgE18SJ5PMJa+wwLUFfmNGhRANCAARgSysSVQwyxh7RQNRfdncUPqMfPnTI\n"                           \
    "d/v2+GPOAKff28s8ShPZ7Mi+m6C+ASzSdbNRfKWpmtuks5Er9SZ+mz1D\n"                                   \
    "-----END PRIVATE KEY-----\n"
#define OTHER_KEY                                                                                  \
    "-----BEGIN PRIVATE KEY-----\n"                                                                \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgSt0o954i9amf0JOM\n"                           \
    "XrlwhNPFfdzNEwfc2Dls9ZEo0S2hRANCAAR9VPj2SlYfZ/TZ+8rKY/Tefs483agb\n"                           \
    "fiyqh6P64Q/GYv0qCeuo0deMGNx8rYEJQ+kuj2JCJGqVdmNti4LMiKxO\n"                                   \
    "-----END PRIVATE KEY-----\n"
#define ED_KEY                                                                                     \
    "-----BEGIN PRIVATE KEY-----\n"                                                                \
    "MC4CAQAwBQYDK2VwBCIEIKqv/2N+xRAzW68i+aJ92skAL2YCGzkS3bxQIplL0Rqi\n"                           \
    "-----END PRIVATE KEY-----\n"
#define MALFORMED  "-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n"
#define NOT_BASE64 "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"
#define BAD_KEY    "-----BEGIN EC PRIVATE KEY-----\nZm9v\n-----END EC PRIVATE KEY-----\n"
#define ENCRYPTED                                                                                  \
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nZm9v\n"  \
    "-----END RSA PRIVATE KEY-----\n"
#define PARAMETERS "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"

static const struct {
    const char *certificate, *key, *authorities; /* what the file holds; NULL: no such option */
    const char *why;                             /* NULL: nothing wrong */
} rows[] = {
    {CERTIFICATE, KEY, CERTIFICATE, NULL},
    {NULL, NULL, NULL, NULL},
    {"text\n" CERTIFICATE "more", PARAMETERS KEY, NULL, NULL},
    {NOT_BASE64 CERTIFICATE, KEY, NULL, NULL},
    {CERTIFICATE MALFORMED, KEY, NULL, NULL},
    {CERTIFICATE, OTHER_KEY, NULL, "tls: private key does not match public key"},
    {CERTIFICATE, ED_KEY, NULL, "tls: private key type does not match public key type"},
    {CERTIFICATE, "", NULL, "tls: failed to find any PEM data in key input"},
    {CERTIFICATE, CERTIFICATE, NULL,
     "tls: found a certificate rather than a key in the PEM for the private key"},
    {CERTIFICATE, PARAMETERS, NULL,
     "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after "
     "skipping "
     "PEM blocks of the following types: [EC PARAMETERS]"},
    {CERTIFICATE, BAD_KEY, NULL, "tls: failed to parse private key"},
    {CERTIFICATE, ENCRYPTED, NULL, "tls: failed to parse private key"},
    {"-----BEGIN CERTIFICATE-----\n", KEY, NULL,
     "tls: failed to find any PEM data in certificate input"},
    {KEY, KEY, NULL,
     "tls: failed to find certificate PEM data in certificate input, but did find a private key; "
     "PEM inputs may have been switched"},
    {PARAMETERS KEY, KEY, NULL,
     "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks "
     "of the following types: [EC PARAMETERS PRIVATE KEY]"},
    {MALFORMED, KEY, NULL, "x509: malformed certificate"},
    {NULL, NULL, "nothing", NULL},
    {NULL, NULL, NOT_BASE64, NULL},
    {NULL, NULL, CERTIFICATE MALFORMED, "x509: malformed certificate"},
};

/* Writes TEXT to a new file and gives its name; "" for NULL. */
static const char *file_of(const char *text, char name[40])
{
    snprintf(name, 40, "/tmp/copse-credentials-XXXXXX");
    if (text == NULL)
        return "";

    int fd = mkstemp(name);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return name;
}

START_TEST(files)
{
    char names[3][40];
    struct http_tls tls = {
        .cert_file = file_of(rows[_i].certificate, names[0]),
        .key_file = file_of(rows[_i].key, names[1]),
        .ca_file = file_of(rows[_i].authorities, names[2]),
    };
    struct buf why = {0};
    int rc = credentials_check(&tls, &why);

    for (size_t i = 0; i < 3; i++)
        unlink(names[i]);
    ck_assert_str_eq(buf_cstr(&why), rows[_i].why != NULL ? rows[_i].why : "");
    ck_assert_int_eq(rc, rows[_i].why != NULL ? ERR_USAGE : 0);
    buf_fini(&why);
}
END_TEST

START_TEST(no_files)
{
    struct http_tls absent = {.cert_file = "/absent/c", .key_file = "/absent/k", .ca_file = ""};
    struct http_tls dir = {.cert_file = "", .key_file = "", .ca_file = "/"};
    struct http_tls alone = {.cert_file = "", .key_file = "k", .ca_file = ""};
    struct buf why = {0};

    ck_assert_int_eq(credentials_check(&absent, &why), ERR_USAGE);
    ck_assert_str_eq(buf_cstr(&why), "open /absent/c: no such file or directory");
    buf_clear(&why);
    ck_assert_int_eq(credentials_check(&dir, &why), ERR_USAGE);
    ck_assert_str_eq(buf_cstr(&why), "read /: is a directory");
    buf_clear(&why);
    ck_assert_int_eq(credentials_check(&alone, &why), ERR_USAGE);
    ck_assert_str_eq(buf_cstr(&why), "KeyFile and CertFile must both be present[key: k, cert: ]");
    buf_fini(&why);
}
END_TEST

TCase *credentials_case(void)
{
    TCase *tc = tcase_create("credentials");

    tcase_add_loop_test(tc, files, 0, CP_COUNT(rows));
    tcase_add_test(tc, no_files);
    return tc;
}
