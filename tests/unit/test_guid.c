#include "cmocka_all.h"

#include "core/record/guid.h"

#include <string.h>
#include <uuid/uuid.h>

#define DNS "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

static const unsigned char dns[] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                    0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
static const unsigned char events[] = {0x8f, 0x9f, 0x4f, 0x4e, 0x3f, 0x0d, 0x5b, 0x0c,
                                       0x9a, 0x51, 0x6f, 0x0f, 0x3a, 0x0c, 0x8a, 0x57};

static void expect(const unsigned char *space, const char *name, const char *wanted)
{
    char guid[FERRY_GUID_SIZE];
    const struct ferry_slice whole = {name, strlen(name)};
    ferry_guid_of_name(space, &whole, 1, guid);
    assert_string_equal(guid, wanted);
}

/* The first is of RFC 9562, the others were made by Python's uuid.uuid5. */
static void a_name_gives_the_guid_that_everybody_derives_from_it(void **state)
{
    (void)state;
    expect(dns, "www.example.com", "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    expect(events, "/send:1", "22dd6803-fe58-5fa6-a668-f2a6443241cb");
    expect(events, "acme-prod/click:98765", "dd2d65ce-d76e-51bf-a1e0-2984c7012677");
    expect(dns, "", "4ebd0208-8328-5d69-8c44-ec50939c0967");
}

static void only_the_bytes_of_the_pieces_count(void **state)
{
    (void)state;
    char guid[FERRY_GUID_SIZE];
    const struct ferry_slice pieces[] = {{"www.more", 4}, {"", 0}, {"example.com/more", 11}};
    ferry_guid_of_name(dns, pieces, 3, guid);
    assert_string_equal(guid, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

/* Each length up to beyond two blocks of SHA-1, against libuuid. */
static void it_is_the_guid_of_libuuid_for_names_of_any_length(void **state)
{
    (void)state;
    char name[150];
    for (size_t length = 0; length < sizeof name; length++) {
        char guid[FERRY_GUID_SIZE];
        char wanted[FERRY_GUID_SIZE];
        uuid_t bytes;
        const struct ferry_slice pieces[] = {{name, length / 3},
                                             {name + length / 3, length - length / 3}};
        uuid_generate_sha1(bytes, events, name, length);
        uuid_unparse_lower(bytes, wanted);
        ferry_guid_of_name(events, pieces, 2, guid);
        assert_string_equal(guid, wanted);
        name[length] = (char)('!' + length);
    }
}

static void a_guid_is_told_from_what_is_none(void **state)
{
    (void)state;
    assert_true(ferry_guid_valid(DNS, 36));
    assert_true(ferry_guid_valid("6BA7B810-9DAD-11D1-80B4-00C04FD430C8", 36));
    assert_true(ferry_guid_valid("09afAF10-9dad-11d1-80b4-00c04fd430c8", 36));
    assert_false(ferry_guid_valid(DNS, 35));
    assert_false(ferry_guid_valid("6ba7b810-9dad-11d1-80b4-00c04fd430c8 ", 37));
    assert_false(ferry_guid_valid("6ba7b8109dad-11d1-80b4-00c04fd430c8-", 36));
    assert_false(ferry_guid_valid("6ba7b810-9dad-11d1-80b4-00c04fd430cg", 36));
    assert_false(ferry_guid_valid("6ba7b810-9dad-11d1-80b4-00c04fd430\0)", 36));
    assert_false(ferry_guid_valid("", 0));
}

static void capitals_become_small_and_nothing_else_changes(void **state)
{
    (void)state;
    char guid[] = "09AFaf10-9DAD-11d1-80B4-00C04FD430C8.";
    ferry_guid_lower(guid, guid);
    assert_string_equal(guid, "09afaf10-9dad-11d1-80b4-00c04fd430c8.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_gives_the_guid_that_everybody_derives_from_it),
        cmocka_unit_test(only_the_bytes_of_the_pieces_count),
        cmocka_unit_test(it_is_the_guid_of_libuuid_for_names_of_any_length),
        cmocka_unit_test(a_guid_is_told_from_what_is_none),
        cmocka_unit_test(capitals_become_small_and_nothing_else_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
