#include "loginetl/pg/conninfo.h"

#include "loginetl/base/hex.h"
#include "loginetl/base/mem.h"
#include "loginetl/pg/parameter.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last setting that libpq checks before it connects: with a value that it cannot have, it
 * completes and checks all the others, says what they are, and connects nowhere. */
#define PROBE_KEYWORD "target_session_attrs"
#define PROBE_VALUE   "loginetl-probe"

#define PARAMETERS_MAX 100 /* there are about fifty */

static PGconn *start_probe(const char *url, const char *keyword)
{
    const char *keywords[] = {"dbname", keyword, NULL};
    const char *values[] = {url, PROBE_VALUE, NULL};
    size_t first = url != NULL ? 0 : 1;
    return PQconnectStartParams(&keywords[first], &values[first], 1);
}

static const char *option_value(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword != NULL; options++) {
        if (strcmp(options->keyword, keyword) == 0)
            return options->val != NULL ? options->val : "";
    }
    return "";
}

static void free_options(PQconninfoOption *options)
{
    for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++) {
        if (option->val != NULL)
            le_wipe(option->val, strlen(option->val));
    }
    PQconninfoFree(options);
}

/* Letters, digits and what else names and addresses are made of, a zone's % too. Anything else is a
 * piece of a password that ended in the wrong place: not to be shown, nor asked of name servers.
 * Colons are an IPv6 address's, which has two at least: a single one stands between host and port,
 * or user and password. */
static bool host_is_possible(const char *name)
{
    static const char possible[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   ".-_:%";
    const char *colon = strchr(name, ':');
    const char zone = name[strspn(name, "0123456789abcdefABCDEF:.")];
    if (name[0] == '/' || name[0] == '@')
        return true;
    if (colon != NULL && (strchr(colon + 1, ':') == NULL || (zone != '\0' && zone != '%')))
        return false;
    return name[strspn(name, possible)] == '\0';
}

/* The at-th part of a comma list; a list of a single part serves every position. */
static char *list_part(const char *list, size_t at, size_t parts)
{
    if (parts > 1) {
        for (; at > 0; at--)
            list = strchr(list, ',') + 1;
    }
    return le_strndup(list, strcspn(list, ","));
}

static size_t count_parts(const char *list)
{
    size_t count = 1;
    for (; *list != '\0'; list++)
        count += *list == ',';
    return count;
}

static bool port_is_valid(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > 5 || strspn(text, "0123456789") != len)
        return false;
    long port = strtol(text, NULL, 10);
    return port >= 1 && port <= 65535;
}

static enum le_err set_port(struct le_pg_host *host, const char *list, size_t at, size_t parts)
{
    char *port = list_part(list, at, parts);
    if (port == NULL)
        return LE_ERR_NOMEM;
    const char *text = port[0] != '\0' ? port : "5432";
    bool valid = port_is_valid(text);
    if (valid)
        memcpy(host->port, text, strlen(text) + 1);
    le_free(port);
    return valid ? LE_OK : LE_ERR_CONFIG;
}

static enum le_err set_host(struct le_pg_host *host, const char *hosts, const char *addresses,
                            size_t at, size_t parts)
{
    host->host = list_part(hosts, at, hosts[0] != '\0' ? parts : 1);
    host->hostaddr = list_part(addresses, at, addresses[0] != '\0' ? parts : 1);
    if (host->host == NULL || host->hostaddr == NULL)
        return LE_ERR_NOMEM;
    bool socket = host->host[0] == '\0' || host->host[0] == '/' || host->host[0] == '@';
    host->local = host->hostaddr[0] == '\0' && socket;
    return LE_OK;
}

static enum le_err check_names(const struct le_conninfo *info, const char **why)
{
    *why = "a host holds a character that no host's name has (a port goes into port=; in a URL's "
           "password, write @ as %40 and / as %2F)";
    for (size_t i = 0; i < info->host_count; i++) {
        if (!host_is_possible(info->hosts[i].host) || !host_is_possible(info->hosts[i].hostaddr))
            return LE_ERR_CONFIG;
    }
    return LE_OK;
}

