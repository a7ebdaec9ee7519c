/* Rows of exports of opt-outs: header, values, times, people. */
#include "producers/sources/optoutrow.h"

#include "cmocka_all.h"

#include <string.h>

#define SLICE(text) ((struct ferry_slice){(text), strlen(text)})
#define GUID        "5f1c0b8e-8a3d-ec11-8c62-000d3a1b2c3d"
#define COLUMNS     6

static const char order_text[] =
    "{\"direction\":\"both\",\"rule\":\"original\",\"clockToleranceMs\":60000,"
    "\"table\":\"contact\",\"entitySet\":\"contacts\",\"primaryId\":\"contactid\","
    "\"api\":\"profileAndServicesExt\",\"resource\":\"profile\",\"key\":\"externalId\","
    "\"attributes\":["
    "{\"name\":\"denyListEmail\",\"dynamics\":\"donotbulkemail\",\"campaign\":\"blackListEmail\"},"
    "{\"name\":\"denyListPhone\",\"dynamics\":\"donotphone\",\"campaign\":\"blackListPhone\"}],"
    "\"export\":{\"folder\":\"e\",\"files\":\"optout_*\",\"finished\":\"move\",\"processed\":\"p\","
    "\"delimiter\":\",\",\"quote\":\"\\\"\",\"encoding\":\"UTF-8\",\"timezone\":\"Europe/Paris\","
    "\"columns\":{}}}";

static const char *const deny[COLUMNS] = {"externalId",
                                          "denyListEmail",
                                          "denyListEmailLastModified",
                                          "denyListPhone",
                                          "denyListPhoneLastModified",
                                          "lastModified"};
static const char *const usual[COLUMNS] = {GUID, "1", "2026-11-21 05:58:31.667Z",
                                           "0",  "",  "2026-11-22 05:58:31.667Z"};

struct fixture {
    json_t *json;
    struct ferry_consent *consent;
    struct ferry_optoutrow optoutrow;
    struct ferry_slice fields[COLUMNS];
    struct ferry_optout_change change;
    enum ferry_skip skip;
    bool bad_time;
    struct ferry_error error;
};

static enum ferry_status head(struct fixture *fixture, const char *const titles[COLUMNS])
{
    struct ferry_slice slices[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++)
        slices[i] = SLICE(titles[i]);
    return ferry_optoutrow_head(&fixture->optoutrow, "optout_1.csv", slices, COLUMNS,
                                &fixture->error);
}

/* `columns`: JSON, of the configuration. */
static void begin(struct fixture *fixture, const char *columns)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->json = json_loads(order_text, 0, NULL);
    json_object_set_new(json_object_get(fixture->json, "export"), "columns",
                        json_loads(columns, 0, NULL));
    assert_int_equal(ferry_consent_new(fixture->json, &fixture->consent, &fixture->error),
                     FERRY_OK);
    assert_int_equal(ferry_optoutrow_init(&fixture->optoutrow, fixture->consent, &fixture->error),
                     FERRY_OK);
}

static void end(struct fixture *fixture)
{
    ferry_optoutrow_done(&fixture->optoutrow);
    ferry_consent_free(fixture->consent);
    json_decref(fixture->json);
}

/* The usual row with one field of it changed. */
static enum ferry_optout_verdict judge(struct fixture *fixture, int column, const char *value)
{
    for (int i = 0; i < COLUMNS; i++)
        fixture->fields[i] = SLICE(i == column ? value : usual[i]);
    const struct ferry_csv_row row = {
        .raw = SLICE("raw"), .line = 7, .fields = fixture->fields, .count = COLUMNS};
    return ferry_optoutrow_judge(&fixture->optoutrow, "optout_1.csv", &row, &fixture->change,
                                 &fixture->bad_time, &fixture->skip);
}

static void assert_slice(struct ferry_slice slice, const char *expected)
{
    assert_int_equal(slice.length, strlen(expected));
    assert_memory_equal(slice.data, expected, slice.length);
}

