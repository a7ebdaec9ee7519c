#include "producers/page.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ferry_row_column columns[] = {
    {"annualincome", FERRY_ROW_DIGITS},
    {"birthdate", FERRY_ROW_DIGITS},
    {"donotbulkemail", FERRY_ROW_DIGITS},
    {"firstname", FERRY_ROW_DIGITS},
    {"gendercode", FERRY_ROW_INTEGER},
    {"lat", FERRY_ROW_DOUBLE},
    {"_parentcustomerid_value", FERRY_ROW_DIGITS},
};

/* Everything that was handed out, as text, so that a test reads like the page. */
struct seen {
    struct ferry_buffer text;
    enum ferry_status answer;
    int records;
};

static void put(struct seen *seen, struct ferry_slice slice)
{
    assert_int_equal(ferry_buffer_append(&seen->text, slice.data, slice.length), FERRY_OK);
}

static void put_value(struct seen *seen, const struct ferry_value *value)
{
    char text[64];
    switch (value->type) {
    case FERRY_NULL:
        snprintf(text, sizeof text, "null");
        break;
    case FERRY_BOOLEAN:
        snprintf(text, sizeof text, "%s", value->boolean ? "true" : "false");
        break;
    case FERRY_LONG:
        snprintf(text, sizeof text, "%lldL", (long long)value->integer);
        break;
    case FERRY_DOUBLE:
        snprintf(text, sizeof text, "%.17gD", value->real);
        break;
    case FERRY_STRING:
        put(seen, (struct ferry_slice){"'", 1});
        put(seen, value->string);
        text[0] = '\0';
        break;
    }
    assert_int_equal(ferry_buffer_append_text(&seen->text, text), FERRY_OK);
}

static enum ferry_status on_record(void *context, struct ferry_change *change)
{
    struct seen *seen = context;
    seen->records++;
    put(seen, change->id);
    assert_int_equal(ferry_buffer_printf(&seen->text, " %s %lld", ferry_op_name(change->op),
                                         (long long)change->version),
                     FERRY_OK);
    for (size_t i = 0; i < change->count; i++) {
        put(seen, (struct ferry_slice){" ", 1});
        put(seen, change->fields[i].name);
        put(seen, (struct ferry_slice){"=", 1});
        put_value(seen, &change->fields[i].value);
    }
    put(seen, (struct ferry_slice){"\n", 1});
    return seen->answer;
}

static enum ferry_status on_reject(void *context, const struct ferry_page_reject *reject)
{
    struct seen *seen = context;
    put(seen, (struct ferry_slice){"REJECT ", 7});
    put(seen, reject->id);
    put(seen, (struct ferry_slice){" ", 1});
    put(seen, reject->raw);
    assert_int_equal(ferry_buffer_printf(&seen->text, " %s\n", reject->reason), FERRY_OK);
    return seen->answer;
}

struct fixture {
    struct seen seen;
    struct ferry_page *page;
    struct ferry_error error;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    ferry_buffer_init(&fixture->seen.text, 1 << 20);
    struct ferry_page_options options = {
        .primary_id = "contactid",
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
        .on_record = on_record,
        .on_reject = on_reject,
        .context = &fixture->seen,
    };
    *state = fixture;
    return (int)ferry_page_new(&options, &fixture->page);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    ferry_page_free(fixture->page);
    ferry_buffer_done(&fixture->seen.text);
    free(fixture);
    return 0;
}

/* Parses the page in pieces of `piece` bytes, each in memory of its own so that ASan sees a read
 * behind its end. */
static enum ferry_status parse(struct fixture *fixture, const char *text, size_t piece)
{
    assert_int_equal(ferry_page_reset(fixture->page), FERRY_OK);
    ferry_buffer_clear(&fixture->seen.text);
    fixture->seen.records = 0;
    enum ferry_status status = FERRY_OK;
    size_t length = strlen(text);
    for (size_t at = 0; at < length && status == FERRY_OK; at += piece) {
        size_t part = length - at < piece ? length - at : piece;
        char *copy = malloc(part);
        memcpy(copy, text + at, part);
        status = ferry_page_feed(fixture->page, copy, part, &fixture->error);
        free(copy);
    }
    return status == FERRY_OK ? ferry_page_end(fixture->page, &fixture->error) : status;
}

static const char *seen_text(const struct fixture *fixture)
{
    return fixture->seen.text.length ? fixture->seen.text.data : "";
}

/* The same result however the bytes are cut. */
static void assert_page(struct fixture *fixture, const char *page, const char *expected)
{
    static const size_t pieces[] = {1, 2, 3, 7, 50, 1 << 20};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        assert_int_equal(parse(fixture, page, pieces[i]), FERRY_OK);
        assert_string_equal(seen_text(fixture), expected);
    }
}

