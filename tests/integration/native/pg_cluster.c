#include "pg_cluster.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glob.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void stop_test(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void stop_test(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

/* The server refuses to run as root. */
static const char *as_user(void)
{
    return geteuid() == 0 ? "runuser -u postgres -- " : "";
}

static bool run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool run(const char *format, ...)
{
    char command[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(command, sizeof command, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof command)
        stop_test("a command is too long");
    int status = system(command);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void find_binaries(struct pg_cluster *cluster)
{
    glob_t found;
    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) != 0 || found.gl_pathc == 0)
        stop_test("no PostgreSQL server is installed (deps/install.sh all)");
    const char *initdb = found.gl_pathv[found.gl_pathc - 1];
    snprintf(cluster->bin, sizeof cluster->bin, "%.*s", (int)(strrchr(initdb, '/') - initdb),
             initdb);
    globfree(&found);
}

static bool is_free(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool bound = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                 bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return bound;
}

/* One of those that the system gives to nobody by itself, so that nobody takes it while the server
 * is made, or away. */
static int free_port(void)
{
    enum { FIRST = 20000, COUNT = 12000 };
    unsigned at = (unsigned)getpid() * 37;
    for (unsigned tries = 0; tries < COUNT; tries++) {
        int port = FIRST + (int)((at + tries * 7) % COUNT);
        if (is_free(port))
            return port;
    }
    stop_test("no free port");
}

static void make_directory(struct pg_cluster *cluster)
{
    snprintf(cluster->directory, sizeof cluster->directory, "/tmp/loginetl-pg-XXXXXX");
    if (mkdtemp(cluster->directory) == NULL)
        stop_test("no temporary directory: %s", strerror(errno));
    if (geteuid() != 0)
        return;
    const struct passwd *user = getpwnam("postgres");
    if (user == NULL || chown(cluster->directory, user->pw_uid, user->pw_gid) != 0)
        stop_test("the directory cannot be given to the user postgres");
    if (chmod(cluster->directory, 0755) != 0)
        stop_test("the directory cannot be opened: %s", strerror(errno));
}

static void write_password(const struct pg_cluster *cluster)
{
    char path[256];
    snprintf(path, sizeof path, "%s/password", cluster->directory);
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs(PG_CLUSTER_PASSWORD "\n", file) == EOF || fclose(file) != 0)
        stop_test("the password's file cannot be written");
}

void pg_cluster_make(struct pg_cluster *cluster)
{
    memset(cluster, 0, sizeof *cluster);
    find_binaries(cluster);
    make_directory(cluster);
    write_password(cluster);
    cluster->port = free_port();
    if (!run(
            "cd %s && %s%s/initdb -D %s/data -U postgres -A scram-sha-256 --pwfile=%s/password --no-locale -E UTF8 "
            "--no-sync >%s/initdb.log 2>&1",
            cluster->directory, as_user(), cluster->bin, cluster->directory, cluster->directory,
            cluster->directory))
        stop_test("initdb failed: see %s/initdb.log", cluster->directory);
}

/* What is killed leaves its shared memory behind, with mmap in its own folder. */
static bool start(const struct pg_cluster *cluster)
{
    return run(
        "cd %s && %s%s/pg_ctl -D %s/data -w -t 60 -l %s/server.log -o '-p %d -k %s -c listen_addresses=127.0.0.1 "
        "-c fsync=off -c max_connections=40 -c shared_buffers=32MB -c dynamic_shared_memory_type=mmap' start >%s/pg_ctl.log 2>&1",
        cluster->directory, as_user(), cluster->bin, cluster->directory, cluster->directory,
        cluster->port, cluster->directory, cluster->directory);
}

void pg_cluster_start(struct pg_cluster *cluster)
{
    for (unsigned tries = 1; !start(cluster); tries++) {
        if (cluster->known || tries == 3)
            stop_test("the server did not start: see %s/server.log", cluster->directory);
        cluster->port = free_port(); /* somebody may have been quicker */
    }
    cluster->running = cluster->known = true;
}

void pg_cluster_stop(struct pg_cluster *cluster)
{
    if (cluster->running &&
        !run("cd %s && %s%s/pg_ctl -D %s/data -m immediate -w stop >/dev/null 2>&1",
             cluster->directory, as_user(), cluster->bin, cluster->directory))
        stop_test("the server did not stop");
    cluster->running = false;
}

void pg_cluster_remove(struct pg_cluster *cluster)
{
    pg_cluster_stop(cluster);
    if (!run("rm -rf %s", cluster->directory))
        stop_test("%s cannot be removed", cluster->directory);
}

void pg_cluster_url(const struct pg_cluster *cluster, const char *database, char out[256])
{
    snprintf(out, 256, "postgres://postgres:" PG_CLUSTER_PASSWORD "@127.0.0.1:%d/%s", cluster->port,
             database);
}

static void drop_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

PGconn *pg_cluster_connect(const struct pg_cluster *cluster, const char *database)
{
    char url[256];
    pg_cluster_url(cluster, database, url);
    PGconn *pg = PQconnectdb(url);
    if (PQstatus(pg) != CONNECTION_OK)
        stop_test("the test's own connection: %s", PQerrorMessage(pg));
    PQsetNoticeReceiver(pg, drop_notice, NULL);
    return pg;
}

static PGresult *ask(PGconn *pg, const char *sql)
{
    PGresult *result = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        stop_test("%s: %s", sql, PQerrorMessage(pg));
    return result;
}

void pg_exec(PGconn *pg, const char *sql)
{
    PQclear(ask(pg, sql));
}

long pg_number(PGconn *pg, const char *sql)
{
    PGresult *result = ask(pg, sql);
    if (PQntuples(result) < 1)
        stop_test("%s: no answer", sql);
    long number = strtol(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return number;
}
