#include "producers/consentform.h"

#include "cmocka_all.h"

#include "tests/unit/consents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID "5f1c0b8e-8a3d-ec11-8c62-000d3a1b2c3d"

struct sheet {
    struct ferry_consent *consent;
    struct ferry_consentform what;
    char folder[64]; /* of its memory */
    struct ferry_outlet_form form;
    struct ferry_outlet_tally tally;
    struct ferry_buffer out;
    struct ferry_change_field fields[4];
    struct ferry_change change;
};

static struct ferry_slice slice(const char *text)
{
    return (struct ferry_slice){text, strlen(text)};
}

static int setup(void **state)
{
    struct sheet *sheet = test_calloc(1, sizeof *sheet);
    sheet->consent = consent_of("both", FERRY_TEST_PAIR);
    sheet->what.consent = sheet->consent;
    sheet->form = ferry_consentform(&sheet->what);
    ferry_buffer_init(&sheet->out, 4096);
    sheet->change = (struct ferry_change){.id = slice(ID),
                                          .op = FERRY_OP_UPSERT,
                                          .origin = FERRY_ORIGIN_DELTA,
                                          .read_at = 1780000009000,
                                          .fields = sheet->fields};
    *state = sheet;
    return 0;
}

static int teardown(void **state)
{
    struct sheet *sheet = *state;
    ferry_buffer_done(&sheet->out);
    ferry_consent_free(sheet->consent);
    test_free(sheet);
    return 0;
}

static void add_boolean(struct sheet *sheet, const char *name, bool value)
{
    sheet->fields[sheet->change.count++] =
        (struct ferry_change_field){slice(name), {.type = FERRY_BOOLEAN, .boolean = value}};
}

static void add_text(struct sheet *sheet, const char *name, const char *text)
{
    sheet->fields[sheet->change.count++] =
        (struct ferry_change_field){slice(name), {.type = FERRY_STRING, .string = slice(text)}};
}

static struct ferry_optout_change encode(struct sheet *sheet)
{
    const struct ferry_wire wire = {0};
    struct ferry_optout_change seen = {0};
    struct ferry_error error;
    ferry_buffer_clear(&sheet->out);
    assert_int_equal(sheet->form.encode(sheet->form.context, &sheet->change, &wire, &sheet->tally,
                                        &sheet->out, &error),
                     FERRY_OK);
    if (sheet->out.length)
        assert_int_equal(ferry_optout_decode(sheet->out.data, sheet->out.length, &seen, &error),
                         FERRY_OK);
    return seen;
}

static void a_row_says_what_its_columns_hold_and_when_it_was_modified(void **state)
{
    struct sheet *sheet = *state;
    add_boolean(sheet, "donotbulkemail", true);
    add_boolean(sheet, "new_nopush", false);
    add_text(sheet, "modifiedon", "2026-05-28T20:26:40Z");
    struct ferry_optout_change seen = encode(sheet);
    assert_int_equal(seen.contact.length, strlen(ID));
    assert_memory_equal(seen.contact.data, ID, strlen(ID));
    assert_int_equal(seen.side, FERRY_SIDE_DYNAMICS);
    assert_int_equal(seen.source, FERRY_OPTOUT_DELTA);
    assert_true(seen.said.known[FERRY_DENY_LIST_EMAIL] && seen.said.out[FERRY_DENY_LIST_EMAIL]);
    assert_true(seen.said.known[FERRY_DENY_LIST_PUSH] && !seen.said.out[FERRY_DENY_LIST_PUSH]);
    assert_false(seen.said.known[FERRY_DENY_LIST]);
    assert_true(seen.changed_at == 1780000000000);
    assert_true(seen.read_at == 1780000009000);
    assert_int_equal(seen.place.length, 0);
    assert_int_equal(sheet->tally.undated, 0);
}

static void rows_of_a_full_read_go_to_their_own_topic_whichever_it_is(void **state)
{
    static const enum ferry_origin origins[] = {FERRY_ORIGIN_LOAD, FERRY_ORIGIN_RESYNC};
    struct sheet *sheet = *state;
    assert_string_equal(sheet->form.load.suffix, "load");
    assert_string_equal(sheet->form.news.suffix, "dynamics");
    assert_false(sheet->form.swept);
    for (size_t i = 0; i < 2; i++) {
        sheet->change.origin = origins[i];
        assert_int_equal(encode(sheet).source, FERRY_OPTOUT_LOAD);
    }
}

static void a_deleted_contact_gives_no_record_and_is_counted(void **state)
{
    struct sheet *sheet = *state;
    sheet->change.op = FERRY_OP_DELETE;
    encode(sheet);
    assert_int_equal(sheet->out.length, 0);
    assert_int_equal(sheet->tally.dropped, 1);
}

