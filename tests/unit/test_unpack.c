/* Text out of files that are packed, or not, or badly. */
#include "producers/sources/unpack.h"

#include "cmocka_all.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#define MOST 400000

struct fixture {
    int fd;
    struct ferry_unpack *unpack;
    struct ferry_error error;
    char text[MOST];
    size_t length;
};

static void put(struct fixture *fixture, const void *data, size_t length)
{
    assert_int_equal(write(fixture->fd, data, length), (ssize_t)length);
}

static void put_packed(struct fixture *fixture, const char *text, size_t length)
{
    unsigned char packed[4096];
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)text, .avail_in = (uInt)length};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
    int code = Z_OK;
    while (code == Z_OK) {
        stream.next_out = packed;
        stream.avail_out = sizeof packed;
        code = deflate(&stream, Z_FINISH);
        put(fixture, packed, sizeof packed - stream.avail_out);
    }
    assert_int_equal(code, Z_STREAM_END);
    deflateEnd(&stream);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->fd = memfd_create("packed", MFD_CLOEXEC);
    assert_true(fixture->fd >= 0);
    assert_int_equal(ferry_unpack_new(fixture->fd, &fixture->unpack, &fixture->error), FERRY_OK);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ferry_unpack_free(fixture->unpack);
    close(fixture->fd);
    free(fixture);
    return 0;
}

/* To the end, in pieces, or to what stops it. */
static enum ferry_status read_all(struct fixture *fixture, size_t piece)
{
    fixture->length = 0;
    for (;;) {
        size_t length = 0;
        enum ferry_status status = ferry_unpack_read(
            fixture->unpack, fixture->text + fixture->length, piece, &length, &fixture->error);
        if (status != FERRY_OK || length == 0)
            return status;
        fixture->length += length;
    }
}

static void assert_text(const struct fixture *fixture, const char *expected)
{
    assert_int_equal(fixture->length, strlen(expected));
    assert_memory_equal(fixture->text, expected, fixture->length);
}

static void what_is_not_packed_is_given_as_it_is(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, "a,b\n1,2\n", 8);
    assert_int_equal(read_all(fixture, 3), FERRY_OK);
    assert_text(fixture, "a,b\n1,2\n");
    assert_int_equal(ferry_unpack_seek(fixture->unpack, 4, &fixture->error), FERRY_OK);
    assert_int_equal(read_all(fixture, 3), FERRY_OK);
    assert_text(fixture, "1,2\n");
}

static void an_empty_file_is_an_empty_text(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(read_all(fixture, 3), FERRY_OK);
    assert_text(fixture, "");
}

static void members_follow_each_other_and_zeros_may_fill_up(void **state)
{
    static const char zeros[300000];
    struct fixture *fixture = *state;
    put_packed(fixture, "a,b\n", 4);
    put_packed(fixture, "", 0);
    put_packed(fixture, "1,2\n", 4);
    put(fixture, zeros, sizeof zeros);
    assert_int_equal(read_all(fixture, 3), FERRY_OK);
    assert_text(fixture, "a,b\n1,2\n");
    assert_int_equal(ferry_unpack_seek(fixture->unpack, 6, &fixture->error), FERRY_OK);
    assert_int_equal(read_all(fixture, 100), FERRY_OK);
    assert_text(fixture, "2\n");
}

static void what_stands_behind_an_archive_is_no_secret(void **state)
{
    static const char *const tails[] = {"x", "1,2\n", "\0\0x", "\x1f"};
    static const size_t lengths[] = {1, 4, 3, 1};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        assert_int_equal(ftruncate(fixture->fd, 0), 0);
        assert_int_equal(lseek(fixture->fd, 0, SEEK_SET), 0);
        put_packed(fixture, "a,b\n", 4);
        put(fixture, tails[i], lengths[i]);
        assert_int_equal(ferry_unpack_seek(fixture->unpack, 0, &fixture->error), FERRY_OK);
        assert_int_equal(read_all(fixture, 100), FERRY_INVALID);
        assert_text(fixture, "a,b\n");
        assert_non_null(strstr(fixture->error.message, "behind the end of the archive"));
    }
}

static void a_torn_or_damaged_archive_gives_what_it_has_and_then_says_so(void **state)
{
    struct fixture *fixture = *state;
    char *text = malloc(MOST);
    unsigned seed = 1;
    for (size_t i = 0; i < MOST; i++) {
        seed = seed * 1103515245U + 12345U;
        text[i] = (char)('a' + (seed >> 16) % 16);
    }
    put_packed(fixture, text, MOST);
    off_t size = lseek(fixture->fd, 0, SEEK_END);
    assert_true(size > 150000);
    assert_int_equal(ftruncate(fixture->fd, size - 20), 0);
    assert_int_equal(read_all(fixture, 1000), FERRY_INVALID);
    assert_true(fixture->length > MOST - 1000 && fixture->length < MOST);
    assert_memory_equal(fixture->text, text, fixture->length);
    assert_string_equal(fixture->error.message, "it ends in the middle");
    assert_int_equal(pwrite(fixture->fd, "????????????????", 16, 140000), 16);
    assert_int_equal(ferry_unpack_seek(fixture->unpack, 0, &fixture->error), FERRY_OK);
    assert_int_equal(read_all(fixture, 1000), FERRY_INVALID);
    free(text);
}

static void a_disk_that_cannot_be_read_is_no_fault_of_the_file(void **state)
{
    struct ferry_unpack *unpack = NULL;
    struct ferry_error error;
    char text[8];
    size_t length = 0;
    int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)state;
    assert_int_equal(ferry_unpack_new(folder, &unpack, &error), FERRY_OK);
    assert_int_equal(ferry_unpack_read(unpack, text, sizeof text, &length, &error), FERRY_RETRY);
    ferry_unpack_free(unpack);
    close(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_not_packed_is_given_as_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_file_is_an_empty_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(members_follow_each_other_and_zeros_may_fill_up, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_stands_behind_an_archive_is_no_secret, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_torn_or_damaged_archive_gives_what_it_has_and_then_says_so, set_up, tear_down),
        cmocka_unit_test(a_disk_that_cannot_be_read_is_no_fault_of_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
