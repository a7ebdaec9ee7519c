#include "controller/translation.h"

#include "controller/configuration.h"
#include "core/control/mapping.h"
#include "source_record.h"

#include <stdlib.h>

/* contact and profile as the sandbox describes them, in short. */
static const char *const contact_table =
    "{\"name\":\"contact\",\"entitySet\":\"contacts\",\"primaryId\":\"contactid\",\"tracking\":"
    "true,"
    "\"columns\":{"
    "\"contactid\":{\"type\":\"Uniqueidentifier\"},"
    "\"firstname\":{\"type\":\"String\",\"length\":50},"
    "\"lastname\":{\"type\":\"String\",\"length\":50},"
    "\"emailaddress1\":{\"type\":\"String\",\"length\":100},"
    "\"donotbulkemail\":{\"type\":\"Boolean\",\"labels\":{\"true\":\"Do Not "
    "Allow\",\"false\":\"Allow\"}},"
    "\"gendercode\":{\"type\":\"Picklist\",\"labels\":{\"1\":\"Male\",\"2\":\"Female\"}},"
    "\"channels\":{\"type\":\"MultiSelectPicklist\",\"labels\":{\"1\":\"Web\"}},"
    "\"birthdate\":{\"type\":\"DateOnly\"},\"modifiedon\":{\"type\":\"DateTime\"},"
    "\"annualincome\":{\"type\":\"Money\"},\"numberofchildren\":{\"type\":\"Integer\"},"
    "\"entityimage\":{\"type\":\"Virtual\"},"
    "\"_parentcustomerid_value\":{\"type\":\"Customer\",\"targets\":[\"account\",\"contact\"]},"
    "\"_ownerid_value\":{\"type\":\"Owner\",\"targets\":[\"systemuser\"]}}}";

static const char *const profile_resource =
    "{\"name\":\"profile\",\"fields\":{"
    "\"externalId\":{\"type\":\"string\",\"length\":100},"
    "\"shortId\":{\"type\":\"string\",\"length\":30},"
    "\"firstName\":{\"type\":\"string\",\"length\":30},"
    "\"lastName\":{\"type\":\"string\",\"length\":50},"
    "\"email\":{\"type\":\"string\",\"length\":128},"
    "\"location.city\":{\"type\":\"string\",\"length\":0},\"location\":{\"type\":\"item\"},"
    "\"blackListEmail\":{\"type\":\"boolean\"},\"blackList\":{\"type\":\"boolean\"},"
    "\"gender\":{\"type\":\"enumeration\",\"names\":[\"unknown\",\"male\",\"female\"]},"
    "\"cusStatus\":{\"type\":\"enumeration\",\"names\":[\"active\",\"inactive\"]},"
    "\"birthDate\":{\"type\":\"date\"},\"cusSince\":{\"type\":\"datetime\"},"
    "\"cusScore\":{\"type\":\"double\"},\"cusContactNo\":{\"type\":\"long\"},"
    "\"age\":{\"type\":\"long\",\"readOnly\":true},"
    "\"subscriptions\":{\"type\":\"collection\",\"target\":\"subscription\"},"
    "\"accountlink\":{\"type\":\"link\",\"target\":\"cusAccount\"},"
    "\"orgUnit\":{\"type\":\"link\",\"target\":\"orgUnitBase\"}},"
    "\"optOuts\":{\"denyListEmail\":\"blackListEmail\",\"denyList\":\"blackList\"}}";

struct outcome {
    json_t *compiled;
    json_t *faults;
    json_t *warnings;
};

