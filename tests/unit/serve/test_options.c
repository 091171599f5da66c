/* options: every kind of flag, the environment, and each combination that is refused, with its
 * reason. */
#include "serve/options.h"

#include <check.h>
#include <stdlib.h>

#define ARGS_MAX 8

struct row {
    const char *name;
    const char *args[ARGS_MAX];
    const char *error; /* part of the message; NULL: accepted */
};

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
    {"several",
     {"--listen-client-urls", "http://127.0.0.1:1,http://[::1]:1", "--advertise-client-urls",
      "http://a:1"},
     NULL},
    {"https", {"--advertise-client-urls", "https://a:1"}, "http only"},
    {"scheme", {"--advertise-client-urls", "ftp://a:1"}, "URL scheme must be http"},
    {"no port",
     {"--advertise-client-urls", "http://127.0.0.1"},
     "does not have the form \"host:port\": http://127.0.0.1"},
    {"path", {"--advertise-client-urls", "http://127.0.0.1:1/x"}, "must not contain a path"},
    {"empty list", {"--advertise-client-urls", ""}, "must not be empty"},
    {"cluster of itself", {"--initial-cluster", "default=http://localhost:2380"}, NULL},
    {"cluster, other name",
     {"--initial-cluster", "m1=http://localhost:2380"},
     "is not this member"},
    {"cluster, other url",
     {"--initial-cluster", "default=http://localhost:1"},
     "which is not in --initial-advertise-peer-urls"},
    {"cluster of two",
     {"--initial-cluster", "default=http://localhost:2380,b=http://b:2380"},
     "clusters of one member"},
    {"state existing", {"--initial-cluster-state", "existing"}, "cluster of its own"},
    {"v2 off", {"--enable-v2=false"}, "serves the v2 API"},
    {"empty name", {"--name", ""}, "--name must not be empty"},
    {"no connections", {"--max-connections", "0"}, "at least 1"},
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

START_TEST(urls_taken_apart)
{
    static const struct row row = {
        "", {"--advertise-client-urls", "http://[::1]:23,http://h:24"}, NULL};
    struct options o;
    struct err e;
    ck_assert_int_eq(read_row(&o, &row, &e), 0);
    ck_assert_uint_eq(o.advertise_client.n, 2);
    ck_assert_str_eq(o.advertise_client.host[0], "::1");
    ck_assert_str_eq(o.advertise_client.port[0], "23");
    ck_assert_str_eq(o.advertise_client.host[1], "h");
    options_fini(&o);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("serve");
    TCase *t = tcase_create("options");
    tcase_add_loop_test(t, flags, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(t, environment);
    tcase_add_test(t, urls_taken_apart);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
