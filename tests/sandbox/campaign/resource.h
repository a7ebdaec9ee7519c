/* The resources of the imitated Campaign instance: their fields, and their rows. */
#ifndef SANDBOX_CAMPAIGN_RESOURCE_H
#define SANDBOX_CAMPAIGN_RESOURCE_H

#include <uthash.h>

#include "base/row.h"
#include "campaign/settings.h"

enum sandbox_kind {
    SANDBOX_KIND_STRING,
    SANDBOX_KIND_BOOLEAN,
    SANDBOX_KIND_INTEGER,
    SANDBOX_KIND_DOUBLE,
    SANDBOX_KIND_DATE,
    SANDBOX_KIND_DATETIME,
    SANDBOX_KIND_ENUM,
    SANDBOX_KIND_LINK,
    SANDBOX_KIND_COLLECTION,
    SANDBOX_KINDS
};

enum sandbox_field_flag {
    SANDBOX_FIELD_FIXED = 1,     /* read-only */
    SANDBOX_FIELD_EXTENSION = 2, /* not in /profileAndServices */
    SANDBOX_FIELD_MANDATORY = 4,
    SANDBOX_FIELD_OPTOUT = 8, /* has a LastModified beside it */
};

struct sandbox_field {
    const char *name; /* "location.city" for the fields of an item */
    enum sandbox_kind kind;
    unsigned length;
    unsigned flags;
    const char *values; /* enumeration names, comma separated; the first is the default */
    const char *policy; /* "email", "smartCase" or NULL */
    const char *target; /* resource of a link */
    const char *join;   /* the scalar field that joins it */
    const char *type;   /* technical type in the metadata; NULL: by kind */
    bool removed;
    bool optional_link; /* cardinality 0-1 */
    int alias;          /* column that holds the value, when this is a second name; else -1 */
    char *owned;        /* a name made at run time */
};

struct sandbox_entry {
    UT_hash_handle hh; /* by key */
    char *key;         /* value of the key field; "" when unset (then not in the hash) */
    uint64_t id;       /* slot + 1 */
    struct sandbox_row *row;
    char *parent;                          /* value of the joining scalar, or NULL */
    struct sandbox_entry *previous, *next; /* of the same parent */
    bool indexed;
};

struct sandbox_family { /* the children of one parent, by the parent's key */
    UT_hash_handle hh;
    char *key;
    struct sandbox_entry *children;
};

struct sandbox_resource {
    const char *name;
    const char *label;  /* "Profiles" */
    const char *title;  /* "Profile" in error texts */
    const char *schema; /* "nms:recipient" */
    const char *api;
    struct sandbox_field fields[SANDBOX_COLUMNS];
    size_t field_count;
    size_t order[SANDBOX_COLUMNS]; /* fields by name */
    int key;                       /* column of the identification key */
    int link;                      /* column of the one link to a parent, or -1 */
    int join;                      /* column of its scalar */
    int created, modified;
    bool keyed; /* the key is unique and stands for the PKey */
    struct sandbox_entry *by_key;
    struct sandbox_family *families;
    struct sandbox_entry **slots;
    size_t slot_count, slot_size;
    size_t rows;
};

#define SANDBOX_RESOURCES 4
enum { SANDBOX_PROFILE, SANDBOX_CUS_PURCHASE, SANDBOX_CUS_LINE, SANDBOX_CUS_ACCOUNT };

void sandbox_resource_init(struct sandbox_resource *resource, size_t which,
                           const struct sandbox_campaign_settings *settings);
void sandbox_resource_done(struct sandbox_resource *resource);

/* Column of a field that is published, or -1. */
int sandbox_resource_field(const struct sandbox_resource *resource, const char *name);
bool sandbox_resource_add_field(struct sandbox_resource *resource, const char *name,
                                enum sandbox_kind kind, unsigned length);
/* The column that holds a field's value. */
size_t sandbox_field_column(const struct sandbox_resource *resource, size_t field);

struct sandbox_entry *sandbox_entry_by_key(const struct sandbox_resource *resource,
                                           const char *key);
struct sandbox_entry *sandbox_entry_by_id(const struct sandbox_resource *resource, uint64_t id);

/* Both take `row`. NULL or false when memory is short. */
struct sandbox_entry *sandbox_entry_insert(struct sandbox_resource *resource,
                                           struct sandbox_row *row);
bool sandbox_entry_update(struct sandbox_resource *resource, struct sandbox_entry *entry,
                          struct sandbox_row *row);
void sandbox_entry_delete(struct sandbox_resource *resource, struct sandbox_entry *entry);

/* The children of a key: the head of a list by `next`. */
struct sandbox_entry *sandbox_entry_children(const struct sandbox_resource *resource,
                                             const char *key);

#endif