static struct outcome translate_beside(const char *mapping_json, json_t *table, json_t *resource,
                                       const json_t *optinout)
{
    json_t *mapping = from_json(mapping_json);
    json_t *account = from_json("{\"table\":\"account\",\"resource\":\"cusAccount\",\"key\":\"id\","
                                "\"fields\":[{\"source\":\"name\",\"destination\":\"name\"}]}");
    json_t *configuration = json_pack("{s:[o,o]}", "mappings", mapping, account);
    struct outcome outcome = {NULL, json_array(), json_array()};
    if (ferry_configuration_check(configuration, outcome.faults) != FERRY_OK)
        fail_msg("%s", json_dumps(outcome.faults, 0));
    struct ferry_shape faults = {.faults = outcome.faults};
    struct ferry_shape warnings = {.faults = outcome.warnings};
    const struct ferry_place mappings = {NULL, "mappings", 0};
    const struct ferry_place place = {&mappings, NULL, 0};
    const struct ferry_translation translation = {
        mapping,  json_object_get(configuration, "mappings"),
        table,    resource,
        optinout, &place,
        &faults,  &warnings};
    json_t *before = json_deep_copy(configuration);
    outcome.compiled = ferry_translation_make(&translation);
    assert_false(faults.out_of_memory || warnings.out_of_memory);
    assert_true(json_equal(configuration, before));
    assert_int_equal(outcome.compiled == NULL, json_array_size(outcome.faults) > 0);
    json_decref(before);
    json_decref(configuration);
    return outcome;
}

static struct outcome translate_with(const char *mapping, json_t *table, json_t *resource)
{
    return translate_beside(mapping, table, resource, NULL);
}

static struct outcome translate(const char *mapping)
{
    json_t *table = from_json(contact_table);
    json_t *resource = from_json(profile_resource);
    struct outcome outcome = translate_with(mapping, table, resource);
    json_decref(table);
    json_decref(resource);
    return outcome;
}

static void outcome_done(struct outcome *outcome)
{
    json_decref(outcome->compiled);
    json_decref(outcome->faults);
    json_decref(outcome->warnings);
}

#define MAPPING(rest)                                                                              \
    "{\"table\":\"contact\",\"resource\":\"profile\",\"key\":\"externalId\"," rest "}"
#define OPT_OUT      "{\"source\":\"donotbulkemail\",\"destination\":\"denyListEmail\"}"
#define FIELD(rest)  MAPPING("\"fields\":[{" rest "}," OPT_OUT "]")
#define FILTER(rest) MAPPING("\"fields\":[" OPT_OUT "],\"filter\":" rest)

static void expect_list(const char *mapping, const json_t *list, const char *path,
                        const char *reason)
{
    char *shown = json_dumps(list, JSON_INDENT(1));
    if (!reason) {
        if (json_array_size(list) != 0)
            fail_msg("%s: %s", mapping, shown);
    } else {
        const json_t *fault = json_array_get(list, 0);
        if (json_array_size(list) != 1 ||
            strcmp(json_string_value(json_object_get(fault, "path")), path) != 0 ||
            !strstr(json_string_value(json_object_get(fault, "reason")), reason))
            fail_msg("%s: %s %s: %s", mapping, path, reason, shown);
    }
    free(shown);
}

/* Exactly this fault, or none when `reason` is NULL; the same for warnings. */
static void expect_fault(const char *mapping, const char *path, const char *reason)
{
    struct outcome outcome = translate(mapping);
    expect_list(mapping, outcome.faults, path, reason);
    outcome_done(&outcome);
}

static void expect_warning(const char *mapping, const char *path, const char *reason)
{
    struct outcome outcome = translate(mapping);
    expect_list(mapping, outcome.faults, NULL, NULL);
    expect_list(mapping, outcome.warnings, path, reason);
    outcome_done(&outcome);
}

