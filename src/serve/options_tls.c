/* options_tls: the settings of TLS held against each other and against the URLs. The words are
 * etcd's where it has some. */
#include "serve/options_priv.h"

#include "base/log.h"
#include "base/mem.h"
#include "tls/tls.h"

static bool is_set(const char *s)
{
    return s[0] != '\0';
}

/* The first URL of the scheme, or NULL. */
static const struct span *find_url(const struct url_list *list, bool tls)
{
    for (unsigned i = 0; i < list->n; i++)
        if (list->tls[i] == tls)
            return &list->text[i];
    return NULL;
}

/* In 2.x one flag stood for two. */
static int take_old_name(struct options_tls *t, const char *prefix, struct err *e)
{
    if (!is_set(t->old_ca_file))
        return 0;
    if (is_set(t->ca_file) && strcmp(t->ca_file, t->old_ca_file) != 0)
        return err_set(e, ERR_USAGE,
                       "--%sca-file is the old name of --%strusted-ca-file with "
                       "--%sclient-cert-auth: leave it out",
                       prefix, prefix, prefix);
    mem_free(t->ca_file);
    t->ca_file = mem_strdup(t->old_ca_file);
    t->cert_auth = true;
    return 0;
}

static int check_side(const struct options_tls *t, const struct span *url, const char *prefix,
                      const char *crl_flag, struct err *e)
{
    if (is_set(t->cert_file) != is_set(t->key_file))
        return err_set(e, ERR_USAGE, "KeyFile and CertFile must both be present[key: %s, cert: %s]",
                       t->key_file, t->cert_file);
    if (!is_set(t->cert_file) && !t->auto_tls)
        return err_set(e, ERR_USAGE,
                       "TLS key/cert (--%scert-file, --%skey-file) must be provided for url %.*s "
                       "with HTTPS scheme; or give --%sauto-tls",
                       prefix, prefix, (int)url->len, url->ptr, prefix);
    if (is_set(t->ca_file))
        return 0;
    if (t->cert_auth)
        return err_set(e, ERR_USAGE,
                       "--%sclient-cert-auth needs --%strusted-ca-file: the authorities whose "
                       "certificates are good",
                       prefix, prefix);
    if (is_set(t->crl_file))
        return err_set(e, ERR_USAGE, "--%s needs --%strusted-ca-file, whose authorities sign it",
                       crl_flag, prefix);
    if (t->allowed_cn != NULL && is_set(t->allowed_cn))
        return err_set(e, ERR_USAGE, "--%scert-allowed-cn needs --%strusted-ca-file", prefix,
                       prefix);
    if (is_set(t->allowed_host))
        return err_set(
            e, ERR_USAGE,
            "--%scert-allowed-hostname needs --%strusted-ca-file: no certificate is asked for",
            is_set(prefix) ? prefix : "client-", prefix);
    return 0;
}

int options_check_tls(struct options *o, struct err *e)
{
    char priority[TLS_PRIORITY_BYTES];
    const struct span *url = find_url(&o->listen_client, true);
    const struct span *peer_url = find_url(&o->listen_peer, true);
    int rv = tls_priority(priority, o->cipher_suites, e);
    if (rv == 0)
        rv = take_old_name(&o->client_tls, "", e);
    if (rv == 0 && url != NULL)
        rv = check_side(&o->client_tls, url, "", "client-crl-file", e);
    if (rv == 0)
        rv = take_old_name(&o->peer_tls, "peer-", e);
    if (rv == 0 && peer_url != NULL)
        rv = check_side(&o->peer_tls, peer_url, "peer-", "peer-crl-file", e);
    if (rv == 0 && url == NULL && find_url(&o->listen_metrics, true) != NULL)
        rv = err_set(e, ERR_USAGE,
                     "--listen-metrics-urls: https takes the certificate of the client URLs, of "
                     "which none is https");
    return rv;
}

static void warn_of_side(const struct options_tls *t, const struct url_list *urls,
                         const char *prefix)
{
    const struct span *plain = find_url(urls, false);
    bool certificates = is_set(t->cert_file) || is_set(t->key_file);
    char flag[64], reason[256];
    if (certificates && t->auto_tls) {
        snprintf(flag, sizeof(flag), "%sauto-tls", prefix);
        log_warn("option.no_effect", LOG_S("flag", flag),
                 LOG_S("reason", "certificates are given"));
    }
    if (plain == NULL || !(certificates || t->auto_tls || t->cert_auth || is_set(t->ca_file)))
        return;
    if (find_url(urls, true) != NULL) { /* both: that may be meant, as long as it is known */
        snprintf(reason, sizeof(reason), "%.*s", (int)(plain->len < 200 ? plain->len : 200),
                 plain->ptr);
        if (is_set(t->ca_file))
            log_warn("tls.plain_url", LOG_S("url", reason),
                     LOG_S("text", "nobody is asked for a certificate here"));
        return;
    }
    snprintf(reason, sizeof(reason), "the scheme of %.*s is http: it has no TLS",
             (int)(plain->len < 200 ? plain->len : 200), plain->ptr);
    snprintf(flag, sizeof(flag), "%s%s", prefix,
             certificates   ? "cert-file"
             : t->auto_tls  ? "auto-tls"
             : t->cert_auth ? "client-cert-auth"
                            : "trusted-ca-file");
    log_warn("option.no_effect", LOG_S("flag", flag), LOG_S("reason", reason));
}

void options_warn_tls(const struct options *o)
{
    warn_of_side(&o->client_tls, &o->listen_client, "");
    warn_of_side(&o->peer_tls, &o->listen_peer, "peer-");
}
