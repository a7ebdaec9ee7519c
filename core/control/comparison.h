/* The comparisons of a filter, and which of them make sense for which column. Constant; any thread.
 *
 * Controller and writer share this table, so that what one accepts the other can do.
 * schemas/configuration.schema.json lists the names again; a test compares. */
#ifndef FERRY_COMPARISON_H
#define FERRY_COMPARISON_H

#include "core/record/change.h"

/* What a Dataverse column holds, as far as comparing goes. */
enum ferry_kind {
    FERRY_KIND_TEXT,   /* String, Memo, and whatever is carried as text */
    FERRY_KIND_NUMBER, /* Integer, BigInt, Decimal, Money, Double */
    FERRY_KIND_BOOLEAN,
    FERRY_KIND_OPTION,  /* Picklist, State, Status: a number with a name */
    FERRY_KIND_OPTIONS, /* MultiSelectPicklist: "1,3" */
    FERRY_KIND_MOMENT,  /* DateTime, DateOnly */
    FERRY_KIND_ID,      /* Uniqueidentifier, Lookup, Customer, Owner */
};
enum ferry_kind ferry_kind_of(const char *source_type);
const char *ferry_kind_name(enum ferry_kind kind); /* "a text", "a number": for sentences */
/* Whether a column of this kind can hold `text`; a reason that follows a name otherwise: "is no
 * number". */
bool ferry_kind_holds(enum ferry_kind kind, struct ferry_slice text, const char **ret_reason);

enum ferry_test {
    FERRY_TEST_EQUALS,
    FERRY_TEST_CONTAINS,
    FERRY_TEST_STARTS,
    FERRY_TEST_ENDS,
    FERRY_TEST_EMPTY,
    FERRY_TEST_GREATER,
    FERRY_TEST_LESS,
    FERRY_TEST_IN,
};
struct ferry_comparison {
    const char *name;
    enum ferry_test test;
    bool negated;   /* the exact opposite: what the test refuses, nulls included, this accepts */
    bool or_equal;  /* of GREATER and LESS */
    unsigned kinds; /* bits 1 << enum ferry_kind */
};
extern const struct ferry_comparison ferry_comparisons[];
extern const size_t ferry_comparison_count;

const struct ferry_comparison *ferry_comparison_find(const char *name); /* or NULL */
bool ferry_comparison_suits(const struct ferry_comparison *comparison, enum ferry_kind kind);

#endif