static void a_mapping_is_compiled_with_what_both_systems_know(void **state)
{
    (void)state;
    struct outcome outcome = translate(MAPPING(
        "\"picklists\":\"label\",\"applyDeletes\":false,\"deleteFilteredOut\":true,\"fields\":["
        "{\"source\":\"lastname\",\"destination\":\"lastName\",\"applyUpdates\":false},"
        "{\"source\":\"firstname\",\"destination\":\"firstName\",\"tooLong\":\"truncate\"},"
        "{\"source\":\"gendercode\",\"destination\":\"gender\",\"replacements\":["
        "{\"from\":1,\"to\":\"male\"},{\"from\":2,\"to\":\"female\"}]},"
        "{\"source\":\"parentcustomerid\",\"destination\":\"accountlink\",\"link\":{\"table\":"
        "\"account\"}},"
        "{\"source\":\"birthdate\",\"destination\":\"birthDate\"},"
        "{\"source\":\"contactid\",\"destination\":\"email\"}," OPT_OUT "],"
        "\"filter\":{\"all\":[{\"field\":\"ownerid\",\"is\":\"isNotEmpty\"},"
        "{\"field\":\"annualincome\",\"is\":\"greaterThan\",\"value\":1000.5},"
        "{\"any\":[{\"field\":\"gendercode\",\"is\":\"in\",\"value\":[1,\"2\"]},"
        "{\"field\":\"donotbulkemail\",\"is\":\"equals\",\"value\":false}]}]}"));
    json_t *expected = from_json(
        "{\"id\":\"contact\",\"table\":\"contact\",\"entitySet\":\"contacts\",\"primaryId\":"
        "\"contactid\","
        "\"api\":\"profileAndServicesExt\",\"resource\":\"profile\",\"key\":\"externalId\","
        "\"columns\":[\"_ownerid_value\",\"_parentcustomerid_value\",\"annualincome\","
        "\"birthdate\","
        "\"donotbulkemail\",\"firstname\",\"gendercode\",\"lastname\"],\"columnsHash\":\"0\","
        "\"fields\":["
        "{\"source\":\"_parentcustomerid_value\",\"sourceType\":\"Customer\",\"destination\":"
        "\"accountlink\","
        "\"destinationType\":\"link\",\"applyUpdates\":true,\"tooLong\":\"reject\",\"linkTable\":"
        "\"account\"},"
        "{\"source\":\"birthdate\",\"sourceType\":\"DateOnly\",\"destination\":\"birthDate\","
        "\"destinationType\":\"date\",\"applyUpdates\":true,\"tooLong\":\"reject\"},"
        "{\"source\":\"donotbulkemail\",\"sourceType\":\"Boolean\",\"destination\":"
        "\"blackListEmail\","
        "\"destinationType\":\"boolean\",\"applyUpdates\":true,\"tooLong\":\"reject\"},"
        "{\"source\":\"contactid\",\"sourceType\":\"Uniqueidentifier\",\"destination\":\"email\","
        "\"destinationType\":\"string\",\"applyUpdates\":true,\"tooLong\":\"reject\",\"length\":"
        "128},"
        "{\"source\":\"firstname\",\"sourceType\":\"String\",\"destination\":\"firstName\","
        "\"destinationType\":\"string\",\"applyUpdates\":true,\"tooLong\":\"truncate\",\"length\":"
        "30},"
        "{\"source\":\"gendercode\",\"sourceType\":\"Picklist\",\"destination\":\"gender\","
        "\"destinationType\":\"enumeration\",\"applyUpdates\":true,\"tooLong\":\"reject\","
        "\"replacements\":[{\"from\":\"1\",\"to\":\"male\"},{\"from\":\"2\",\"to\":\"female\"}],"
        "\"labels\":{\"1\":\"Male\",\"2\":\"Female\"},\"enumeration\":[\"unknown\",\"male\","
        "\"female\"]},"
        "{\"source\":\"lastname\",\"sourceType\":\"String\",\"destination\":\"lastName\","
        "\"destinationType\":\"string\",\"applyUpdates\":false,\"tooLong\":\"reject\",\"length\":"
        "50}],"
        "\"filter\":{\"all\":[{\"field\":\"_ownerid_value\",\"is\":\"isNotEmpty\",\"type\":"
        "\"Owner\"},"
        "{\"field\":\"annualincome\",\"is\":\"greaterThan\",\"value\":\"1000.5\",\"type\":"
        "\"Money\"},"
        "{\"any\":[{\"field\":\"gendercode\",\"is\":\"in\",\"value\":[\"1\",\"2\"],\"type\":"
        "\"Picklist\"},"
        "{\"field\":\"donotbulkemail\",\"is\":\"equals\",\"value\":\"false\",\"type\":\"Boolean\"}]"
        "}]},"
        "\"applyDeletes\":false,\"deleteFilteredOut\":true}");
    assert_int_equal(strlen(json_string_value(json_object_get(outcome.compiled, "columnsHash"))),
                     16);
    json_object_set_new(outcome.compiled, "columnsHash", json_string("0"));
    if (!json_equal(outcome.compiled, expected))
        fail_msg("%s\n%s", json_dumps(outcome.compiled, JSON_SORT_KEYS | JSON_INDENT(1)),
                 json_dumps(outcome.faults, 0));
    json_decref(expected);
    outcome_done(&outcome);
}

