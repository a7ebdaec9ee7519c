#include "producers/profilepage.h"

#include "cmocka_all.h"

#include "tests/unit/consents.h"

#include <stdlib.h>
#include <string.h>

#define ID   "5f1c0b8e-8a3d-ec11-8c62-000d3a1b2c3d"
#define TIME 1780000000123 /* 2026-05-28 20:26:40.123Z */

static int setup(void **state)
{
    *state = consent_of("both", FERRY_TEST_PAIR);
    return 0;
}

static int teardown(void **state)
{
    ferry_consent_free(*state);
    return 0;
}

static struct ferry_profilepage parse(const struct ferry_consent *consent, const char *text)
{
    struct ferry_profilepage page;
    struct ferry_error error;
    if (ferry_profilepage_parse(consent, text, strlen(text), &page, &error) != FERRY_OK)
        fail_msg("%s: %s", text, error.message);
    return page;
}

/* Of the members of one row. */
static struct ferry_profile row_of(const struct ferry_consent *consent, const char *members)
{
    char text[2048];
    snprintf(text, sizeof text, "{\"content\":[{%s}],\"serverSidePagination\":true}", members);
    struct ferry_profilepage page = parse(consent, text);
    assert_int_equal(page.count, 1);
    struct ferry_profile row = page.rows[0];
    ferry_profilepage_done(&page);
    return row;
}

static void a_row_says_its_values_and_the_newest_of_its_mapped_times(void **state)
{
    struct ferry_profile row =
        row_of(*state, "\"PKey\":\"@x\",\"blackList\":true,"
                       "\"blackListEmail\":true,\"blackListEmailLastModified\":"
                       "\"2026-05-28 20:26:40.123Z\",\"blackListPushnotification\":false,"
                       "\"blackListPhoneLastModified\":\"2026-06-01 00:00:00.000Z\","
                       "\"externalId\":\"5F1C0B8E-8A3D-EC11-8C62-000D3A1B2C3D\","
                       "\"lastModified\":\"2027-01-01 00:00:00.000Z\","
                       "\"location\":{\"blackListEmail\":false,\"externalId\":\"x\"}");
    assert_string_equal(row.contact, ID);
    assert_true(row.said.known[FERRY_DENY_LIST_EMAIL] && row.said.out[FERRY_DENY_LIST_EMAIL]);
    assert_true(row.said.known[FERRY_DENY_LIST_PUSH] && !row.said.out[FERRY_DENY_LIST_PUSH]);
    assert_false(row.said.known[FERRY_DENY_LIST]);
    assert_true(row.changed_at == TIME);
    assert_true(row.newest == 1780272000000); /* of what is not mapped, too */
    assert_false(row.bad_time);
}

static void a_time_that_is_none_leaves_the_row_without_one(void **state)
{
    static const char *const times[] = {"yesterday", "2026-05-28 20:26:40",
                                        "0000-00-00 00:00:00.000Z"};
    char members[256];
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        snprintf(members, sizeof members,
                 "\"externalId\":\"" ID
                 "\",\"blackListEmail\":true,\"blackListEmailLastModified\":\"%s\"",
                 times[i]);
        struct ferry_profile row = row_of(*state, members);
        assert_true(row.bad_time && row.changed_at == 0 && row.newest == 0);
        assert_true(row.said.out[FERRY_DENY_LIST_EMAIL]);
    }
}

static void an_attribute_that_was_never_changed_has_no_time_and_no_fault(void **state)
{
    struct ferry_profile row = row_of(
        *state, "\"externalId\":\"" ID
                "\",\"blackListEmail\":false,\"blackListEmailLastModified\":\"\"");
    assert_false(row.bad_time);
    assert_true(row.changed_at == 0 && row.newest == 0);
}

static void who_has_no_guid_has_no_contact(void **state)
{
    static const char *const keys[] = {"", "CRM-4711", ID "0", "5f1c0b8e8a3dec118c62000d3a1b2c3d"};
    char members[256];
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        snprintf(members, sizeof members, "\"PKey\":\"@a\",\"externalId\":\"%s\"", keys[i]);
        assert_string_equal(row_of(*state, members).contact, "");
    }
    assert_string_equal(row_of(*state, "\"PKey\":\"@a\"").contact, "");
}

