#include "consumers/convert.h"

#include "source_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A mapping with one field, described as in a run order. */
static struct ferry_mapping *mapping_of(const char *field)
{
    char text[2048];
    snprintf(
        text, sizeof text,
        "{\"id\":\"contact\",\"table\":\"contact\",\"entitySet\":\"contacts\","
        "\"primaryId\":\"contactid\",\"api\":\"profileAndServicesExt\",\"resource\":\"profile\","
        "\"key\":\"externalId\",\"columnsHash\":\"0\",\"columns\":[\"src\"],\"fields\":["
        "{\"source\":\"src\",\"destination\":\"dst\",%s}]}",
        field);
    json_t *json = from_json(text);
    struct ferry_mapping *mapping = NULL;
    struct ferry_error error = {.status = FERRY_OK};
    if (ferry_mapping_new(json, &mapping, &error) != FERRY_OK)
        fail_msg("%s: %s", error.message, text);
    json_decref(json);
    return mapping;
}

/* Checks one conversion; `expected` NULL: a reject whose sentence ends with `reason`. */
static void check(const char *field, const struct ferry_value *value, const char *expected,
                  const char *reason, const char *label)
{
    struct ferry_mapping *mapping = mapping_of(field);
    struct ferry_buffer out;
    struct ferry_error error = {.status = FERRY_OK};
    ferry_buffer_init(&out, 100000);
    enum ferry_status status = ferry_convert_write(&mapping->fields[0], value, &out, &error);
    if (expected) {
        if (status != FERRY_OK || strcmp(out.data, expected) != 0)
            fail_msg("%s with %s gave %s %s", label, field, status == FERRY_OK ? out.data : "",
                     error.message);
    } else {
        if (status != FERRY_BAD_RECORD || !strstr(error.message, reason))
            fail_msg("%s with %s: status %d, %s instead of %s", label, field, (int)status,
                     error.message, reason);
        assert_non_null(strstr(error.message, "field dst: src "));
        assert_int_equal(error.class, FERRY_CLASS_MAPPING);
        assert_true(strlen(error.action) > 0);
    }
    ferry_buffer_done(&out);
    ferry_mapping_free(mapping);
}

static void check_json(const char *field, const char *value_json, const char *expected,
                       const char *reason)
{
    json_t *json = from_json(value_json);
    struct ferry_value value = value_from(json);
    check(field, &value, expected, reason, value_json);
    json_decref(json);
}

struct conversion {
    const char *source_type;
    const char *value; /* JSON */
    const char *destination_type;
    const char *expected; /* NULL: reject */
    const char *reason;
};

static void check_all(const struct conversion *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char field[256];
        snprintf(field, sizeof field, "\"sourceType\":\"%s\",\"destinationType\":\"%s\"",
                 cases[i].source_type, cases[i].destination_type);
        check_json(field, cases[i].value, cases[i].expected, cases[i].reason);
    }
}

#define CHECK_ALL(cases) check_all(cases, sizeof cases / sizeof cases[0])

static void every_type_goes_into_a_string(void **state)
{
    (void)state;
    static const struct conversion cases[] = {
        {"String", "\"Ann\"", "string", "\"Ann\"", NULL},
        {"Memo", "\"a\\r\\nb\"", "memo", "\"a\\r\\nb\"", NULL},
        {"Boolean", "true", "string", "\"true\"", NULL},
        {"Integer", "-5", "string", "\"-5\"", NULL},
        {"BigInt", "9223372036854775807", "string", "\"9223372036854775807\"", NULL},
        {"Double", "47.63958", "string", "\"47.63958\"", NULL},
        {"Money", "\"20000.0000\"", "string", "\"20000.0000\"", NULL},
        {"Decimal", "\"12345678901234567890.12\"", "string", "\"12345678901234567890.12\"", NULL},
        {"DateTime", "\"2026-04-07T21:59:01Z\"", "string", "\"2026-04-07T21:59:01Z\"", NULL},
        {"DateOnly", "\"1980-04-05\"", "string", "\"1980-04-05\"", NULL},
        {"Picklist", "2", "string", "\"2\"", NULL},
        {"MultiSelectPicklist", "\"1,3\"", "string", "\"1,3\"", NULL},
        {"Lookup", "\"78914942-34cb-ed11-b596-0022481d68cd\"", "string",
         "\"78914942-34cb-ed11-b596-0022481d68cd\"", NULL},
        {"Uniqueidentifier", "\"78914942-34cb-ed11-b596-0022481d68cd\"", "uuid",
         "\"78914942-34cb-ed11-b596-0022481d68cd\"", NULL},
        {"Virtual", "\"x\"", "string", "\"x\"", NULL},
        {"String", "\"x\"", "a type of tomorrow", "\"x\"", NULL},
    };
    CHECK_ALL(cases);
}