static void a_row_says_what_is_mapped_with_its_newest_time_and_its_place(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture, "{}");
    assert_int_equal(head(&fixture, deny), FERRY_OK);
    assert_int_equal(judge(&fixture, 0, "5F1C0B8E-8A3D-EC11-8C62-000D3A1B2C3D"), FERRY_OPTOUT_TOLD);
    assert_slice(fixture.change.contact, GUID);
    assert_slice(fixture.change.place, "optout_1.csv:7");
    assert_int_equal(fixture.change.side, FERRY_SIDE_CAMPAIGN);
    assert_int_equal(fixture.change.source, FERRY_OPTOUT_FILE);
    assert_true(fixture.change.changed_at == 1795240711667);
    assert_false(fixture.bad_time);
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++)
        assert_int_equal(fixture.change.said.known[i],
                         i == FERRY_DENY_LIST_EMAIL || i == FERRY_DENY_LIST_PHONE);
    assert_true(fixture.change.said.out[FERRY_DENY_LIST_EMAIL]);
    assert_false(fixture.change.said.out[FERRY_DENY_LIST_PHONE]);
    /* A time without a zone is that of the configuration. */
    assert_int_equal(judge(&fixture, 4, "2026-11-21 07:00:00"), FERRY_OPTOUT_TOLD);
    assert_true(fixture.change.changed_at == 1795240800000);
    end(&fixture);
}

static void booleans_come_as_codes_names_and_labels(void **state)
{
    static const struct {
        const char *text;
        bool known, out;
    } cases[] = {{"1", true, true},      {"0", true, false},  {"true", true, true},
                 {"FALSE", true, false}, {"Yes", true, true}, {"No", true, false},
                 {"", false, false}};
    struct fixture fixture;
    (void)state;
    begin(&fixture, "{}");
    assert_int_equal(head(&fixture, deny), FERRY_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(judge(&fixture, 3, cases[i].text), FERRY_OPTOUT_TOLD);
        assert_int_equal(fixture.change.said.known[FERRY_DENY_LIST_PHONE], cases[i].known);
        assert_int_equal(fixture.change.said.out[FERRY_DENY_LIST_PHONE], cases[i].out);
    }
    end(&fixture);
}

static void what_is_no_boolean_is_refused_with_file_line_and_column(void **state)
{
    static const char *const texts[] = {"2", "perhaps", "10", "-1", "truely", " 1"};
    struct fixture fixture;
    (void)state;
    begin(&fixture, "{}");
    assert_int_equal(head(&fixture, deny), FERRY_OK);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(judge(&fixture, 3, texts[i]), FERRY_OPTOUT_REFUSED);
        assert_string_equal(fixture.optoutrow.reason,
                            "In line 7 of optout_1.csv the column denyListPhone is neither true "
                            "nor false.");
    }
    end(&fixture);
}

static void a_time_that_cannot_be_read_is_none_and_said_so(void **state)
{
    static const char *const texts[] = {"soon", "21/11/2026", "1969-12-31 00:00:00Z"};
    struct fixture fixture;
    (void)state;
    begin(&fixture, "{}");
    assert_int_equal(head(&fixture, deny), FERRY_OK);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(judge(&fixture, 4, texts[i]), FERRY_OPTOUT_TOLD);
        assert_true(fixture.bad_time && fixture.change.changed_at == 0);
    }
    end(&fixture);
}

static void who_is_no_contact_and_who_never_said_anything_is_skipped(void **state)
{
    static const char *const nobody[] = {"", "4711", GUID "0"};
    struct fixture fixture;
    (void)state;
    begin(&fixture, "{}");
    assert_int_equal(head(&fixture, deny), FERRY_OK);
    for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
        assert_int_equal(judge(&fixture, 0, nobody[i]), FERRY_OPTOUT_SKIPPED);
        assert_int_equal(fixture.skip, FERRY_SKIP_WITHOUT_CONTACT);
    }
    /* Opted in again: that has a time. */
    assert_int_equal(judge(&fixture, 1, "0"), FERRY_OPTOUT_TOLD);
    const struct ferry_slice fields[COLUMNS] = {SLICE(GUID), SLICE("0"), SLICE(""),
                                                SLICE("0"),  SLICE(""),  SLICE(usual[5])};
    const struct ferry_csv_row row = {.line = 8, .fields = fields, .count = COLUMNS};
    assert_int_equal(ferry_optoutrow_judge(&fixture.optoutrow, "f", &row, &fixture.change,
                                           &fixture.bad_time, &fixture.skip),
                     FERRY_OPTOUT_SKIPPED);
    assert_int_equal(fixture.skip, FERRY_SKIP_UNTOUCHED);
    end(&fixture);
}