static enum le_err set_hosts(struct le_conninfo *info, const PQconninfoOption *options,
                             const char **why)
{
    const char *hosts = option_value(options, "host");
    const char *addresses = option_value(options, "hostaddr");
    const char *ports = option_value(options, "port");
    size_t count = count_parts(addresses[0] != '\0' ? addresses : hosts);
    size_t port_count = count_parts(ports);
    *why = "too many hosts (16 at most)";
    if (count > LE_CONNINFO_HOSTS_MAX)
        return LE_ERR_CONFIG;
    *why = "a port is not a number from 1 to 65535, or there are not as many ports as hosts";
    if (port_count != 1 && port_count != count)
        return LE_ERR_CONFIG;
    enum le_err err = LE_OK;
    for (size_t i = 0; i < count && err == LE_OK; i++) {
        info->host_count = i + 1;
        err = set_host(&info->hosts[i], hosts, addresses, i, count);
        if (err == LE_OK)
            err = set_port(&info->hosts[i], ports, i, port_count);
    }
    return err == LE_OK ? check_names(info, why) : err;
}

static enum le_err set_timeout(struct le_conninfo *info, const PQconninfoOption *options,
                               const char **why)
{
    const char *text = option_value(options, "connect_timeout");
    info->connect_timeout_ms = LE_CONNECT_TIMEOUT_MS;
    if (text[0] == '\0')
        return LE_OK;
    char *end = NULL;
    long seconds = strtol(text, &end, 10);
    *why = "connect_timeout is not a number of seconds";
    if (*end != '\0' || end == text)
        return LE_ERR_CONFIG;
    if (seconds <= 0 || seconds > LE_CONNECT_TIMEOUT_MAX_MS / 1000)
        info->connect_timeout_ms = LE_CONNECT_TIMEOUT_MAX_MS;
    else
        info->connect_timeout_ms = seconds * 1000;
    return LE_OK;
}

static void set_defaults(struct le_conninfo *info, const PQconninfoOption *options)
{
    const char *sslmode = option_value(options, "sslmode");
    info->password = option_value(options, "password")[0] != '\0';
    info->tls_optional = sslmode[0] == '\0' || strcmp(sslmode, "prefer") == 0;
    info->tls_avoided = strcmp(sslmode, "disable") == 0 || strcmp(sslmode, "allow") == 0;
    info->set_keepalives_idle = option_value(options, "keepalives_idle")[0] == '\0';
    info->set_keepalives_interval = option_value(options, "keepalives_interval")[0] == '\0';
    info->set_keepalives_count = option_value(options, "keepalives_count")[0] == '\0';
    info->set_tcp_user_timeout = option_value(options, "tcp_user_timeout")[0] == '\0';
    const char *wish = option_value(options, "target_session_attrs");
    info->read_write = info->host_count > 1 && (wish[0] == '\0' || strcmp(wish, "any") == 0);
}

static bool says_invalid(const char *message, const char *keyword)
{
    static const char begin[] = "invalid ", end[] = " value";
    size_t len = strlen(keyword);
    return strncmp(message, begin, strlen(begin)) == 0 &&
           strncmp(message += strlen(begin), keyword, len) == 0 &&
           strncmp(message + len, end, strlen(end)) == 0;
}

/* The words when libpq says whose value it does not take, in info->why; NULL: it says something
 * else. Its own quote the value. */
static const char *name_refused(PGconn *probe, struct le_conninfo *info)
{
    PQconninfoOption *options = PQconninfo(probe), *option = options;
    while (option != NULL && option->keyword != NULL &&
           !says_invalid(PQerrorMessage(probe), option->keyword))
        option++;
    bool found = option != NULL && option->keyword != NULL;
    if (found) {
        const char *variable = option->envvar;
        bool mode = strcmp(option->keyword, "sslmode") == 0;
        (void)snprintf(info->why, sizeof info->why,
                       "its %s%s%s%s has a value that libpq does not know%s", option->keyword,
                       variable != NULL ? " (or " : "", variable != NULL ? variable : "",
                       variable != NULL ? ")" : "",
                       mode ? ": disable, allow, prefer, require, verify-ca or verify-full" : "");
    }
    free_options(options);
    return found ? info->why : NULL;
}

/* libpq checks nearly everything before it connects; the probe lets it check, and fail at the probe
 * alone. */
static enum le_err check_settings(const char *url, struct le_conninfo *info, const char **why)
{
    PGconn *probe = start_probe(url, PROBE_KEYWORD);
    if (probe == NULL)
        return LE_ERR_NOMEM;
    bool as_meant = strstr(PQerrorMessage(probe), PROBE_KEYWORD) != NULL;
    const char *words = as_meant ? NULL : name_refused(probe, info);
    *why = words != NULL ? words
                         : "libpq refuses one of its settings (a version, or lists of different "
                           "lengths)";
    PQfinish(probe);
    return as_meant ? LE_OK : LE_ERR_CONFIG;
}

