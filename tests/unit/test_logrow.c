/* Rows of exports into events: header, codes, contacts, reasons. */
#include "producers/sources/logrow.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#define SLICE(text) ((struct ferry_slice){(text), strlen(text)})
#define MOST        16

static const char events_text[] =
    "{\"source\":\"\",\"kinds\":[\"SEND\",\"OPEN\",\"CLICK\",\"BOUNCE\"],\"since\":1795132800000,"
    "\"export\":{\"folder\":\"e\",\"deliveryLogs\":\"b*\",\"trackingLogs\":\"t*\","
    "\"finished\":\"move\",\"processed\":\"p\",\"delimiter\":\",\",\"quote\":\"\\\"\","
    "\"encoding\":\"UTF-8\",\"timezone\":\"UTC\",\"columns\":{}},"
    "\"activities\":{\"SEND\":{\"table\":\"a\",\"entitySet\":\"a\",\"regarding\":\"a\"},"
    "\"OPEN\":{\"table\":\"a\",\"entitySet\":\"a\",\"regarding\":\"a\"},"
    "\"CLICK\":{\"table\":\"a\",\"entitySet\":\"a\",\"regarding\":\"a\"},"
    "\"BOUNCE\":{\"table\":\"a\",\"entitySet\":\"a\",\"regarding\":\"a\"}}}";

/* Delivery logs of seven columns; campaignName is the last. */
static const char *const titles[] = {"deliveryLogId", "externalId",    "status",      "failureType",
                                     "eventDate",     "mirrorPageUrl", "campaignName"};
#define COLUMNS (sizeof titles / sizeof titles[0])
static const char *const usual[COLUMNS] = {
    "812345", "5F1C0B8E-8A3D-EC11-8C62-000D3A1B2C3D", "1", "0", "2026-11-21 05:58:31.667Z", "",
    "Loyalty"};
#define GUID "5f1c0b8e-8a3d-ec11-8c62-000d3a1b2c3d"

struct fixture {
    json_t *json;
    struct ferry_events *events;
    struct ferry_logrow logrow;
    struct ferry_slice fields[COLUMNS];
    struct ferry_csv_row row;
    struct ferry_event event;
    enum ferry_skip skip;
    struct ferry_error error;
};

static enum ferry_status read_header(const char *const *names, size_t count,
                                     const struct ferry_export *export, enum ferry_file_kind kind,
                                     struct ferry_header *header, struct ferry_error *error)
{
    struct ferry_slice slices[MOST];
    for (size_t i = 0; i < count; i++)
        slices[i] = SLICE(names[i]);
    const struct ferry_events events = {.export = *export};
    struct ferry_logrow logrow = {.events = &events, .kind = kind};
    enum ferry_status status = ferry_logrow_head(&logrow, "file.csv", slices, count, error);
    if (status == FERRY_OK)
        *header = logrow.header;
    return status;
}

/* With members of the export in place of the usual ones. */
static void begin(struct fixture *fixture, const char *key, const char *value)
{
    fixture->json = json_loads(events_text, 0, NULL);
    if (key)
        json_object_set_new(json_object_get(fixture->json, "export"), key, json_string(value));
    assert_int_equal(ferry_events_new(fixture->json, &fixture->events, &fixture->error), FERRY_OK);
    assert_int_equal(ferry_logrow_init(&fixture->logrow, fixture->events, FERRY_FILE_DELIVERIES,
                                       &fixture->error),
                     FERRY_OK);
    assert_int_equal(read_header(titles, COLUMNS, &fixture->events->export, FERRY_FILE_DELIVERIES,
                                 &fixture->logrow.header, &fixture->error),
                     FERRY_OK);
}

static void end(struct fixture *fixture)
{
    ferry_logrow_done(&fixture->logrow);
    ferry_events_free(fixture->events);
    json_decref(fixture->json);
}

/* The usual row with one field of it changed. */
static enum ferry_row_verdict judge(struct fixture *fixture, const char *title, const char *value)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        bool changed = title && strcmp(titles[i], title) == 0;
        fixture->fields[i] = SLICE(changed ? value : usual[i]);
    }
    fixture->row = (struct ferry_csv_row){
        .raw = SLICE("raw"), .line = 7, .fields = fixture->fields, .count = COLUMNS};
    return ferry_logrow_judge(&fixture->logrow, &fixture->row, &fixture->event, &fixture->skip);
}

