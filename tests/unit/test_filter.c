#include "consumers/filter.h"

#include "source_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A record with one of everything. */
static const char *const record =
    "{\"firstname\":\"Åse\",\"lastname\":null,\"nickname\":\"\",\"emailaddress1\":\"A.Ng@Example."
    "com\","
    "\"donotemail\":true,\"merged\":null,\"statecode\":0,\"preferredcontactmethodcode\":2,"
    "\"channels\":\"1,13\",\"annualincome\":\"50000.0000\",\"huge\":\"9007199254740993.01\","
    "\"latitude\":60.39299,\"children\":3,\"modifiedon\":\"2026-04-07T21:59:01Z\","
    "\"birthdate\":\"1980-04-05\",\"_parentcustomerid_value\":\"78914942-34cb-ed11-b596-"
    "0022481d68cd\","
    "\"odd\":\"abc\"}";

static enum ferry_status match(const char *filter_json, bool *ret_match, struct ferry_error *error)
{
    json_t *filter = from_json(filter_json);
    json_t *columns = from_json(record);
    struct ferry_change change;
    change_from(columns, &change);
    enum ferry_status status = ferry_filter_match(filter, &change, ret_match, error);
    ferry_change_done(&change);
    json_decref(columns);
    json_decref(filter);
    return status;
}

static void expect(const char *filter, bool expected)
{
    bool matches = !expected;
    struct ferry_error error = {.status = FERRY_OK};
    if (match(filter, &matches, &error) != FERRY_OK)
        fail_msg("%s: %s", filter, error.message);
    if (matches != expected)
        fail_msg("%s should be %s", filter, expected ? "true" : "false");
}

/* A leaf and its exact opposite. */
static void expect_leaf(const char *field, const char *is, const char *opposite, const char *rest,
                        bool expected)
{
    char filter[512];
    snprintf(filter, sizeof filter, "{\"field\":\"%s\",\"is\":\"%s\"%s}", field, is, rest);
    expect(filter, expected);
    if (!opposite)
        return;
    snprintf(filter, sizeof filter, "{\"field\":\"%s\",\"is\":\"%s\"%s}", field, opposite, rest);
    expect(filter, !expected);
}

static void no_filter_passes_every_record(void **state)
{
    (void)state;
    struct ferry_change change;
    ferry_change_init(&change);
    bool matches = false;
    assert_int_equal(ferry_filter_match(NULL, &change, &matches, NULL), FERRY_OK);
    assert_true(matches);
}

static void equality_is_by_type_and_has_an_exact_opposite(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        const char *rest;
        bool equal;
    } cases[] = {
        {"firstname", ",\"value\":\"åSE\",\"type\":\"String\"", true},
        {"firstname", ",\"value\":\"Ase\",\"type\":\"String\"", false},
        {"lastname", ",\"value\":\"Moe\",\"type\":\"String\"", false},
        {"donotemail", ",\"value\":\"true\",\"type\":\"Boolean\"", true},
        {"donotemail", ",\"value\":true", true},
        {"donotemail", ",\"value\":false", false},
        {"merged", ",\"value\":\"false\",\"type\":\"Boolean\"", false},
        {"statecode", ",\"value\":\"0\",\"type\":\"State\"", true},
        {"statecode", ",\"value\":0", true},
        {"annualincome", ",\"value\":\"50000\",\"type\":\"Money\"", true},
        {"annualincome", ",\"value\":50000.0", true},
        {"annualincome", ",\"value\":\"50000.0001\",\"type\":\"Money\"", false},
        {"latitude", ",\"value\":\"60.39299\",\"type\":\"Double\"", true},
        {"latitude", ",\"value\":60.39299", true},
        {"modifiedon", ",\"value\":\"2026-04-07T23:59:01+02:00\",\"type\":\"DateTime\"", true},
        {"modifiedon", ",\"value\":\"2026-04-07\",\"type\":\"DateTime\"", true},
        {"modifiedon", ",\"value\":\"2026-04-08\",\"type\":\"DateTime\"", false},
        {"birthdate", ",\"value\":\"1980-04-05\",\"type\":\"DateOnly\"", true},
        {"_parentcustomerid_value",
         ",\"value\":\"78914942-34CB-ED11-B596-0022481D68CD\",\"type\":\"Customer\"", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_leaf(cases[i].field, "equals", "notEquals", cases[i].rest, cases[i].equal);
}

static void lists_hold_any_of_their_values(void **state)
{
    (void)state;
    expect_leaf("firstname", "in", "notIn", ",\"value\":[\"ada\",\"ÅSE\"],\"type\":\"String\"",
                true);
    expect_leaf("firstname", "in", "notIn", ",\"value\":[\"ada\"],\"type\":\"String\"", false);
    expect_leaf("preferredcontactmethodcode", "in", "notIn", ",\"value\":[1,2]", true);
    expect_leaf("lastname", "in", "notIn", ",\"value\":[\"Moe\"],\"type\":\"String\"", false);
}

static void parts_of_texts_are_found_without_regard_to_case(void **state)
{
    (void)state;
    static const struct {
        const char *is;
        const char *opposite;
        const char *value;
        bool expected;
    } cases[] = {
        {"contains", "notContains", "NG@example", true},
        {"contains", "notContains", "ng%example", false},
        {"startsWith", "notStartsWith", "a.NG", true},
        {"startsWith", "notStartsWith", ".ng", false},
        {"endsWith", "notEndsWith", "@EXAMPLE.COM", true},
        {"endsWith", "notEndsWith", "example", false},
    };
    char rest[128];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(rest, sizeof rest, ",\"value\":\"%s\",\"type\":\"String\"", cases[i].value);
        expect_leaf("emailaddress1", cases[i].is, cases[i].opposite, rest, cases[i].expected);
        expect_leaf("lastname", cases[i].is, cases[i].opposite, rest, false);
    }
}