static void what_is_compiled_is_what_a_worker_reads(void **state)
{
    (void)state;
    struct outcome outcome =
        translate(FIELD("\"source\":\"lastname\",\"destination\":\"lastName\""));
    struct ferry_mapping *mapping = NULL;
    struct ferry_error error;
    if (ferry_mapping_new(outcome.compiled, &mapping, &error) != FERRY_OK)
        fail_msg("%s", error.message);
    assert_int_equal(mapping->field_count, 2);
    assert_true(mapping->apply_deletes);
    assert_false(mapping->delete_filtered_out);
    assert_null(mapping->filter);
    ferry_mapping_free(mapping);
    outcome_done(&outcome);
}

static const char *hash_of(const struct outcome *outcome)
{
    return json_string_value(json_object_get(outcome->compiled, "columnsHash"));
}

static void the_hash_follows_the_columns_and_not_their_order(void **state)
{
    (void)state;
    struct outcome a =
        translate(MAPPING("\"fields\":[" OPT_OUT ","
                          "{\"source\":\"lastname\",\"destination\":\"lastName\"}]"));
    struct outcome b =
        translate(MAPPING("\"fields\":["
                          "{\"source\":\"lastname\",\"destination\":\"email\"}," OPT_OUT "]"));
    struct outcome c = translate(FILTER("{\"field\":\"lastname\",\"is\":\"isEmpty\"}"));
    struct outcome d = translate(MAPPING("\"fields\":[" OPT_OUT "]"));
    assert_string_equal(hash_of(&a), hash_of(&b));
    assert_string_equal(hash_of(&a), hash_of(&c));
    assert_string_not_equal(hash_of(&a), hash_of(&d));
    /* XXH3-64 of "donotbulkemail\nlastname", by the library itself */
    assert_string_equal(hash_of(&a), "fc05f7ef85ce04d6");
    outcome_done(&a);
    outcome_done(&b);
    outcome_done(&c);
    outcome_done(&d);
}

