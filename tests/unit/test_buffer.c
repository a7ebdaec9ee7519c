#include "core/base/buffer.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append_keeps_the_content_terminated(void **state)
{
    (void)state;
    struct ferry_buffer buffer;
    ferry_buffer_init(&buffer, 1000);
    assert_int_equal(ferry_buffer_append(&buffer, "ab", 2), FERRY_OK);
    assert_int_equal(ferry_buffer_append_text(&buffer, "cd"), FERRY_OK);
    assert_int_equal(ferry_buffer_printf(&buffer, "%d", 42), FERRY_OK);
    assert_string_equal(buffer.data, "abcd42");
    assert_int_equal(buffer.length, 6);
    ferry_buffer_done(&buffer);
    assert_null(buffer.data);
}

static void append_beyond_the_ceiling_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    struct ferry_buffer buffer;
    ferry_buffer_init(&buffer, 4);
    assert_int_equal(ferry_buffer_append(&buffer, "abc", 3), FERRY_OK);
    assert_int_equal(ferry_buffer_append(&buffer, "de", 2), FERRY_FULL);
    assert_string_equal(buffer.data, "abc");
    assert_int_equal(ferry_buffer_append(&buffer, "d", 1), FERRY_OK);
    assert_int_equal(ferry_buffer_append(&buffer, "e", 1), FERRY_FULL);
    ferry_buffer_done(&buffer);
}

static void printing_grows_the_room_as_far_as_the_ceiling_and_changes_nothing_beyond(void **state)
{
    (void)state;
    char wanted[128] = "a";
    struct ferry_buffer buffer;
    ferry_buffer_init(&buffer, 100);
    assert_int_equal(ferry_buffer_printf(&buffer, "%s", ""), FERRY_OK);
    assert_int_equal(ferry_buffer_printf(&buffer, "%c", 'a'), FERRY_OK);
    /* 63 are what it has now, 64 more than it has. */
    assert_int_equal(ferry_buffer_printf(&buffer, "%062d", 7), FERRY_OK);
    snprintf(wanted + 1, sizeof wanted - 1, "%062d", 7);
    assert_string_equal(buffer.data, wanted);
    assert_int_equal(ferry_buffer_printf(&buffer, "%038d", 8), FERRY_FULL);
    assert_string_equal(buffer.data, wanted);
    assert_int_equal(ferry_buffer_printf(&buffer, "%037d", 8), FERRY_OK);
    assert_int_equal(buffer.length, 100);
    assert_int_equal(ferry_buffer_printf(&buffer, "%d", 9), FERRY_FULL);
    assert_int_equal(strlen(buffer.data), 100);
    ferry_buffer_done(&buffer);
}

static void take_gives_the_memory_away(void **state)
{
    (void)state;
    struct ferry_buffer buffer;
    ferry_buffer_init(&buffer, 100);
    assert_int_equal(ferry_buffer_append_text(&buffer, "mine"), FERRY_OK);
    char *mine = ferry_buffer_take(&buffer);
    assert_string_equal(mine, "mine");
    assert_int_equal(buffer.length, 0);
    free(mine);
    ferry_buffer_done(&buffer);
}

static void clear_keeps_the_memory(void **state)
{
    (void)state;
    struct ferry_buffer buffer;
    ferry_buffer_init(&buffer, 100);
    assert_int_equal(ferry_buffer_append_text(&buffer, "text"), FERRY_OK);
    const char *before = buffer.data;
    ferry_buffer_clear(&buffer);
    assert_int_equal(ferry_buffer_append_text(&buffer, "next"), FERRY_OK);
    assert_ptr_equal(buffer.data, before);
    assert_string_equal(buffer.data, "next");
    ferry_buffer_done(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(append_keeps_the_content_terminated),
        cmocka_unit_test(append_beyond_the_ceiling_is_refused_and_changes_nothing),
        cmocka_unit_test(printing_grows_the_room_as_far_as_the_ceiling_and_changes_nothing_beyond),
        cmocka_unit_test(take_gives_the_memory_away),
        cmocka_unit_test(clear_keeps_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