static void rows_that_say_the_same_hash_alike_and_others_do_not(void **state)
{
    static const char usual[] = "\"externalId\":\"" ID
                                "\",\"blackListEmail\":true,\"blackListEmailLastModified\":"
                                "\"2026-05-28 20:26:40.123Z\",\"lastModified\":\"a\"";
    static const char *const others[] = {
        "\"externalId\":\"" ID "\",\"blackListEmail\":false,\"blackListEmailLastModified\":"
        "\"2026-05-28 20:26:40.123Z\"",
        "\"externalId\":\"" ID "\",\"blackListEmail\":true,\"blackListEmailLastModified\":"
        "\"2026-05-28 20:26:40.124Z\"",
        "\"externalId\":\"6f1c0b8e-8a3d-ec11-8c62-000d3a1b2c3d\",\"blackListEmail\":true,"
        "\"blackListEmailLastModified\":\"2026-05-28 20:26:40.123Z\"",
        "\"PKey\":\"@a\",\"blackListEmail\":true,\"blackListEmailLastModified\":"
        "\"2026-05-28 20:26:40.123Z\"",
        "\"PKey\":\"@b\",\"blackListEmail\":true,\"blackListEmailLastModified\":"
        "\"2026-05-28 20:26:40.123Z\"",
    };
    enum { COUNT = sizeof others / sizeof others[0] };
    uint64_t hashes[COUNT + 1];
    hashes[COUNT] = row_of(*state, usual).hash;
    assert_true(row_of(*state, "\"PKey\":\"@new\",\"externalId\":\"" ID
                               "\",\"blackListEmail\":true,\"blackListEmailLastModified\":"
                               "\"2026-05-28T20:26:40.123Z\",\"lastModified\":\"b\"")
                    .hash == hashes[COUNT]);
    for (size_t i = 0; i < COUNT; i++)
        hashes[i] = row_of(*state, others[i]).hash;
    for (size_t i = 0; i <= COUNT; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(hashes[i] != hashes[j]);
}

static void the_link_is_that_of_next_byte_for_byte(void **state)
{
    struct ferry_profilepage page = parse(
        *state, "{\"content\":[],\"count\":{\"href\":\"https://c/count\"},\"next\":{\"href\":"
                "\"https://c/x//by?a=%20b&_lineStart=@k\"},\"serverSidePagination\":true}");
    assert_int_equal(page.count, 0);
    assert_string_equal(page.next, "https://c/x//by?a=%20b&_lineStart=@k");
    ferry_profilepage_done(&page);
    page = parse(*state, "{\"content\":[],\"count\":{\"href\":\"https://c/count\"}}");
    assert_null(page.next);
    ferry_profilepage_done(&page);
}

static void bad_bytes_in_another_field_cost_nothing(void **state)
{
    struct ferry_profile row = row_of(*state, "\"firstName\":\"\xff\xfe\",\"lastName\":"
                                              "\"\\ud800\",\"externalId\":\"" ID "\"");
    assert_string_equal(row.contact, ID);
}

static void many_rows_are_all_there(void **state)
{
    struct ferry_buffer text;
    ferry_buffer_init(&text, 1 << 20);
    assert_int_equal(ferry_buffer_append_text(&text, "{\"content\":["), FERRY_OK);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(ferry_buffer_printf(&text, "%s{\"externalId\":\"%08x%s\"}", i ? "," : "",
                                             (unsigned)i, &ID[8]),
                         FERRY_OK);
    assert_int_equal(ferry_buffer_append_text(&text, "]}"), FERRY_OK);
    struct ferry_profilepage page = parse(*state, text.data);
    assert_int_equal(page.count, 1000);
    assert_memory_equal(page.rows[999].contact, "000003e7", 8);
    ferry_profilepage_done(&page);
    ferry_buffer_done(&text);
}

static void what_is_no_page_is_tried_again(void **state)
{
    static const char *const texts[] = {
        "", "<html>", "[]", "{}", "{\"content\":{}}", "{\"content\":[{\"externalId\":\"x\"}",
        "{\"x\":{\"content\":[]}}", "{\"content\":[]}}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ferry_profilepage page;
        struct ferry_error error;
        if (ferry_profilepage_parse(*state, texts[i], strlen(texts[i]), &page, &error) !=
            FERRY_RETRY)
            fail_msg("%s", texts[i]);
        assert_null(page.rows);
        assert_null(page.next);
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_row_says_its_values_and_the_newest_of_its_mapped_times),
        TEST(a_time_that_is_none_leaves_the_row_without_one),
        TEST(an_attribute_that_was_never_changed_has_no_time_and_no_fault),
        TEST(who_has_no_guid_has_no_contact),
        TEST(rows_that_say_the_same_hash_alike_and_others_do_not),
        TEST(the_link_is_that_of_next_byte_for_byte),
        TEST(bad_bytes_in_another_field_cost_nothing),
        TEST(many_rows_are_all_there),
        TEST(what_is_no_page_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