#define ETAG(n) "\"@odata.etag\":\"W/\\\"" #n "\\\"\","

static void hands_out_each_record_with_its_selected_columns(void **state)
{
    struct fixture *fixture = *state;
    assert_page(
        fixture,
        "{\"@odata.context\":\"https://o/$metadata#contacts(a,b)\",\"value\":["
        "{" ETAG(915244) "\"firstname\":\"Ann\",\"donotbulkemail\":false,"
                         "\"annualincome\":50000.0000,\"gendercode\":2,\"lat\":60.39299,"
                         "\"_parentcustomerid_value\":null,\"birthdate\":\"1980-04-05\","
                         "\"_transactioncurrencyid_value\":\"x\",\"contactid\":\"60C4E274-0d87\"},"
                         "{" ETAG(7) "\"firstname\":\"\\u5c71\\\"\\n\",\"contactid\":\"b\"}],"
                                     "\"@odata.nextLink\":\"https://o/next?a=%2f\"}",
        "60c4e274-0d87 UPSERT 915244 annualincome='50000.0000 birthdate='1980-04-05 "
        "donotbulkemail=false firstname='Ann gendercode=2L lat=60.392989999999998D "
        "_parentcustomerid_value=null\n"
        "b UPSERT 7 firstname='\xE5\xB1\xB1\"\n\n");
    assert_string_equal(ferry_page_next_link(fixture->page), "https://o/next?a=%2f");
    assert_null(ferry_page_delta_link(fixture->page));
    assert_int_equal(ferry_page_records(fixture->page), 2);
}

static void tells_a_deletion_by_its_context(void **state)
{
    struct fixture *fixture = *state;
    assert_page(fixture,
                "{\"@odata.deltaLink\":\"https://o/d\",\"value\":["
                "{\"@odata.context\":\"https://o/$metadata#contacts/$deletedEntity\","
                "\"id\":\"2E45-B\",\"reason\":\"deleted\"},"
                "{\"id\":\"c\",\"reason\":\"changed\","
                "\"@odata.context\":\"https://o/data/$metadata#contacts/$deletedEntity\"}]}",
                "2e45-b DELETE 0\nc DELETE 0\n");
    assert_string_equal(ferry_page_delta_link(fixture->page), "https://o/d");
}

static void finds_links_wherever_they_stand(void **state)
{
    struct fixture *fixture = *state;
    assert_page(fixture, "{\"value\":[],\"@odata.deltaLink\":\"https://o/late\"}", "");
    assert_string_equal(ferry_page_delta_link(fixture->page), "https://o/late");
    /* a key of that name deeper down is not the page's */
    assert_page(fixture,
                "{\"other\":{\"@odata.nextLink\":\"https://o/no\",\"value\":[{}]},\"value\":[]}",
                "");
    assert_null(ferry_page_next_link(fixture->page));
    assert_null(ferry_page_delta_link(fixture->page));
}

static void skips_annotations_and_columns_nobody_selected(void **state)
{
    struct fixture *fixture = *state;
    assert_page(fixture,
                "{\"value\":[{" ETAG(
                    1) "\"gendercode@OData.Community.Display.V1.FormattedValue\":\"Female\","
                       "\"gendercode\":2,\"nested\":{\"firstname\":\"no\",\"list\":[1,{}]},"
                       "\"contactid\":\"a\"}]}",
                "a UPSERT 1 gendercode=2L\n");
}

static void keeps_the_digits_of_decimals(void **state)
{
    struct fixture *fixture = *state;
    assert_page(fixture,
                "{\"value\":[{" ETAG(1) "\"annualincome\":12345678901234567890.1230,"
                                        "\"gendercode\":-9223372036854775808,\"lat\":-1.5E3,"
                                        "\"contactid\":\"a\"}]}",
                "a UPSERT 1 annualincome='12345678901234567890.1230 "
                "gendercode=-9223372036854775808L lat=-1500D\n");
}

static void rejects_a_record_with_bytes_that_are_no_utf8_and_goes_on(void **state)
{
    struct fixture *fixture = *state;
#define BAD "{" ETAG(2) "\"firstname\":\"B\xFF\",\"contactid\":\"b\"}"
    assert_page(fixture,
                "{\"value\":[{" ETAG(1) "\"firstname\":\"A\",\"contactid\":\"a\"}," BAD
                                        ",{" ETAG(3) "\"firstname\":\"C\",\"contactid\":\"c\"}]}",
                "a UPSERT 1 firstname='A\n"
                "REJECT b " BAD
                " The record holds bytes that are no UTF-8, or half a surrogate pair.\n"
                "c UPSERT 3 firstname='C\n");
    assert_int_equal(ferry_page_records(fixture->page), 3);
}

