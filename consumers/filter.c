#include "consumers/filter.h"

#include "consumers/utf8.h"
#include "core/control/comparison.h"
#include "core/record/decimal.h"
#include "core/record/moment.h"

#include <string.h>

#define DEPTH_MAX 16

/* A column that the change does not carry leaves the answer open, and often another part decides
 * all the same. */
enum answer { NO, YES, OPEN, BROKEN };

struct question {
    const struct ferry_change *change;
    struct ferry_error *error; /* why the last OPEN or BROKEN */
};

/* One comparison on its way: the column's value and one operand, both as text. */
struct pair {
    const char *field;
    enum ferry_kind kind;
    const struct ferry_comparison *comparison;
    struct ferry_slice value;
    struct ferry_slice operand;
};

static enum answer open_answer(struct question *question, const char *field, const char *reason)
{
    ferry_fail(question->error, FERRY_BAD_RECORD, FERRY_CLASS_MAPPING,
               "the filter cannot judge this record: %s %s", field, reason);
    ferry_advise(question->error, "Repair the record in Dynamics 365, or change the filter.");
    return OPEN;
}

static enum answer broken(struct question *question, const char *what, const char *reason)
{
    ferry_fail(question->error, FERRY_INVALID, FERRY_CLASS_MAPPING, "the filter is broken: %s %s",
               what, reason);
    return BROKEN;
}

static enum answer answer_of(bool yes)
{
    return yes ? YES : NO;
}

static bool ordered(const struct ferry_comparison *comparison, int order)
{
    if (comparison->test == FERRY_TEST_GREATER)
        return order > 0 || (order == 0 && comparison->or_equal);
    if (comparison->test == FERRY_TEST_LESS)
        return order < 0 || (order == 0 && comparison->or_equal);
    return order == 0;
}

static enum answer compare_numbers(struct question *question, const struct pair *pair)
{
    struct ferry_decimal value;
    struct ferry_decimal operand;
    if (!ferry_decimal_parse(pair->operand, &operand))
        return broken(question, pair->field, "is compared with what is no number");
    if (!ferry_decimal_parse(pair->value, &value))
        return open_answer(question, pair->field, "is no number");
    return answer_of(ordered(pair->comparison, ferry_decimal_compare(&value, &operand)));
}

/* Compared with a day, an instant counts as its day in UTC: "equals 2026-04-07" is any time on it.
 */
static enum answer compare_moments(struct question *question, const struct pair *pair)
{
    struct ferry_moment value;
    struct ferry_moment operand;
    const char *reason = NULL;
    if (!ferry_moment_parse(pair->operand, &operand, &reason))
        return broken(question, pair->field, "is compared with what is no date");
    if (!ferry_moment_parse(pair->value, &value, &reason))
        return open_answer(question, pair->field, reason);
    if (operand.day)
        value = ferry_moment_day(&value);
    return answer_of(ordered(pair->comparison, ferry_moment_compare(&value, &operand)));
}

static enum answer compare_texts(struct question *question, const struct pair *pair)
{
    switch (pair->comparison->test) {
    case FERRY_TEST_IN:
    case FERRY_TEST_EQUALS:
        return answer_of(ferry_utf8_equals(pair->value, pair->operand));
    case FERRY_TEST_CONTAINS:
        return answer_of(ferry_utf8_contains(pair->value, pair->operand));
    case FERRY_TEST_STARTS:
        return answer_of(ferry_utf8_starts(pair->value, pair->operand));
    case FERRY_TEST_ENDS:
        return answer_of(ferry_utf8_ends(pair->value, pair->operand));
    case FERRY_TEST_EMPTY:
    case FERRY_TEST_GREATER:
    case FERRY_TEST_LESS:
        break;
    }
    return broken(question, pair->field, "is a text and has no such order");
}

/* "1,3" contains 3, but not 13. */
static enum answer compare_options(struct question *question, const struct pair *pair)
{
    struct pair option = *pair;
    struct ferry_slice rest = pair->value;
    while (rest.length > 0) {
        const char *comma = memchr(rest.data, ',', rest.length);
        size_t length = comma ? (size_t)(comma - rest.data) : rest.length;
        option.value = (struct ferry_slice){rest.data, length};
        enum answer answer = compare_numbers(question, &option);
        if (answer != NO)
            return answer;
        size_t taken = comma ? length + 1 : length;
        rest = (struct ferry_slice){rest.data + taken, rest.length - taken};
    }
    return NO;
}

static enum answer compare(struct question *question, const struct pair *pair)
{
    static enum answer (*const comparers[])(struct question *, const struct pair *) = {
        [FERRY_KIND_TEXT] = compare_texts,      [FERRY_KIND_NUMBER] = compare_numbers,
        [FERRY_KIND_BOOLEAN] = compare_texts,   [FERRY_KIND_OPTION] = compare_numbers,
        [FERRY_KIND_OPTIONS] = compare_options, [FERRY_KIND_MOMENT] = compare_moments,
        [FERRY_KIND_ID] = compare_texts,
    };
    return comparers[pair->kind](question, pair);
}

