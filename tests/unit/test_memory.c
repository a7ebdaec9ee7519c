#include "consumers/memory.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GUID "5f1c0b8e-8a3d-ec11-8c62-000d3a1b2c3d"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/ferry-memory-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const files[] = {"memory.mdb", "boot", "lock"};
    char path[128];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static struct ferry_memory *open_memory(void)
{
    struct ferry_memory *memory = NULL;
    struct ferry_error error;
    assert_int_equal(ferry_memory_new(folder, &memory, &error), FERRY_OK);
    return memory;
}

static uint64_t stamp = 7; /* of every commit */

static struct ferry_memory_mark at(int64_t committed)
{
    return (struct ferry_memory_mark){committed, stamp};
}

static struct ferry_memory_part *open_part(struct ferry_memory *memory, int64_t committed,
                                           bool expect_valid)
{
    struct ferry_memory_part *part = NULL;
    bool valid = !expect_valid;
    struct ferry_error error;
    assert_int_equal(ferry_memory_open(memory, "contact", 3, at(committed), &part, &valid, &error),
                     FERRY_OK);
    assert_int_equal(valid, expect_valid);
    return part;
}

static void put(struct ferry_memory_part *part, const char *key, enum ferry_written_state state,
                int64_t version)
{
    struct ferry_error error;
    struct ferry_memory_record record = {
        .state = state, .version = version, .read_number = 2, .hash = UINT64_MAX};
    assert_int_equal(ferry_memory_put(part, key, strlen(key), &record, &error), FERRY_OK);
}

static int64_t version_of(struct ferry_memory_part *part, const char *key)
{
    struct ferry_error error;
    struct ferry_memory_record record = {.version = -1};
    bool found = false;
    assert_int_equal(ferry_memory_get(part, key, strlen(key), &record, &found, &error), FERRY_OK);
    return found ? record.version : -1;
}

static void mark(struct ferry_memory_part *part, int64_t committed)
{
    struct ferry_error error;
    assert_int_equal(ferry_memory_mark(part, at(committed), &error), FERRY_OK);
}

static void what_was_put_is_found_at_once(void **state)
{
    (void)state;
    struct ferry_memory *memory = open_memory();
    struct ferry_memory_part *part = open_part(memory, 0, false);
    assert_int_equal(version_of(part, GUID), -1);
    put(part, GUID, FERRY_WRITTEN_WRITTEN, 7);
    put(part, "not a guid", FERRY_WRITTEN_REJECTED, 8);
    assert_int_equal(version_of(part, GUID), 7);
    assert_int_equal(version_of(part, "not a guid"), 8);
    struct ferry_memory_record record;
    bool found;
    struct ferry_error error;
    assert_int_equal(ferry_memory_get(part, GUID, strlen(GUID), &record, &found, &error), FERRY_OK);
    assert_true(record.hash == UINT64_MAX);
    assert_int_equal(record.read_number, 2);
    ferry_memory_close(part);
    ferry_memory_free(memory);
}

static void what_is_absent_takes_no_room(void **state)
{
    (void)state;
    struct ferry_memory *memory = open_memory();
    struct ferry_memory_part *part = open_part(memory, 0, false);
    put(part, GUID, FERRY_WRITTEN_WRITTEN, 7);
    put(part, GUID, FERRY_WRITTEN_ABSENT, 0);
    assert_int_equal(version_of(part, GUID), -1);
    put(part, GUID, FERRY_WRITTEN_FILTERED, 9);
    assert_int_equal(version_of(part, GUID), -1);
    ferry_memory_close(part);
    ferry_memory_free(memory);
}

static void a_copy_is_valid_only_where_it_was_left(void **state)
{
    (void)state;
    struct ferry_memory *memory = open_memory();
    struct ferry_memory_part *part = open_part(memory, 0, false);
    put(part, GUID, FERRY_WRITTEN_WRITTEN, 7);
    mark(part, 42);
    ferry_memory_close(part);
    ferry_memory_free(memory);

    memory = open_memory();
    part = open_part(memory, 42, true);
    assert_int_equal(version_of(part, GUID), 7);
    ferry_memory_close(part);
    part = open_part(memory, 43, false);
    assert_int_equal(version_of(part, GUID), -1);
    ferry_memory_close(part);
    part = open_part(memory, 42, false); /* it was emptied: the old mark went with the content */
    ferry_memory_close(part);
    ferry_memory_free(memory);
}

static void a_copy_is_not_valid_when_another_commit_left_the_offset_where_it_was(void **state)
{
    (void)state;
    struct ferry_memory *memory = open_memory();
    struct ferry_memory_part *part = open_part(memory, 0, false);
    put(part, GUID, FERRY_WRITTEN_WRITTEN, 7);
    mark(part, 42);
    ferry_memory_close(part);
    stamp = 8;
    part = open_part(memory, 42, false);
    assert_int_equal(version_of(part, GUID), -1);
    stamp = 0; /* told by nobody */
    mark(part, 42);
    ferry_memory_close(part);
    ferry_memory_close(open_part(memory, 42, false));
    stamp = 7;
    ferry_memory_free(memory);
}

static void a_file_from_before_a_boot_is_thrown_away(void **state)
{
    (void)state;
    struct ferry_memory *memory = open_memory();
    struct ferry_memory_part *part = open_part(memory, 0, false);
    mark(part, 42);
    ferry_memory_close(part);
    ferry_memory_free(memory);
    char path[128];
    snprintf(path, sizeof path, "%s/boot", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("1 another boot\n", file);
    fclose(file);
    memory = open_memory();
    ferry_memory_close(open_part(memory, 42, false));
    ferry_memory_free(memory);
}

static void a_folder_in_use_is_refused_by_name(void **state)
{
    (void)state;
    struct ferry_memory *first = open_memory();
    struct ferry_memory *second = NULL;
    struct ferry_error error;
    assert_int_equal(ferry_memory_new(folder, &second, &error), FERRY_INVALID);
    assert_non_null(strstr(error.message, folder));
    assert_null(second);
    ferry_memory_free(first);
}

static void it_grows_beyond_its_first_size(void **state)
{
    (void)state;
    struct ferry_memory *memory = open_memory();
    struct ferry_memory_part *part = open_part(memory, 0, false);
    char key[64];
    for (unsigned i = 0; i < 300000; i++) {
        snprintf(key, sizeof key, "%08x-0000-0000-0000-%012x", i * 2654435761u, i);
        put(part, key, FERRY_WRITTEN_WRITTEN, i);
    }
    snprintf(key, sizeof key, "%08x-0000-0000-0000-%012x", 123456 * 2654435761u, 123456);
    assert_int_equal(version_of(part, key), 123456);
    ferry_memory_close(part);
    ferry_memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_put_is_found_at_once, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_is_absent_takes_no_room, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_copy_is_valid_only_where_it_was_left, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(
            a_copy_is_not_valid_when_another_commit_left_the_offset_where_it_was, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(a_file_from_before_a_boot_is_thrown_away, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_folder_in_use_is_refused_by_name, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(it_grows_beyond_its_first_size, make_folder, remove_folder),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