static void faults_name_the_place_and_the_thing(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {FIELD("\"source\":\"nickname\",\"destination\":\"firstName\""),
         "/mappings/0/fields/0/source",
         "the table contact has no column nickname that Ferry may read"},
        {FIELD("\"source\":\"lastname\",\"destination\":\"surname\""),
         "/mappings/0/fields/0/destination", "the resource profile has no field surname"},
        {FIELD("\"source\":\"lastname\",\"destination\":\"denyListFax\""),
         "/mappings/0/fields/0/destination", "the resource profile has no field denyListFax"},
        {FIELD("\"source\":\"donotbulkemail\",\"destination\":\"blackListEmail\""),
         "/mappings/0/fields/1/destination", "denyListEmail is the same field of Campaign"},
        {FIELD("\"source\":\"numberofchildren\",\"destination\":\"age\""),
         "/mappings/0/fields/0/destination", "age is read-only in Campaign"},
        {FIELD("\"source\":\"entityimage\",\"destination\":\"email\""),
         "/mappings/0/fields/0/source", "entityimage is of type Virtual, which cannot be carried"},
        {FIELD("\"source\":\"lastname\",\"destination\":\"location\""),
         "/mappings/0/fields/0/destination", "location is an item"},
        {FIELD("\"source\":\"lastname\",\"destination\":\"subscriptions\""),
         "/mappings/0/fields/0/destination", "subscriptions is a list of other records"},
        {FIELD("\"source\":\"parentcustomerid\",\"destination\":\"accountlink\""),
         "/mappings/0/fields/0/destination", "accountlink is a link: add \"link\""},
        {FIELD("\"source\":\"parentcustomerid\",\"destination\":\"email\",\"link\":{\"table\":"
               "\"account\"}"),
         "/mappings/0/fields/0/destination", "email is no link in Campaign"},
        {FIELD("\"source\":\"ownerid\",\"destination\":\"accountlink\",\"link\":{\"table\":"
               "\"account\"}"),
         "/mappings/0/fields/0/link/table", "_ownerid_value never points to a record of account"},
        {FIELD("\"source\":\"parentcustomerid\",\"destination\":\"orgUnit\",\"link\":{\"table\":"
               "\"account\"}"),
         "/mappings/0/fields/0/link/table",
         "orgUnit links to orgUnitBase in Campaign, but account is mapped into cusAccount"},
        {FIELD("\"source\":\"lastname\",\"destination\":\"accountlink\",\"link\":{\"table\":"
               "\"account\"}"),
         "/mappings/0/fields/0/destination", "lastname holds a text, and accountlink takes a link"},
        {FIELD("\"source\":\"modifiedon\",\"destination\":\"cusScore\""),
         "/mappings/0/fields/0/destination",
         "modifiedon holds a date, and cusScore takes a number"},
        {FIELD("\"source\":\"annualincome\",\"destination\":\"birthDate\""),
         "/mappings/0/fields/0/destination",
         "annualincome holds a number, and birthDate takes a date"},
        {FIELD("\"source\":\"ownerid\",\"destination\":\"cusContactNo\""),
         "/mappings/0/fields/0/destination", "_ownerid_value holds an id"},
        {FIELD("\"source\":\"lastname\",\"destination\":\"cusScore\",\"replacements\":["
               "{\"from\":\"a\",\"to\":\"1.5\"},{\"from\":\"b\",\"to\":\"much\"}]"),
         "/mappings/0/fields/0/replacements/1/to",
         "much is no number, and cusScore takes a number"},
        {FIELD("\"source\":\"gendercode\",\"destination\":\"gender\",\"replacements\":["
               "{\"from\":1,\"to\":\"male\"},{\"from\":2,\"to\":\"Female\"}]"),
         "/mappings/0/fields/0/replacements/1/to", "Female is none of the names that gender takes"},
        {"{\"table\":\"contact\",\"resource\":\"profile\",\"key\":\"crmId\",\"fields\":[" OPT_OUT
         "]}",
         "/mappings/0/key", "the resource profile has no field crmId"},
        {"{\"table\":\"contact\",\"resource\":\"profile\",\"key\":\"shortId\",\"fields\":[" OPT_OUT
         "]}",
         "/mappings/0/key", "shortId takes 30 characters, and an id has 36"},
        {"{\"table\":\"contact\",\"resource\":\"profile\",\"key\":\"cusScore\",\"fields\":[" OPT_OUT
         "]}",
         "/mappings/0/key", "cusScore is no text"},
        {FILTER("{\"field\":\"nickname\",\"is\":\"isEmpty\"}"), "/mappings/0/filter/field",
         "the table contact has no column nickname"},
        {FILTER("{\"field\":\"contactid\",\"is\":\"isEmpty\"}"), "/mappings/0/filter/field",
         "contactid is the record's id"},
        {FILTER("{\"all\":[{\"field\":\"lastname\",\"is\":\"lessThan\",\"value\":\"M\"}]}"),
         "/mappings/0/filter/all/0/is", "lessThan makes no sense: lastname holds a text"},
        {FILTER("{\"any\":[{\"field\":\"annualincome\",\"is\":\"equals\",\"value\":\"1,5\"}]}"),
         "/mappings/0/filter/any/0/value", "1,5 is no number, but the column holds a number"},
        {FILTER("{\"field\":\"gendercode\",\"is\":\"in\",\"value\":[1,\"Male\"]}"),
         "/mappings/0/filter/value/1", "Male is not the number of an option"},
        {FILTER("{\"field\":\"donotbulkemail\",\"is\":\"equals\",\"value\":1}"),
         "/mappings/0/filter/value", "1 is neither true nor false"},
        {FILTER(
             "{\"field\":\"modifiedon\",\"is\":\"greaterThan\",\"value\":\"2026-04-07T10:00:00\"}"),
         "/mappings/0/filter/value", "is a time without a time zone"},
        {MAPPING("\"fields\":[{\"source\":\"contactid\",\"destination\":\"email\"}]"),
         "/mappings/0/fields", "nothing but the record's id is mapped"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_fault(cases[i][0], cases[i][1], cases[i][2]);
}

static void options_that_never_fit_are_faults_and_some_are_warnings(void **state)
{
    (void)state;
    struct outcome none = translate(FIELD("\"source\":\"gendercode\",\"destination\":\"gender\""));
    assert_int_equal(json_array_size(none.faults), 2);
    outcome_done(&none);
    expect_warning(FIELD("\"source\":\"gendercode\",\"destination\":\"gender\",\"replacements\":["
                         "{\"from\":\"2\",\"to\":\"female\"}]"),
                   "/mappings/0/fields/0",
                   "option 1 (Male) of gendercode is none of the names that gender takes");
}

static void warnings_tell_what_may_be_rejected(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {FIELD("\"source\":\"firstname\",\"destination\":\"firstName\""),
         "firstname has up to 50 characters and firstName takes 30"},
        {FIELD("\"source\":\"lastname\",\"destination\":\"cusContactNo\""),
         "a record whose lastname is no whole number will be rejected"},
        {FIELD("\"source\":\"lastname\",\"destination\":\"birthDate\""),
         "a record whose lastname is no date"},
        {FIELD("\"source\":\"annualincome\",\"destination\":\"cusContactNo\""),
         "a record whose annualincome has a fraction will be rejected"},
        {FIELD("\"source\":\"numberofchildren\",\"destination\":\"blackList\""),
         "a record whose numberofchildren is neither 0 nor 1 will be rejected"},
        {FIELD("\"source\":\"lastname\",\"destination\":\"cusStatus\""),
         "cusStatus has no name for nothing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_warning(cases[i][0], "/mappings/0/fields/0", cases[i][1]);
    expect_warning(FIELD("\"source\":\"parentcustomerid\",\"destination\":\"accountlink\","
                         "\"link\":{\"table\":\"account\"}"),
                   "/mappings/0/fields/0/link/table",
                   "_parentcustomerid_value may point to records of other tables than account");
    expect_warning(MAPPING("\"deleteFilteredOut\":true,\"fields\":[" OPT_OUT "]"),
                   "/mappings/0/deleteFilteredOut", "has no effect without a filter");
    expect_warning(MAPPING("\"fields\":[{\"source\":\"lastname\",\"destination\":\"lastName\"}]"),
                   "/mappings/0/fields", "no opt-out attribute is mapped");
}

static void what_fits_is_silent(void **state)
{
    (void)state;
    static const char *const cases[] = {
        FIELD("\"source\":\"firstname\",\"destination\":\"firstName\",\"tooLong\":\"truncate\""),
        FIELD("\"source\":\"lastname\",\"destination\":\"location.city\""),
        FIELD("\"source\":\"annualincome\",\"destination\":\"cusScore\""),
        FIELD("\"source\":\"numberofchildren\",\"destination\":\"cusContactNo\""),
        FIELD("\"source\":\"birthdate\",\"destination\":\"cusSince\""),
        FIELD("\"source\":\"modifiedon\",\"destination\":\"birthDate\""),
        FIELD("\"source\":\"channels\",\"destination\":\"email\""),
        FIELD("\"source\":\"ownerid\",\"destination\":\"email\""),
        FIELD("\"source\":\"gendercode\",\"destination\":\"cusContactNo\""),
        FIELD("\"source\":\"_ownerid_value\",\"destination\":\"cusStatus\",\"replacements\":["
              "{\"from\":\"x\",\"to\":\"active\"},{\"from\":\"\",\"to\":\"inactive\"}]"),
        MAPPING("\"fields\":[{\"source\":\"donotbulkemail\",\"destination\":\"blackList\"}]"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_warning(cases[i], NULL, NULL);
}

/* --- beside Opt-In/Out --- */

#define KEEPS(column, attribute)                                                                   \
    "{\"direction\":\"both\",\"attributes\":[{\"dynamics\":\"" column                              \
    "\",\"campaign\":\"" attribute "\"}]}"
#define NAME_ONLY MAPPING("\"fields\":[{\"source\":\"lastname\",\"destination\":\"lastName\"}]")

static struct outcome translate_keeping(const char *mapping, const char *optinout)
{
    json_t *kept = from_json(optinout);
    json_t *table = from_json(contact_table);
    json_t *resource = from_json(profile_resource);
    struct outcome outcome = translate_beside(mapping, table, resource, kept);
    json_decref(resource);
    json_decref(table);
    json_decref(kept);
    return outcome;
}

static void what_opt_in_out_keeps_is_carried_into_births_alone(void **state)
{
    (void)state;
    struct outcome outcome =
        translate_keeping(NAME_ONLY, KEEPS("donotbulkemail", "blackListEmail"));
    json_t *field = json_array_get(json_object_get(outcome.compiled, "fields"), 0);
    json_t *expected =
        from_json("{\"source\":\"donotbulkemail\",\"sourceType\":\"Boolean\",\"destination\":"
                  "\"blackListEmail\",\"destinationType\":\"boolean\",\"applyUpdates\":false,"
                  "\"createOnly\":true,\"optOut\":\"denyListEmail\"}");
    json_t *columns = from_json("[\"donotbulkemail\",\"lastname\"]");
    assert_true(json_equal(field, expected));
    assert_true(json_equal(json_object_get(outcome.compiled, "columns"), columns));
    assert_int_equal(json_array_size(outcome.warnings), 0); /* they are not mailable unasked */
    json_decref(columns);
    json_decref(expected);
    outcome_done(&outcome);
}

static void a_worker_reads_that_it_is_for_creations_only(void **state)
{
    (void)state;
    struct outcome outcome = translate_keeping(NAME_ONLY, KEEPS("donotbulkemail", "denyListEmail"));
    struct ferry_mapping *mapping;
    struct ferry_error error;
    if (ferry_mapping_new(outcome.compiled, &mapping, &error) != FERRY_OK)
        fail_msg("%s", error.message);
    assert_int_equal(mapping->field_count, 2);
    assert_true(mapping->fields[0].create_only);
    assert_false(mapping->fields[0].apply_updates);
    assert_false(mapping->fields[1].create_only);
    ferry_mapping_free(mapping);
    outcome_done(&outcome);
}

static void births_that_could_not_carry_an_opt_out_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *optinout, *reason;
    } rows[] = {
        {KEEPS("donotwhistle", "denyListEmail"), "has no column donotwhistle"},
        {KEEPS("lastname", "denyListEmail"), "lastname is of the type String"},
        {KEEPS("donotbulkemail", "denyListFax"), "has no attribute denyListFax"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct outcome outcome = translate_keeping(NAME_ONLY, rows[i].optinout);
        expect_list(rows[i].optinout, outcome.faults, "/mappings/0", rows[i].reason);
        outcome_done(&outcome);
    }
}

static void labels_go_only_where_a_text_is_wanted(void **state)
{
    (void)state;
    struct outcome outcome =
        translate(MAPPING("\"picklists\":\"label\",\"fields\":[" OPT_OUT
                          ",{\"source\":\"gendercode\",\"destination\":\"cusContactNo\"},"
                          "{\"source\":\"gendercode\",\"destination\":\"email\"}]"));
    json_t *fields = json_object_get(outcome.compiled, "fields");
    assert_null(json_object_get(json_array_get(fields, 0), "labels"));
    assert_null(json_object_get(json_array_get(fields, 1), "labels"));
    assert_non_null(json_object_get(json_array_get(fields, 2), "labels"));
    outcome_done(&outcome);
}

static void a_table_without_change_tracking_is_refused(void **state)
{
    (void)state;
    json_t *table = from_json(contact_table);
    json_t *resource = from_json(profile_resource);
    json_object_set_new(table, "tracking", json_false());
    struct outcome outcome = translate_with(MAPPING("\"fields\":[" OPT_OUT "]"), table, resource);
    expect_list("", outcome.faults, "/mappings/0/table", "change tracking is off");
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(outcome.faults, 0), "class")), "schema");
    outcome_done(&outcome);
    json_decref(table);
    json_decref(resource);
}