static enum le_err take_settings(struct le_conninfo *info, const PQconninfoOption *options,
                                 const char **why)
{
    enum le_err err = set_hosts(info, options, why);
    if (err == LE_OK)
        err = set_timeout(info, options, why);
    if (err == LE_OK)
        set_defaults(info, options);
    if (err == LE_OK && (info->user = le_strdup(option_value(options, "user"))) == NULL)
        err = LE_ERR_NOMEM;
    return err;
}

static enum le_err read_settings(struct le_conninfo *info, const char **why)
{
    /* Another keyword than in check_settings: this time target_session_attrs is to be read. */
    PGconn *probe = start_probe(info->url, "channel_binding");
    PQconninfoOption *options = probe != NULL ? PQconninfo(probe) : NULL;
    enum le_err err = options != NULL ? take_settings(info, options, why) : LE_ERR_NOMEM;
    free_options(options);
    PQfinish(probe);
    return err;
}

static bool is_uri(const char *url)
{
    return strncmp(url, "postgres://", 11) == 0 || strncmp(url, "postgresql://", 13) == 0;
}

/* The first @ before a / ends the user's name and password, as libpq reads them. With another one
 * behind it, or behind the /, that was the password's own, and libpq would take the rest of it for
 * a host or a database. */
static bool has_at_too_many(const char *url)
{
    if (!is_uri(url))
        return false;
    const char *rest = strstr(url, "://") + 3;
    const char *end = rest + strcspn(rest, "@/");
    if (*end == '@')
        rest = end + 1;
    return memchr(rest, '@', strcspn(rest, "?")) != NULL;
}

/* The words when that is what is wrong, in info->why; NULL: it is something else, or cannot be
 * told. Of an empty string libpq gives all parameters without their values. */
static const char *name_unknown(const char *url, struct le_conninfo *info)
{
    const char *known[PARAMETERS_MAX + 1] = {NULL};
    struct le_pg_unknown unknown;
    const char *words = NULL;
    PQconninfoOption *options = PQconninfoParse("", NULL);
    for (size_t i = 0; options != NULL && i < PARAMETERS_MAX && options[i].keyword != NULL; i++)
        known[i] = options[i].keyword;
    if (options != NULL && le_pg_find_unknown(url, known, &unknown)) {
        bool near = unknown.near != NULL;
        (void)snprintf(info->why, sizeof info->why,
                       "it has a parameter %.*s, which libpq does not know%s%s%s",
                       (int)unknown.name.len, unknown.name.ptr, near ? " (did you mean " : "",
                       near ? unknown.near : "", near ? "?)" : "");
        words = info->why;
    }
    free_options(options);
    return words;
}

/* As other programs write it: jdbc:postgresql://, postgresql+psycopg2://. */
static bool has_other_scheme(const char *url)
{
    size_t len = strcspn(url, " \t\r\n='\"/");
    return !is_uri(url) && len > 0 && url[len - 1] == ':' && strncmp(url + len, "//", 2) == 0;
}

static bool has_bare_percent(const char *url)
{
    if (!is_uri(url))
        return false;
    while ((url = strchr(url, '%')) != NULL) {
        if (le_hex_value(url[1]) < 0 || le_hex_value(url[2]) < 0)
            return true;
        url += 3;
    }
    return false;
}

/* What libpq does not read at all. */
static const char *malformed_words(const char *url)
{
    if (has_other_scheme(url))
        return "a URL begins with postgresql:// or postgres:// here, without the name of a driver";
    if (has_bare_percent(url))
        return "a % in it is not followed by two hexadecimal digits: write % as %25";
    return "neither a libpq URI (postgres://…) nor a key=value string, or it has a parameter that "
           "libpq does not know";
}

static enum le_err check_syntax(const char *url, struct le_conninfo *info, const char **why)
{
    char *message = NULL;
    *why = "it has an @ too many: in a user's name, a password or a database's name, write @ as "
           "%40 and / as %2F";
    if (has_at_too_many(url))
        return LE_ERR_CONFIG;
    *why = malformed_words(url);
    PQconninfoOption *parsed = PQconninfoParse(url, &message);
    bool valid = parsed != NULL;
    free_options(parsed);
    PQfreemem(message); /* may quote the password: never shown */
    const char *words = valid ? NULL : name_unknown(url, info);
    if (words != NULL)
        *why = words;
    return valid ? LE_OK : LE_ERR_CONFIG;
}