static void of_a_file_without_times_every_row_is_told(void **state)
{
    static const char *const dateless[COLUMNS] = {
        "externalId", "denyListEmail", "a", "denyListPhone", "b", "c"};
    struct fixture fixture;
    (void)state;
    begin(&fixture, "{}");
    assert_int_equal(head(&fixture, dateless), FERRY_OK);
    assert_int_equal(judge(&fixture, 1, "0"), FERRY_OPTOUT_TOLD);
    assert_true(fixture.change.changed_at == 0);
    assert_false(fixture.bad_time);
    end(&fixture);
}

static void either_name_of_an_attribute_is_understood(void **state)
{
    static const char *const black[COLUMNS] = {"externalId",
                                               "blackListEmail",
                                               "blackListEmailLastModified",
                                               "blackListPhone",
                                               "blackListPhoneLastModified",
                                               "lastModified"};
    static const char *const spelled[COLUMNS] = {"External ID",
                                                 "Deny list email",
                                                 "Deny list email last modified",
                                                 "Black list phone",
                                                 "Black list phone last modified",
                                                 "denyListFax"};
    struct fixture fixture;
    (void)state;
    begin(&fixture, "{}");
    assert_int_equal(head(&fixture, black), FERRY_OK);
    assert_int_equal(judge(&fixture, -1, NULL), FERRY_OPTOUT_TOLD);
    assert_true(fixture.change.said.out[FERRY_DENY_LIST_EMAIL]);
    assert_true(fixture.change.changed_at == 1795240711667);
    assert_int_equal(head(&fixture, spelled), FERRY_OK);
    assert_int_equal(judge(&fixture, -1, NULL), FERRY_OPTOUT_TOLD);
    assert_true(fixture.change.said.out[FERRY_DENY_LIST_EMAIL]);
    assert_false(fixture.change.said.known[FERRY_DENY_LIST_FAX]); /* not mapped */
    end(&fixture);
}

static void titles_can_be_configured_and_what_is_mapped_has_to_be_there(void **state)
{
    static const char *const labels[COLUMNS] = {
        "Key",           "No longer contact by email", "denyListEmailLastModified",
        "denyListPhone", "denyListPhoneLastModified",  "lastModified"};
    struct fixture fixture;
    (void)state;
    begin(&fixture, "{\"externalId\":\"Key\",\"denyListEmail\":\"No longer contact by email\"}");
    assert_int_equal(head(&fixture, labels), FERRY_OK);
    assert_int_equal(judge(&fixture, -1, NULL), FERRY_OPTOUT_TOLD);
    assert_true(fixture.change.said.out[FERRY_DENY_LIST_EMAIL]);
    end(&fixture);
    begin(&fixture, "{\"externalId\":\"Key\"}");
    assert_int_equal(head(&fixture, labels), FERRY_INVALID);
    assert_non_null(strstr(fixture.error.message, "optout_1.csv"));
    assert_non_null(strstr(fixture.error.message, "denyListEmail"));
    end(&fixture);
}

static void a_row_of_another_shape_is_refused(void **state)
{
    const struct ferry_csv_row broken = {.line = 3, .flaw = "a quote is not closed"};
    struct fixture fixture;
    (void)state;
    begin(&fixture, "{}");
    assert_int_equal(head(&fixture, deny), FERRY_OK);
    assert_int_equal(ferry_optoutrow_judge(&fixture.optoutrow, "f", &broken, &fixture.change,
                                           &fixture.bad_time, &fixture.skip),
                     FERRY_OPTOUT_REFUSED);
    assert_non_null(strstr(fixture.optoutrow.reason, "a quote is not closed"));
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_says_what_is_mapped_with_its_newest_time_and_its_place),
        cmocka_unit_test(booleans_come_as_codes_names_and_labels),
        cmocka_unit_test(what_is_no_boolean_is_refused_with_file_line_and_column),
        cmocka_unit_test(a_time_that_cannot_be_read_is_none_and_said_so),
        cmocka_unit_test(who_is_no_contact_and_who_never_said_anything_is_skipped),
        cmocka_unit_test(of_a_file_without_times_every_row_is_told),
        cmocka_unit_test(either_name_of_an_attribute_is_understood),
        cmocka_unit_test(titles_can_be_configured_and_what_is_mapped_has_to_be_there),
        cmocka_unit_test(a_row_of_another_shape_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
