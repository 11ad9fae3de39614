/* Connection strings taken apart, without a server. */
#include "loginetl/pg/conninfo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct le_conninfo parse(const char *url)
{
    struct le_conninfo info;
    const char *why;
    enum le_err err = le_conninfo_parse(url, &info, &why);
    if (err != LE_OK)
        fail_msg("%s: %s", url != NULL ? url : "PG* alone", why);
    return info;
}

static void check_host(const struct le_conninfo *info, size_t at, const char *host,
                       const char *hostaddr, const char *port, bool local)
{
    assert_true(at < info->host_count);
    assert_string_equal(info->hosts[at].host, host);
    assert_string_equal(info->hosts[at].hostaddr, hostaddr);
    assert_string_equal(info->hosts[at].port, port);
    assert_int_equal(info->hosts[at].local, local);
}

static void one_host(void **state)
{
    (void)state;
    struct le_conninfo info = parse("postgres://u:p@db.example:6432/d");
    assert_int_equal(info.host_count, 1);
    check_host(&info, 0, "db.example", "", "6432", false);
    assert_int_equal(info.connect_timeout_ms, 10000);
    assert_false(info.read_write);
    assert_true(info.set_keepalives_idle && info.set_keepalives_interval &&
                info.set_keepalives_count && info.set_tcp_user_timeout);
    le_conninfo_free(&info);

    info = parse("postgres://u:p@[2001:db8::1]/d");
    check_host(&info, 0, "2001:db8::1", "", "5432", false);
    le_conninfo_free(&info);

    info = parse("host=db hostaddr=192.0.2.7");
    check_host(&info, 0, "db", "192.0.2.7", "5432", false);
    le_conninfo_free(&info);

    info = parse("hostaddr=192.0.2.7");
    check_host(&info, 0, "", "192.0.2.7", "5432", false);
    le_conninfo_free(&info);
}

static void sockets(void **state)
{
    (void)state;
    struct le_conninfo info = parse("host=/run/db port=5433");
    check_host(&info, 0, "/run/db", "", "5433", true);
    le_conninfo_free(&info);
    info = parse("postgres://%2Frun%2Fdb/d");
    check_host(&info, 0, "/run/db", "", "5432", true);
    le_conninfo_free(&info);
    info = parse("host=@abstract");
    check_host(&info, 0, "@abstract", "", "5432", true);
    le_conninfo_free(&info);
    info = parse("dbname=d");
    assert_true(info.hosts[0].local);
    le_conninfo_free(&info);
}

static void several_hosts(void **state)
{
    (void)state;
    struct le_conninfo info = parse("postgres://a:1,b,c:3/d");
    assert_int_equal(info.host_count, 3);
    check_host(&info, 0, "a", "", "1", false);
    check_host(&info, 1, "b", "", "5432", false);
    check_host(&info, 2, "c", "", "3", false);
    assert_true(info.read_write);
    le_conninfo_free(&info);

    info = parse("host=a,/run hostaddr=192.0.2.1, port=7 target_session_attrs=primary");
    check_host(&info, 0, "a", "192.0.2.1", "7", false);
    check_host(&info, 1, "/run", "", "7", true);
    assert_false(info.read_write);
    le_conninfo_free(&info);
}

static void the_environment_completes(void **state)
{
    (void)state;
    setenv("PGHOST", "from.environment", 1);
    setenv("PGPORT", "7777", 1);
    setenv("PGCONNECT_TIMEOUT", "3", 1);
    struct le_conninfo info = parse(NULL);
    assert_null(info.url);
    check_host(&info, 0, "from.environment", "", "7777", false);
    assert_int_equal(info.connect_timeout_ms, 3000);
    le_conninfo_free(&info);
    info = parse("host=given connect_timeout=0 keepalives_idle=5 tcp_user_timeout=1000");
    check_host(&info, 0, "given", "", "7777", false);
    assert_int_equal(info.connect_timeout_ms, LE_CONNECT_TIMEOUT_MAX_MS);
    assert_false(info.set_keepalives_idle || info.set_tcp_user_timeout);
    assert_true(info.set_keepalives_interval);
    le_conninfo_free(&info);
    unsetenv("PGHOST");
    unsetenv("PGPORT");
    unsetenv("PGCONNECT_TIMEOUT");
}