enum le_err le_conninfo_parse(const char *url, struct le_conninfo *out, const char **why)
{
    assert(out != NULL && why != NULL);
    memset(out, 0, sizeof *out);
    *why = "";
    enum le_err err = LE_OK;
    if (url != NULL) {
        err = check_syntax(url, out, why);
        if (err != LE_OK)
            return err;
        out->url = le_strdup(url);
        if (out->url == NULL)
            return LE_ERR_NOMEM;
    }
    err = check_settings(url, out, why);
    if (err == LE_OK)
        err = read_settings(out, why);
    if (err != LE_OK)
        le_conninfo_free(out);
    return err;
}

void le_conninfo_free(struct le_conninfo *info)
{
    assert(info != NULL);
    if (info->url != NULL)
        le_free_secret(info->url, strlen(info->url));
    le_free(info->user);
    for (size_t i = 0; i < info->host_count; i++) {
        le_free(info->hosts[i].host);
        le_free(info->hosts[i].hostaddr);
    }
    memset(info, 0, offsetof(struct le_conninfo, why)); /* that is shown when the rest is gone */
}

const char *le_conninfo_password_fault(const struct le_conninfo *info)
{
    if (info->tls_avoided)
        return "sslmode is disable or allow, and the password that is made goes over TLS only: "
               "give sslmode=verify-full, or at least require";
    if (info->user[0] == '\0')
        return "no user is named, for whom the password is made";
    for (size_t i = 0; i < info->host_count; i++) {
        if (info->hosts[i].local || info->hosts[i].host[0] == '\0')
            return "no host is named, or one is a socket or a hostaddr alone: the password is made "
                   "for a host's name";
    }
    return NULL;
}

struct params {
    const char *keywords[16];
    const char *values[16];
    size_t count;
};

static void put(struct params *params, const char *keyword, const char *value)
{
    assert(params->count < sizeof params->keywords / sizeof params->keywords[0] - 1);
    params->keywords[params->count] = keyword;
    params->values[params->count++] = value;
}

static void put_where(struct params *params, const struct le_conninfo *info, size_t at,
                      const char *address)
{
    const struct le_pg_host *host = &info->hosts[at];
    if (info->url != NULL)
        put(params, "dbname",
            info->url); /* first: libpq expands it, and what follows wins over it */
    /* The name as well as the address: TLS checks the certificate against the name, .pgpass looks
     * it up. */
    put(params, "host", host->host);
    put(params, "hostaddr", address != NULL ? address : host->hostaddr);
    put(params, "port", host->port);
}

static void put_ours(struct params *params, const struct le_conninfo *info)
{
    put(params, "fallback_application_name", "loginetl");
    put(params, "client_encoding", "UTF8"); /* as JSON has it */
    if (info->set_keepalives_idle)
        put(params, "keepalives_idle", "30");
    if (info->set_keepalives_interval)
        put(params, "keepalives_interval", "10");
    if (info->set_keepalives_count)
        put(params, "keepalives_count", "3");
    /* Without it a statement whose server vanished is waited for as long as TCP retransmits: a
     * quarter of an hour. */
    if (info->set_tcp_user_timeout)
        put(params, "tcp_user_timeout", "30000");
    if (info->read_write)
        put(params, "target_session_attrs", "read-write");
}

static void put_password(struct params *params, const struct le_conninfo *info,
                         const char *password)
{
    put(params, "password", password);
    /* Else whoever holds a Kerberos ticket is asked by libpq to encrypt with that, before TLS and
     * whatever sslmode says. */
    put(params, "gssencmode", "disable");
    if (info->tls_optional)
        put(params, "sslmode", "require");
}

PGconn *le_conninfo_start(const struct le_conninfo *info, size_t host, const char *address,
                          const char *password)
{
    assert(info != NULL && host < info->host_count);
    assert(address != NULL || info->hosts[host].local || info->hosts[host].hostaddr[0] != '\0');
    struct params params = {.count = 0};
    put_where(&params, info, host, address);
    put_ours(&params, info);
    assert(password == NULL || !info->tls_avoided);
    if (password != NULL)
        put_password(&params, info, password);
    PGconn *pg = PQconnectStartParams(params.keywords, params.values, 1);
    if (pg != NULL)
        (void)PQsetErrorVerbosity(pg, PQERRORS_SQLSTATE); /* answers the old one */
    return pg;
}
