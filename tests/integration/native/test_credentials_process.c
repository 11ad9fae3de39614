/* Credentials from a process. */
#include "loginetl/aws/fetch.h"

#include "live_blocks.h"
#include "source_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SETTING      "credential_process"
#define PATIENCE_MS  10000
#define ANSWER                                                                \
    "{\"Version\":1,\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"secret\"," \
    "\"SessionToken\":\"token\",\"Expiration\":\"2015-08-30T12:36:00Z\"}"
#define SAY_IT      "echo '\\''" ANSWER "'\\''"
#define OTHERS_FILE 50 /* a file that is open here */

static char folder[] = "/tmp/loginetl-process-XXXXXX";

/* Where a file of that name is; valid until the next call but one. */
static const char *path_of(const char *name)
{
    static char paths[2][128];
    static unsigned next;
    char *path = paths[next++ % 2];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void write_script(const char *name, mode_t mode, const char *text)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static enum le_err make_for(struct source_fixture *fixture, const char *command, int64_t timeout_ms)
{
    const struct le_process_params params = {.command = le_span_of(command),
                                             .profile = LE_SPAN_LIT("work"),
                                             .timeout_ms = timeout_ms,
                                             .grace_ms = 50};
    struct le_setting_fault fault = {NULL, NULL};
    return le_credentials_process(&fixture->world, &params, &fixture->source, &fault);
}

static void make(struct source_fixture *fixture, const char *command)
{
    assert_int_equal(make_for(fixture, command, 0), LE_OK);
    assert_string_equal(fixture->source->name, "process");
}

static void check_no_child(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static unsigned open_files(void)
{
    DIR *files = opendir("/proc/self/fd");
    unsigned count = 0;
    assert_non_null(files);
    while (readdir(files) != NULL)
        count++;
    assert_int_equal(closedir(files), 0);
    return count;
}

static void test_credentials(void **state)
{
    struct source_fixture *fixture = *state;
    make(fixture, "sh -c '" SAY_IT "'");
    source_check_none(fixture);
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_check(fixture);
    assert_string_equal(fixture->source->failure->words, "");
    check_no_child();
    source_close(fixture);
}

static void test_credentials_that_come_expired(void **state)
{
    struct source_fixture *fixture = *state;
    make(fixture, "sh -c '" SAY_IT "'");
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_check_expired(fixture, SETTING, SETTING " of profile work");
    source_close(fixture);
}

static void test_credentials_that_never_expire(void **state)
{
    struct source_fixture *fixture = *state;
    struct le_credentials got;
    int64_t expires;
    make(fixture, "sh -c 'echo \"{\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"A\\\","
                  "\\\"SecretAccessKey\\\":\\\"s\\\"}\"'");
    assert_int_equal(source_refresh(fixture), LE_OK);
    assert_int_equal(fixture->source->get(fixture->source, &got, &expires), LE_OK);
    assert_null(got.session_token.ptr);
    assert_true(expires == LE_NEVER_EXPIRES);
    source_close(fixture);
}

static void test_it_is_run_at_each_refresh(void **state)
{
    struct source_fixture *fixture = *state;
    write_script("helper", 0700, "#!/bin/sh\necho '" ANSWER "'\n");
    make(fixture, path_of("helper"));
    assert_int_equal(source_refresh(fixture), LE_OK);
    write_script("helper", 0700, "#!/bin/sh\nexit 9\n");
    assert_int_equal(source_refresh(fixture), LE_ERR_CREDENTIALS);
    source_check_failure(fixture, SETTING, "profile work failed with exit status 9");
    source_check(fixture); /* the old ones stay */
    write_script("helper", 0700, "#!/bin/sh\necho '" ANSWER "'\n");
    assert_int_equal(source_refresh(fixture), LE_OK);
    assert_string_equal(fixture->source->failure->words, "");
    source_close(fixture);
}

/* Each exit status is of one thing that is wrong. */
static void test_what_the_process_is_given(void **state)
{
    struct source_fixture *fixture = *state;
    sigset_t blocked, before;
    assert_int_equal(sigemptyset(&blocked), 0);
    assert_int_equal(sigaddset(&blocked, SIGUSR1), 0);
    assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
    void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
    assert_int_equal(dup2(STDERR_FILENO, OTHERS_FILE), OTHERS_FILE);
    assert_int_equal(setenv("LOGINETL_TEST_WORD", "a b", 1), 0);
    write_script("helper", 0700,
                 "#!/bin/sh\n"
                 "test \"$(readlink /proc/$$/fd/0)\" = /dev/null || exit 1\n"
                 "test \"$(readlink /proc/$$/fd/2)\" = /dev/null || exit 2\n"
                 "test ! -e /proc/$$/fd/50 || exit 3\n"
                 /* Read by the shell itself: while it waits for another it blocks signals. */
                 "while read -r name mask; do\n"
                 "    case $name in SigBlk: | SigIgn:)\n"
                 "        test \"$mask\" = 0000000000000000 || exit 4 ;;\n"
                 "    esac\n"
                 "done </proc/self/status\n"
                 "test \"$(cut -d' ' -f6 </proc/$$/stat)\" = $$ || exit 6\n"
                 "test \"$#:$1:$2:$3\" = '3:a b::$HOME' || exit 7\n"
                 "test \"$LOGINETL_TEST_WORD\" = 'a b' || exit 8\n"
                 "echo '" ANSWER "' >/dev/stdout || exit 9\n");
    char command[256];
    snprintf(command, sizeof command, "%s 'a b' \"\" $HOME", path_of("helper"));
    make(fixture, command);
    (void)source_refresh(fixture);
    assert_string_equal(fixture->source->failure->words, "");
    source_check(fixture);
    source_close(fixture);
    assert_int_equal(close(OTHERS_FILE), 0);
    assert_true(signal(SIGPIPE, handler) == SIG_IGN);
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}

static void test_answers_that_are_none(void **state)
{
    static const struct {
        const char *command;
        enum le_err err;
        const char *words;
    } cases[] = {
        {"sh -c 'echo psst >&2; echo psst; exit 3'", LE_ERR_CREDENTIALS, "exit status 3"},
        {"sh -c '" SAY_IT "; exit 1'", LE_ERR_CREDENTIALS, "exit status 1"},
        {"sh -c '" SAY_IT "; kill -9 $$'", LE_ERR_CREDENTIALS, "signal 9"},
        {"true", LE_ERR_PROTOCOL, "not one JSON object"},
        {"echo psst", LE_ERR_PROTOCOL, "not one JSON object"},
        {"echo {}", LE_ERR_PROTOCOL, "Version (1)"},
        {"sh -c '" SAY_IT "; echo psst'", LE_ERR_PROTOCOL, "not one JSON object"},
        {"sh -c '" SAY_IT " | sed s/:1,/:2,/'", LE_ERR_PROTOCOL, "Version (1)"},
        {"sh -c '" SAY_IT " | sed s/.Version.:1,//'", LE_ERR_PROTOCOL, "Version (1)"},
        {"sh -c '" SAY_IT " | sed s/AKID//'", LE_ERR_PROTOCOL, "AccessKeyId"},
        {"echo '{\"Version\":1,\"Code\":\"psst\"}'", LE_ERR_PROTOCOL, "not one JSON object"},
        {"yes psst", LE_ERR_TOO_LARGE, "more than credentials"},
        {"sh -c 'yes psst & yes psst'", LE_ERR_TOO_LARGE, "more than credentials"},
        {"loginetl-has-no-such-program", LE_ERR_CONFIG, "does not exist"},
        {"/dev/null/psst", LE_ERR_CONFIG, "does not exist"},
        {"/dev/null", LE_ERR_CONFIG, "may not be run"},
        {"''", LE_ERR_CONFIG, "does not exist"},
    };
    struct source_fixture *fixture = *state;
    make(fixture, "true");
    assert_int_equal(source_refresh(fixture), LE_ERR_PROTOCOL);
    source_close(fixture);
    unsigned files = open_files();
    for (size_t i = 0; i < COUNT(cases); i++) {
        make(fixture, cases[i].command);
        enum le_err err = source_refresh(fixture);
        source_check_failure(fixture, SETTING, cases[i].words);
        assert_int_equal(err, cases[i].err);
        source_check_none(fixture);
        assert_non_null(strstr(fixture->source->failure->words, "profile work"));
        assert_null(strstr(fixture->source->failure->words, "psst"));
        source_close(fixture);
        check_no_child();
        assert_int_equal(open_files(), files);
    }
}

/* As much as may be, and its end only when it has gone. */
static void test_a_large_answer(void **state)
{
    struct source_fixture *fixture = *state;
    char command[256];
    unsigned spaces = LE_PROCESS_OUTPUT_MAX - (unsigned)strlen(ANSWER) - 1;
    for (unsigned more = 0; more < 2; more++) {
        snprintf(command, sizeof command, "sh -c 'printf %%%us; " SAY_IT "'", spaces + more);
        make(fixture, command);
        assert_int_equal(source_refresh(fixture), more == 0 ? LE_OK : LE_ERR_TOO_LARGE);
        source_close(fixture);
    }
}

/* ---- processes that go on ---- */

/* A named pipe that every process of a script holds open for writing: when its end is read, none of
 * them is left, or the script was ended before it began. */
static int open_watch(void)
{
    assert_int_equal(mkfifo(path_of("watch"), 0600), 0);
    int fd = open(path_of("watch"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void close_watch(int fd)
{
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path_of("watch")), 0);
}

static void wait_for_writers_end(int fd)
{
    char text[64];
    struct pollfd end = {.fd = fd, .events = POLLIN};
    for (;;) {
        ssize_t len = read(fd, text, sizeof text);
        if (len == 0)
            return;
        if (len < 0) {
            assert_int_equal(errno, EAGAIN); /* there are some, and they are silent */
            assert_int_equal(poll(&end, 1, PATIENCE_MS), 1);
        }
    }
}

/* Neither SIGTERM nor the end of its parent ends any of the two. */
static const char *stubborn_script(void)
{
    static char text[256];
    snprintf(text, sizeof text,
             "#!/bin/sh\nexec 9>%s\ntrap '' TERM\nsleep 1000 &\necho up >&9\nwait\nsleep 1000\n",
             path_of("watch"));
    return text;
}

static void test_a_process_that_does_not_end_is_ended(void **state)
{
    struct source_fixture *fixture = *state;
    int watch = open_watch();
    write_script("helper", 0700, stubborn_script());
    /* Its time may be over before it has opened the pipe; that has ended it as well. */
    assert_int_equal(make_for(fixture, path_of("helper"), 200), LE_OK);
    assert_int_equal(source_refresh(fixture), LE_ERR_TIMEOUT);
    source_check_failure(fixture, SETTING, "profile work did not end");
    check_no_child();
    wait_for_writers_end(watch);
    source_close(fixture);
    close_watch(watch);
}

static void test_one_that_has_said_all_is_waited_for(void **state)
{
    struct source_fixture *fixture = *state;
    assert_int_equal(make_for(fixture, "sh -c '" SAY_IT "; exec >&-; exec sleep 1000'", 200),
                     LE_OK);
    assert_int_equal(source_refresh(fixture), LE_ERR_TIMEOUT);
    source_check_none(fixture);
    source_close(fixture);
}

static void test_what_it_leaves_behind_is_not(void **state)
{
    struct source_fixture *fixture = *state;
    char command[256], pid[16] = "";
    snprintf(command, sizeof command, "sh -c 'sleep 1000 & echo $! >%s; " SAY_IT "'",
             path_of("pid"));
    make(fixture, command);
    assert_int_equal(source_refresh(fixture), LE_OK);
    source_check(fixture);
    source_close(fixture);
    FILE *file = fopen(path_of("pid"), "r");
    assert_non_null(file);
    assert_non_null(fgets(pid, sizeof pid, file));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(kill((pid_t)strtol(pid, NULL, 10), SIGKILL), 0);
}

static void test_it_can_be_ended_at_any_time(void **state)
{
    struct source_fixture *fixture = *state;
    int watch = open_watch();
    char text[8];
    write_script("helper", 0700, stubborn_script());
    make(fixture, path_of("helper"));
    assert_int_equal(source_begin(fixture), LE_OK);
    source_close(fixture);
    check_no_child();
    make(fixture, path_of("helper"));
    assert_int_equal(source_begin(fixture), LE_OK);
    while (read(watch, text, sizeof text) <= 0)
        (void)uv_run(&fixture->loop, UV_RUN_NOWAIT);
    source_close(fixture);
    check_no_child();
    wait_for_writers_end(watch);
    /* And while its time is over already. */
    assert_int_equal(make_for(fixture, path_of("helper"), 1), LE_OK);
    assert_int_equal(source_begin(fixture), LE_OK);
    for (uint64_t until = uv_now(&fixture->loop) + 10; uv_now(&fixture->loop) < until;)
        (void)uv_run(&fixture->loop, UV_RUN_ONCE);
    source_close(fixture);
    check_no_child();
    close_watch(watch);
}

/* ---- parameters ---- */

static void test_other_commands_are_refused(void **state)
{
    static const struct {
        const char *command;
        const char *words;
    } wrong[] = {
        {"", "names no program"},
        {" \t", "names no program"},
        {"sh -c 'psst", "not closed"},
        {"sh psst\\", "behind its last backslash"},
    };
    struct source_fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        const struct le_process_params params = {.command = le_span_of(wrong[i].command),
                                                 .profile = LE_SPAN_LIT("work")};
        struct le_setting_fault fault = {NULL, NULL};
        assert_int_equal(le_credentials_process(&fixture->world, &params, &fixture->source, &fault),
                         LE_ERR_CONFIG);
        assert_null(fixture->source);
        assert_string_equal(fault.setting, SETTING);
        assert_non_null(strstr(fault.words, wrong[i].words));
    }
}

static enum le_err make_good(struct source_fixture *fixture)
{
    return make_for(fixture, "sh -c '" SAY_IT "'", 0);
}

static void test_every_allocation_may_fail(void **state)
{
    static const struct script_answer unused[] = {{.status = 500}};
    source_torture(*state, unused, 1, make_good);
}

static int setup(void **state)
{
    return mkdtemp(folder) != NULL ? source_setup(state) : -1;
}

static int teardown(void **state)
{
    (void)unlink(path_of("helper"));
    (void)unlink(path_of("pid"));
    return rmdir(folder) == 0 ? source_teardown(state) : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_credentials_that_come_expired),
        cmocka_unit_test(test_credentials_that_never_expire),
        cmocka_unit_test(test_it_is_run_at_each_refresh),
        cmocka_unit_test(test_what_the_process_is_given),
        cmocka_unit_test(test_answers_that_are_none),
        cmocka_unit_test(test_a_large_answer),
        cmocka_unit_test(test_a_process_that_does_not_end_is_ended),
        cmocka_unit_test(test_one_that_has_said_all_is_waited_for),
        cmocka_unit_test(test_what_it_leaves_behind_is_not),
        cmocka_unit_test(test_it_can_be_ended_at_any_time),
        cmocka_unit_test(test_other_commands_are_refused),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
