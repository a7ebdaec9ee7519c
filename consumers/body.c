#include "consumers/body.h"

#include "consumers/convert.h"
#include "consumers/utf8.h"

#include <string.h>

struct writing {
    const struct ferry_mapping *mapping;
    const struct ferry_change *change;
    enum ferry_body_kind kind;
    struct ferry_buffer *out;
    struct ferry_error *error;
};

/* A place in the JSON: the item whose members are being written, "" outside of all, "location."
 * within location. */
struct level {
    const char *prefix;
    size_t length;
    bool empty; /* no member yet */
};

static enum ferry_status append_name(const struct writing *writing, struct level *level,
                                     const char *name, size_t length)
{
    enum ferry_status status = level->empty ? FERRY_OK : ferry_buffer_append(writing->out, ",", 1);
    level->empty = false;
    if (status == FERRY_OK)
        status = ferry_utf8_quote((struct ferry_slice){name, length}, writing->out);
    return status == FERRY_OK ? ferry_buffer_append(writing->out, ":", 1) : status;
}

/* The record's own id is no column: the reader always has it. */
static bool find_value(const struct writing *writing, const struct ferry_mapping_field *field,
                       struct ferry_value *ret_value)
{
    const struct ferry_value *value = ferry_change_get(writing->change, field->source);
    if (value)
        *ret_value = *value;
    else if (strcmp(field->source, writing->mapping->primary_id) == 0)
        *ret_value = (struct ferry_value){FERRY_STRING, .string = writing->change->id};
    else
        return false;
    return true;
}

static bool creates(const struct writing *writing)
{
    return writing->kind == FERRY_BODY_CREATE || writing->kind == FERRY_BODY_CREATE_ALONE;
}

static bool wanted(const struct writing *writing, const struct ferry_mapping_field *field)
{
    if (strcmp(field->destination, writing->mapping->key) == 0)
        return false;
    if (writing->kind == FERRY_BODY_CREATE_ALONE && field->mutual)
        return false;
    if (field->create_only)
        return creates(writing);
    return writing->kind != FERRY_BODY_UPDATE || field->apply_updates;
}

static enum ferry_status write_member(const struct writing *writing, struct level *level,
                                      const struct ferry_mapping_field *field)
{
    struct ferry_value value;
    if (!wanted(writing, field) || !find_value(writing, field, &value))
        return FERRY_OK;
    const char *name = field->destination + level->length;
    enum ferry_status status = append_name(writing, level, name, strlen(name));
    if (status != FERRY_OK)
        return status;
    return ferry_convert_write(field, &value, writing->out, writing->error);
}

static bool is_within(const struct ferry_mapping_field *field, const char *prefix, size_t length)
{
    return length == 0 ||
           (field->destination[0] == prefix[0] && strncmp(field->destination, prefix, length) == 0);
}

static enum ferry_status write_level(const struct writing *writing, struct level *level);

/* {"location":{…}} with all fields of the item, at the place of the first; nothing when none of
 * them is written. */
static enum ferry_status write_item(const struct writing *writing, struct level *level,
                                    const char *prefix, size_t length)
{
    size_t start = writing->out->length;
    bool was_empty = level->empty;
    enum ferry_status status =
        append_name(writing, level, prefix + level->length, length - level->length - 1);
    if (status == FERRY_OK)
        status = ferry_buffer_append(writing->out, "{", 1);
    struct level inner = {prefix, length, true};
    if (status == FERRY_OK)
        status = write_level(writing, &inner);
    if (status == FERRY_OK && inner.empty) {
        writing->out->length = start;
        level->empty = was_empty;
        return FERRY_OK;
    }
    return status == FERRY_OK ? ferry_buffer_append(writing->out, "}", 1) : status;
}

static bool item_began_before(const struct ferry_mapping *mapping, size_t index, size_t length)
{
    for (size_t i = 0; i < index; i++)
        if (is_within(&mapping->fields[i], mapping->fields[index].destination, length))
            return true;
    return false;
}

static enum ferry_status write_level(const struct writing *writing, struct level *level)
{
    const struct ferry_mapping *mapping = writing->mapping;
    enum ferry_status status = FERRY_OK;
    for (size_t i = 0; status == FERRY_OK && i < mapping->field_count; i++) {
        const struct ferry_mapping_field *field = &mapping->fields[i];
        if (!is_within(field, level->prefix, level->length))
            continue;
        const char *dot = strchr(field->destination + level->length, '.');
        size_t length = dot ? (size_t)(dot + 1 - field->destination) : 0;
        if (!dot)
            status = write_member(writing, level, field);
        else if (!item_began_before(mapping, i, length))
            status = write_item(writing, level, field->destination, length);
    }
    return status;
}

static enum ferry_status write_key(const struct writing *writing, struct level *level)
{
    const struct ferry_mapping *mapping = writing->mapping;
    enum ferry_status status = append_name(writing, level, mapping->key, strlen(mapping->key));
    if (status == FERRY_OK)
        status = ferry_utf8_quote(writing->change->id, writing->out);
    if (status == FERRY_BAD_RECORD)
        ferry_fail(writing->error, status, FERRY_CLASS_MAPPING,
                   "field %s: the record's id is no valid UTF-8", mapping->key);
    return status;
}

static enum ferry_status write_object(const struct writing *writing)
{
    struct level level = {"", 0, true};
    enum ferry_status status = ferry_buffer_append(writing->out, "{", 1);
    if (status == FERRY_OK && creates(writing))
        status = write_key(writing, &level);
    if (status == FERRY_OK)
        status = write_level(writing, &level);
    return status == FERRY_OK ? ferry_buffer_append(writing->out, "}", 1) : status;
}

/* What went wrong, in the words of the caller: a body that does not fit will not fit later either.
 */
static enum ferry_status fail(const struct writing *writing, enum ferry_status status, size_t start)
{
    writing->out->length = start;
    if (writing->out->data)
        writing->out->data[start] = '\0';
    if (status == FERRY_FULL)
        return ferry_fail(
            writing->error, FERRY_BAD_RECORD, FERRY_CLASS_MAPPING,
            "the record is too large for one request: its body has more than %zu bytes",
            writing->out->ceiling);
    if (status == FERRY_NOMEM)
        return ferry_fail(writing->error, status, FERRY_CLASS_BUG, "out of memory");
    return status;
}

enum ferry_status ferry_body_write(const struct ferry_mapping *mapping,
                                   const struct ferry_change *change, enum ferry_body_kind kind,
                                   struct ferry_buffer *out, struct ferry_error *error)
{
    struct writing writing = {mapping, change, kind, out, error};
    size_t start = out->length;
    enum ferry_status status = write_object(&writing);
    return status == FERRY_OK ? FERRY_OK : fail(&writing, status, start);
}

bool ferry_body_lacks_opt_outs(const struct ferry_mapping *mapping,
                               const struct ferry_change *change)
{
    for (size_t i = 0; i < mapping->field_count; i++)
        if (mapping->fields[i].create_only && !ferry_change_get(change, mapping->fields[i].source))
            return true;
    return false;
}
