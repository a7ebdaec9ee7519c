/* The tables of a run order: what is known of all of them. */
#include "consumers/tables.h"

#include "tests/unit/mappings.h"

static const struct ferry_tables_options options = {.instance = "f",
                                                    .brake = {.records = 100, .percent = 5}};

static int make_tables(void **state)
{
    static struct ferry_tables tables;
    struct ferry_error error;
    json_t *mappings = json_array();
    json_array_append_new(mappings, link_mapping("account", "contact"));
    json_array_append_new(mappings, link_mapping("contact", "account"));
    assert_int_equal(ferry_tables_init(&tables, &options, mappings, &error), FERRY_OK);
    json_decref(mappings);
    *state = &tables;
    return 0;
}

static int drop_tables(void **state)
{
    ferry_tables_done(*state);
    return 0;
}

static void each_table_has_its_topics_schemas_and_limits(void **state)
{
    const struct ferry_tables *tables = *state;
    assert_int_equal(tables->count, 2);
    assert_string_equal(tables->topics[1], "f.changes.contact");
    assert_string_equal(tables->schemas[2].topic, "f.changes.contact");
    assert_string_equal(tables->schemas[3].topic, "f.written.contact");
    assert_ptr_equal(tables->schemas[3].wire, &tables->list[1]->wire);
    assert_int_equal(tables->list[1]->brake.limits.records, 100);
    assert_ptr_equal(ferry_tables_find(tables, "f.changes.account"), tables->list[0]);
    assert_null(ferry_tables_find(tables, "f.written.account"));
}

static void their_links_are_related(void **state)
{
    const struct ferry_tables *tables = *state;
    assert_true(tables->list[0]->mapping->fields[0].mutual);
    assert_true(tables->list[1]->mapping->fields[0].mutual);
}

static void one_bad_mapping_is_a_fault_of_all(void **state)
{
    struct ferry_tables tables;
    struct ferry_error error;
    json_t *mappings = json_array();
    (void)state;
    json_array_append_new(mappings, link_mapping("account", "contact"));
    json_array_append_new(mappings, json_object());
    assert_int_equal(ferry_tables_init(&tables, &options, mappings, &error), FERRY_INVALID);
    assert_int_equal(tables.count, 0);
    assert_null(tables.list);
    json_decref(mappings);
}

static void all_are_inspected_when_each_one_is(void **state)
{
    struct ferry_tables *tables = *state;
    assert_false(ferry_tables_inspected(tables));
    tables->list[1]->inspected = true;
    assert_false(ferry_tables_inspected(tables));
    tables->list[0]->inspected = true;
    assert_true(ferry_tables_inspected(tables));
    assert_null(ferry_tables_stopped(tables));
    tables->list[1]->stopped = true;
    assert_ptr_equal(ferry_tables_stopped(tables), tables->list[1]);
}

static void a_decision_is_for_its_table_alone(void **state)
{
    struct ferry_tables *tables = *state;
    const struct ferry_deletion deletion = {.decision = 3, .approved = true};
    ferry_tables_decide(tables, "contact", &deletion);
    assert_int_equal(tables->list[1]->brake.latest.decision, 3);
    assert_true(tables->list[1]->brake.latest.approved);
    assert_int_equal(tables->list[0]->brake.latest.decision, 0);
}

static int64_t counted(const json_t *counters, const char *name)
{
    const json_t *count = json_object_get(counters, name);
    assert_non_null(count);
    return json_integer_value(count);
}

static void fates_of_one_name_and_of_all_tables_are_one_sum(void **state)
{
    struct ferry_tables *tables = *state;
    json_t *counters = json_object();
    tables->list[0]->counts[FERRY_FATE_INSERTED] = 1;
    tables->list[0]->counts[FERRY_FATE_UNCHANGED] = 2;
    tables->list[0]->counts[FERRY_FATE_SUPERSEDED] = 4;
    tables->list[1]->counts[FERRY_FATE_INSERTED] = 8;
    tables->list[1]->counts[FERRY_FATE_DELETED] = 16;
    tables->list[1]->counts[FERRY_FATE_REFRESHED] = 32;
    ferry_tables_tell(tables, counters);
    assert_int_equal(counted(counters, "inserted"), 9);
    assert_int_equal(counted(counters, "deleted"), 16);
    assert_int_equal(counted(counters, "unchanged"), 38);
    assert_int_equal(counted(counters, "rejected"), 0);
    assert_int_equal(counted(counters, "written"), 25);
    json_decref(counters);
}

#define WITH_TABLES(test) cmocka_unit_test_setup_teardown(test, make_tables, drop_tables)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TABLES(each_table_has_its_topics_schemas_and_limits),
        WITH_TABLES(their_links_are_related),
        cmocka_unit_test(one_bad_mapping_is_a_fault_of_all),
        WITH_TABLES(all_are_inspected_when_each_one_is),
        WITH_TABLES(a_decision_is_for_its_table_alone),
        WITH_TABLES(fates_of_one_name_and_of_all_tables_are_one_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
