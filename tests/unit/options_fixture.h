/* An option table of its own, and what the program would find in its arguments, its environment and
 * its files. */
#ifndef LE_TESTS_OPTIONS_FIXTURE_H
#define LE_TESTS_OPTIONS_FIXTURE_H

#include "loginetl/base/options.h"
#include "loginetl/base/shown.h"

enum { NAME, LIMIT, SIZE, WHEN, DRAIN, URL, KEYS, HELP, PASSWORD, COUNT };

extern const struct le_option table[COUNT];

struct fixture {
    struct le_options options;
    const char *environment[8]; /* name, value, … */
    const char *file_path, *file_text;
    char argument[3][16384]; /* they may be written to, as main's may */
    char *argv[8];
    int words;
};

int setup(void **state);
int teardown(void **state);
enum le_err arguments(struct fixture *fixture, const char *a, const char *b, const char *c);
enum le_err environment(struct fixture *fixture);
enum le_err config(struct fixture *fixture, const char *text);

#define assert_ok(expression) assert_int_equal(LE_OK, (expression))
#define assert_refused(fixture, expression, message)              \
    do {                                                          \
        assert_int_equal(LE_ERR_CONFIG, (expression));            \
        assert_string_equal((fixture)->options.error, (message)); \
    } while (0)

#define test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

#endif
