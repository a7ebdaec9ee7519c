#include "consumers/body.h"

#include "source_record.h"

#include <stdlib.h>
#include <time.h>

static const char *const profile =
    "{\"id\":\"contact\",\"table\":\"contact\",\"entitySet\":\"contacts\",\"primaryId\":"
    "\"contactid\","
    "\"api\":\"profileAndServicesExt\",\"resource\":\"profile\",\"key\":\"externalId\","
    "\"columnsHash\":\"0\","
    "\"columns\":[\"firstname\"],\"fields\":["
    "{\"source\":\"donotbulkemail\",\"sourceType\":\"Boolean\",\"destination\":\"blackListEmail\","
    "\"destinationType\":\"boolean\",\"applyUpdates\":false},"
    "{\"source\":\"firstname\",\"sourceType\":\"String\",\"destination\":\"firstName\","
    "\"destinationType\":\"string\",\"length\":5,\"tooLong\":\"truncate\"},"
    "{\"source\":\"address1_city\",\"sourceType\":\"String\",\"destination\":\"location.city\","
    "\"destinationType\":\"string\"},"
    "{\"source\":\"annualincome\",\"sourceType\":\"Money\",\"destination\":\"cusIncome\","
    "\"destinationType\":\"double\"},"
    "{\"source\":\"address1_postalcode\",\"sourceType\":\"String\",\"destination\":\"location."
    "zipCode\","
    "\"destinationType\":\"string\",\"length\":8},"
    "{\"source\":\"_new_contact_value\",\"sourceType\":\"Lookup\",\"destination\":\"profilelink\","
    "\"destinationType\":\"link\",\"linkTable\":\"contact\"}]}";

static struct ferry_mapping *mapping_from(const char *text)
{
    json_t *json = from_json(text);
    struct ferry_mapping *mapping = NULL;
    struct ferry_error error;
    if (ferry_mapping_new(json, &mapping, &error) != FERRY_OK)
        fail_msg("%s", error.message);
    json_decref(json);
    return mapping;
}

static struct ferry_outline *outline_of(const struct ferry_mapping *mapping)
{
    struct ferry_outline *outline = NULL;
    assert_int_equal(ferry_outline_new(mapping, &outline), FERRY_OK);
    return outline;
}

static enum ferry_status write(const char *mapping_json, const char *columns_json,
                               enum ferry_body_kind kind, struct ferry_buffer *out,
                               struct ferry_error *error)
{
    struct ferry_mapping *mapping = mapping_from(mapping_json);
    ferry_mapping_relate(&mapping, 1);
    json_t *columns = from_json(columns_json);
    struct ferry_change change;
    change_from(columns, &change);
    struct ferry_outline *outline = outline_of(mapping);
    enum ferry_status status = ferry_body_write(outline, &change, kind, out, error);
    ferry_outline_free(outline);
    ferry_change_done(&change);
    json_decref(columns);
    ferry_mapping_free(mapping);
    return status;
}

static void expect(const char *mapping, const char *columns, enum ferry_body_kind kind,
                   const char *expected)
{
    struct ferry_buffer out;
    struct ferry_error error;
    ferry_buffer_init(&out, 10000);
    if (write(mapping, columns, kind, &out, &error) != FERRY_OK)
        fail_msg("%s", error.message);
    assert_string_equal(out.data, expected);
    ferry_buffer_done(&out);
}

static const char *const ann =
    "{\"firstname\":\"Annabel\",\"donotbulkemail\":true,\"address1_city\":\"Bergen\","
    "\"annualincome\":\"50000.0000\",\"address1_postalcode\":\"5003\","
    "\"_new_contact_value\":\"78914942-34cb-ed11-b596-0022481d68cd\"}";