static void whole_numbers_are_checked_against_their_range(void **state)
{
    (void)state;
    static const struct conversion cases[] = {
        {"Integer", "127", "byte", "127", NULL},
        {"Integer", "-128", "byte", "-128", NULL},
        {"Integer", "128", "byte", NULL, "is out of the range of the field's type"},
        {"Integer", "-129", "byte", NULL, "is out of the range of the field's type"},
        {"Integer", "32767", "short", "32767", NULL},
        {"Integer", "32768", "short", NULL, "is out of the range of the field's type"},
        {"Integer", "2147483647", "long", "2147483647", NULL},
        {"BigInt", "2147483648", "long", NULL, "is out of the range of the field's type"},
        {"BigInt", "-2147483648", "integer", "-2147483648", NULL},
        {"BigInt", "9223372036854775807", "int64", "9223372036854775807", NULL},
        {"Decimal", "\"9223372036854775808\"", "int64", NULL, "too large for any whole number"},
        {"Money", "\"20000.0000\"", "long", "20000", NULL},
        {"Money", "\"20000.5000\"", "long", NULL, "is no whole number"},
        {"Double", "3.0", "long", "3", NULL},
        {"Double", "3.5", "long", NULL, "is no whole number"},
        {"Boolean", "true", "long", "1", NULL},
        {"Boolean", "false", "byte", "0", NULL},
        {"Picklist", "100000001", "long", "100000001", NULL},
        {"String", "\"042\"", "long", "42", NULL},
        {"String", "\"true\"", "long", NULL, "is no number"},
        {"String", "\"4 2\"", "long", NULL, "is no number"},
        {"DateTime", "\"2026-04-07T21:59:01Z\"", "long", NULL, "is no number"},
    };
    CHECK_ALL(cases);
}

static void decimals_keep_their_digits(void **state)
{
    (void)state;
    static const struct conversion cases[] = {
        {"Money", "\"20000.0000\"", "double", "20000.0000", NULL},
        {"Decimal", "\"0.10\"", "double", "0.10", NULL},
        {"Decimal", "\"12345678901234567890.12\"", "double", "12345678901234567890.12", NULL},
        {"Double", "60.39299", "float", "60.39299", NULL},
        {"Double", "0.1", "double", "0.1", NULL},
        {"Integer", "-7", "double", "-7", NULL},
        {"Boolean", "true", "double", "1", NULL},
        {"String", "\"007.5\"", "double", "7.5", NULL},
        {"String", "\"1,5\"", "double", NULL, "is no number"},
        {"String", "\"NaN\"", "double", NULL, "is no number"},
        {"Double", "1e39", "float", NULL, "is out of the range of the field's type"},
        {"Double", "-1e39", "float", NULL, "is out of the range of the field's type"},
        {"Double", "1e38", "float", "1e38", NULL},
        {"String", "\"1e309\"", "double", NULL, "is out of the range of the field's type"},
    };
    CHECK_ALL(cases);
}

static void a_double_that_is_no_number_is_rejected_whatever_the_field(void **state)
{
    (void)state;
    struct ferry_value infinite = {FERRY_DOUBLE, .real = strtod("inf", NULL)};
    check("\"sourceType\":\"Double\",\"destinationType\":\"string\"", &infinite, NULL,
          "is no finite number", "infinity");
}

static void booleans_come_from_four_words(void **state)
{
    (void)state;
    static const struct conversion cases[] = {
        {"Boolean", "true", "boolean", "true", NULL},
        {"Boolean", "false", "boolean", "false", NULL},
        {"Integer", "1", "boolean", "true", NULL},
        {"Picklist", "0", "boolean", "false", NULL},
        {"String", "\"TRUE\"", "boolean", "true", NULL},
        {"String", "\"0\"", "boolean", "false", NULL},
        {"String", "\"yes\"", "boolean", NULL, "is neither true nor false, 1 nor 0"},
        {"Integer", "2", "boolean", NULL, "is neither true nor false, 1 nor 0"},
        {"String", "\"truer\"", "boolean", NULL, "is neither true nor false, 1 nor 0"},
    };
    CHECK_ALL(cases);
}