static void an_unreadable_time_is_counted_and_costs_no_record(void **state)
{
    static const char *const times[] = {"", "yesterday", "2026-05-28T20:26:40"};
    struct sheet *sheet = *state;
    add_boolean(sheet, "donotbulkemail", true);
    for (size_t i = 0; i < 3; i++) {
        sheet->change.count = 1;
        add_text(sheet, "modifiedon", times[i]);
        struct ferry_optout_change seen = encode(sheet);
        assert_true(seen.changed_at == 0 && seen.said.out[FERRY_DENY_LIST_EMAIL]);
        assert_int_equal(sheet->tally.undated, i + 1);
    }
    sheet->change.count = 1;
    assert_true(encode(sheet).changed_at == 0);
    assert_int_equal(sheet->tally.undated, 4);
}

static void a_column_without_a_value_says_nothing_and_the_row_is_told_all_the_same(void **state)
{
    struct sheet *sheet = *state;
    sheet->fields[sheet->change.count++] =
        (struct ferry_change_field){slice("donotbulkemail"), {.type = FERRY_NULL}};
    struct ferry_optout_change seen = encode(sheet);
    assert_true(sheet->out.length > 0);
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++)
        assert_false(seen.said.known[i]);
}

/* ---- with a memory ---- */

static int setup_memory(void **state)
{
    setup(state);
    struct sheet *sheet = *state;
    snprintf(sheet->folder, sizeof sheet->folder, "/tmp/ferry-consentform-XXXXXX");
    assert_non_null(mkdtemp(sheet->folder));
    sheet->what.sayings = ferry_sayings_new(sheet->folder, "task");
    ferry_sayings_open(sheet->what.sayings, NULL);
    ferry_sayings_trust(sheet->what.sayings, INT64_MAX);
    return 0;
}

static int teardown_memory(void **state)
{
    static const char *const files[] = {"memory.mdb", "boot", "lock"};
    struct sheet *sheet = *state;
    char path[128];
    ferry_sayings_free(sheet->what.sayings);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/opt-outs/%s", sheet->folder, files[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/opt-outs", sheet->folder);
    rmdir(path);
    rmdir(sheet->folder);
    return teardown(state);
}

static bool is_told(struct sheet *sheet, enum ferry_origin origin, bool value)
{
    sheet->change.origin = origin;
    sheet->change.count = 0;
    add_boolean(sheet, "donotbulkemail", value);
    encode(sheet);
    return sheet->out.length > 0;
}

static void a_row_of_a_delta_that_says_what_it_said_is_counted_and_no_record(void **state)
{
    struct sheet *sheet = *state;
    assert_true(is_told(sheet, FERRY_ORIGIN_DELTA, true));
    assert_false(is_told(sheet, FERRY_ORIGIN_DELTA, true));
    assert_int_equal(sheet->tally.unchanged, 1);
    assert_true(is_told(sheet, FERRY_ORIGIN_DELTA, false));
    assert_int_equal(sheet->tally.unchanged, 1);
    assert_int_equal(sheet->tally.dropped, 0);
}

static void every_row_of_a_full_read_is_told_and_remembered(void **state)
{
    struct sheet *sheet = *state;
    assert_true(is_told(sheet, FERRY_ORIGIN_LOAD, true));
    assert_true(is_told(sheet, FERRY_ORIGIN_RESYNC, true));
    assert_true(is_told(sheet, FERRY_ORIGIN_REPLAY, true));
    assert_int_equal(sheet->tally.unchanged, 0);
    assert_false(is_told(sheet, FERRY_ORIGIN_DELTA, true));
}

static void a_contact_that_was_deleted_is_news_when_it_is_back(void **state)
{
    struct sheet *sheet = *state;
    assert_true(is_told(sheet, FERRY_ORIGIN_DELTA, true));
    sheet->change.op = FERRY_OP_DELETE;
    encode(sheet);
    assert_int_equal(sheet->tally.dropped, 1);
    sheet->change.op = FERRY_OP_UPSERT;
    assert_true(is_told(sheet, FERRY_ORIGIN_DELTA, true));
}

static void a_row_without_what_it_said_before_is_news(void **state)
{
    struct sheet *sheet = *state;
    assert_true(is_told(sheet, FERRY_ORIGIN_DELTA, false));
    sheet->change.count = 0;
    encode(sheet);
    assert_true(sheet->out.length > 0);
    assert_int_equal(sheet->tally.unchanged, 0);
}