static void a_create_has_the_key_and_every_field(void **state)
{
    (void)state;
    expect(profile, ann, FERRY_BODY_CREATE,
           "{\"externalId\":\"" RECORD_ID "\",\"blackListEmail\":true,\"firstName\":\"Annab\","
           "\"location\":{\"city\":\"Bergen\",\"zipCode\":\"5003\"},\"cusIncome\":50000.0000,"
           "\"profilelink\":{\"PKey\":\"78914942-34cb-ed11-b596-0022481d68cd\"}}");
}

/* Of two records that link to each other one must come first. */
static void a_create_alone_leaves_out_mutual_links(void **state)
{
    (void)state;
    expect(profile, ann, FERRY_BODY_CREATE_ALONE,
           "{\"externalId\":\"" RECORD_ID "\",\"blackListEmail\":true,\"firstName\":\"Annab\","
           "\"location\":{\"city\":\"Bergen\",\"zipCode\":\"5003\"},\"cusIncome\":50000.0000}");
}

static void an_update_has_the_fields_that_apply_updates_and_no_key(void **state)
{
    (void)state;
    expect(profile, ann, FERRY_BODY_UPDATE,
           "{\"firstName\":\"Annab\",\"location\":{\"city\":\"Bergen\",\"zipCode\":\"5003\"},"
           "\"cusIncome\":50000.0000,"
           "\"profilelink\":{\"PKey\":\"78914942-34cb-ed11-b596-0022481d68cd\"}}");
}

static void a_replay_has_every_field_and_no_key(void **state)
{
    (void)state;
    expect(profile, ann, FERRY_BODY_REPLAY,
           "{\"blackListEmail\":true,\"firstName\":\"Annab\","
           "\"location\":{\"city\":\"Bergen\",\"zipCode\":\"5003\"},\"cusIncome\":50000.0000,"
           "\"profilelink\":{\"PKey\":\"78914942-34cb-ed11-b596-0022481d68cd\"}}");
}

/* The same, with the opt-out kept by Opt-In/Out. */
static char *profile_with_birth(void)
{
    json_t *json = from_json(profile);
    json_object_set_new(json_array_get(json_object_get(json, "fields"), 0), "createOnly",
                        json_true());
    char *text = json_dumps(json, 0);
    json_decref(json);
    return text;
}

static void what_is_for_creations_only_is_in_no_other_body(void **state)
{
    (void)state;
    static const char *const told = "{\"firstname\":\"Ann\",\"donotbulkemail\":true}";
    char *mapping = profile_with_birth();
    expect(mapping, told, FERRY_BODY_CREATE,
           "{\"externalId\":\"" RECORD_ID "\",\"blackListEmail\":true,\"firstName\":\"Ann\"}");
    expect(mapping, told, FERRY_BODY_CREATE_ALONE,
           "{\"externalId\":\"" RECORD_ID "\",\"blackListEmail\":true,\"firstName\":\"Ann\"}");
    expect(mapping, told, FERRY_BODY_UPDATE, "{\"firstName\":\"Ann\"}");
    expect(mapping, told, FERRY_BODY_REPLAY, "{\"firstName\":\"Ann\"}");
    free(mapping);
}

static bool lacks_opt_outs(const char *mapping_json, const char *columns_json)
{
    struct ferry_mapping *mapping = mapping_from(mapping_json);
    json_t *columns = from_json(columns_json);
    struct ferry_change change;
    change_from(columns, &change);
    bool lacks = ferry_body_lacks_opt_outs(mapping, &change);
    ferry_change_done(&change);
    json_decref(columns);
    ferry_mapping_free(mapping);
    return lacks;
}

static void a_change_that_was_read_without_its_opt_outs_lacks_them(void **state)
{
    (void)state;
    char *mapping = profile_with_birth();
    assert_true(lacks_opt_outs(mapping, "{\"firstname\":\"Ann\"}"));
    assert_false(lacks_opt_outs(mapping, "{\"donotbulkemail\":false}"));
    assert_false(lacks_opt_outs(mapping, "{\"donotbulkemail\":null}")); /* nobody ever said so */
    assert_false(lacks_opt_outs(profile, "{\"firstname\":\"Ann\"}"));
    free(mapping);
}