static void rejects_half_a_surrogate_pair_rather_than_guess(void **state)
{
    struct fixture *fixture = *state;
#define HALF "{" ETAG(2) "\"firstname\":\"B\\ud83d\",\"contactid\":\"b\"}"
    assert_page(fixture, "{\"value\":[" HALF "]}",
                "REJECT b " HALF
                " The record holds bytes that are no UTF-8, or half a surrogate pair.\n");
}

static void rejects_what_does_not_fit_its_column(void **state)
{
    struct fixture *fixture = *state;
    assert_page(fixture, "{\"value\":[{" ETAG(2) "\"gendercode\":1.5,\"contactid\":\"b\"}]}",
                "REJECT b {" ETAG(2) "\"gendercode\":1.5,\"contactid\":\"b\"}"
                                     " Column gendercode holds a number that its type cannot "
                                     "hold.\n");
    assert_page(fixture, "{\"value\":[{" ETAG(2) "\"firstname\":[1],\"contactid\":\"b\"}]}",
                "REJECT b {" ETAG(2) "\"firstname\":[1],\"contactid\":\"b\"}"
                                     " Column firstname holds a list or an object.\n");
}

static void rejects_a_record_without_id_or_version(void **state)
{
    struct fixture *fixture = *state;
    assert_page(fixture, "{\"value\":[{" ETAG(2) "\"firstname\":\"x\"}]}",
                "REJECT  {" ETAG(2) "\"firstname\":\"x\"} The record has no primary id.\n");
    assert_page(fixture, "{\"value\":[{\"@odata.etag\":\"W/\\\"x\\\"\",\"contactid\":\"a\"}]}",
                "REJECT a {\"@odata.etag\":\"W/\\\"x\\\"\",\"contactid\":\"a\"}"
                " The record has no ETag with a version number.\n");
    assert_page(fixture, "{\"value\":[{\"contactid\":\"a\"}]}",
                "REJECT a {\"contactid\":\"a\"} The record has no ETag with a version number.\n");
}

static void forgets_the_values_of_the_record_before(void **state)
{
    struct fixture *fixture = *state;
    assert_page(fixture,
                "{\"value\":[{" ETAG(1) "\"firstname\":\"A\",\"contactid\":\"a\"},"
                                        "{" ETAG(2) "\"contactid\":\"b\"},{\"contactid\":\"c\"}]}",
                "a UPSERT 1 firstname='A\nb UPSERT 2\n"
                "REJECT c {\"contactid\":\"c\"} The record has no ETag with a version number.\n");
}

static void refuses_what_is_no_page(void **state)
{
    struct fixture *fixture = *state;
    static const char *const texts[] = {
        "",
        "<html><body>Bad gateway</body></html>",
        "[]",
        "[{\"value\":[]}]",
        "{}",
        "{\"value\":{}}",
        "{\"value\":[",
        "{\"value\":[{\"contactid\":\"a\"",
        "{\"value\":[]} {\"value\":[]}",
        "{\"value\":[\xFF]}",
        "null",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ferry_error_clear(&fixture->error);
        assert_int_equal(parse(fixture, texts[i], 5), FERRY_RETRY);
        assert_non_null(strstr(fixture->error.message, "no page of records"));
    }
}

static void refuses_a_page_that_is_nested_without_end(void **state)
{
    struct fixture *fixture = *state;
    char text[2000] = "{\"value\":";
    memset(text + strlen(text), '[', 1000);
    assert_int_equal(parse(fixture, text, 100), FERRY_RETRY);
    assert_non_null(strstr(fixture->error.message, "nested"));
}

static void ends_when_its_receiver_says_so(void **state)
{
    struct fixture *fixture = *state;
    fixture->seen.answer = FERRY_FATAL;
    assert_int_equal(
        parse(fixture,
              "{\"value\":[{" ETAG(1) "\"contactid\":\"a\"},{" ETAG(2) "\"contactid\":\"b\"}]}",
              1000),
        FERRY_FATAL);
    assert_int_equal(fixture->seen.records, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(hands_out_each_record_with_its_selected_columns),
        TEST(tells_a_deletion_by_its_context),
        TEST(finds_links_wherever_they_stand),
        TEST(skips_annotations_and_columns_nobody_selected),
        TEST(keeps_the_digits_of_decimals),
        TEST(rejects_a_record_with_bytes_that_are_no_utf8_and_goes_on),
        TEST(rejects_half_a_surrogate_pair_rather_than_guess),
        TEST(rejects_what_does_not_fit_its_column),
        TEST(rejects_a_record_without_id_or_version),
        TEST(forgets_the_values_of_the_record_before),
        TEST(refuses_what_is_no_page),
        TEST(refuses_a_page_that_is_nested_without_end),
        TEST(ends_when_its_receiver_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
