#include "controller/lineage.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NOWHERE SIZE_MAX

static const char *table_of(json_t *mapping)
{
    return json_string_value(json_object_get(mapping, "table"));
}

static size_t find_mapping(json_t *mappings, const char *table)
{
    for (size_t i = 0; i < json_array_size(mappings); i++) {
        const char *other = table_of(json_array_get(mappings, i));
        if (other && strcmp(other, table) == 0)
            return i;
    }
    return NOWHERE;
}

json_t *ferry_lineage_mapping(json_t *mappings, const char *table)
{
    size_t index = find_mapping(mappings, table);
    return index == NOWHERE ? NULL : json_array_get(mappings, index);
}

static const char *parent_of(json_t *field)
{
    return json_string_value(json_object_get(json_object_get(field, "link"), "table"));
}

/* Follows the links from mapping `from`; `seen` has one flag a mapping. */
static bool leads_to(json_t *mappings, size_t from, size_t to, bool *seen)
{
    if (from == to)
        return true;
    if (seen[from])
        return false;
    seen[from] = true;
    json_t *fields = json_object_get(json_array_get(mappings, from), "fields");
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const char *parent = parent_of(json_array_get(fields, i));
        size_t next = parent ? find_mapping(mappings, parent) : NOWHERE;
        if (next != NOWHERE && leads_to(mappings, next, to, seen))
            return true;
    }
    return false;
}

static void check_parent(struct ferry_shape *shape, json_t *mappings, size_t child,
                         const char *parent_table, const struct ferry_place *place)
{
    size_t parent = find_mapping(mappings, parent_table);
    if (parent == NOWHERE) {
        ferry_shape_fault(shape, place,
                          "%s is not mapped, so no record of it is ever there to link to: map it, "
                          "or take the link away and map the lookup as a plain field",
                          parent_table);
        return;
    }
    bool *seen = calloc(json_array_size(mappings), sizeof *seen);
    if (!seen)
        shape->out_of_memory = true;
    else if (parent != child && leads_to(mappings, parent, child, seen))
        ferry_shape_fault(shape, place,
                          "%s links to %s and that leads back to %s: their records would wait for "
                          "each other; map one of these lookups as a plain field",
                          table_of(json_array_get(mappings, child)), parent_table,
                          table_of(json_array_get(mappings, child)));
    free(seen);
}

void ferry_lineage_check(struct ferry_shape *shape, json_t *mappings,
                         const struct ferry_place *place)
{
    for (size_t i = 0; i < json_array_size(mappings); i++) {
        json_t *fields = json_object_get(json_array_get(mappings, i), "fields");
        const struct ferry_place mapping = {place, NULL, i};
        const struct ferry_place list = {&mapping, "fields", 0};
        for (size_t j = 0; j < json_array_size(fields); j++) {
            const char *parent = parent_of(json_array_get(fields, j));
            const struct ferry_place field = {&list, NULL, j};
            const struct ferry_place link = {&field, "link", 0};
            const struct ferry_place inner = {&link, "table", 0};
            if (parent && table_of(json_array_get(mappings, i)))
                check_parent(shape, mappings, i, parent, &inner);
        }
    }
}