static void a_column_that_is_not_carried_is_left_out(void **state)
{
    (void)state;
    expect(profile, "{\"firstname\":\"Ann\",\"address1_postalcode\":\"5003\"}", FERRY_BODY_REPLAY,
           "{\"firstName\":\"Ann\",\"location\":{\"zipCode\":\"5003\"}}");
    expect(profile, "{\"annualincome\":\"1\"}", FERRY_BODY_REPLAY, "{\"cusIncome\":1}");
    expect(profile, "{\"unmapped\":\"1\"}", FERRY_BODY_UPDATE, "{}");
    expect(profile, "{}", FERRY_BODY_CREATE, "{\"externalId\":\"" RECORD_ID "\"}");
}

static void a_null_clears(void **state)
{
    (void)state;
    expect(
        profile,
        "{\"firstname\":null,\"donotbulkemail\":null,\"address1_city\":null,\"annualincome\":null,"
        "\"_new_contact_value\":null}",
        FERRY_BODY_REPLAY,
        "{\"blackListEmail\":false,\"firstName\":\"\",\"location\":{\"city\":\"\"},"
        "\"cusIncome\":0,\"profilelink\":null}");
}

static void the_id_of_the_record_may_be_mapped_like_a_column(void **state)
{
    (void)state;
    static const char *const mapping =
        "{\"id\":\"a\",\"table\":\"contact\",\"entitySet\":\"contacts\",\"primaryId\":"
        "\"contactid\","
        "\"api\":\"x\",\"resource\":\"y\",\"key\":\"externalId\",\"columnsHash\":\"0\",\"columns\":"
        "[\"x\"],"
        "\"fields\":[{\"source\":\"contactid\",\"sourceType\":\"Uniqueidentifier\","
        "\"destination\":\"crmId\",\"destinationType\":\"string\"}]}";
    expect(mapping, "{}", FERRY_BODY_UPDATE, "{\"crmId\":\"" RECORD_ID "\"}");
}

/* Fields "a.b.c" and so on, each a string from a column of the same name. */
static char *mapping_of(const char *const *destinations, size_t count)
{
    json_t *json = from_json(profile);
    json_t *fields = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(fields, json_pack("{ssssssss}", "source", destinations[i],
                                                "sourceType", "String", "destination",
                                                destinations[i], "destinationType", "string"));
    json_object_set_new(json, "fields", fields);
    char *text = json_dumps(json, 0);
    json_decref(json);
    return text;
}

static void items_nest_and_merge_wherever_their_fields_stand(void **state)
{
    (void)state;
    static const char *const destinations[] = {"a.x",  "b",      "a.in.p", "a.y",
                                               "ab.x", "a.in.q", "c.only"};
    char *mapping = mapping_of(destinations, 7);
    expect(mapping,
           "{\"a.x\":\"1\",\"b\":\"2\",\"a.in.p\":\"3\",\"a.y\":\"4\",\"ab.x\":\"5\",\"a.in.q\":"
           "\"6\"}",
           FERRY_BODY_UPDATE,
           "{\"a\":{\"x\":\"1\",\"in\":{\"p\":\"3\",\"q\":\"6\"},\"y\":\"4\"},\"b\":\"2\","
           "\"ab\":{\"x\":\"5\"}}");
    expect(mapping, "{\"a.in.q\":\"6\"}", FERRY_BODY_UPDATE, "{\"a\":{\"in\":{\"q\":\"6\"}}}");
    expect(mapping, "{\"b\":\"2\"}", FERRY_BODY_UPDATE, "{\"b\":\"2\"}");
    free(mapping);
}

