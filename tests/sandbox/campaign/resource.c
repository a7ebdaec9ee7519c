#include "campaign/resource.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* A field that was removed and published again stands twice. */
static int other_of(const struct sandbox_resource *resource, const char *name)
{
    for (size_t at = 0; at < resource->field_count; at++)
        if (!resource->fields[at].removed && strcmp(resource->fields[at].name, name) == 0)
            return (int)at;
    return -1;
}

int sandbox_resource_field(const struct sandbox_resource *resource, const char *name)
{
    size_t low = 0, high = resource->field_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        size_t field = resource->order[middle];
        int order = strcmp(resource->fields[field].name, name);
        if (order == 0)
            return resource->fields[field].removed ? other_of(resource, name) : (int)field;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

size_t sandbox_field_column(const struct sandbox_resource *resource, size_t field)
{
    int alias = resource->fields[field].alias;

    return alias < 0 ? field : (size_t)alias;
}

static void put_in_order(struct sandbox_resource *resource, size_t field)
{
    size_t at = resource->field_count;

    for (; at > 0; at--) {
        size_t before = resource->order[at - 1];
        if (strcmp(resource->fields[before].name, resource->fields[field].name) < 0)
            break;
        resource->order[at] = before;
    }
    resource->order[at] = field;
    resource->field_count++;
}

bool sandbox_resource_add_field(struct sandbox_resource *resource, const char *name,
                                enum sandbox_kind kind, unsigned length)
{
    char *owned = resource->field_count < SANDBOX_COLUMNS ? strdup(name) : NULL;

    if (!owned)
        return false;
    size_t at = resource->field_count;
    resource->fields[at] = (struct sandbox_field){
        .name = owned, .kind = kind, .length = length, .alias = -1, .owned = owned};
    put_in_order(resource, at);
    return true;
}

/* The value of a string column as plain text, malloc'ed; "" when unset. */
static char *plain_value(const struct sandbox_row *row, int column)
{
    struct sandbox_slice value = {0};
    struct sandbox_buf text = {0};

    if (column >= 0)
        value = sandbox_row_get(row, (size_t)column);
    if (!value.at || *value.at != '"')
        return strdup("");
    sandbox_buf_add(&text, "", 0);
    sandbox_json_unquote(&text, value.at, value.length);
    return sandbox_buf_take(&text, NULL);
}

static void leave_family(struct sandbox_resource *resource, struct sandbox_entry *entry)
{
    struct sandbox_family *family;

    if (!entry->parent)
        return;
    HASH_FIND_STR(resource->families, entry->parent, family);
    if (family) {
        DL_DELETE2(family->children, entry, previous, next);
        if (!family->children) {
            HASH_DEL(resource->families, family);
            free(family->key);
            free(family);
        }
    }
    free(entry->parent);
    entry->parent = NULL;
}

static struct sandbox_family *make_family(struct sandbox_resource *resource, const char *key)
{
    struct sandbox_family *family = calloc(1, sizeof *family);

    if (family)
        family->key = strdup(key);
    if (!family || !family->key) {
        free(family);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, resource->families, family->key, strlen(family->key), family);
    return family;
}

static void join_family(struct sandbox_resource *resource, struct sandbox_entry *entry)
{
    struct sandbox_family *family;
    char *parent = resource->join < 0 ? NULL : plain_value(entry->row, resource->join);

    if (!parent || !*parent) {
        free(parent);
        return;
    }
    HASH_FIND_STR(resource->families, parent, family);
    if (!family)
        family = make_family(resource, parent);
    if (!family) {
        free(parent);
        return;
    }
    entry->parent = parent;
    DL_APPEND2(family->children, entry, previous, next);
}

static void leave_index(struct sandbox_resource *resource, struct sandbox_entry *entry)
{
    if (entry->indexed)
        HASH_DEL(resource->by_key, entry);
    entry->indexed = false;
    free(entry->key);
    entry->key = NULL;
}

/* Without an identification key several rows may share the value; uthash then finds one of them. */
static bool join_index(struct sandbox_resource *resource, struct sandbox_entry *entry)
{
    entry->key = plain_value(entry->row, resource->key);
    if (!entry->key)
        return false;
    entry->indexed = *entry->key;
    if (entry->indexed)
        HASH_ADD_KEYPTR(hh, resource->by_key, entry->key, strlen(entry->key), entry);
    return true;
}

static bool room_for_slot(struct sandbox_resource *resource)
{
    if (resource->slot_count < resource->slot_size)
        return true;
    size_t size = resource->slot_size ? resource->slot_size * 2 : 1024;
    struct sandbox_entry **slots = realloc(resource->slots, size * sizeof(struct sandbox_entry *));
    if (!slots)
        return false;
    resource->slots = slots;
    resource->slot_size = size;
    return true;
}

struct sandbox_entry *sandbox_entry_insert(struct sandbox_resource *resource,
                                           struct sandbox_row *row)
{
    struct sandbox_entry *entry = calloc(1, sizeof *entry);

    if (entry)
        entry->row = row;
    if (!entry || !row || !room_for_slot(resource) || !join_index(resource, entry)) {
        sandbox_row_free(row);
        free(entry);
        return NULL;
    }
    resource->slots[resource->slot_count++] = entry;
    entry->id = resource->slot_count;
    resource->rows++;
    join_family(resource, entry);
    return entry;
}

static bool same_value(const struct sandbox_row *old, const struct sandbox_row *row, int column)
{
    if (column < 0)
        return true;
    struct sandbox_slice a = sandbox_row_get(old, (size_t)column);
    struct sandbox_slice b = sandbox_row_get(row, (size_t)column);
    return a.length == b.length && (!a.length || memcmp(a.at, b.at, a.length) == 0);
}

bool sandbox_entry_update(struct sandbox_resource *resource, struct sandbox_entry *entry,
                          struct sandbox_row *row)
{
    if (!row)
        return false;
    bool rekey = !same_value(entry->row, row, resource->key);
    bool rejoin = !same_value(entry->row, row, resource->join);
    sandbox_row_free(entry->row);
    entry->row = row;
    if (rejoin) {
        leave_family(resource, entry);
        join_family(resource, entry);
    }
    if (!rekey)
        return true;
    leave_index(resource, entry);
    return join_index(resource, entry);
}

void sandbox_entry_delete(struct sandbox_resource *resource, struct sandbox_entry *entry)
{
    resource->slots[entry->id - 1] = NULL;
    resource->rows--;
    leave_family(resource, entry);
    leave_index(resource, entry);
    sandbox_row_free(entry->row);
    free(entry);
}

void sandbox_resource_done(struct sandbox_resource *resource)
{
    for (size_t i = 0; i < resource->slot_count; i++)
        if (resource->slots[i])
            sandbox_entry_delete(resource, resource->slots[i]);
    for (size_t i = 0; i < resource->field_count; i++)
        free(resource->fields[i].owned);
    free(resource->slots);
}

struct sandbox_entry *sandbox_entry_by_key(const struct sandbox_resource *resource, const char *key)
{
    struct sandbox_entry *entry;

    HASH_FIND_STR(resource->by_key, key, entry);
    return entry;
}

struct sandbox_entry *sandbox_entry_by_id(const struct sandbox_resource *resource, uint64_t id)
{
    return id && id <= resource->slot_count ? resource->slots[id - 1] : NULL;
}

struct sandbox_entry *sandbox_entry_children(const struct sandbox_resource *resource,
                                             const char *key)
{
    struct sandbox_family *family;

    HASH_FIND_STR(resource->families, key, family);
    return family ? family->children : NULL;
}