static struct ferry_mapping *mapping_of(const char *attributes)
{
    struct ferry_consent *consent = consent_of("both", attributes);
    struct ferry_mapping *mapping = NULL;
    struct ferry_error error;
    assert_int_equal(ferry_consentform_mapping(consent, &mapping, &error), FERRY_OK);
    ferry_consent_free(consent);
    return mapping;
}

static void the_mapped_columns_and_the_time_are_read_each_once(void **state)
{
    (void)state;
    struct ferry_mapping *mapping =
        mapping_of(FERRY_TEST_PAIR ",{\"name\":\"denyListPhone\",\"dynamics\":\"donotbulkemail\","
                                   "\"campaign\":\"blackListPhone\"}");
    assert_int_equal(mapping->column_count, 3);
    assert_string_equal(mapping->columns[0], "donotbulkemail");
    assert_string_equal(mapping->columns[1], "modifiedon");
    assert_string_equal(mapping->columns[2], "new_nopush");
    assert_string_equal(mapping->table, "contact");
    ferry_mapping_free(mapping);
}

static void another_attribute_of_the_same_columns_is_another_hash(void **state)
{
    (void)state;
    struct ferry_mapping *one = mapping_of(FERRY_TEST_PAIR);
    struct ferry_mapping *same = mapping_of(FERRY_TEST_PAIR);
    struct ferry_mapping *other =
        mapping_of("{\"name\":\"denyListFax\",\"dynamics\":\"donotbulkemail\",\"campaign\":\"f\"},"
                   "{\"name\":\"denyListPushnotification\",\"dynamics\":\"new_nopush\","
                   "\"campaign\":\"p\"}");
    assert_string_equal(one->columns_hash, same->columns_hash);
    assert_string_not_equal(one->columns_hash, other->columns_hash);
    ferry_mapping_free(one);
    ferry_mapping_free(same);
    ferry_mapping_free(other);
}

static void a_column_that_is_no_boolean_is_refused_by_name(void **state)
{
    struct sheet *sheet = *state;
    struct ferry_mapping *mapping = mapping_of(FERRY_TEST_PAIR);
    struct ferry_error error;
    struct ferry_row_column columns[] = {{mapping->columns[0], FERRY_ROW_BOOLEAN},
                                         {mapping->columns[1], FERRY_ROW_DIGITS},
                                         {mapping->columns[2], FERRY_ROW_BOOLEAN}};
    assert_int_equal(ferry_consentform_check(sheet->consent, mapping, columns, &error), FERRY_OK);
    columns[2].number = FERRY_ROW_INTEGER;
    assert_int_equal(ferry_consentform_check(sheet->consent, mapping, columns, &error),
                     FERRY_INVALID);
    assert_non_null(strstr(error.message, "new_nopush"));
    ferry_mapping_free(mapping);
}

static void one_direction_reads_the_side_that_decides(void **state)
{
    static const struct {
        const char *direction;
        bool dynamics, campaign;
    } rows[] = {{"both", true, true},
                {"dynamics-to-campaign", true, false},
                {"campaign-to-dynamics", false, true}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ferry_consent *consent = consent_of(rows[i].direction, FERRY_TEST_PAIR);
        assert_int_equal(ferry_consent_reads(consent, FERRY_SIDE_DYNAMICS), rows[i].dynamics);
        assert_int_equal(ferry_consent_reads(consent, FERRY_SIDE_CAMPAIGN), rows[i].campaign);
        ferry_consent_free(consent);
    }
}

#define WITH_SHEET(test)  cmocka_unit_test_setup_teardown(test, setup, teardown)
#define WITH_MEMORY(test) cmocka_unit_test_setup_teardown(test, setup_memory, teardown_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SHEET(a_row_says_what_its_columns_hold_and_when_it_was_modified),
        WITH_SHEET(rows_of_a_full_read_go_to_their_own_topic_whichever_it_is),
        WITH_SHEET(a_deleted_contact_gives_no_record_and_is_counted),
        WITH_SHEET(an_unreadable_time_is_counted_and_costs_no_record),
        WITH_SHEET(a_column_without_a_value_says_nothing_and_the_row_is_told_all_the_same),
        WITH_MEMORY(a_row_of_a_delta_that_says_what_it_said_is_counted_and_no_record),
        WITH_MEMORY(every_row_of_a_full_read_is_told_and_remembered),
        WITH_MEMORY(a_contact_that_was_deleted_is_news_when_it_is_back),
        WITH_MEMORY(a_row_without_what_it_said_before_is_news),
        cmocka_unit_test(the_mapped_columns_and_the_time_are_read_each_once),
        cmocka_unit_test(another_attribute_of_the_same_columns_is_another_hash),
        WITH_SHEET(a_column_that_is_no_boolean_is_refused_by_name),
        cmocka_unit_test(one_direction_reads_the_side_that_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
