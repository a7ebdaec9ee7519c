#include "core/control/comparison.h"

#include "core/record/decimal.h"
#include "core/record/moment.h"

#include <ctype.h>
#include <string.h>

static const struct {
    const char *source_type;
    enum ferry_kind kind;
} kinds[] = {
    {"String", FERRY_KIND_TEXT},         {"Memo", FERRY_KIND_TEXT},
    {"Integer", FERRY_KIND_NUMBER},      {"BigInt", FERRY_KIND_NUMBER},
    {"Decimal", FERRY_KIND_NUMBER},      {"Money", FERRY_KIND_NUMBER},
    {"Double", FERRY_KIND_NUMBER},       {"Boolean", FERRY_KIND_BOOLEAN},
    {"Picklist", FERRY_KIND_OPTION},     {"State", FERRY_KIND_OPTION},
    {"Status", FERRY_KIND_OPTION},       {"MultiSelectPicklist", FERRY_KIND_OPTIONS},
    {"DateTime", FERRY_KIND_MOMENT},     {"DateOnly", FERRY_KIND_MOMENT},
    {"Uniqueidentifier", FERRY_KIND_ID}, {"Lookup", FERRY_KIND_ID},
    {"Customer", FERRY_KIND_ID},         {"Owner", FERRY_KIND_ID},
};

enum ferry_kind ferry_kind_of(const char *source_type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].source_type, source_type) == 0)
            return kinds[i].kind;
    return FERRY_KIND_TEXT;
}

const char *ferry_kind_name(enum ferry_kind kind)
{
    static const char *const names[] = {
        [FERRY_KIND_TEXT] = "a text",
        [FERRY_KIND_NUMBER] = "a number",
        [FERRY_KIND_BOOLEAN] = "a boolean",
        [FERRY_KIND_OPTION] = "an option",
        [FERRY_KIND_OPTIONS] = "a set of options",
        [FERRY_KIND_MOMENT] = "a date",
        [FERRY_KIND_ID] = "an id",
    };
    return names[kind];
}

static const char *why_no_number(struct ferry_slice text)
{
    struct ferry_decimal decimal;
    return ferry_decimal_parse(text, &decimal) ? NULL : "is no number";
}

static const char *why_no_option(struct ferry_slice text)
{
    struct ferry_decimal decimal;
    int64_t option;
    return ferry_decimal_parse(text, &decimal) && ferry_decimal_integer(&decimal, &option)
               ? NULL
               : "is not the number of an option";
}

static const char *why_no_boolean(struct ferry_slice text)
{
    bool known = (text.length == 4 && memcmp(text.data, "true", 4) == 0) ||
                 (text.length == 5 && memcmp(text.data, "false", 5) == 0);
    return known ? NULL : "is neither true nor false";
}

static const char *why_no_moment(struct ferry_slice text)
{
    struct ferry_moment moment;
    const char *reason = NULL;
    return ferry_moment_parse(text, &moment, &reason) ? NULL : reason;
}

static const char *why_no_id(struct ferry_slice text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (text.length != sizeof shape - 1)
        return "is no id";
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (shape[i] == '-' ? byte != '-' : !isxdigit(byte))
            return "is no id";
    }
    return NULL;
}

bool ferry_kind_holds(enum ferry_kind kind, struct ferry_slice text, const char **ret_reason)
{
    static const char *(*const why_not[])(struct ferry_slice text) = {
        [FERRY_KIND_NUMBER] = why_no_number, [FERRY_KIND_BOOLEAN] = why_no_boolean,
        [FERRY_KIND_OPTION] = why_no_option, [FERRY_KIND_OPTIONS] = why_no_option,
        [FERRY_KIND_MOMENT] = why_no_moment, [FERRY_KIND_ID] = why_no_id,
    };
    const char *reason = why_not[kind] ? why_not[kind](text) : NULL;
    if (reason)
        *ret_reason = reason;
    return !reason;
}

#define TEXT    (1U << FERRY_KIND_TEXT)
#define NUMBER  (1U << FERRY_KIND_NUMBER)
#define BOOLEAN (1U << FERRY_KIND_BOOLEAN)
#define OPTION  (1U << FERRY_KIND_OPTION)
#define OPTIONS (1U << FERRY_KIND_OPTIONS)
#define MOMENT  (1U << FERRY_KIND_MOMENT)
#define ID      (1U << FERRY_KIND_ID)

#define SAME    (TEXT | NUMBER | BOOLEAN | OPTION | MOMENT | ID)
#define PARTS   (TEXT | OPTIONS)
#define ORDERED (NUMBER | MOMENT)
#define LISTED  (TEXT | NUMBER | OPTION | ID)
#define ANY     (SAME | OPTIONS)

const struct ferry_comparison ferry_comparisons[] = {
    {"equals", FERRY_TEST_EQUALS, false, false, SAME},
    {"notEquals", FERRY_TEST_EQUALS, true, false, SAME},
    {"in", FERRY_TEST_IN, false, false, LISTED},
    {"notIn", FERRY_TEST_IN, true, false, LISTED},
    {"isEmpty", FERRY_TEST_EMPTY, false, false, ANY},
    {"isNotEmpty", FERRY_TEST_EMPTY, true, false, ANY},
    {"contains", FERRY_TEST_CONTAINS, false, false, PARTS},
    {"notContains", FERRY_TEST_CONTAINS, true, false, PARTS},
    {"startsWith", FERRY_TEST_STARTS, false, false, TEXT},
    {"notStartsWith", FERRY_TEST_STARTS, true, false, TEXT},
    {"endsWith", FERRY_TEST_ENDS, false, false, TEXT},
    {"notEndsWith", FERRY_TEST_ENDS, true, false, TEXT},
    {"greaterThan", FERRY_TEST_GREATER, false, false, ORDERED},
    {"greaterOrEqual", FERRY_TEST_GREATER, false, true, ORDERED},
    {"lessThan", FERRY_TEST_LESS, false, false, ORDERED},
    {"lessOrEqual", FERRY_TEST_LESS, false, true, ORDERED},
};
const size_t ferry_comparison_count = sizeof ferry_comparisons / sizeof ferry_comparisons[0];

const struct ferry_comparison *ferry_comparison_find(const char *name)
{
    for (size_t i = 0; i < ferry_comparison_count; i++)
        if (strcmp(ferry_comparisons[i].name, name) == 0)
            return &ferry_comparisons[i];
    return NULL;
}

bool ferry_comparison_suits(const struct ferry_comparison *comparison, enum ferry_kind kind)
{
    return comparison->kinds & 1U << kind;
}