static void dates_are_written_in_utc_in_the_form_of_campaign(void **state)
{
    (void)state;
    static const struct conversion cases[] = {
        {"DateTime", "\"2026-11-21T08:15:30Z\"", "datetime", "\"2026-11-21 08:15:30.000Z\"", NULL},
        {"String", "\"2026-11-21T23:30:00-08:00\"", "datetime", "\"2026-11-22 07:30:00.000Z\"",
         NULL},
        {"DateOnly", "\"1980-04-05\"", "datetime", "\"1980-04-05 00:00:00.000Z\"", NULL},
        {"DateOnly", "\"1980-04-05\"", "date", "\"1980-04-05\"", NULL},
        {"DateTime", "\"2026-11-21T23:59:59Z\"", "date", "\"2026-11-21\"", NULL},
        {"String", "\"2026-11-21T08:15:30\"", "datetime", NULL, "is a time without a time zone"},
        {"String", "\"21.11.2026\"", "date", NULL, "is no date"},
        {"DateTime", "\"2026-02-30T00:00:00Z\"", "date", NULL, "does not exist"},
        {"Integer", "20261121", "date", NULL, "is no date"},
    };
    CHECK_ALL(cases);
}

static void null_and_empty_text_clear(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"string", "\"\""}, {"memo", "\"\""},        {"uuid", "\"\""}, {"byte", "0"},
        {"short", "0"},     {"long", "0"},           {"int64", "0"},   {"float", "0"},
        {"double", "0"},    {"boolean", "false"},    {"date", "\"\""}, {"datetime", "\"\""},
        {"link", "null"},   {"enumeration", "\"\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char field[256];
        snprintf(field, sizeof field, "\"sourceType\":\"String\",\"destinationType\":\"%s\"",
                 cases[i][0]);
        check_json(field, "null", cases[i][1], NULL);
        check_json(field, "\"\"", cases[i][1], NULL);
    }
}

static void an_empty_enumeration_is_the_name_that_stands_for_nothing(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"[\"unknown\",\"male\"]", "\"unknown\""},
        {"[\"none\",\"en_gb\"]", "\"none\""},
        {"[\"none\",\"\"]", "\"\""},
        {"[\"active\"]", "\"\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char field[256];
        snprintf(field, sizeof field,
                 "\"sourceType\":\"Picklist\",\"destinationType\":\"enumeration\","
                 "\"enumeration\":%s",
                 cases[i][0]);
        check_json(field, "null", cases[i][1], NULL);
    }
}

#define ENUMERATION                                                                                \
    "\"sourceType\":\"Picklist\",\"destinationType\":\"enumeration\",\"enumeration\":[\"web\","    \
    "\"shop\"]"

static void an_enumeration_takes_its_names_only(void **state)
{
    (void)state;
    check_json(ENUMERATION, "\"web\"", "\"web\"", NULL);
    check_json(ENUMERATION, "\"Web\"", NULL, "is none of the names that the field takes");
    check_json(ENUMERATION, "1", NULL, "is none of the names that the field takes");
    check_json(ENUMERATION ",\"replacements\":[{\"from\":\"1\",\"to\":\"web\"}]", "1", "\"web\"",
               NULL);
    check_json(ENUMERATION ",\"replacements\":[{\"from\":\"1\",\"to\":\"fax\"}]", "1", NULL,
               "is none of the names that the field takes");
}

static void replacements_compare_with_the_value_of_the_source(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        /* source type, from, value, written */
        {"String", "Ms", "\"Ms\"", "\"new\""},
        {"String", "Ms", "\"ms\"", "\"ms\""},
        {"String", "1.0", "\"1\"", "\"1\""},
        {"Boolean", "true", "true", "\"new\""},
        {"Boolean", "true", "false", "\"false\""},
        {"Picklist", "2", "2", "\"new\""},
        {"Money", "20000", "\"20000.0000\"", "\"new\""},
        {"Double", "1.50", "1.5", "\"new\""},
        {"Money", "x", "\"1.0\"", "\"1.0\""},
        {"String", "", "null", "\"new\""},
        {"String", "", "\"\"", "\"new\""},
        {"Integer", "0", "null", "\"\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char field[256];
        snprintf(
            field, sizeof field,
            "\"sourceType\":\"%s\",\"destinationType\":\"string\","
            "\"replacements\":[{\"from\":\"zzz\",\"to\":\"no\"},{\"from\":\"%s\",\"to\":\"new\"},"
            "{\"from\":\"%s\",\"to\":\"second\"}]",
            cases[i][0], cases[i][1], cases[i][1]);
        check_json(field, cases[i][2], cases[i][3], NULL);
    }
}

static void a_replacement_by_nothing_clears(void **state)
{
    (void)state;
    check_json("\"sourceType\":\"String\",\"destinationType\":\"date\","
               "\"replacements\":[{\"from\":\"n/a\",\"to\":\"\"}]",
               "\"n/a\"", "\"\"", NULL);
}