static void a_bad_value_rejects_the_record_and_leaves_the_buffer_alone(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"firstname\":\"Ann\",\"annualincome\":\"much\"}",
         "field cusIncome: annualincome is no number"},
        {"{\"address1_city\":\"Bergen\",\"address1_postalcode\":\"123456789\"}",
         "field location.zipCode: address1_postalcode has 9 characters and the field takes 8"},
        {"{\"donotbulkemail\":\"perhaps\"}",
         "field blackListEmail: donotbulkemail is neither true nor false, 1 nor 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ferry_buffer out;
        struct ferry_error error;
        ferry_buffer_init(&out, 10000);
        assert_int_equal(ferry_buffer_append_text(&out, "before"), FERRY_OK);
        assert_int_equal(write(profile, cases[i][0], FERRY_BODY_CREATE, &out, &error),
                         FERRY_BAD_RECORD);
        assert_string_equal(error.message, cases[i][1]);
        assert_int_equal(error.class, FERRY_CLASS_MAPPING);
        assert_string_equal(out.data, "before");
        assert_int_equal(out.length, 6);
        ferry_buffer_done(&out);
    }
}

static void what_an_update_leaves_out_cannot_reject_it(void **state)
{
    (void)state;
    expect(profile, "{\"firstname\":\"Ann\",\"donotbulkemail\":\"perhaps\"}", FERRY_BODY_UPDATE,
           "{\"firstName\":\"Ann\"}");
}

static void a_body_beyond_the_ceiling_rejects_the_record(void **state)
{
    (void)state;
    struct ferry_buffer probe;
    ferry_buffer_init(&probe, 10000);
    assert_int_equal(write(profile, ann, FERRY_BODY_CREATE, &probe, NULL), FERRY_OK);
    for (size_t ceiling = 0; ceiling < probe.length; ceiling++) {
        struct ferry_buffer out;
        struct ferry_error error;
        ferry_buffer_init(&out, ceiling);
        assert_int_equal(write(profile, ann, FERRY_BODY_CREATE, &out, &error), FERRY_BAD_RECORD);
        assert_non_null(strstr(error.message, "too large for one request"));
        assert_int_equal(out.length, 0);
        ferry_buffer_done(&out);
    }
    ferry_buffer_done(&probe);
}

static void an_id_that_is_no_utf8_is_rejected(void **state)
{
    (void)state;
    struct ferry_mapping *mapping = mapping_from(profile);
    struct ferry_outline *outline = outline_of(mapping);
    struct ferry_change change;
    struct ferry_buffer out;
    struct ferry_error error;
    ferry_change_init(&change);
    ferry_buffer_init(&out, 1000);
    change.id = slice_of("\xFF");
    assert_int_equal(ferry_body_write(outline, &change, FERRY_BODY_CREATE, &out, &error),
                     FERRY_BAD_RECORD);
    assert_string_equal(error.message, "field externalId: the record's id is no valid UTF-8");
    ferry_buffer_done(&out);
    ferry_outline_free(outline);
    ferry_mapping_free(mapping);
}

/* An outline remembers where it found a column; changes need not be alike. */
static void one_outline_serves_changes_of_any_order(void **state)
{
    (void)state;
    static const char *const orders[] = {
        "{\"firstname\":\"Ann\",\"address1_city\":\"Bergen\"}",
        "{\"address1_city\":\"Bergen\",\"unmapped\":\"x\",\"firstname\":\"Ann\"}",
        "{\"unmapped\":\"x\",\"firstname\":\"Ann\",\"address1_city\":\"Bergen\"}",
        "{\"firstname\":\"Ann\"}",
        "{\"address1_city\":\"Bergen\",\"firstname\":\"Ann\"}",
    };
    struct ferry_mapping *mapping = mapping_from(profile);
    struct ferry_outline *outline = outline_of(mapping);
    struct ferry_buffer out;
    ferry_buffer_init(&out, 1000);
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        json_t *columns = from_json(orders[i]);
        struct ferry_change change;
        change_from(columns, &change);
        ferry_buffer_clear(&out);
        assert_int_equal(ferry_body_write(outline, &change, FERRY_BODY_UPDATE, &out, NULL),
                         FERRY_OK);
        assert_string_equal(out.data, i == 3 ? "{\"firstName\":\"Ann\"}"
                                             : "{\"firstName\":\"Ann\",\"location\":{\"city\":"
                                               "\"Bergen\"}}");
        ferry_change_done(&change);
        json_decref(columns);
    }
    ferry_buffer_done(&out);
    ferry_outline_free(outline);
    ferry_mapping_free(mapping);
}

