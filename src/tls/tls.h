/* tls: the certificate, key, authorities and revocation lists of one side of the member (clients or
 * peers), read from files and read again when these change; and what a server does with them in a
 * handshake. Knows gnutls and files; neither sockets nor HTTP. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls;
struct tls_set;
struct gnutls_session_int;
struct gnutls_priority_st;

/* Strings are copied; "" for what is not wanted. */
struct tls_conf {
    const char *side;      /* "client" or "peer": names it in the log */
    const char *cert_file; /* PEM: certificate, then its intermediates */
    const char *key_file;
    const char *ca_file;      /* PEM; given: a client must show a certificate one of these signed */
    const char *crl_file;     /* PEM or DER, of authorities in ca_file */
    const char *allowed_cn;   /* given: and its common name must be this one */
    const char *allowed_host; /* given: and it must be for this host */
    const char *cipher_suites; /* as --cipher-suites */
};

/* Reads the files; the error names the one that is wrong and why. */
int tls_new(struct tls **out, const struct tls_conf *conf, struct err *e) CP_MUST_CHECK;
/* After the last visit has ended. */
void tls_free(struct tls *t);

/* Reads the files again if one has changed, or in any case. What is wrong is logged once, and what
 * was there before stays in use. Warns of certificates that are about to expire. One thread. */
void tls_refresh(struct tls *t, bool anyway);
/* The earliest expiry in the certificate file, in seconds since 1970. Any thread. */
int64_t tls_not_after(struct tls *t);

/* The files as they were read last, for libraries that want names to open: those are good until
 * tls_let_go. A file that has become bad since is not among them. Any thread. */
enum tls_file { TLS_CERT, TLS_KEY, TLS_CA, TLS_CRL, TLS_FILES };
struct tls_set *tls_hold(struct tls *t);
void tls_let_go(struct tls_set *s);
/* "" for what is not wanted. */
const char *tls_path(const struct tls_set *s, enum tls_file which);

/* One connection of a client, from before its handshake to its end; one thread. */
struct tls_visit {
    struct tls *tls;
    struct tls_set *set; /* counted */
    struct gnutls_session_int *session;
    bool verified;
    bool refused; /* it has been told so */
    bool shaken;  /* the handshake is done */
    bool admitted;
    char *cn; /* of the client's certificate, once admitted; NULL without one */
    /* What a client whose handshake fails is to be told in clear, as an alert of TLS; 0: nothing,
     * the keys are agreed on. */
    unsigned char alert;
    /* Fixed: called when the handshake is done. */
    void (*on_shaken)(void *ctx);
    void *ctx;
};

/* Gives the session its credentials; NULL when gnutls has no memory. */
struct tls_visit *tls_visit_begin(struct tls *t, struct gnutls_session_int *session,
                                  void (*on_shaken)(void *ctx), void *ctx);
void tls_visit_end(struct tls_visit *v);
/* To be asked before each request: an old session that was taken up again is held against the files
 * of today. False: the connection is to be closed. */
bool tls_visit_admit(struct tls_visit *v);
/* A gnutls_certificate_retrieve_function2 that has none, for a server that will not begin without a
 * certificate: each session gets its own from tls_visit_begin. */
int tls_no_certificate(struct gnutls_session_int *session, const void *requests, int n_requests,
                       const void *algorithms, int n_algorithms, void *certs, unsigned *n_certs,
                       void *key);
/* Is NAME the common name of the other side's certificate? */
bool tls_has_cn(struct gnutls_session_int *session, const char *name);
/* Writes as much as the socket takes. */
void tls_visit_send(struct tls_visit *v, const void *bytes, size_t n);

/* What --cipher-suites may say, as a priority string of gnutls in OUT. */
#define TLS_PRIORITY_BYTES 512
int tls_priority(char out[TLS_PRIORITY_BYTES], const char *cipher_suites,
                 struct err *e) CP_MUST_CHECK;

/* A key and a certificate that it has signed itself, for HOSTS, as DIR/key.pem and DIR/cert.pem.
 * Those that are there are kept unless they have expired. Source: etcd 3.4, --auto-tls. */
#define TLS_SELF_DAYS 365
int tls_self_signed(const char *dir, const char *const *hosts, unsigned n_hosts,
                    struct err *e) CP_MUST_CHECK;
