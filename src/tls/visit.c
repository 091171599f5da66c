/* visit: a client's connection. Its certificate is verified inside the handshake, so that nobody
 * without a good one gets to speak HTTP. */
#include "tls/tls_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <gnutls/x509.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* A list that should have been renewed still says who is out, and a lack of news shuts nobody out:
 * as etcd. */
#define BEARABLE                                                                                   \
    ((unsigned)GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED |                                            \
     (unsigned)GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE)

static void address_of(const struct tls_visit *v, char *out, size_t room)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof(a);
    char host[NI_MAXHOST], port[NI_MAXSERV];

    out[0] = '\0';
    if (getpeername(gnutls_transport_get_int(v->session), (struct sockaddr *)&a, &len) == 0 &&
        getnameinfo((struct sockaddr *)&a, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        snprintf(out, room, "%.64s:%.8s", host, port);
}

/* At most one line a second: anybody can cause them. */
static void tell_refusal(const struct tls_visit *v, const char *why)
{
    struct tls *t = v->tls;
    int64_t now_s = (int64_t)(clock_mono_ns(&clock_system) / (uint64_t)NS_PER_S) + 1;
    int64_t last_s = atomic_load_explicit(&t->refusal_s, memory_order_relaxed);
    char from[80];

    if (last_s == now_s || !atomic_compare_exchange_strong(&t->refusal_s, &last_s, now_s)) {
        atomic_fetch_add_explicit(&t->unsaid, 1, memory_order_relaxed);
        return;
    }
    address_of(v, from, sizeof(from));
    log_warn("tls.refused", LOG_S("side", t->conf.side), LOG_S("from", from), LOG_S("reason", why),
             LOG_U("others", atomic_exchange_explicit(&t->unsaid, 0, memory_order_relaxed)));
}

static bool read_leaf(gnutls_session_t session, gnutls_x509_crt_t *out)
{
    unsigned n = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &n);

    if (chain == NULL || n == 0 || gnutls_x509_crt_init(out) < 0)
        return false;
    if (gnutls_x509_crt_import(*out, &chain[0], GNUTLS_X509_FMT_DER) == 0)
        return true;
    gnutls_x509_crt_deinit(*out);
    return false;
}

/* Gives the common name of the client's certificate, or NULL. */
static char *read_cn(gnutls_session_t session)
{
    gnutls_x509_crt_t leaf;
    char name[256];
    size_t len = sizeof(name);

    if (!read_leaf(session, &leaf))
        return NULL;

    int rc = gnutls_x509_crt_get_dn_by_oid(leaf, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &len);

    gnutls_x509_crt_deinit(leaf);
    return rc == 0 && strlen(name) == len ? mem_strdup(name) : NULL;
}

bool tls_has_cn(struct gnutls_session_int *session, const char *name)
{
    char *cn = read_cn(session);
    bool fits = cn != NULL && strcmp(cn, name) == 0;

    mem_free(cn);
    return fits;
}

/* What a good certificate may still not be. */
static const char *misfit(const struct tls_visit *v)
{
    const struct tls_conf *conf = &v->tls->conf;
    const char *why = NULL;

    if (conf->allowed_cn[0] != '\0' && !tls_has_cn(v->session, conf->allowed_cn))
        why = "its common name is not the allowed one";
    if (conf->allowed_host[0] != '\0' && why == NULL) {
        gnutls_x509_crt_t leaf;

        if (!read_leaf(v->session, &leaf))
            return "the certificate cannot be read";
        if (gnutls_x509_crt_check_hostname(leaf, conf->allowed_host) == 0)
            why = "it is not for the allowed host";
        gnutls_x509_crt_deinit(leaf);
    }
    return why;
}