static void malformed(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "db",
        "http://a/b",
        "postgres://a/b?no_such_setting=1",
        "host=a port=0",
        "host=a port=65536",
        "host=a port=5x",
        "host=a,b port=1,2,3",
        "host=a hostaddr=1.1.1.1,2.2.2.2",
        "host=a sslmode=maybe",
        "host=a connect_timeout=soon",
        "host='a",
        "host=a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct le_conninfo info;
        const char *why = NULL;
        enum le_err err = le_conninfo_parse(urls[i], &info, &why);
        if (err != LE_ERR_CONFIG)
            fail_msg("%s", urls[i]);
        assert_non_null(why);
        assert_true(why[0] != '\0');
    }
}

/* They are named, with the one that may have been meant. */
static void parameters_that_libpq_does_not_know(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"postgres://h/d?sslmod=require", "sslmod", "sslmode"},
        {"postgresql://u:p?x=1&y@h:1/d?sslmode=require&connecttimeout=3", "connecttimeout",
         "connect_timeout"},
        {"postgres://u@h?pgbouncer=true", "pgbouncer", NULL},
        {"postgres://h/d?ssl=require", "ssl", NULL},
        {"postgres://h/d?ssl=true&sslmod=x", "sslmod", "sslmode"}, /* that one libpq does know */
        {" host = h  sslmod = require", "sslmod", "sslmode"},
        {"host='a \\' b\\\\' password=a\\ b usr=c", "usr", "user"},
        {"schema=public host=h", "schema", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct le_conninfo info;
        const char *why = "";
        char expect[200];
        if (le_conninfo_parse(cases[i][0], &info, &why) != LE_ERR_CONFIG)
            fail_msg("%s", cases[i][0]);
        (void)snprintf(expect, sizeof expect,
                       "it has a parameter %s, which libpq does not know%s%s%s", cases[i][1],
                       cases[i][2] != NULL ? " (did you mean " : "",
                       cases[i][2] != NULL ? cases[i][2] : "", cases[i][2] != NULL ? "?)" : "");
        assert_string_equal(why, expect);
    }
}

static void check_why(const char *url, const char *expect)
{
    struct le_conninfo info;
    const char *why = "";
    if (le_conninfo_parse(url, &info, &why) != LE_ERR_CONFIG)
        fail_msg("%s", url);
    assert_string_equal(why, expect);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const char scheme[] =
        "a URL begins with postgresql:// or postgres:// here, without the name of a driver";
    static const char percent[] =
        "a % in it is not followed by two hexadecimal digits: write % as %25";
    static const char mode[] = "its sslmode (or PGSSLMODE) has a value that libpq does not know: "
                               "disable, allow, prefer, require, verify-ca or verify-full";
    check_why("postgresql+psycopg2://u:p@h/d", scheme);
    check_why("jdbc:postgresql://h/d?user=u", scheme);
    check_why("mysql://u:p@h/d", scheme);
    check_why("postgres://u:p%ss@h/d", percent);
    check_why("postgresql://u:p%25%4@h/d", percent);
    check_why("postgres://h/d?sslmode=verify_full", mode);
    check_why("host=h sslmode=verify_full", mode);
    check_why("host=h channel_binding=yes",
              "its channel_binding (or PGCHANNELBINDING) has a value that libpq does not know");
    setenv("PGSSLMODE", "verify_full", 1);
    check_why(NULL, mode);
    unsetenv("PGSSLMODE");
}