static void a_multiple_choice_contains_whole_options(void **state)
{
    (void)state;
    static const char *const type = ",\"type\":\"MultiSelectPicklist\",\"value\":";
    static const struct {
        const char *option;
        bool expected;
    } cases[] = {{"\"1\"", true}, {"13", true}, {"\"3\"", false}, {"\"11\"", false}};
    char rest[128];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(rest, sizeof rest, "%s%s", type, cases[i].option);
        expect_leaf("channels", "contains", "notContains", rest, cases[i].expected);
    }
}

static void order_is_exact_and_leaves_nothing_out(void **state)
{
    (void)state;
    static const struct {
        const char *field;
        const char *value;
        const char *type;
        int order; /* of the column against the value */
    } cases[] = {
        {"annualincome", "50000", "Money", 0},
        {"annualincome", "49999.9999", "Money", 1},
        {"annualincome", "100000", "Money", -1},
        {"huge", "9007199254740993", "Decimal", 1},
        {"huge", "9007199254740993.02", "Decimal", -1},
        {"children", "3.0", "Integer", 0},
        {"latitude", "60.392990000000001", "Double", -1},
        {"modifiedon", "2026-04-07T21:59:00.999Z", "DateTime", 1},
        {"modifiedon", "2026-04-07", "DateTime", 0},
        {"modifiedon", "2026-04-06", "DateTime", 1},
        {"birthdate", "1980-04-06", "DateOnly", -1},
        {"birthdate", "1980-04-05T00:00:01Z", "DateOnly", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char rest[128];
        snprintf(rest, sizeof rest, ",\"value\":\"%s\",\"type\":\"%s\"", cases[i].value,
                 cases[i].type);
        expect_leaf(cases[i].field, "greaterThan", "lessOrEqual", rest, cases[i].order > 0);
        expect_leaf(cases[i].field, "lessThan", "greaterOrEqual", rest, cases[i].order < 0);
    }
}

static void nothing_is_neither_greater_nor_less(void **state)
{
    (void)state;
    static const char *const orders[] = {"greaterThan", "greaterOrEqual", "lessThan",
                                         "lessOrEqual"};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++)
        expect_leaf("merged", orders[i], NULL, ",\"value\":\"0\",\"type\":\"Integer\"", false);
}

static void null_and_empty_text_are_empty(void **state)
{
    (void)state;
    expect_leaf("lastname", "isEmpty", "isNotEmpty", "", true);
    expect_leaf("nickname", "isEmpty", "isNotEmpty", "", true);
    expect_leaf("firstname", "isEmpty", "isNotEmpty", "", false);
    expect_leaf("donotemail", "isEmpty", "isNotEmpty", "", false);
    expect_leaf("statecode", "isEmpty", "isNotEmpty", "", false);
}