/* NULL: the client may come in. Else why not, in OUT or as a constant. */
static const char *objection(const struct tls_visit *v, char *out, size_t room)
{
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                     .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
    unsigned status = 0;
    int rc = gnutls_certificate_verify_peers(v->session, &purpose, 1, &status);

    if (rc == GNUTLS_E_NO_CERTIFICATE_FOUND)
        return "the client did not provide a certificate";
    if (rc < 0)
        return gnutls_strerror(rc);
    if ((status & ~(BEARABLE | (unsigned)GNUTLS_CERT_INVALID)) == 0 && (status & BEARABLE) != 0)
        status = 0;
    if (status != 0) {
        gnutls_datum_t words = {.data = NULL};

        if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &words, 0) == 0)
            snprintf(out, room, "%s", (const char *)words.data);
        else
            snprintf(out, room, "the certificate is not trusted");
        gnutls_free(words.data);
        return out;
    }
    return misfit(v);
}

static bool is_welcome(const struct tls_visit *v)
{
    char words[256];
    const char *why = objection(v, words, sizeof(words));

    if (why != NULL)
        tell_refusal(v, why);
    return why == NULL;
}

/* libmicrohttpd would leave without a word. */
static int on_verify(gnutls_session_t session)
{
    struct tls_visit *v = gnutls_session_get_ptr(session);

    v->verified = is_welcome(v);
    if (v->verified)
        return 0;
    v->refused = true;
    (void)gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
    return GNUTLS_E_CERTIFICATE_ERROR;
}

/* libmicrohttpd leaves without a word when a handshake fails, so what to say is noted here: of the
 * client's hello the version. Once the client's Finished has come it is known to be alive. */
static int on_message(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                      const gnutls_datum_t *msg)
{
    struct tls_visit *v = gnutls_session_get_ptr(session);

    if (type == GNUTLS_HANDSHAKE_CLIENT_HELLO && when == GNUTLS_HOOK_PRE && msg->size >= 2) {
        bool old = msg->data[0] < 3 || (msg->data[0] == 3 && msg->data[1] < 3);

        v->alert = old ? GNUTLS_A_PROTOCOL_VERSION : GNUTLS_A_HANDSHAKE_FAILURE;
    } else if (type == GNUTLS_HANDSHAKE_SERVER_HELLO && when == GNUTLS_HOOK_POST) {
        v->alert = 0;
    } else if (type == GNUTLS_HANDSHAKE_FINISHED && when == GNUTLS_HOOK_POST && incoming != 0 &&
               !v->shaken) {
        v->shaken = true;
        v->on_shaken(v->ctx);
    }
    return 0;
}

struct tls_visit *tls_visit_begin(struct tls *t, struct gnutls_session_int *session,
                                  void (*on_shaken)(void *ctx), void *ctx)
{
    struct tls_visit *v = mem_zalloc(sizeof(*v));

    v->tls = t;
    v->session = session;
    v->on_shaken = on_shaken;
    v->ctx = ctx;
    v->set = tls_current(t);
    gnutls_session_set_ptr(session, v);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_BOTH, on_message);
    if (gnutls_priority_set(session, t->priority) < 0 ||
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, v->set->credentials) < 0 ||
        gnutls_session_ticket_enable_server(session, &t->tickets) < 0) {
        tls_visit_end(v);
        return NULL;
    }
    if (v->set->has_authorities) {
        /* Not "require": gnutls would leave without a word when there is none. */
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
        gnutls_session_set_verify_function(session, on_verify);
    }
    return v;
}

void tls_visit_end(struct tls_visit *v)
{
    set_unref(v->set);
    mem_free(v->cn);
    mem_free(v);
}

bool tls_visit_admit(struct tls_visit *v)
{
    if (v->admitted)
        return true;
    if (!v->set->has_authorities) {
        v->admitted = true;
        return true;
    }
    if (!v->verified && !is_welcome(v))
        return false;
    v->cn = read_cn(v->session);
    v->admitted = true;
    return true;
}

void tls_visit_send(struct tls_visit *v, const void *bytes, size_t n)
{
    (void)gnutls_record_send(v->session, bytes, n);
}

int tls_no_certificate(struct gnutls_session_int *session, const void *requests, int n_requests,
                       const void *algorithms, int n_algorithms, void *certs, unsigned *n_certs,
                       void *key)
{
    (void)session;
    (void)requests;
    (void)n_requests;
    (void)algorithms;
    (void)n_algorithms;
    (void)certs;
    (void)n_certs;
    (void)key;
    return -1;
}
