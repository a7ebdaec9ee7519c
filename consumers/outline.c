#include "consumers/outline.h"

#include "consumers/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* `end` follows the quoted name. jansson has let no name through that is no UTF-8. */
static enum ferry_status set_name(struct ferry_outline_member *member, struct ferry_slice name,
                                  const char *end)
{
    struct ferry_buffer text;
    ferry_buffer_init(&text, SIZE_MAX);
    enum ferry_status status = ferry_buffer_append(&text, ",", 1);
    if (status == FERRY_OK)
        status = ferry_utf8_quote(name, &text);
    if (status == FERRY_OK)
        status = ferry_buffer_append_text(&text, end);
    if (status != FERRY_OK) {
        ferry_buffer_done(&text);
        return FERRY_NOMEM;
    }
    member->length = text.length;
    member->name = ferry_buffer_take(&text);
    return FERRY_OK;
}

static enum ferry_status add_member(struct ferry_outline *outline,
                                    const struct ferry_mapping_field *field,
                                    struct ferry_slice name)
{
    if (outline->count == outline->capacity) {
        size_t capacity = outline->capacity ? outline->capacity * 2 : 32;
        struct ferry_outline_member *members =
            realloc(outline->members, capacity * sizeof *members);
        if (!members)
            return FERRY_NOMEM;
        outline->members = members;
        outline->capacity = capacity;
    }
    struct ferry_outline_member *member = &outline->members[outline->count++];
    *member = (struct ferry_outline_member){.field = field};
    if (field) {
        member->source = (struct ferry_slice){field->source, strlen(field->source)};
        member->is_id = strcmp(field->source, outline->mapping->primary_id) == 0;
    }
    return set_name(member, name, field ? ":" : ":{");
}

static bool is_within(const struct ferry_mapping_field *field, const char *prefix, size_t length)
{
    return strncmp(field->destination, prefix, length) == 0;
}

static bool item_began_before(const struct ferry_mapping *mapping, size_t index, size_t length)
{
    for (size_t i = 0; i < index; i++)
        if (is_within(&mapping->fields[i], mapping->fields[index].destination, length))
            return true;
    return false;
}

static enum ferry_status add_level(struct ferry_outline *outline, const char *prefix,
                                   size_t length);

/* An item with all its fields, at the place of the first. `inner` is the length of its prefix, with
 * the dot; `outer` that of the item around it. */
static enum ferry_status add_item(struct ferry_outline *outline, size_t outer, const char *prefix,
                                  size_t inner)
{
    size_t at = outline->count;
    enum ferry_status status =
        add_member(outline, NULL, (struct ferry_slice){prefix + outer, inner - outer - 1});
    if (status == FERRY_OK)
        status = add_level(outline, prefix, inner);
    if (status == FERRY_OK)
        outline->members[at].inside = outline->count - at - 1;
    return status;
}

/* The key field is the record's address, and no member beside that. */
static enum ferry_status add_field(struct ferry_outline *outline, size_t outer,
                                   const struct ferry_mapping_field *field)
{
    const char *name = field->destination + outer;
    if (strcmp(field->destination, outline->mapping->key) == 0)
        return FERRY_OK;
    return add_member(outline, field, (struct ferry_slice){name, strlen(name)});
}

/* What stands within the item of that prefix, "" for the whole body, "location." for location. */
static enum ferry_status add_level(struct ferry_outline *outline, const char *prefix, size_t length)
{
    const struct ferry_mapping *mapping = outline->mapping;
    enum ferry_status status = FERRY_OK;
    for (size_t i = 0; status == FERRY_OK && i < mapping->field_count; i++) {
        const struct ferry_mapping_field *field = &mapping->fields[i];
        if (!is_within(field, prefix, length))
            continue;
        const char *dot = strchr(field->destination + length, '.');
        size_t item = dot ? (size_t)(dot + 1 - field->destination) : 0;
        if (!dot)
            status = add_field(outline, length, field);
        else if (!item_began_before(mapping, i, item))
            status = add_item(outline, length, field->destination, item);
    }
    return status;
}

enum ferry_status ferry_outline_new(const struct ferry_mapping *mapping,
                                    struct ferry_outline **ret_outline)
{
    struct ferry_outline *outline = calloc(1, sizeof *outline);
    if (!outline)
        return FERRY_NOMEM;
    outline->mapping = mapping;
    enum ferry_status status =
        set_name(&outline->key, (struct ferry_slice){mapping->key, strlen(mapping->key)}, ":");
    if (status == FERRY_OK)
        status = add_level(outline, "", 0);
    if (status != FERRY_OK) {
        ferry_outline_free(outline);
        return status;
    }
    *ret_outline = outline;
    return FERRY_OK;
}

void ferry_outline_free(struct ferry_outline *outline)
{
    if (!outline)
        return;
    for (size_t i = 0; i < outline->count; i++)
        free(outline->members[i].name);
    free(outline->members);
    free(outline->key.name);
    free(outline);
}