static void assert_slice(struct ferry_slice slice, const char *expected)
{
    assert_int_equal(slice.length, strlen(expected));
    assert_memory_equal(slice.data, expected, slice.length);
}

static void a_sent_mail_is_an_event_of_its_contact(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture, NULL, NULL);
    assert_int_equal(judge(&fixture, NULL, NULL), FERRY_ROW_EVENT);
    assert_slice(fixture.event.id, "send:812345");
    assert_slice(fixture.event.contact, GUID);
    assert_slice(fixture.event.campaign, "Loyalty");
    assert_null(fixture.event.mirror_page.data);
    assert_null(fixture.event.delivery.data);
    assert_true(fixture.event.occurred_at == 1795240711667 && fixture.event.line == 7);
    end(&fixture);
}

static void a_hard_bounce_is_another_event_of_the_same_log_row(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture, NULL, NULL);
    assert_int_equal(judge(&fixture, "status", "2"), FERRY_ROW_SKIP); /* failureType 0 */
    assert_int_equal(fixture.skip, FERRY_SKIP_OTHER_KIND);
    judge(&fixture, "status", "Failed");
    fixture.fields[3] = SLICE("Hard");
    assert_int_equal(
        ferry_logrow_judge(&fixture.logrow, &fixture.row, &fixture.event, &fixture.skip),
        FERRY_ROW_EVENT);
    assert_slice(fixture.event.id, "bounce:812345");
    end(&fixture);
}

static void rows_are_skipped_by_reason(void **state)
{
    static const struct {
        const char *title, *value;
        enum ferry_skip skip;
    } cases[] = {
        {"externalId", "", FERRY_SKIP_WITHOUT_CONTACT},
        {"externalId", "4711", FERRY_SKIP_WITHOUT_CONTACT},
        {"externalId", "5f1c0b8e-8a3d-ec11-8c62-000d3a1b2c3g", FERRY_SKIP_WITHOUT_CONTACT},
        {"externalId", GUID "0", FERRY_SKIP_WITHOUT_CONTACT},
        {"status", "6", FERRY_SKIP_OTHER_KIND},
        {"status", "Taken into account", FERRY_SKIP_OTHER_KIND},
        {"eventDate", "2026-11-19 23:59:59.999Z", FERRY_SKIP_BEFORE_SINCE},
    };
    struct fixture fixture;
    (void)state;
    begin(&fixture, NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(judge(&fixture, cases[i].title, cases[i].value), FERRY_ROW_SKIP);
        assert_int_equal(fixture.skip, cases[i].skip);
    }
    fixture.events->kinds[FERRY_EVENT_SEND] = false;
    assert_int_equal(judge(&fixture, NULL, NULL), FERRY_ROW_SKIP);
    assert_int_equal(fixture.skip, FERRY_SKIP_SWITCHED_OFF);
    end(&fixture);
}

static void what_cannot_be_understood_is_rejected_without_its_values(void **state)
{
    static const struct {
        const char *title, *value, *reason;
    } cases[] = {
        {"status", "", "status is none that Ferry knows."},
        {"status", "01", "status is none that Ferry knows."},
        {"eventDate", "secret", "eventDate is no date with the year first."},
        {"eventDate", "", "eventDate is empty."},
        {"deliveryLogId", "8.1E5", "deliveryLogId is no number."},
        {"deliveryLogId", "-", "deliveryLogId is no number."},
        {"deliveryLogId", "", "deliveryLogId is no number."},
        {"campaignName", "caf\xe9", "campaignName is not in the encoding of the export."},
    };
    struct fixture fixture;
    (void)state;
    begin(&fixture, NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(judge(&fixture, cases[i].title, cases[i].value), FERRY_ROW_REJECT);
        assert_string_equal(fixture.logrow.reason, cases[i].reason);
    }
    judge(&fixture, NULL, NULL);
    fixture.row.count--;
    assert_int_equal(
        ferry_logrow_judge(&fixture.logrow, &fixture.row, &fixture.event, &fixture.skip),
        FERRY_ROW_REJECT);
    assert_string_equal(fixture.logrow.reason,
                        "The row has 6 columns, and the first line of the file 7.");
    end(&fixture);
}

static void ids_may_be_negative_as_campaigns_are(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture, NULL, NULL);
    assert_int_equal(judge(&fixture, "deliveryLogId", "-2147483000"), FERRY_ROW_EVENT);
    assert_slice(fixture.event.id, "send:-2147483000");
    end(&fixture);
}