#define TRUE_LEAF    "{\"field\":\"firstname\",\"is\":\"isNotEmpty\"}"
#define FALSE_LEAF   "{\"field\":\"firstname\",\"is\":\"isEmpty\"}"
#define MISSING_LEAF "{\"field\":\"jobtitle\",\"is\":\"isEmpty\"}"

static void all_and_any_nest(void **state)
{
    (void)state;
    expect("{\"all\":[" TRUE_LEAF "," TRUE_LEAF "]}", true);
    expect("{\"all\":[" TRUE_LEAF "," FALSE_LEAF "]}", false);
    expect("{\"any\":[" FALSE_LEAF "," TRUE_LEAF "]}", true);
    expect("{\"any\":[" FALSE_LEAF "," FALSE_LEAF "]}", false);
    expect("{\"any\":[{\"all\":[" TRUE_LEAF "," FALSE_LEAF "]},{\"all\":[" TRUE_LEAF "]}]}", true);
    expect("{\"all\":[{\"any\":[" FALSE_LEAF "]}," TRUE_LEAF "]}", false);
}

static void a_missing_column_matters_only_when_the_answer_depends_on_it(void **state)
{
    (void)state;
    expect("{\"all\":[" MISSING_LEAF "," FALSE_LEAF "]}", false);
    expect("{\"any\":[" MISSING_LEAF "," TRUE_LEAF "]}", true);
    static const char *const open[] = {
        MISSING_LEAF,
        "{\"all\":[" MISSING_LEAF "," TRUE_LEAF "]}",
        "{\"any\":[" MISSING_LEAF "," FALSE_LEAF "]}",
        "{\"all\":[" TRUE_LEAF ",{\"any\":[" FALSE_LEAF "," MISSING_LEAF "]}]}",
        "{\"field\":\"jobtitle\",\"is\":\"notEquals\",\"value\":\"x\"}",
    };
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        bool matches = true;
        struct ferry_error error;
        assert_int_equal(match(open[i], &matches, &error), FERRY_BAD_RECORD);
        assert_true(matches); /* untouched */
        assert_non_null(strstr(error.message, "jobtitle was not read with it"));
        assert_int_equal(error.class, FERRY_CLASS_MAPPING);
    }
}

static void a_value_that_breaks_the_promise_of_its_column_is_no_answer(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"field\":\"odd\",\"is\":\"greaterThan\",\"value\":\"1\",\"type\":\"Money\"}",
         "odd is no number"},
        {"{\"field\":\"odd\",\"is\":\"notEquals\",\"value\":\"2026-01-01\",\"type\":\"DateTime\"}",
         "odd is no date"},
        {"{\"field\":\"odd\",\"is\":\"contains\",\"value\":\"1\",\"type\":\"MultiSelectPicklist\"}",
         "odd is no number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool matches;
        struct ferry_error error;
        assert_int_equal(match(cases[i][0], &matches, &error), FERRY_BAD_RECORD);
        assert_non_null(strstr(error.message, cases[i][1]));
        assert_null(strstr(error.message, "abc"));
    }
}

static void a_filter_that_cannot_be_read_is_said_so(void **state)
{
    (void)state;
    static const char behind_an_open_one[] =
        "{\"any\":[" MISSING_LEAF ",{\"field\":\"firstname\"}]}";
    static const char *const broken[] = {
        behind_an_open_one,
        "{}",
        "[]",
        "\"x\"",
        "{\"all\":[]}",
        "{\"any\":{}}",
        "{\"is\":\"isEmpty\"}",
        "{\"field\":\"firstname\"}",
        "{\"field\":\"firstname\",\"is\":\"resembles\",\"value\":\"x\"}",
        "{\"field\":\"firstname\",\"is\":\"equals\"}",
        "{\"field\":\"firstname\",\"is\":\"equals\",\"value\":null}",
        "{\"field\":\"firstname\",\"is\":\"equals\",\"value\":[\"x\"]}",
        "{\"field\":\"firstname\",\"is\":\"in\",\"value\":\"x\"}",
        "{\"field\":\"firstname\",\"is\":\"in\",\"value\":[]}",
        "{\"field\":\"firstname\",\"is\":\"lessThan\",\"value\":\"x\"}",
        "{\"field\":\"statecode\",\"is\":\"equals\",\"value\":\"Active\",\"type\":\"State\"}",
        "{\"field\":\"modifiedon\",\"is\":\"equals\",\"value\":\"today\",\"type\":\"DateTime\"}",
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        bool matches;
        struct ferry_error error;
        if (match(broken[i], &matches, &error) != FERRY_INVALID)
            fail_msg("%s should be refused", broken[i]);
        assert_non_null(strstr(error.message, "the filter is broken"));
    }
}

