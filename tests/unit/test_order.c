#include "core/control/orders.h"

#include "cmocka_all.h"

#include <string.h>

static const char order_text[] =
    "{\"generation\":7,\"phase\":\"GO\",\"revision\":3,\"mappings\":[{\"id\":\"contact\",\"table\":"
    "\"contact\","
    "\"entitySet\":\"contacts\",\"primaryId\":\"contactid\",\"api\":\"profileAndServicesExt\","
    "\"resource\":\"profile\",\"key\":\"externalId\",\"columns\":[\"firstname\",\"gendercode\"],"
    "\"columnsHash\":\"0f3a\",\"replay\":2,\"applyDeletes\":false,\"deleteFilteredOut\":true,"
    "\"filter\":{"
    "\"all\":[]},"
    "\"fields\":[{\"source\":\"firstname\",\"sourceType\":\"String\",\"destination\":\"firstName\","
    "\"destinationType\":\"string\",\"length\":30,\"applyUpdates\":false,\"tooLong\":\"truncate\","
    "\"replacements\":[{\"from\":\"a\",\"to\":\"b\"}]},"
    "{\"source\":\"gendercode\",\"sourceType\":\"Picklist\",\"destination\":\"gender\","
    "\"destinationType\":\"enumeration\",\"labels\":{\"1\":\"Male\"},\"enumeration\":[\"male\"]}]}]"
    "}";

static enum ferry_status parse(const char *text, struct ferry_order **ret_order,
                               struct ferry_error *error)
{
    return ferry_order_parse("dynamics-to-campaign", text, strlen(text), ret_order, error);
}

static void an_order_carries_its_compiled_mappings(void **state)
{
    (void)state;
    struct ferry_order *order = NULL;
    struct ferry_error error;
    assert_int_equal(parse(order_text, &order, &error), FERRY_OK);
    assert_true(order->generation == 7);
    assert_int_equal(order->phase, FERRY_PHASE_GO);
    assert_int_equal(order->mapping_count, 1);
    const struct ferry_mapping *mapping = order->mappings[0];
    assert_string_equal(mapping->entity_set, "contacts");
    assert_int_equal(mapping->replay, 2);
    assert_false(mapping->apply_deletes);
    assert_true(mapping->delete_filtered_out);
    assert_non_null(mapping->filter);
    assert_int_equal(mapping->column_count, 2);
    assert_string_equal(mapping->columns[1], "gendercode");
    const struct ferry_mapping_field *first = &mapping->fields[0];
    assert_int_equal(first->length, 30);
    assert_false(first->apply_updates);
    assert_int_equal(first->too_long, FERRY_TOO_LONG_TRUNCATE);
    assert_string_equal(first->replacements[0].to, "b");
    assert_true(mapping->fields[1].apply_updates);
    assert_non_null(mapping->fields[1].labels);
    ferry_order_free(order);
}

static void what_is_no_order_is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"{", "no JSON"},
        {"{\"generation\":0,\"phase\":\"GO\"}", "no usable generation or phase"},
        {"{\"generation\":1,\"phase\":\"RUN\"}", "no usable generation or phase"},
        {"{\"generation\":1,\"phase\":\"GO\",\"mappings\":[{}]}", "\"id\""},
        {"{\"generation\":1,\"phase\":\"GO\",\"mappings\":[{\"id\":\"c\",\"table\":\"c\","
         "\"entitySet\":\"c\","
         "\"primaryId\":\"c\",\"api\":\"a\",\"resource\":\"r\",\"key\":\"k\",\"columnsHash\":\"h\"}"
         "]}",
         "\"columns\""},
        {"{\"generation\":1,\"phase\":\"GO\",\"mappings\":[{\"id\":\"c\",\"table\":\"c\","
         "\"entitySet\":\"c\","
         "\"primaryId\":\"c\",\"api\":\"a\",\"resource\":\"r\",\"key\":\"k\",\"columnsHash\":\"h\","
         "\"columns\":[\"a\"],\"fields\":[{\"source\":\"a\"}]}]}",
         "\"fields\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ferry_order *order = NULL;
        struct ferry_error error;
        assert_int_equal(parse(cases[i].text, &order, &error), FERRY_INVALID);
        assert_non_null(strstr(error.message, cases[i].reason));
        assert_null(order);
    }
}

static void a_stop_needs_no_mappings(void **state)
{
    (void)state;
    struct ferry_order *order = NULL;
    struct ferry_error error;
    assert_int_equal(parse("{\"generation\":1,\"phase\":\"STOP\"}", &order, &error), FERRY_OK);
    assert_int_equal(order->mapping_count, 0);
    ferry_order_free(order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_carries_its_compiled_mappings),
        cmocka_unit_test(what_is_no_order_is_refused_with_a_reason),
        cmocka_unit_test(a_stop_needs_no_mappings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