/* What may be a piece of a password, or is no name, is not. */
static void parameters_that_are_not_named(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "postgres://h/d?SECRET=x&user=a@b", "postgres://h/d?SEC:RET=x",
        "postgres://h/d?password=a&SECRET", "postgres://h/d?sslpassword=a&SECRET=&user=u",
        "postgres://h/d?=SECRET",           "host=h password=a SECRET=x",
        "host=h password=a SECRET",         "host=h SEC:RET=x",
        "host=h password='a SECRET=x",      "mysql://u:SECRET@h/d?SECRET=x",
        "postgres://u:%SECRET@h/d",         "host=h sslmode=SECRET",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct le_conninfo info;
        const char *why = "";
        if (le_conninfo_parse(urls[i], &info, &why) != LE_ERR_CONFIG)
            fail_msg("%s", urls[i]);
        if (why[0] == '\0' || strstr(why, "SEC") != NULL)
            fail_msg("%s: %s", urls[i], why);
    }
}

/* What is left of a password that is not encoded is neither shown nor looked up as a host. */
static void a_password_that_is_not_encoded(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "postgres://u:SEC@RET@h:1/d",
        "postgresql://u:SEC@RET@h/d",
        "postgres://u:SEC@@RET@h/d",
        "postgres://u:12/RET@h/d",
        "postgres://u:S@C/RET@h/d",
        "postgres://u:S@C!RET/d",
        "postgres://u:SEC?R@ET@h/d",
        "postgres://u:p@a,S!RET/d",
        "host=SEC@RET",
        "host='SEC RET'",
        "hostaddr=SEC@RET",
        "host=a hostaddr=SEC@RET",
        "host=SEC:RET",
        "host=u:SEC:RET",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct le_conninfo info;
        const char *why = "";
        if (le_conninfo_parse(urls[i], &info, &why) != LE_ERR_CONFIG)
            fail_msg("%s", urls[i]);
        if (strstr(why, "write @ as %40 and / as %2F") == NULL)
            fail_msg("%s: %s", urls[i], why);
    }
    static const char *const good[] = {
        "postgres://u%40t:p%40%2Fq@h/d%40e",
        "postgres://u:p?#:!@h/d",
        "postgres://h/d?user=u@t",
        "postgres://u:p@h/d?user=u@t",
        "postgres://u@[fe80::1%25eth0]/d",
        "host=my_db-1.example password='a@b@c/d'",
        "postgres://%40abstract/d",
        "host=::ffff:192.0.2.1",
        "host=fe80::1%eth0",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct le_conninfo info = parse(good[i]);
        le_conninfo_free(&info);
    }
}

/* Where libpq wants it apart, nobody is asked for "db:5432". */
static void a_port_behind_a_host(void **state)
{
    (void)state;
    static const char *const strings[] = {"host=db.example:5432", "host=127.0.0.1:5432",
                                          "host=a hostaddr=127.0.0.1:5432"};
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        struct le_conninfo info;
        const char *why = "";
        assert_int_equal(le_conninfo_parse(strings[i], &info, &why), LE_ERR_CONFIG);
        assert_non_null(strstr(why, "a port goes into port="));
    }
}

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword != NULL; options++) {
        if (strcmp(options->keyword, keyword) == 0)
            return options->val != NULL ? options->val : "";
    }
    return "";
}