static void nesting_has_a_limit(void **state)
{
    (void)state;
    char filter[1024] = "";
    for (int i = 0; i < 18; i++)
        strcat(filter, "{\"all\":[");
    strcat(filter, TRUE_LEAF);
    for (int i = 0; i < 18; i++)
        strcat(filter, "]}");
    bool matches;
    assert_int_equal(match(filter, &matches, NULL), FERRY_INVALID);
}

/* De Morgan: not all of A and B is any of not A and not B. */
static const char *const pairs[][2] = {
    {"{\"field\":\"firstname\",\"is\":\"isEmpty\"}",
     "{\"field\":\"firstname\",\"is\":\"isNotEmpty\"}"},
    {"{\"field\":\"children\",\"is\":\"greaterThan\",\"value\":2}",
     "{\"field\":\"children\",\"is\":\"lessOrEqual\",\"value\":2}"},
    {"{\"field\":\"lastname\",\"is\":\"equals\",\"value\":\"x\"}",
     "{\"field\":\"lastname\",\"is\":\"notEquals\",\"value\":\"x\"}"},
    {"{\"field\":\"jobtitle\",\"is\":\"equals\",\"value\":\"x\"}",
     "{\"field\":\"jobtitle\",\"is\":\"notEquals\",\"value\":\"x\"}"},
};

static void grow(char *filter, char *opposite, int depth)
{
    if (depth == 0 || rand() % 3 == 0) {
        size_t pick = (size_t)rand() % (sizeof pairs / sizeof pairs[0]);
        strcat(filter, pairs[pick][0]);
        strcat(opposite, pairs[pick][1]);
        return;
    }
    bool all = rand() % 2;
    strcat(filter, all ? "{\"all\":[" : "{\"any\":[");
    strcat(opposite, all ? "{\"any\":[" : "{\"all\":[");
    for (int i = rand() % 3; i >= 0; i--) {
        grow(filter, opposite, depth - 1);
        strcat(filter, i ? "," : "]}");
        strcat(opposite, i ? "," : "]}");
    }
}

static void a_random_filter_and_its_opposite_never_agree(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    int open = 0;
    for (int i = 0; i < 3000; i++) {
        char filter[8192] = "";
        char opposite[8192] = "";
        grow(filter, opposite, 4);
        bool a = false;
        bool b = false;
        enum ferry_status status = match(filter, &a, NULL);
        if (match(opposite, &b, NULL) != status || (status == FERRY_OK && a == b))
            fail_msg("%s, seed %u", filter, seed);
        open += status == FERRY_BAD_RECORD;
    }
    assert_true(open > 0 && open < 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_filter_passes_every_record),
        cmocka_unit_test(equality_is_by_type_and_has_an_exact_opposite),
        cmocka_unit_test(lists_hold_any_of_their_values),
        cmocka_unit_test(parts_of_texts_are_found_without_regard_to_case),
        cmocka_unit_test(a_multiple_choice_contains_whole_options),
        cmocka_unit_test(order_is_exact_and_leaves_nothing_out),
        cmocka_unit_test(nothing_is_neither_greater_nor_less),
        cmocka_unit_test(null_and_empty_text_are_empty),
        cmocka_unit_test(all_and_any_nest),
        cmocka_unit_test(a_missing_column_matters_only_when_the_answer_depends_on_it),
        cmocka_unit_test(a_value_that_breaks_the_promise_of_its_column_is_no_answer),
        cmocka_unit_test(a_filter_that_cannot_be_read_is_said_so),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(a_random_filter_and_its_opposite_never_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