static void a_replaced_boolean_is_converted_as_the_text_it_became(void **state)
{
    (void)state;
    check_json("\"sourceType\":\"Boolean\",\"destinationType\":\"long\","
               "\"replacements\":[{\"from\":\"true\",\"to\":\"7\"}]",
               "true", "7", NULL);
    check_json("\"sourceType\":\"Boolean\",\"destinationType\":\"long\","
               "\"replacements\":[{\"from\":\"true\",\"to\":\"false\"}]",
               "true", NULL, "is no number");
}

#define LABELS                                                                                     \
    "\"destinationType\":\"string\",\"labels\":{\"1\":\"Web\",\"2\":\"Shop "                       \
    "\\\"A\\\"\",\"3\":\"Phone\"}"

static void labels_take_the_place_of_options(void **state)
{
    (void)state;
    check_json("\"sourceType\":\"Picklist\"," LABELS, "1", "\"Web\"", NULL);
    check_json("\"sourceType\":\"Picklist\"," LABELS, "2", "\"Shop \\\"A\\\"\"", NULL);
    check_json("\"sourceType\":\"Picklist\"," LABELS, "null", "\"\"", NULL);
    check_json("\"sourceType\":\"Picklist\"," LABELS, "9", NULL, "is an option without a label");
    check_json("\"sourceType\":\"MultiSelectPicklist\"," LABELS, "\"1,3\"", "\"Web; Phone\"", NULL);
    check_json("\"sourceType\":\"MultiSelectPicklist\"," LABELS, "\"1,9\"", NULL,
               "is an option without a label");
    check_json("\"sourceType\":\"Picklist\"," LABELS
               ",\"replacements\":[{\"from\":\"1\",\"to\":\"3\"}]",
               "1", "\"3\"", NULL);
}

static void a_text_that_is_too_long_is_rejected_or_cut_by_characters(void **state)
{
    (void)state;
    static const char *const reject =
        "\"sourceType\":\"String\",\"destinationType\":\"string\",\"length\":3";
    static const char *const cut =
        "\"sourceType\":\"String\",\"destinationType\":\"string\",\"length\":3,"
        "\"tooLong\":\"truncate\"";
    check_json(reject, "\"abc\"", "\"abc\"", NULL);
    check_json(reject, "\"王小明\"", "\"王小明\"", NULL);
    check_json(reject, "\"😀😀😀\"", "\"😀😀😀\"", NULL);
    check_json(reject, "\"abcd\"", NULL, "has 4 characters and the field takes 3");
    check_json(reject, "\"王小明x\"", NULL, "has 4 characters and the field takes 3");
    check_json(cut, "\"abcd\"", "\"abc\"", NULL);
    check_json(cut, "\"a😀é王\"", "\"a😀é\"", NULL);
    check_json(cut, "\"\\n\\n\\n\\n\"", "\"\\n\\n\\n\"", NULL);
}

static void only_wording_is_ever_cut(void **state)
{
    (void)state;
    static const char *const rest =
        ",\"destinationType\":\"string\",\"length\":3,\"tooLong\":\"truncate\"";
    static const char *const cases[][2] = {
        {"Integer", "12345"},
        {"Money", "\"1234.00\""},
        {"DateTime", "\"2026-11-21T08:15:30Z\""},
        {"Lookup", "\"78914942-34cb-ed11-b596-0022481d68cd\""},
        {"Boolean", "false"},
    };
    char field[256];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(field, sizeof field, "\"sourceType\":\"%s\"%s", cases[i][0], rest);
        check_json(field, cases[i][1], NULL, "characters and the field takes 3");
    }
    snprintf(field, sizeof field, "\"sourceType\":\"Picklist\"%s,\"labels\":{\"1\":\"Phone\"}",
             rest);
    check_json(field, "1", "\"Pho\"", NULL);
}

static void a_link_names_its_parent(void **state)
{
    (void)state;
    static const char *const link =
        "\"sourceType\":\"Lookup\",\"destinationType\":\"link\",\"linkTable\":\"contact\"";
    check_json(link, "\"78914942-34cb-ed11-b596-0022481d68cd\"",
               "{\"PKey\":\"78914942-34cb-ed11-b596-0022481d68cd\"}", NULL);
    check_json(link, "null", "null", NULL);
    check_json(link, "\"@Qx7\"", NULL, "begins with @");
}

static void invalid_utf8_is_rejected_and_never_sent(void **state)
{
    (void)state;
    struct ferry_value value = {FERRY_STRING, .string = {"ab\xFF", 3}};
    check("\"sourceType\":\"String\",\"destinationType\":\"string\"", &value, NULL,
          "is no valid UTF-8", "a stray byte");
    check("\"sourceType\":\"String\",\"destinationType\":\"string\",\"length\":2,"
          "\"tooLong\":\"truncate\"",
          &value, NULL, "is no valid UTF-8", "a stray byte");
}

