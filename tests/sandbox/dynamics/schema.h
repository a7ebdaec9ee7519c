/* The tables of the imitated Dataverse organisation: their columns, types, lengths, options. */
#ifndef SANDBOX_DYNAMICS_SCHEMA_H
#define SANDBOX_DYNAMICS_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/row.h"

enum sandbox_type {
    SANDBOX_TYPE_STRING,
    SANDBOX_TYPE_MEMO,
    SANDBOX_TYPE_BOOLEAN,
    SANDBOX_TYPE_PICKLIST,
    SANDBOX_TYPE_STATE,
    SANDBOX_TYPE_STATUS,
    SANDBOX_TYPE_INTEGER,
    SANDBOX_TYPE_BIGINT,
    SANDBOX_TYPE_DOUBLE,
    SANDBOX_TYPE_DECIMAL,
    SANDBOX_TYPE_MONEY,
    SANDBOX_TYPE_DATETIME,
    SANDBOX_TYPE_DATEONLY,
    SANDBOX_TYPE_LOOKUP,
    SANDBOX_TYPE_CUSTOMER,
    SANDBOX_TYPE_OWNER,
    SANDBOX_TYPE_GUID,
    SANDBOX_TYPE_ENTITY_NAME, /* the logical name of a table */
    SANDBOX_TYPES
};

enum sandbox_access {
    SANDBOX_READ_ONLY = 1,
    SANDBOX_CREATE_ONLY = 2,
    SANDBOX_UPDATE_ONLY = 4, /* not valid for create */
    SANDBOX_SHADOW = 8,      /* in the metadata with AttributeOf, not on the wire */
};

struct sandbox_option {
    int value;
    const char *label; /* NULL ends a list */
};

struct sandbox_column {
    const char *name;   /* logical name */
    const char *schema; /* schema name; NULL: the logical name */
    enum sandbox_type type;
    unsigned length; /* characters, or digits after the point */
    unsigned access;
    const struct sandbox_option *options;
    const char *targets; /* of lookups, comma separated; for shadows the column they belong to */
    const char *suffix;  /* what the navigation properties of a regarding lookup end with */
    char wire[72];       /* name on the wire: "_x_value" for lookups */
    bool removed;
    int64_t born_ms; /* of a column that was made by a customizer */
    char *owned;     /* the names of a column that was published later */
};

struct sandbox_table_plan {
    const char *name;
    const char *schema;
    const char *set;
    const char *primary_id;
    const char *primary_name;
    const char *touched; /* the string column that a scripted edit changes */
    int type_code;
    bool tracking;
    bool activity;
    const struct sandbox_column *columns;
    size_t column_count;
};

#define SANDBOX_PLANS 5 /* tables that are always there */
extern const struct sandbox_table_plan sandbox_table_plans[SANDBOX_PLANS];

#define SANDBOX_NAVIGATION_SIZE 240

enum { SANDBOX_CONTACT, SANDBOX_ACCOUNT, SANDBOX_PURCHASE, SANDBOX_LINE, SANDBOX_UNTRACKED };

bool sandbox_type_is_lookup(enum sandbox_type type);
bool sandbox_type_is_option(enum sandbox_type type);
/* A lookup to rows of several tables has a navigation property for each of them. */
bool sandbox_column_is_polymorphic(const struct sandbox_column *column);
/* The navigation property that leads to a row of `target` (of that length). */
void sandbox_column_navigation(const struct sandbox_column *column, const char *target,
                               size_t length, char ret_name[static SANDBOX_NAVIGATION_SIZE]);
/* "Edm.Int32" and the like */
const char *sandbox_type_edm(enum sandbox_type type);
/* "Picklist" and "PicklistType" are made of it. */
const char *sandbox_type_name(enum sandbox_type type);

#endif
