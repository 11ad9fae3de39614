#include "loginetl/base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

struct item {
    int number;
    struct le_node node;
};

static int number_of(const struct le_node *node)
{
    return le_container_of(node, const struct item, node)->number;
}

static void assert_numbers(const struct le_list *list, const char *expected)
{
    size_t count = 0;
    for (struct le_node *node = le_list_first(list); node != NULL;
         node = le_list_next(list, node)) {
        assert_int_equal(number_of(node), expected[count] - '0');
        count++;
    }
    assert_int_equal(expected[count], '\0');
    assert_int_equal(list->count, count);
}

static void test_order(void **state)
{
    (void)state;
    struct item items[6];
    struct le_list list;
    le_list_init(&list);
    assert_null(le_list_first(&list));
    assert_null(le_list_pop(&list));
    for (int i = 0; i < 6; i++)
        items[i] = (struct item){.number = i};
    le_list_push(&list, &items[1].node);
    assert_numbers(&list, "1");
    le_list_push(&list, &items[3].node);
    le_list_push_front(&list, &items[0].node);
    assert_numbers(&list, "013");
    le_list_insert_before(&list, &items[3].node, &items[2].node);
    le_list_insert_before(&list, &list.head, &items[4].node);
    assert_numbers(&list, "01234");
    assert_false(le_node_linked(&items[5].node));
    assert_true(le_node_linked(&items[4].node));
}

static void test_removing(void **state)
{
    (void)state;
    struct item items[4];
    struct le_list list, other;
    le_list_init(&list);
    le_list_init(&other);
    for (int i = 0; i < 4; i++) {
        items[i] = (struct item){.number = i};
        le_list_push(&list, &items[i].node);
    }
    le_list_remove(&list, &items[1].node);
    assert_numbers(&list, "023");
    assert_false(le_node_linked(&items[1].node));
    le_list_push(&other, &items[1].node);
    le_list_remove(&list, &items[3].node);
    le_list_remove(&list, &items[0].node);
    assert_numbers(&list, "2");
    assert_ptr_equal(le_list_pop(&list), &items[2].node);
    assert_numbers(&list, "");
    assert_numbers(&other, "1");
}

static void aborts(void (*misuse)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        (void)close(STDERR_FILENO);
        misuse();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void put_in_two_lists(void)
{
    struct le_list a, b;
    struct item item = {.number = 1};
    le_list_init(&a);
    le_list_init(&b);
    le_list_push(&a, &item.node);
    le_list_push(&b, &item.node);
}

static void take_out_of_none(void)
{
    struct le_list list;
    struct item item = {.number = 1};
    le_list_init(&list);
    le_list_remove(&list, &item.node);
}

static void test_misuse_stops_the_program(void **state)
{
    (void)state;
    aborts(put_in_two_lists);
    aborts(take_out_of_none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_removing),
        cmocka_unit_test(test_misuse_stops_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
