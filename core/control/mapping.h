/* A compiled mapping: one source table into one destination resource, with types and wire names
 * resolved (ADR 1). Immutable once it is related to the others. */
#ifndef FERRY_MAPPING_H
#define FERRY_MAPPING_H

#include "core/base/status.h"

#include <jansson.h>
#include <stdint.h>

enum ferry_too_long { FERRY_TOO_LONG_REJECT, FERRY_TOO_LONG_TRUNCATE };

struct ferry_replacement {
    const char *from;
    const char *to;
};

struct ferry_mapping_field {
    const char *source;           /* column as selected: firstname, _parentcustomerid_value */
    const char *source_type;      /* Dataverse AttributeType */
    const char *destination;      /* field on the wire: firstName, location.city, blackListEmail */
    const char *destination_type; /* Campaign resType: string, boolean, short, long, float, double,
                                     date, datetime, enumeration, link */
    int64_t length;               /* characters; 0: no limit known */
    bool apply_updates;
    bool create_only; /* an opt-out (ADR 5): no record is created without it, and nothing else
                         writes it */
    enum ferry_too_long too_long;
    struct ferry_replacement *replacements;
    size_t replacement_count;
    json_t *labels;         /* {"1":"Any"}; NULL: technical values */
    json_t *enumeration;    /* allowed names, an array; NULL: any */
    const char *link_table; /* source table of the parent; NULL: a plain field */
    bool mutual; /* the parent's table links back, if by way of others: to itself for one */
};

struct ferry_mapping {
    json_t *json; /* owns every string here */
    const char *id;
    const char *table;
    const char *entity_set;
    const char *primary_id;
    const char *api;
    const char *resource;
    const char *key;
    const char **columns; /* what the reader selects: mapped, filtered, linked; without the primary
                             id; sorted */
    size_t column_count;
    const char *columns_hash;
    struct ferry_mapping_field *fields;
    size_t field_count;
    json_t *filter; /* {"all":[…]}, {"any":[…]} or {"field","is","value"}; NULL: every record */
    int64_t replay; /* which replay of the table is to be read, counted up; 0: none yet */
    const char *replay_where; /* a $filter: only these rows of it; NULL: the whole table */
    int64_t since; /* generation of the order that first had this table with this destination */
    bool apply_deletes;
    bool delete_filtered_out;
};

/* `json` is one element of a run order's "mappings"; a reference is kept. FERRY_INVALID names the
 * path. */
enum ferry_status ferry_mapping_new(json_t *json, struct ferry_mapping **ret_mapping,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_mapping_free(struct ferry_mapping *mapping);
/* Finds out which links are mutual; of mappings that nobody else uses yet. */
void ferry_mapping_relate(struct ferry_mapping *const *mappings, size_t count);

#endif
