#include "producers/sweep.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct ferry_sweep_set *set, const char *id, bool gone)
{
    assert_int_equal(ferry_sweep_set_put(set, id, strlen(id), gone), FERRY_OK);
}

static void finds_the_ids_whose_last_record_says_gone(void **state)
{
    (void)state;
    struct ferry_sweep_set *set = ferry_sweep_set_new(0, 100);
    put(set, "a", true);
    put(set, "b", true);
    put(set, "b", false); /* the new read has it */
    put(set, "c", false);
    put(set, "c", true);
    put(set, "a", true); /* twice is once */
    char found[3] = "";
    const char *id;
    while ((id = ferry_sweep_set_pop(set)))
        strncat(found, id, sizeof found - strlen(found) - 1);
    assert_true(strcmp(found, "ac") == 0 || strcmp(found, "ca") == 0);
    assert_int_equal(ferry_sweep_set_next(set), FERRY_SWEEP_END);
    ferry_sweep_set_free(set);
}

/* Ids 0 to count-1 all came with an old read; those that 7 divides were repeated by the new one. */
static int one_pass(int64_t *from, size_t limit, int count, bool *found)
{
    struct ferry_sweep_set *set = ferry_sweep_set_new(*from, limit);
    char id[24];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < count; i++) {
            snprintf(id, sizeof id, "id-%d", i);
            if (round == 0 || i % 7 == 0)
                put(set, id, round == 0);
        }
    }
    int popped = 0;
    const char *next;
    while ((next = ferry_sweep_set_pop(set))) {
        int i = atoi(next + 3);
        assert_false(found[i]);
        found[i] = true;
        popped++;
    }
    *from = ferry_sweep_set_next(set);
    ferry_sweep_set_free(set);
    return popped;
}

static void passes_of_bounded_memory_find_each_id_once(void **state)
{
    (void)state;
    enum { COUNT = 5000, LIMIT = 300 };
    static bool found[COUNT];
    int passes = 0;
    int64_t from = 0;
    while (from < FERRY_SWEEP_END) {
        int64_t before = from;
        assert_in_range(one_pass(&from, LIMIT, COUNT, found), 0, LIMIT);
        assert_true(from > before);
        passes++;
    }
    assert_in_range(passes, COUNT / LIMIT, 200);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(found[i], i % 7 != 0);
}

static void says_what_it_covers(void **state)
{
    (void)state;
    struct ferry_sweep_set *all = ferry_sweep_set_new(0, 1);
    struct ferry_sweep_set *none = ferry_sweep_set_new(FERRY_SWEEP_END, 1);
    assert_true(ferry_sweep_set_covers(all, "x", 1));
    assert_false(ferry_sweep_set_covers(none, "x", 1));
    assert_int_equal(ferry_sweep_set_put(none, "x", 1, true), FERRY_OK);
    assert_null(ferry_sweep_set_pop(none));
    ferry_sweep_set_free(all);
    ferry_sweep_set_free(none);
    ferry_sweep_set_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_ids_whose_last_record_says_gone),
        cmocka_unit_test(passes_of_bounded_memory_find_each_id_once),
        cmocka_unit_test(says_what_it_covers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