static void the_sentence_never_holds_the_value(void **state)
{
    (void)state;
    static const char *const types[] = {"long", "double",   "boolean",
                                        "date", "datetime", "enumeration"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        char field[256];
        snprintf(field, sizeof field,
                 "\"sourceType\":\"String\",\"destinationType\":\"%s\",\"enumeration\":[\"a\"]",
                 types[i]);
        struct ferry_mapping *mapping = mapping_of(field);
        struct ferry_value value = {FERRY_STRING, .string = slice_of("secretword")};
        struct ferry_buffer out;
        struct ferry_error error;
        ferry_buffer_init(&out, 1000);
        assert_int_equal(ferry_convert_write(&mapping->fields[0], &value, &out, &error),
                         FERRY_BAD_RECORD);
        assert_null(strstr(error.message, "secretword"));
        assert_null(strstr(error.action, "secretword"));
        ferry_buffer_done(&out);
        ferry_mapping_free(mapping);
    }
}

/* Whatever the source says, what is written is JSON of the type that the field has. */
static void random_texts_give_json_or_a_reject(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        json_type json;
        json_type other;
    } types[] = {
        {"string", JSON_STRING, JSON_STRING}, {"long", JSON_INTEGER, JSON_INTEGER},
        {"double", JSON_REAL, JSON_INTEGER},  {"boolean", JSON_TRUE, JSON_FALSE},
        {"date", JSON_STRING, JSON_STRING},   {"link", JSON_OBJECT, JSON_NULL},
    };
    static const char alphabet[] = "0123456789.-+eET:Z tru\"\\\n\xC3\xA9@";
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    for (int i = 0; i < 20000; i++) {
        size_t pick = (size_t)rand() % (sizeof types / sizeof types[0]);
        struct ferry_mapping_field field = {.source = "src",
                                            .source_type = "String",
                                            .destination = "dst",
                                            .destination_type = types[pick].type,
                                            .length = rand() % 8};
        field.too_long = rand() % 2 ? FERRY_TOO_LONG_TRUNCATE : FERRY_TOO_LONG_REJECT;
        char text[12];
        size_t length = (size_t)rand() % sizeof text;
        for (size_t j = 0; j < length; j++)
            text[j] = alphabet[(size_t)rand() % (sizeof alphabet - 1)];
        struct ferry_value value = {FERRY_STRING, .string = {text, length}};
        struct ferry_buffer out;
        ferry_buffer_init(&out, 1000);
        enum ferry_status status = ferry_convert_write(&field, &value, &out, NULL);
        json_t *json =
            status == FERRY_OK ? json_loadb(out.data, out.length, JSON_DECODE_ANY, NULL) : NULL;
        bool good =
            status == FERRY_BAD_RECORD || (json && (json_typeof(json) == types[pick].json ||
                                                    json_typeof(json) == types[pick].other));
        if (!good)
            fail_msg("%.*s into %s, seed %u", (int)length, text, types[pick].type, seed);
        json_decref(json);
        ferry_buffer_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_goes_into_a_string),
        cmocka_unit_test(whole_numbers_are_checked_against_their_range),
        cmocka_unit_test(decimals_keep_their_digits),
        cmocka_unit_test(a_double_that_is_no_number_is_rejected_whatever_the_field),
        cmocka_unit_test(booleans_come_from_four_words),
        cmocka_unit_test(dates_are_written_in_utc_in_the_form_of_campaign),
        cmocka_unit_test(null_and_empty_text_clear),
        cmocka_unit_test(an_empty_enumeration_is_the_name_that_stands_for_nothing),
        cmocka_unit_test(an_enumeration_takes_its_names_only),
        cmocka_unit_test(replacements_compare_with_the_value_of_the_source),
        cmocka_unit_test(a_replacement_by_nothing_clears),
        cmocka_unit_test(a_replaced_boolean_is_converted_as_the_text_it_became),
        cmocka_unit_test(labels_take_the_place_of_options),
        cmocka_unit_test(a_text_that_is_too_long_is_rejected_or_cut_by_characters),
        cmocka_unit_test(only_wording_is_ever_cut),
        cmocka_unit_test(a_link_names_its_parent),
        cmocka_unit_test(invalid_utf8_is_rejected_and_never_sent),
        cmocka_unit_test(the_sentence_never_holds_the_value),
        cmocka_unit_test(random_texts_give_json_or_a_reject),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