/* Any set of dotted names gives an object that jansson reads, with every value at its path and no
 * name twice. */
static void random_nesting_gives_every_value_its_place(void **state)
{
    (void)state;
    static const char *const names[] = {"a.k", "a.l",   "a.b.k", "a.b.l", "a.b.c.k", "ab.k",
                                        "b.k", "b.a.k", "k",     "l",     "z.a.k",   "aa"};
    enum { NAMES = sizeof names / sizeof names[0] };
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    for (int round = 0; round < 500; round++) {
        const char *shuffled[NAMES];
        memcpy(shuffled, names, sizeof names);
        for (size_t i = NAMES - 1; i > 0; i--) {
            size_t j = (size_t)rand() % (i + 1);
            const char *swap = shuffled[i];
            shuffled[i] = shuffled[j];
            shuffled[j] = swap;
        }
        json_t *columns = json_object();
        for (size_t i = 0; i < NAMES; i++)
            if (rand() % 3)
                json_object_set_new(columns, names[i], json_string(names[i]));
        char *mapping = mapping_of(shuffled, NAMES);
        char *columns_json = json_dumps(columns, 0);
        struct ferry_buffer out;
        ferry_buffer_init(&out, 10000);
        assert_int_equal(write(mapping, columns_json, FERRY_BODY_UPDATE, &out, NULL), FERRY_OK);
        json_t *body = json_loadb(out.data, out.length, JSON_REJECT_DUPLICATES, NULL);
        if (!body)
            fail_msg("%s, seed %u", out.data, seed);
        for (size_t i = 0; i < NAMES; i++) {
            char path[32];
            strcpy(path, names[i]);
            const json_t *place = body;
            char *rest = NULL;
            for (char *part = strtok_r(path, ".", &rest); part; part = strtok_r(NULL, ".", &rest))
                place = json_object_get(place, part);
            if (json_object_get(columns, names[i]))
                assert_string_equal(json_string_value(place), names[i]);
            else
                assert_null(place);
        }
        json_decref(body);
        json_decref(columns);
        free(mapping);
        free(columns_json);
        ferry_buffer_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_create_has_the_key_and_every_field),
        cmocka_unit_test(a_create_alone_leaves_out_mutual_links),
        cmocka_unit_test(an_update_has_the_fields_that_apply_updates_and_no_key),
        cmocka_unit_test(a_replay_has_every_field_and_no_key),
        cmocka_unit_test(what_is_for_creations_only_is_in_no_other_body),
        cmocka_unit_test(a_change_that_was_read_without_its_opt_outs_lacks_them),
        cmocka_unit_test(a_column_that_is_not_carried_is_left_out),
        cmocka_unit_test(a_null_clears),
        cmocka_unit_test(the_id_of_the_record_may_be_mapped_like_a_column),
        cmocka_unit_test(items_nest_and_merge_wherever_their_fields_stand),
        cmocka_unit_test(a_bad_value_rejects_the_record_and_leaves_the_buffer_alone),
        cmocka_unit_test(what_an_update_leaves_out_cannot_reject_it),
        cmocka_unit_test(a_body_beyond_the_ceiling_rejects_the_record),
        cmocka_unit_test(an_id_that_is_no_utf8_is_rejected),
        cmocka_unit_test(one_outline_serves_changes_of_any_order),
        cmocka_unit_test(random_nesting_gives_every_value_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