static void other_encodings_become_utf8(void **state)
{
    struct fixture fixture;
    (void)state;
    begin(&fixture, "encoding", "windows-1252");
    assert_int_equal(judge(&fixture, "campaignName", "caf\xe9 5 \x80"), FERRY_ROW_EVENT);
    assert_slice(fixture.event.campaign, "caf\xc3\xa9 5 \xe2\x82\xac");
    assert_slice(fixture.event.id, "send:812345");
    assert_int_equal(judge(&fixture, "campaignName", "\x81"), FERRY_ROW_REJECT);
    assert_int_equal(judge(&fixture, "campaignName", "caf\xe9"), FERRY_ROW_EVENT);
    end(&fixture);
    begin(&fixture, "encoding", "ISO-8859-1");
    assert_int_equal(judge(&fixture, "campaignName", "\xe9\xff"), FERRY_ROW_EVENT);
    assert_slice(fixture.event.campaign, "\xc3\xa9\xc3\xbf");
    end(&fixture);
}

static void codes_are_taken_as_number_name_and_label(void **state)
{
    (void)state;
    assert_int_equal(ferry_code_status(SLICE("1")), FERRY_STATUS_SENT);
    assert_int_equal(ferry_code_status(SLICE("Sent")), FERRY_STATUS_SENT);
    assert_int_equal(ferry_code_failure(SLICE("hard")), FERRY_FAILURE_HARD);
    assert_int_equal(ferry_code_failure(SLICE("Not defined")), 0);
    assert_int_equal(ferry_code_tracked(SLICE("Email click")), FERRY_TRACKED_CLICK);
    assert_int_equal(ferry_code_tracked(SLICE("Opt-out")), 3);
    assert_int_equal(ferry_code_tracked(SLICE("mirrorPage")), 6);
    assert_int_equal(ferry_code_tracked(SLICE("10")), FERRY_TRACKED_CLICK_10);
    assert_int_equal(ferry_code_tracked(SLICE("100")), FERRY_CODE_UNKNOWN);
    assert_int_equal(ferry_code_tracked(SLICE("Opened")), FERRY_CODE_UNKNOWN);
    assert_int_equal(ferry_code_tracked(SLICE("")), FERRY_CODE_UNKNOWN);
    assert_int_equal(ferry_code_tracked(SLICE("--")), FERRY_CODE_UNKNOWN);
}

static void columns_are_found_in_any_order_and_spelling(void **state)
{
    static const char *const spelled[] = {"Log date", "x",  "TRACKINGLOGID", "tracking_url_type",
                                          "URL",      "id", "CRM id"};
    struct ferry_header header;
    struct ferry_error error;
    json_t *columns = json_pack("{ss}", "externalId", "CRM id");
    const struct ferry_export export = {.columns = columns, .delimiter = ','};
    (void)state;
    assert_int_equal(read_header(spelled, 7, &export, FERRY_FILE_TRACKING, &header, &error),
                     FERRY_OK);
    assert_int_equal(header.index[FERRY_COLUMN_DATE], 0);
    assert_int_equal(header.index[FERRY_COLUMN_ID], 2);
    assert_int_equal(header.index[FERRY_COLUMN_TYPE], 3);
    assert_int_equal(header.index[FERRY_COLUMN_URL], 4);
    assert_int_equal(header.index[FERRY_COLUMN_CONTACT], 6);
    assert_int_equal(header.index[FERRY_COLUMN_FAILURE], FERRY_NO_COLUMN);
    assert_int_equal(header.index[FERRY_COLUMN_CAMPAIGN], FERRY_NO_COLUMN);
    json_decref(columns);
}

static void an_exact_name_wins_over_one_alike_and_two_alike_are_refused(void **state)
{
    static const char *const twice[] = {"Status",     "status",      "deliveryLogId",
                                        "externalId", "failureType", "eventDate"};
    static const char *const alike[] = {"Status",     "STATUS",      "deliveryLogId",
                                        "externalId", "failureType", "eventDate"};
    struct ferry_header header;
    struct ferry_error error;
    const struct ferry_export export = {.delimiter = ','};
    (void)state;
    assert_int_equal(read_header(twice, 6, &export, FERRY_FILE_DELIVERIES, &header, &error),
                     FERRY_OK);
    assert_int_equal(header.index[FERRY_COLUMN_TYPE], 1);
    assert_int_equal(read_header(alike, 6, &export, FERRY_FILE_DELIVERIES, &header, &error),
                     FERRY_INVALID);
    assert_non_null(strstr(error.message, "\"status\" more than once"));
}

