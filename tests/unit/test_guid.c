#include "cmocka_all.h"

#include "core/record/guid.h"

#include <string.h>

#define DNS "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

static const unsigned char dns[] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                    0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
static const unsigned char events[] = {0x8f, 0x9f, 0x4f, 0x4e, 0x3f, 0x0d, 0x5b, 0x0c,
                                       0x9a, 0x51, 0x6f, 0x0f, 0x3a, 0x0c, 0x8a, 0x57};

static void expect(const unsigned char *space, const char *name, const char *wanted)
{
    char guid[FERRY_GUID_SIZE];
    ferry_guid_of_name(space, name, strlen(name), guid);
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

static void only_so_many_bytes_count(void **state)
{
    (void)state;
    char guid[FERRY_GUID_SIZE];
    ferry_guid_of_name(dns, "www.example.com/more", 15, guid);
    assert_string_equal(guid, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

static void a_guid_is_told_from_what_is_none(void **state)
{
    (void)state;
    assert_true(ferry_guid_valid(DNS, 36));
    assert_true(ferry_guid_valid("6BA7B810-9DAD-11D1-80B4-00C04FD430C8", 36));
    assert_false(ferry_guid_valid(DNS, 35));
    assert_false(ferry_guid_valid("6ba7b8109dad-11d1-80b4-00c04fd430c8-", 36));
    assert_false(ferry_guid_valid("6ba7b810-9dad-11d1-80b4-00c04fd430cg", 36));
    assert_false(ferry_guid_valid("6ba7b810-9dad-11d1-80b4-00c04fd430\0)", 36));
    assert_false(ferry_guid_valid("", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_gives_the_guid_that_everybody_derives_from_it),
        cmocka_unit_test(only_so_many_bytes_count),
        cmocka_unit_test(a_guid_is_told_from_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
