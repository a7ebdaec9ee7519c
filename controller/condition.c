#include "controller/condition.h"

#include "controller/configuration.h"
#include "core/control/comparison.h"

#include <string.h>

/* The writer follows 16. */
#define DEPTH_MAX    8
#define PARTS_MAX    100
#define OPERANDS_MAX 1000

static bool is_scalar(const json_t *value)
{
    return json_is_string(value) || json_is_number(value) || json_is_boolean(value);
}

static void check_operand(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    if (!is_scalar(value))
        ferry_shape_fault(shape, place, "must be a text, a number, true or false");
    else if (json_is_string(value) && json_string_length(value) == 0)
        ferry_shape_fault(shape, place, "must not be empty: use isEmpty or isNotEmpty");
}

static void check_value(struct ferry_shape *shape, json_t *leaf, const struct ferry_place *place,
                        const struct ferry_comparison *comparison)
{
    json_t *value = json_object_get(leaf, "value");
    const struct ferry_place inner = {place, "value", 0};
    if (comparison->test == FERRY_TEST_EMPTY) {
        if (value)
            ferry_shape_fault(shape, &inner, "%s takes no value", comparison->name);
    } else if (!value) {
        ferry_shape_fault(shape, place, "\"value\" is missing");
    } else if (comparison->test == FERRY_TEST_IN) {
        ferry_shape_array(shape, value, &inner, 1, OPERANDS_MAX, check_operand);
    } else {
        check_operand(shape, value, &inner);
    }
}

static void check_field(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, FERRY_CONFIGURATION_COLUMN,
                        "must be the name of a column in Dynamics 365, like firstname");
}

static void check_is(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    const char *names[32] = {NULL};
    for (size_t i = 0; i < ferry_comparison_count; i++)
        names[i] = ferry_comparisons[i].name;
    ferry_shape_choice(shape, value, place, names);
}

static void accept(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    (void)shape;
    (void)value;
    (void)place;
}

static void check_leaf(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {{"field", true, check_field},
                                                        {"is", true, check_is},
                                                        {"value", false, accept},
                                                        {NULL, false, NULL}};
    ferry_shape_object(shape, value, place, members);
    const char *is = json_string_value(json_object_get(value, "is"));
    const struct ferry_comparison *comparison = is ? ferry_comparison_find(is) : NULL;
    if (comparison)
        check_value(shape, value, place, comparison);
}

static void check_all(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    ferry_shape_array(shape, value, place, 1, PARTS_MAX, ferry_condition_check);
}

static size_t depth(const struct ferry_place *place)
{
    size_t lists = 0;
    for (; place; place = place->parent)
        lists +=
            place->name && (strcmp(place->name, "all") == 0 || strcmp(place->name, "any") == 0);
    return lists;
}

void ferry_condition_check(struct ferry_shape *shape, json_t *value,
                           const struct ferry_place *place)
{
    static const struct ferry_shape_member all[] = {{"all", true, check_all}, {NULL, false, NULL}};
    static const struct ferry_shape_member any[] = {{"any", true, check_all}, {NULL, false, NULL}};
    if (depth(place) > DEPTH_MAX)
        ferry_shape_fault(shape, place, "is nested more than %d levels deep", DEPTH_MAX);
    else if (json_object_get(value, "all"))
        ferry_shape_object(shape, value, place, all);
    else if (json_object_get(value, "any"))
        ferry_shape_object(shape, value, place, any);
    else
        check_leaf(shape, value, place);
}

void ferry_condition_visit(json_t *filter, const struct ferry_place *place,
                           ferry_condition_visitor visit, void *context)
{
    const char *name = json_object_get(filter, "all") ? "all" : "any";
    json_t *parts = json_object_get(filter, name);
    if (!parts) {
        visit(context, filter, place);
        return;
    }
    const struct ferry_place list = {place, name, 0};
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const struct ferry_place part = {&list, NULL, i};
        ferry_condition_visit(json_array_get(parts, i), &part, visit, context);
    }
}

static void check_held(struct ferry_shape *shape, json_t *operand, const struct ferry_place *place,
                       enum ferry_kind kind)
{
    json_t *text = ferry_configuration_text(operand);
    const char *reason = NULL;
    if (!text)
        shape->out_of_memory = true;
    else if (!ferry_kind_holds(
                 kind, (struct ferry_slice){json_string_value(text), json_string_length(text)},
                 &reason))
        ferry_shape_fault(shape, place, "%s %s, but the column holds %s", json_string_value(text),
                          reason, ferry_kind_name(kind));
    json_decref(text);
}

void ferry_condition_suits(struct ferry_shape *shape, json_t *leaf, const struct ferry_place *place,
                           const char *source_type)
{
    const char *is = json_string_value(json_object_get(leaf, "is"));
    const struct ferry_comparison *comparison = ferry_comparison_find(is);
    enum ferry_kind kind = ferry_kind_of(source_type);
    json_t *value = json_object_get(leaf, "value");
    if (!ferry_comparison_suits(comparison, kind)) {
        const struct ferry_place inner = {place, "is", 0};
        ferry_shape_fault(shape, &inner, "%s makes no sense: %s holds %s", is,
                          json_string_value(json_object_get(leaf, "field")), ferry_kind_name(kind));
        return;
    }
    const struct ferry_place list = {place, "value", 0};
    for (size_t i = 0; i < json_array_size(value); i++) {
        const struct ferry_place inner = {&list, NULL, i};
        check_held(shape, json_array_get(value, i), &inner, kind);
    }
    if (value && !json_is_array(value))
        check_held(shape, value, &list, kind);
}
