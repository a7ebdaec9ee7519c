/* The body of a write to Campaign, drawn up once for each mapping: which members it can have, in
 * which order, how they nest. Transparent to body; loop thread only. */
#ifndef FERRY_OUTLINE_H
#define FERRY_OUTLINE_H

#include "core/control/mapping.h"
#include "core/record/change.h"

/* A field, or an item whose members follow it: "location" before "city" and "zipCode". */
struct ferry_outline_member {
    const struct ferry_mapping_field *field; /* NULL: an item */
    size_t inside; /* of an item: how many of those that follow are within it */
    char *name;    /* as it is written behind others: ,"firstName": or ,"location":{ */
    size_t length; /* of the name */
    struct ferry_slice source;
    bool is_id;   /* the source is the record's own id */
    size_t place; /* of the source among the columns of the change before */
};

struct ferry_outline {
    const struct ferry_mapping *mapping;
    struct ferry_outline_member key; /* of a create alone; not among the members */
    struct ferry_outline_member *members;
    size_t count;
    size_t capacity;
};

/* Borrows the mapping. FERRY_NOMEM is the only failure. */
enum ferry_status ferry_outline_new(const struct ferry_mapping *mapping,
                                    struct ferry_outline **ret_outline) FERRY_MUST_CHECK;
void ferry_outline_free(struct ferry_outline *outline);

#endif