static void a_mandatory_field_without_source_is_a_warning(void **state)
{
    (void)state;
    json_t *table = from_json(contact_table);
    json_t *resource = from_json(profile_resource);
    json_t *fields = json_object_get(resource, "fields");
    json_object_set_new(json_object_get(fields, "email"), "mandatory", json_true());
    json_object_set_new(json_object_get(fields, "externalId"), "mandatory", json_true());
    struct outcome outcome = translate_with(MAPPING("\"fields\":[" OPT_OUT "]"), table, resource);
    expect_list("", outcome.warnings, "/mappings/0/fields", "email is mandatory in Campaign");
    outcome_done(&outcome);
    json_decref(table);
    json_decref(resource);
}

static void every_fault_is_told_at_once(void **state)
{
    (void)state;
    struct outcome outcome =
        translate("{\"table\":\"contact\",\"resource\":\"profile\",\"key\":\"crmId\",\"fields\":["
                  "{\"source\":\"nickname\",\"destination\":\"surname\"},"
                  "{\"source\":\"numberofchildren\",\"destination\":\"age\"}],"
                  "\"filter\":{\"field\":\"x\",\"is\":\"isEmpty\"}}");
    assert_int_equal(json_array_size(outcome.faults), 5);
    outcome_done(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mapping_is_compiled_with_what_both_systems_know),
        cmocka_unit_test(what_is_compiled_is_what_a_worker_reads),
        cmocka_unit_test(the_hash_follows_the_columns_and_not_their_order),
        cmocka_unit_test(faults_name_the_place_and_the_thing),
        cmocka_unit_test(options_that_never_fit_are_faults_and_some_are_warnings),
        cmocka_unit_test(warnings_tell_what_may_be_rejected),
        cmocka_unit_test(what_fits_is_silent),
        cmocka_unit_test(what_opt_in_out_keeps_is_carried_into_births_alone),
        cmocka_unit_test(a_worker_reads_that_it_is_for_creations_only),
        cmocka_unit_test(births_that_could_not_carry_an_opt_out_are_refused),
        cmocka_unit_test(labels_go_only_where_a_text_is_wanted),
        cmocka_unit_test(a_table_without_change_tracking_is_refused),
        cmocka_unit_test(a_mandatory_field_without_source_is_a_warning),
        cmocka_unit_test(every_fault_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