static void a_missing_column_is_named_with_its_file(void **state)
{
    static const char *const one[] = {"deliveryLogId;externalId;status"};
    struct ferry_header header;
    struct ferry_error error;
    const struct ferry_export export = {.delimiter = ','};
    (void)state;
    assert_int_equal(read_header(titles, 4, &export, FERRY_FILE_DELIVERIES, &header, &error),
                     FERRY_INVALID);
    assert_non_null(strstr(error.message, "file.csv has no column \"eventDate\""));
    assert_int_equal(read_header(one, 1, &export, FERRY_FILE_DELIVERIES, &header, &error),
                     FERRY_INVALID);
    assert_non_null(strstr(error.action, "delimiter"));
}

static void two_of_our_columns_are_never_one_of_the_file(void **state)
{
    struct ferry_header header;
    struct ferry_error error;
    json_t *columns =
        json_pack("{ss ss}", "deliveryName", "campaignName", "mirrorPageUrl", "CampaignName");
    const struct ferry_export export = {.columns = columns, .delimiter = ','};
    (void)state;
    assert_int_equal(read_header(titles, COLUMNS, &export, FERRY_FILE_DELIVERIES, &header, &error),
                     FERRY_INVALID);
    assert_non_null(strstr(error.message, "column 7 of the file file.csv"));
    json_decref(columns);
}

static void letters_beyond_ascii_are_letters(void **state)
{
    static const char *const foreign[] = {"deliveryLogId", "Почта",     "status",
                                          "failureType",   "eventDate", "--"};
    struct ferry_header header;
    struct ferry_error error;
    json_t *columns = json_pack("{ss}", "externalId", "Идентификатор");
    json_t *marks = json_pack("{ss}", "externalId", "##");
    struct ferry_export export = {.columns = columns, .delimiter = ','};
    (void)state;
    assert_int_equal(read_header(foreign, 6, &export, FERRY_FILE_DELIVERIES, &header, &error),
                     FERRY_INVALID);
    assert_non_null(strstr(error.message, "no column \"Идентификатор\""));
    export.columns = marks;
    assert_int_equal(read_header(foreign, 6, &export, FERRY_FILE_DELIVERIES, &header, &error),
                     FERRY_INVALID);
    json_decref(columns);
    json_decref(marks);
}

/* Each byte of windows-1252 becomes three: more than there is room for, if a header said so. */
static void a_text_that_does_not_fit_is_rejected(void **state)
{
    struct fixture fixture;
    char *euros = calloc(1, 65001);
    (void)state;
    begin(&fixture, "encoding", "windows-1252");
    memset(euros, 0x80, 65000);
    fixture.logrow.header.index[FERRY_COLUMN_DELIVERY] = COLUMNS - 1;
    fixture.logrow.header.index[FERRY_COLUMN_MIRROR_PAGE] = COLUMNS - 1;
    assert_int_equal(judge(&fixture, "campaignName", euros), FERRY_ROW_REJECT);
    assert_true(fixture.logrow.text.length < fixture.logrow.text.capacity);
    free(euros);
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sent_mail_is_an_event_of_its_contact),
        cmocka_unit_test(a_hard_bounce_is_another_event_of_the_same_log_row),
        cmocka_unit_test(rows_are_skipped_by_reason),
        cmocka_unit_test(what_cannot_be_understood_is_rejected_without_its_values),
        cmocka_unit_test(ids_may_be_negative_as_campaigns_are),
        cmocka_unit_test(other_encodings_become_utf8),
        cmocka_unit_test(codes_are_taken_as_number_name_and_label),
        cmocka_unit_test(columns_are_found_in_any_order_and_spelling),
        cmocka_unit_test(an_exact_name_wins_over_one_alike_and_two_alike_are_refused),
        cmocka_unit_test(a_missing_column_is_named_with_its_file),
        cmocka_unit_test(two_of_our_columns_are_never_one_of_the_file),
        cmocka_unit_test(letters_beyond_ascii_are_letters),
        cmocka_unit_test(a_text_that_does_not_fit_is_rejected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