/* What libpq is given for one host of a list. */
static void starting(void **state)
{
    (void)state;
    struct le_conninfo info =
        parse("postgres://u:p@a:1,b:2/d?sslmode=verify-full&keepalives_idle=7");
    PGconn *pg = le_conninfo_start(&info, 1, "127.0.0.1", NULL);
    assert_non_null(pg);
    PQconninfoOption *options = PQconninfo(pg);
    assert_non_null(options);
    assert_string_equal(value_of(options, "host"), "b");
    assert_string_equal(value_of(options, "hostaddr"), "127.0.0.1");
    assert_string_equal(value_of(options, "port"), "2");
    assert_string_equal(value_of(options, "user"), "u");
    assert_string_equal(value_of(options, "password"), "p");
    assert_string_equal(value_of(options, "dbname"), "d");
    assert_string_equal(value_of(options, "sslmode"), "verify-full");
    assert_string_equal(value_of(options, "client_encoding"), "UTF8");
    assert_string_equal(value_of(options, "fallback_application_name"), "loginetl");
    assert_string_equal(value_of(options, "keepalives_idle"), "7");
    assert_string_equal(value_of(options, "keepalives_interval"), "10");
    assert_string_equal(value_of(options, "tcp_user_timeout"), "30000");
    assert_string_equal(value_of(options, "target_session_attrs"), "read-write");
    PQconninfoFree(options);
    PQfinish(pg);
    le_conninfo_free(&info);
}

static void check_started(const char *url, const char *password, const char *mode)
{
    struct le_conninfo info = parse(url);
    assert_null(le_conninfo_password_fault(&info));
    PGconn *pg = le_conninfo_start(&info, 0, "127.0.0.1", "made");
    PQconninfoOption *options = PQconninfo(pg);
    assert_non_null(options);
    assert_string_equal(value_of(options, "password"), password);
    assert_string_equal(value_of(options, "sslmode"), mode);
    assert_string_equal(value_of(options, "gssencmode"), "disable");
    PQconninfoFree(options);
    PQfinish(pg);
    le_conninfo_free(&info);
}

/* A password that is made for a connection goes before all others, and over TLS only. */
static void a_password_that_is_made(void **state)
{
    (void)state;
    check_started("postgres://u:p@a:1/d", "made", "require");
    check_started("postgres://u@a:1/d?sslmode=prefer", "made", "require");
    check_started("postgres://u@a:1/d?sslmode=verify-full", "made", "verify-full");
    check_started("host=a user=u sslmode=verify-ca", "made", "verify-ca");
    check_started("host=a user=u sslmode=require gssencmode=require", "made", "require");
}

static void check_fault(const char *url, const char *word)
{
    struct le_conninfo info = parse(url);
    const char *fault = le_conninfo_password_fault(&info);
    if (fault == NULL || strstr(fault, word) == NULL)
        fail_msg("%s: %s", url, fault != NULL ? fault : "no fault");
    le_conninfo_free(&info);
}

static void where_no_password_can_be_made(void **state)
{
    (void)state;
    check_fault("postgres://u@a/d?sslmode=disable", "sslmode");
    check_fault("postgres://u@a/d?sslmode=allow", "sslmode");
    check_fault("host=/run/db user=u", "host");
    check_fault("hostaddr=192.0.2.7 user=u", "host");
    check_fault("host=a,/run/db user=u", "host");
    check_fault("user=u", "host");
}

static void what_is_given_of_user_and_password(void **state)
{
    (void)state;
    struct le_conninfo info = parse("postgres://u@a/d");
    assert_string_equal(info.user, "u");
    assert_false(info.password);
    le_conninfo_free(&info);
    info = parse("postgres://u:p@a/d");
    assert_true(info.password);
    le_conninfo_free(&info);
    setenv("PGPASSWORD", "p", 1);
    info = parse("postgres://u@a/d");
    assert_true(info.password);
    le_conninfo_free(&info);
    unsetenv("PGPASSWORD");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_host),
        cmocka_unit_test(sockets),
        cmocka_unit_test(several_hosts),
        cmocka_unit_test(the_environment_completes),
        cmocka_unit_test(malformed),
        cmocka_unit_test(parameters_that_libpq_does_not_know),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(parameters_that_are_not_named),
        cmocka_unit_test(a_password_that_is_not_encoded),
        cmocka_unit_test(a_port_behind_a_host),
        cmocka_unit_test(starting),
        cmocka_unit_test(a_password_that_is_made),
        cmocka_unit_test(where_no_password_can_be_made),
        cmocka_unit_test(what_is_given_of_user_and_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
