#include "serve/secure.h"

#include "base/buf.h"
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

/* NAME as in DATA-DIR/fixtures/NAME. */
static int open_side(struct tls **out, const struct options *o, const struct options_tls *t,
                     const struct url_list *urls, const char *name, struct err *e)
{
    struct buf dir = {0}, cert = {0}, key = {0};
    int rv = 0;
    buf_printf(&dir, "%s/fixtures/%s", o->data_dir, name);
    buf_printf(&cert, "%s", t->cert_file);
    buf_printf(&key, "%s", t->key_file);
    if (t->cert_file[0] == '\0') {
        buf_printf(&cert, "%s/cert.pem", buf_cstr(&dir));
        buf_printf(&key, "%s/key.pem", buf_cstr(&dir));
        rv = make_certificate(buf_cstr(&dir), urls, e);
    }
    struct tls_conf conf = {.side = name,
                            .cert_file = buf_cstr(&cert),
                            .key_file = buf_cstr(&key),
                            .ca_file = t->ca_file,
                            .crl_file = t->crl_file,
                            .allowed_cn = "",
                            .allowed_host = t->allowed_host,
                            .cipher_suites = o->cipher_suites};
    if (rv == 0)
        rv = tls_new(out, &conf, e);
    buf_fini(&dir);
    buf_fini(&cert);
    buf_fini(&key);
    return rv;
}

int secure_start(struct secure *s, const struct options *o, struct err *e)
{
    if (!has_https(&o->listen_client))
        return 0;
    return open_side(&s->clients, o, &o->client_tls, &o->listen_client, "client", e);
}

bool secure_has_files(const struct secure *s)
{
    return s->clients != NULL;
}

void secure_refresh(const struct secure *s, bool anyway)
{
    if (s->clients != NULL)
        tls_refresh(s->clients, anyway);
}

void secure_stop(struct secure *s)
{
    tls_free(s->clients);
    s->clients = NULL;
}
