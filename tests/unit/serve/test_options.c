/* options: every kind of flag, the environment, and each combination that is refused, with its
 * reason. */
#include "serve/options.h"

#include "proto/limits.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#define ARGS_MAX 8

struct row {
    const char *name;
    const char *args[ARGS_MAX];
    const char *error; /* part of the message; NULL: accepted */
};

#define HTTPS "--listen-client-urls=https://a:1", "--advertise-client-urls=https://a:1"

static const struct row rows[] = {
    {"no flag at all", {NULL}, NULL},
    {"one dash", {"-name", "a"}, NULL},
    {"two dashes and =", {"--name=a"}, NULL},
    {"bool without value", {"--debug"}, NULL},
    {"bool with value", {"--enable-v2=true"}, NULL},
    {"a bool takes no word behind it", {"--debug", "true"}, "'true' is not a valid flag"},
    {"unknown", {"--nosuch"}, "flag provided but not defined: -nosuch"},
    {"unknown with value", {"--nosuch=1"}, "flag provided but not defined: -nosuch"},
    {"no flag", {"xx"}, "'xx' is not a valid flag"},
    {"value missing", {"--name"}, "flag needs an argument: -name"},
    {"number", {"--history-events", "many"}, "invalid value \"many\" for --history-events"},
    {"number too large", {"--history-events", "4294967296"}, "invalid value"},
    {"history none", {"--history-events", "0"}, "must be 1 to"},
    {"history at limit", {"--history-events", "10000000"}, NULL},
    {"history beyond", {"--history-events", "10000001"}, "must be 1 to"},
    {"history of any size", {"--history-bytes", "0"}, NULL},
    {"history of the largest size", {"--history-bytes", "4294967295"}, NULL},
    {"head at the least", {"--max-head-bytes", "2048"}, NULL},
    {"head below", {"--max-head-bytes", "2047"}, "must be 2048 to"},
    {"head at the most", {"--max-head-bytes", "1048576"}, NULL},
    {"head beyond", {"--max-head-bytes", "1048577"}, "must be 2048 to"},
    {"no patience", {"--idle-timeout", "0"}, "at least 1"},
    {"watchers as many as come", {"--max-watchers", "0"}, NULL},
    {"all origins", {"--cors", "*"}, NULL},
    {"some origins", {"--cors=http://a:80, https://b"}, NULL},
    {"no origin", {"--cors="}, NULL},
    {"origin with a newline", {"--cors", "http://a\n"}, "printable ASCII"},
    {"origin in Latin", {"--cors", "http://\xe4"}, "printable ASCII"},
    {"election too short",
     {"--heartbeat-interval", "400"},
     "--election-timeout[1000ms] should be at least as 5 times as --heartbeat-interval[400ms]"},
    {"election just right", {"--heartbeat-interval", "200"}, NULL},
    {"election at limit", {"--election-timeout", "50000"}, NULL},
    {"election too long", {"--election-timeout", "50001"}, "too long"},
    {"heartbeat 0", {"--heartbeat-interval", "0"}, "at least 1"},
    {"listen without advertise",
     {"--listen-client-urls", "http://127.0.0.1:1"},
     "--advertise-client-urls is required"},
    {"listen and advertise",
     {"--listen-client-urls", "http://127.0.0.1:1", "--advertise-client-urls",
      "http://127.0.0.1:1"},
     NULL},
    {"metrics", {"--listen-metrics-urls", "http://127.0.0.1:1"}, NULL},
    {"metrics elsewhere", {"--listen-metrics-urls", "1"}, "URL scheme must be http"},
    {"level", {"--log-level", "WARN", "--log-format", "json"}, NULL},
    {"no level", {"--log-level", "loud"}, "it is one of debug"},
    {"no format", {"--log-format", "xml"}, "it is text or json"},
    {"two places", {"--log-outputs", "stderr,x"}, "one place"},
    {"several",
     {"--listen-client-urls", "http://127.0.0.1:1,http://[::1]:1", "--advertise-client-urls",
      "http://a:1"},
     NULL},
    {"https elsewhere", {"--advertise-client-urls", "https://a:1"}, NULL},
    {"https without certificate",
     {"--listen-client-urls", "http://a:1,https://a:2", "--advertise-client-urls", "https://a:1"},
     "(--cert-file, --key-file) must be provided for url https://a:2 with HTTPS scheme"},
    {"https with certificate", {HTTPS, "--cert-file", "c", "--key-file", "k"}, NULL},
    {"https with its own", {HTTPS, "--auto-tls"}, NULL},
    {"certificate without key",
     {HTTPS, "--cert-file", "c"},
     "KeyFile and CertFile must both be present[key: , cert: c]"},
    {"key without certificate",
     {HTTPS, "--auto-tls", "--key-file", "k"},
     "must both be present[key: k, cert: ]"},
    {"certificate without https", {"--cert-file", "c"}, NULL},
    {"demand without authorities",
     {HTTPS, "--auto-tls", "--client-cert-auth"},
     "--client-cert-auth needs --trusted-ca-file"},
    {"revoked without authorities",
     {HTTPS, "--auto-tls", "--client-crl-file", "x"},
     "--client-crl-file needs --trusted-ca-file"},
    {"host without authorities",
     {HTTPS, "--auto-tls", "--client-cert-allowed-hostname", "x"},
     "--client-cert-allowed-hostname needs --trusted-ca-file"},
    {"https for peers without certificate",
     {"--listen-peer-urls", "https://a:1"},
     "(--peer-cert-file, --peer-key-file) must be provided for url https://a:1"},
    {"https for peers", {"--listen-peer-urls", "https://a:1", "--peer-auto-tls"}, NULL},
    {"common name without authorities",
     {"--listen-peer-urls", "https://a:1", "--peer-auto-tls", "--peer-cert-allowed-cn", "x"},
     "--peer-cert-allowed-cn needs --peer-trusted-ca-file"},
    {"old name", {HTTPS, "--auto-tls", "--ca-file", "x"}, NULL},
    {"old name and another", {"--ca-file", "x", "--trusted-ca-file", "y"}, "leave it out"},
    {"suites",
     {"--cipher-suites",
      "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305"},
     NULL},
    {"suites that cannot be had apart",
     {"--cipher-suites",
      "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
     "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 is missing"},
    {"suite of old",
     {"--cipher-suites", "TLS_RSA_WITH_AES_128_CBC_SHA"},
     "unexpected TLS cipher suite \"TLS_RSA_WITH_AES_128_CBC_SHA\""},
    {"scheme", {"--advertise-client-urls", "ftp://a:1"}, "URL scheme must be http or https"},
    {"no port",
     {"--advertise-client-urls", "http://127.0.0.1"},
     "does not have the form \"host:port\": http://127.0.0.1"},
    {"path", {"--advertise-client-urls", "http://127.0.0.1:1/x"}, "must not contain a path"},
    {"a slash is a path", {"--advertise-client-urls", "http://a:1/"}, "must not contain a path"},
    {"largest port", {"--advertise-client-urls", "http://a:65535"}, NULL},
    {"port beyond 16 bits",
     {"--advertise-client-urls", "http://a:65536"},
     "invalid port \"65536\" after host: http://a:65536"},
    {"port that is no number", {"--advertise-client-urls", "http://a:b"}, "invalid port \"b\""},
    {"no port behind brackets", {"--advertise-client-urls", "http://[::1]"}, "\"host:port\""},
    {"query", {"--advertise-client-urls", "http://a:1?x"}, "invalid port \"1?x\""},
    {"nothing behind a comma",
     {"--advertise-client-urls", "http://a:1,"},
     "--advertise-client-urls: URL scheme must be http or https: "},
    {"blanks around", {"--advertise-client-urls", " http://a:1, http://b:2 "}, NULL},
    {"empty list", {"--advertise-client-urls", ""}, "must not be empty"},
    {"state new", {"--initial-cluster-state", "new"}, NULL},
    {"state existing", {"--initial-cluster-state", "existing"}, NULL},
    {"state of another kind", {"--initial-cluster-state", "foo"}, "new, or existing"},
    {"v2 off", {"--enable-v2=false"}, "serves the v2 API"},
    {"empty name", {"--name", ""}, "--name must not be empty"},
    {"no connections", {"--max-connections", "0"}, "at least 1"},
    {"etcd's, without effect", {"--max-snapshots", "5"}, NULL},
    {"etcd's bool takes no word", {"--pre-vote", "true"}, "'true' is not a valid flag"},
    {"refused", {"--discovery", "/x"}, "--discovery=/x is not supported: members find"},
    {"refused, value that changes nothing", {"--proxy", "off"}, NULL},
    {"force a new cluster", {"--force-new-cluster"}, NULL},
    {"discovery", {"--discovery", "http://d:1/t"}, "--initial-cluster"},
    {"0.4", {"--addr", "a:1"}, "use --advertise-client-urls"},
};

static int read_row(struct options *o, const struct row *row, struct err *e)
{
    char *argv[ARGS_MAX + 2] = {(char *)"copse"};
    int argc = 1;
    for (; row->args[argc - 1] != NULL; argc++)
        argv[argc] = (char *)row->args[argc - 1];
    return options_read(o, argc, argv, e);
}

START_TEST(flags)
{
    const struct row *row = &rows[_i];
    struct options o;
    struct err e = {0};
    int rv = read_row(&o, row, &e);
    if (row->error == NULL)
        ck_assert_msg(rv == 0, "%s: refused: %s", row->name, e.text);
    else
        ck_assert_msg(rv == ERR_USAGE && strstr(e.text, row->error) != NULL, "%s: %d %s", row->name,
                      rv, e.text);
    options_fini(&o);
}
END_TEST

START_TEST(environment)
{
    static const struct row none = {"", {NULL}, NULL}, flag = {"", {"--name=f"}, NULL};
    struct options o;
    struct err e;
    setenv("ETCD_NAME", "from-etcd", 1);
    ck_assert_int_eq(read_row(&o, &none, &e), 0);
    ck_assert_str_eq(o.name, "from-etcd");
    ck_assert_str_eq(o.data_dir, "from-etcd.copse");
    options_fini(&o);
    setenv("COPSE_NAME", "from-copse", 1);
    ck_assert_int_eq(read_row(&o, &none, &e), 0);
    ck_assert_str_eq(o.name, "from-copse");
    options_fini(&o);
    ck_assert_int_eq(read_row(&o, &flag, &e), 0);
    ck_assert_str_eq(o.name, "f");
    options_fini(&o);
    setenv("COPSE_NAME", "", 1); /* empty counts as unset */
    ck_assert_int_eq(read_row(&o, &none, &e), 0);
    ck_assert_str_eq(o.name, "from-etcd");
    options_fini(&o);
    setenv("ETCD_HEARTBEAT_INTERVAL", "x", 1);
    ck_assert_int_eq(read_row(&o, &none, &e), ERR_USAGE);
    ck_assert_msg(strstr(e.text, "ETCD_HEARTBEAT_INTERVAL") != NULL, "%s", e.text);
    options_fini(&o);
    unsetenv("ETCD_NAME"); /* tests may share one process */
    unsetenv("COPSE_NAME");
    unsetenv("ETCD_HEARTBEAT_INTERVAL");
}
END_TEST

/* What a refused or idle setting of etcd would be under copse's own name is nobody's. */
START_TEST(environment_of_etcd_only)
{
    static const struct row none = {"", {NULL}, NULL};
    struct options o;
    struct err e;
    setenv("COPSE_PEERS", "a:1", 1); /* the client's */
    setenv("COPSE_HELP", "true", 1);
    ck_assert_int_eq(read_row(&o, &none, &e), 0);
    ck_assert(!o.help);
    options_fini(&o);
    setenv("ETCD_PROXY", "on", 1);
    ck_assert_int_eq(read_row(&o, &none, &e), ERR_USAGE);
    ck_assert_msg(strstr(e.text, "ETCD_PROXY=on is not supported: copse is no proxy") != NULL, "%s",
                  e.text);
    options_fini(&o);
    unsetenv("COPSE_PEERS");
    unsetenv("COPSE_HELP");
    unsetenv("ETCD_PROXY");
}
END_TEST

struct file_row {
    const char *text;
    const char *error; /* part of the message; NULL: accepted */
};

static const struct file_row files[] = {
    {"", NULL},
    {"# nothing\n", NULL},
    {"~\n", NULL},
    {"---\nname: a\n...\n", NULL},
    {"name: a\ndebug: true\nheartbeat-interval: 50\n", NULL},
    {"{name: a, \"data-dir\": 'x'}", NULL},
    {"name: ~\n", NULL},
    {"max-wals: 3\nclient-transport-security:\n  cert-file: ''\n  auto-tls: false\n", NULL},
    {"peer-transport-security: {cert-file: }\n", NULL},
    {"nosuch: 1\n", ":1: no setting has this name: nosuch"},
    {"name: a\nnosuch: {a: b}\n", ":2: no setting has this name: nosuch"},
    {"client-transport-security:\n  name: x\n", ":2: no setting has this name: name"},
    {"help: true\n", ":1: no setting has this name: help"},
    {"config-file: x\n", ":1: no setting has this name: config-file"},
    {"name: a\nname: b\n", ":2: set twice: name"},
    {"peer-transport-security: {cert-file: ~}\npeer-cert-file: ~\n", ":2: set twice"},
    {"name: {a: b}\n", ":1: a plain value or a list of them is expected for: name"},
    {"cors: [[a]]\n", ":1: a list of plain values is expected for: cors"},
    {"cors: *x\n", ":1: a plain value"},
    {"? [a]\n: b\n", ":1: the name of a setting is expected"},
    {"- name\n", ":1: settings as \"name: value\" are expected"},
    {"just words\n", ":1: settings as"},
    {"name: a\n---\nname: b\n", "one document is all there may be"},
    {"name: [a\n", "not YAML"},
    {"name: \xff\n", "not UTF-8"},
    {"name: \"a\\0b\"\n", ":1: a value must not have a NUL in it: name"},
    {"heartbeat-interval: many\n", ":1: heartbeat-interval: it takes a whole number"},
    {"\nproxy: on\n", ":2: proxy=on is not supported"},
};

static void write_file(char *path, const char *text, size_t n)
{
    int fd = mkstemp(path);
    ck_assert(fd >= 0 && write(fd, text, n) == (ssize_t)n && close(fd) == 0);
}

START_TEST(config_files)
{
    const struct file_row *row = &files[_i];
    char path[] = "/tmp/copse-options-XXXXXX";
    struct options o;
    struct err e = {0};
    write_file(path, row->text, strlen(row->text));
    const struct row args = {"", {"--config-file", path}, NULL};
    int rv = read_row(&o, &args, &e);
    unlink(path);
    if (row->error == NULL)
        ck_assert_msg(rv == 0, "%s: refused: %s", row->text, e.text);
    else
        ck_assert_msg(rv == ERR_USAGE && strstr(e.text, row->error) != NULL, "%s: %d %s", row->text,
                      rv, e.text);
    options_fini(&o);
}
END_TEST

START_TEST(config_file_at_its_limit)
{
    char *text = malloc(LIMIT_CONFIG_BYTES + 1);
    memset(text, '#', LIMIT_CONFIG_BYTES + 1);
    for (size_t n = LIMIT_CONFIG_BYTES; n <= LIMIT_CONFIG_BYTES + 1; n++) {
        char path[] = "/tmp/copse-options-XXXXXX";
        struct options o;
        struct err e = {0};
        write_file(path, text, n);
        const struct row args = {"", {"--config-file", path}, NULL};
        int rv = read_row(&o, &args, &e);
        unlink(path);
        ck_assert_msg((rv == 0) == (n == LIMIT_CONFIG_BYTES), "%s", e.text);
        options_fini(&o);
    }
    free(text);
    struct options o;
    struct err e = {0};
    static const struct row gone = {"", {"--config-file", "/nonexistent/x"}, NULL};
    ck_assert_int_eq(read_row(&o, &gone, &e), ERR_USAGE);
    ck_assert_msg(strstr(e.text, "--config-file /nonexistent/x: No such file") != NULL, "%s",
                  e.text);
    options_fini(&o);
}
END_TEST

/* Flag, COPSE_, ETCD_, file, default. */
START_TEST(precedence)
{
    char path[] = "/tmp/copse-options-XXXXXX";
    static const char text[] = "name: file\nlisten-client-urls: ['http://a:1', 'http://b:2']\n"
                               "advertise-client-urls: http://a:1\n";
    struct options o;
    struct err e = {0};
    write_file(path, text, sizeof(text) - 1);
    const struct row file = {"", {"--config-file", path}, NULL},
                     flag = {"", {"--config-file", path, "--name", "flag"}, NULL};
    ck_assert_int_eq(read_row(&o, &file, &e), 0);
    ck_assert_str_eq(o.name, "file");
    ck_assert_str_eq(o.listen_client_urls, "http://a:1,http://b:2");
    ck_assert(OPTIONS_GIVEN(&o, listen_client_urls) && !OPTIONS_GIVEN(&o, cors));
    options_fini(&o);
    setenv("ETCD_NAME", "etcd", 1);
    ck_assert_int_eq(read_row(&o, &file, &e), 0);
    ck_assert_str_eq(o.name, "etcd");
    options_fini(&o);
    setenv("COPSE_NAME", "copse", 1);
    ck_assert_int_eq(read_row(&o, &file, &e), 0);
    ck_assert_str_eq(o.name, "copse");
    options_fini(&o);
    ck_assert_int_eq(read_row(&o, &flag, &e), 0);
    ck_assert_str_eq(o.name, "flag");
    options_fini(&o);
    setenv("COPSE_CONFIG_FILE", path, 1);
    static const struct row none = {"", {NULL}, NULL};
    unsetenv("ETCD_NAME");
    unsetenv("COPSE_NAME");
    ck_assert_int_eq(read_row(&o, &none, &e), 0);
    ck_assert_str_eq(o.name, "file");
    options_fini(&o);
    unsetenv("COPSE_CONFIG_FILE");
    unlink(path);
}
END_TEST

START_TEST(urls_taken_apart)
{
    static const struct row row = {
        "", {"--advertise-client-urls", "http://[::1]:23, http://h:24 "}, NULL};
    struct options o;
    struct err e;
    ck_assert_int_eq(read_row(&o, &row, &e), 0);
    ck_assert_uint_eq(o.advertise_client.n, 2);
    ck_assert_str_eq(o.advertise_client.host[0], "::1");
    ck_assert_str_eq(o.advertise_client.port[0], "23");
    ck_assert_str_eq(o.advertise_client.host[1], "h");
    ck_assert(span_eq(o.advertise_client.text[1], SPAN("http://h:24")));
    options_fini(&o);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("serve");
    TCase *t = tcase_create("options");
    tcase_add_loop_test(t, flags, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(t, environment);
    tcase_add_test(t, environment_of_etcd_only);
    tcase_add_loop_test(t, config_files, 0, (int)(sizeof(files) / sizeof(files[0])));
    tcase_add_test(t, config_file_at_its_limit);
    tcase_add_test(t, precedence);
    tcase_add_test(t, urls_taken_apart);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
