#include "cmocka_all.h"

#include "core/record/guid.h"

#include <string.h>

#define DNS "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

static void expect(const char *space, const char *name, const char *wanted)
{
    char guid[FERRY_GUID_SIZE];
    assert_int_equal(ferry_guid_of_name(space, name, strlen(name), guid), FERRY_OK);
    assert_string_equal(guid, wanted);
}

/* The first is of RFC 9562, the others were made by Python's uuid.uuid5. */
static void a_name_gives_the_guid_that_everybody_derives_from_it(void **state)
{
    (void)state;
    expect(DNS, "www.example.com", "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    expect("8f9f4f4e-3f0d-5b0c-9a51-6f0f3a0c8a57", "/send:1",
           "22dd6803-fe58-5fa6-a668-f2a6443241cb");
    expect("8F9F4F4E-3F0D-5B0C-9A51-6F0F3A0C8A57", "acme-prod/click:98765",
           "dd2d65ce-d76e-51bf-a1e0-2984c7012677");
    expect(DNS, "", "4ebd0208-8328-5d69-8c44-ec50939c0967");
}

static void only_so_many_bytes_count(void **state)
{
    (void)state;
    char guid[FERRY_GUID_SIZE];
    assert_int_equal(ferry_guid_of_name(DNS, "www.example.com/more", 15, guid), FERRY_OK);
    assert_string_equal(guid, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

static void a_namespace_that_is_no_guid_is_refused(void **state)
{
    (void)state;
    char guid[FERRY_GUID_SIZE];
    assert_int_equal(ferry_guid_of_name("dns", "a", 1, guid), FERRY_INVALID);
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
        cmocka_unit_test(a_namespace_that_is_no_guid_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
