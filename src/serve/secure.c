#include "serve/secure.h"

#include "base/buf.h"
#include "base/mem.h"
#include "disk/datadir.h"

#include <string.h>
#include <unistd.h>

static bool has_https(const struct url_list *list)
{
    for (unsigned i = 0; i < list->n; i++)
        if (list->tls[i])
            return true;
    return false;
}

/* For the hosts that are listened on, and for who connects from this machine. */
static int make_certificate(const char *dir, const struct url_list *urls, struct err *e)
{
    char own[256];
    const char *hosts[OPTIONS_URLS + 3] = {"localhost", "127.0.0.1"};
    unsigned n = 2;
    if (gethostname(own, sizeof(own)) == 0 && memchr(own, '\0', sizeof(own)) != NULL)
        hosts[n++] = own;
    for (unsigned i = 0; i < urls->n; i++)
        if (urls->tls[i])
            hosts[n++] = urls->host[i];
    int rv = datadir_make(dir, e);
    return rv == 0 ? tls_self_signed(dir, hosts, n, e) : rv;
}

/* DATA-DIR/fixtures/NAME/FILE. */
static char *fixture(const struct options *o, const char *name, const char *file)
{
    struct buf b = {0};
    buf_printf(&b, "%s/fixtures/%s%s%s", o->data_dir, name, file[0] != '\0' ? "/" : "", file);
    char *path = mem_strdup(buf_cstr(&b));
    buf_fini(&b);
    return path;
}

static int open_side(struct tls **out, const struct options *o, const struct options_tls *t,
                     const char *name, const char *cert, const char *key, struct err *e)
{
    struct tls_conf conf = {.side = name,
                            .cert_file = cert,
                            .key_file = key,
                            .ca_file = t->ca_file,
                            .crl_file = t->crl_file,
                            .allowed_cn = t->allowed_cn != NULL ? t->allowed_cn : "",
                            .allowed_host = t->allowed_host,
                            .cipher_suites = o->cipher_suites};
    return tls_new(out, &conf, e);
}

static int make_side(const struct options *o, const struct url_list *urls, const char *name,
                     char **cert, char **key, struct err *e)
{
    char *dir = fixture(o, name, "");
    int rv = make_certificate(dir, urls, e);
    mem_free(dir);
    *cert = fixture(o, name, "cert.pem");
    *key = fixture(o, name, "key.pem");
    return rv;
}

static int start_clients(struct secure *s, const struct options *o, struct err *e)
{
    const struct options_tls *t = &o->client_tls;
    char *cert = NULL, *key = NULL;
    int rv = 0;
    if (!has_https(&o->listen_client))
        return 0;
    if (t->cert_file[0] == '\0')
        rv = make_side(o, &o->listen_client, "client", &cert, &key, e);
    if (rv == 0)
        rv = open_side(&s->clients, o, t, "client", cert != NULL ? cert : t->cert_file,
                       key != NULL ? key : t->key_file, e);
    mem_free(cert);
    mem_free(key);
    return rv;
}

struct peer_trust secure_trust(const struct options *o)
{
    const struct options_tls *t = &o->peer_tls;
    return (struct peer_trust){.cert_file = t->cert_file,
                               .key_file = t->key_file,
                               .ca_file = t->ca_file,
                               .crl_file = t->crl_file,
                               .allowed_cn = t->allowed_cn,
                               .anybody =
                                   t->auto_tls && t->cert_file[0] == '\0' && t->ca_file[0] == '\0'};
}

/* Calls to peers take certificates whatever this member listens on. */
static int start_peers(struct secure *s, const struct options *o, struct err *e)
{
    const struct options_tls *t = &o->peer_tls;
    s->trust = secure_trust(o);
    if (t->auto_tls && t->cert_file[0] == '\0') {
        int rv = make_side(o, &o->listen_peer, "peer", &s->own_cert, &s->own_key, e);
        if (rv != 0)
            return rv;
        s->trust.cert_file = s->own_cert;
        s->trust.key_file = s->own_key;
    }
    if (!has_https(&o->listen_peer))
        return 0;
    int rv = open_side(&s->peers, o, t, "peer", s->trust.cert_file, s->trust.key_file, e);
    s->trust.tls = s->peers;
    return rv;
}

int secure_start(struct secure *s, const struct options *o, struct err *e)
{
    int rv = start_clients(s, o, e);
    return rv == 0 ? start_peers(s, o, e) : rv;
}

bool secure_has_files(const struct secure *s)
{
    return s->clients != NULL || s->peers != NULL;
}

void secure_refresh(const struct secure *s, bool anyway)
{
    if (s->clients != NULL)
        tls_refresh(s->clients, anyway);
    if (s->peers != NULL)
        tls_refresh(s->peers, anyway);
}

void secure_stop(struct secure *s)
{
    tls_free(s->clients);
    tls_free(s->peers);
    mem_free(s->own_cert);
    mem_free(s->own_key);
    *s = (struct secure){0};
}