/* Operands come as text from the controller; a filter written by hand may hold JSON's own types. */
static bool operand_text(const json_t *operand, char scratch[FERRY_UTF8_SIZE],
                         struct ferry_slice *ret_text)
{
    struct ferry_value value = {.type = FERRY_NULL};
    if (json_is_string(operand))
        value = (struct ferry_value){
            FERRY_STRING, .string = {json_string_value(operand), json_string_length(operand)}};
    else if (json_is_boolean(operand))
        value = (struct ferry_value){FERRY_BOOLEAN, .boolean = json_is_true(operand)};
    else if (json_is_integer(operand))
        value = (struct ferry_value){FERRY_LONG, .integer = json_integer_value(operand)};
    else if (json_is_real(operand))
        value = (struct ferry_value){FERRY_DOUBLE, .real = json_real_value(operand)};
    return ferry_utf8_of(&value, scratch, ret_text);
}

static enum answer compare_with(struct question *question, struct pair *pair, const json_t *operand)
{
    char scratch[FERRY_UTF8_SIZE];
    if (!operand_text(operand, scratch, &pair->operand))
        return broken(question, pair->field, "is compared with no value");
    return compare(question, pair);
}

static enum answer compare_with_each(struct question *question, struct pair *pair,
                                     const json_t *operands)
{
    size_t index;
    json_t *operand;
    if (json_array_size(operands) == 0)
        return broken(question, pair->field, "is compared with no list");
    json_array_foreach (operands, index, operand) {
        enum answer answer = compare_with(question, pair, operand);
        if (answer != NO)
            return answer;
    }
    return NO;
}

static enum ferry_kind kind_of_leaf(const json_t *leaf, const json_t *operand)
{
    const char *type = json_string_value(json_object_get(leaf, "type"));
    if (type)
        return ferry_kind_of(type);
    if (json_is_boolean(operand))
        return FERRY_KIND_BOOLEAN;
    return json_is_number(operand) ? FERRY_KIND_NUMBER : FERRY_KIND_TEXT;
}

static enum answer negate(enum answer answer, bool negated)
{
    if (!negated || answer == OPEN || answer == BROKEN)
        return answer;
    return answer == YES ? NO : YES;
}

/* What is empty equals nothing, contains nothing, is neither greater nor less; so its negated
 * comparisons all hold. */
static enum answer test_leaf(struct question *question, struct pair *pair, const json_t *leaf,
                             const struct ferry_value *value)
{
    char scratch[FERRY_UTF8_SIZE];
    if (value->type != FERRY_NULL && !ferry_utf8_of(value, scratch, &pair->value))
        return open_answer(question, pair->field, "is no number");
    bool empty = value->type == FERRY_NULL || pair->value.length == 0;
    if (pair->comparison->test == FERRY_TEST_EMPTY)
        return answer_of(empty);
    if (empty)
        return NO;
    const json_t *operand = json_object_get(leaf, "value");
    if (pair->comparison->test == FERRY_TEST_IN)
        return compare_with_each(question, pair, operand);
    return compare_with(question, pair, operand);
}

static enum answer judge_leaf(struct question *question, const json_t *leaf)
{
    const json_t *operand = json_object_get(leaf, "value");
    const json_t *sample = json_is_array(operand) ? json_array_get(operand, 0) : operand;
    const char *is = json_string_value(json_object_get(leaf, "is"));
    struct pair pair = {
        .field = json_string_value(json_object_get(leaf, "field")),
        .kind = kind_of_leaf(leaf, sample),
        .comparison = is ? ferry_comparison_find(is) : NULL,
    };
    if (!pair.field)
        return broken(question, "a comparison", "names no field");
    if (!pair.comparison)
        return broken(question, pair.field, "has no comparison that exists");
    const struct ferry_value *value = ferry_change_get(question->change, pair.field);
    if (!value)
        return open_answer(question, pair.field,
                           "was not read with it; the next full read of the table carries it");
    return negate(test_leaf(question, &pair, leaf, value), pair.comparison->negated);
}

static enum answer judge(struct question *question, const json_t *filter, int depth);

/* all: the first NO decides. any: the first YES does. */
static enum answer judge_list(struct question *question, const json_t *parts, enum answer decisive,
                              int depth)
{
    enum answer result = decisive == NO ? YES : NO;
    size_t index;
    json_t *part;
    if (json_array_size(parts) == 0)
        return broken(question, "all or any", "holds no comparison");
    json_array_foreach (parts, index, part) {
        enum answer answer = judge(question, part, depth + 1);
        if (answer == decisive || answer == BROKEN)
            return answer;
        if (answer == OPEN)
            result = OPEN;
    }
    return result;
}

static enum answer judge(struct question *question, const json_t *filter, int depth)
{
    if (depth > DEPTH_MAX)
        return broken(question, "all or any", "is nested too deeply");
    const json_t *all = json_object_get(filter, "all");
    if (all)
        return judge_list(question, all, NO, depth);
    const json_t *any = json_object_get(filter, "any");
    if (any)
        return judge_list(question, any, YES, depth);
    return judge_leaf(question, filter);
}

enum ferry_status ferry_filter_match(const json_t *filter, const struct ferry_change *change,
                                     bool *ret_match, struct ferry_error *error)
{
    struct question question = {change, error};
    enum answer answer = filter ? judge(&question, filter, 0) : YES;
    if (answer == OPEN)
        return FERRY_BAD_RECORD;
    if (answer == BROKEN)
        return FERRY_INVALID;
    *ret_match = answer == YES;
    return FERRY_OK;
}
