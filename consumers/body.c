#include "consumers/body.h"

#include "consumers/convert.h"
#include "consumers/utf8.h"

struct writing {
    struct ferry_outline *outline;
    const struct ferry_change *change;
    enum ferry_body_kind kind;
    struct ferry_buffer *out;
    struct ferry_error *error;
};

/* `empty`: nothing stands before it, so that no comma does. */
static enum ferry_status append_name(const struct writing *writing,
                                     const struct ferry_outline_member *member, bool *empty)
{
    size_t skipped = *empty;
    *empty = false;
    return ferry_buffer_append(writing->out, member->name + skipped, member->length - skipped);
}

/* The record's own id is no column: the reader always has it. */
static bool find_value(const struct writing *writing, struct ferry_outline_member *member,
                       struct ferry_value *ret_value)
{
    const struct ferry_value *value =
        ferry_change_find(writing->change, member->source, &member->place);
    if (value)
        *ret_value = *value;
    else if (member->is_id)
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
    if (writing->kind == FERRY_BODY_CREATE_ALONE && field->mutual)
        return false;
    if (field->create_only)
        return creates(writing);
    return writing->kind != FERRY_BODY_UPDATE || field->apply_updates;
}

static enum ferry_status write_field(const struct writing *writing,
                                     struct ferry_outline_member *member, bool *empty)
{
    struct ferry_value value;
    if (!wanted(writing, member->field) || !find_value(writing, member, &value))
        return FERRY_OK;
    enum ferry_status status = append_name(writing, member, empty);
    if (status != FERRY_OK)
        return status;
    return ferry_convert_write(member->field, &value, writing->out, writing->error);
}

static enum ferry_status write_members(const struct writing *writing,
                                       struct ferry_outline_member *member, size_t count,
                                       bool *empty);

/* {"location":{…}}; nothing when none of its members is written. */
static enum ferry_status write_item(const struct writing *writing,
                                    struct ferry_outline_member *item, bool *empty)
{
    size_t start = writing->out->length;
    bool was_empty = *empty;
    bool inner_empty = true;
    enum ferry_status status = append_name(writing, item, empty);
    if (status == FERRY_OK)
        status = write_members(writing, item + 1, item->inside, &inner_empty);
    if (status == FERRY_OK && inner_empty) {
        writing->out->length = start;
        *empty = was_empty;
        return FERRY_OK;
    }
    return status == FERRY_OK ? ferry_buffer_append(writing->out, "}", 1) : status;
}

static enum ferry_status write_members(const struct writing *writing,
                                       struct ferry_outline_member *member, size_t count,
                                       bool *empty)
{
    const struct ferry_outline_member *end = member + count;
    enum ferry_status status = FERRY_OK;
    for (; status == FERRY_OK && member < end; member += 1 + member->inside)
        status = member->field ? write_field(writing, member, empty)
                               : write_item(writing, member, empty);
    return status;
}

static enum ferry_status write_key(const struct writing *writing, bool *empty)
{
    const struct ferry_outline *outline = writing->outline;
    enum ferry_status status = append_name(writing, &outline->key, empty);
    if (status == FERRY_OK)
        status = ferry_utf8_quote(writing->change->id, writing->out);
    if (status == FERRY_BAD_RECORD)
        ferry_fail(writing->error, status, FERRY_CLASS_MAPPING,
                   "field %s: the record's id is no valid UTF-8", outline->mapping->key);
    return status;
}

static enum ferry_status write_object(const struct writing *writing)
{
    struct ferry_outline *outline = writing->outline;
    bool empty = true;
    enum ferry_status status = ferry_buffer_append(writing->out, "{", 1);
    if (status == FERRY_OK && creates(writing))
        status = write_key(writing, &empty);
    if (status == FERRY_OK)
        status = write_members(writing, outline->members, outline->count, &empty);
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

enum ferry_status ferry_body_write(struct ferry_outline *outline, const struct ferry_change *change,
                                   enum ferry_body_kind kind, struct ferry_buffer *out,
                                   struct ferry_error *error)
{
    struct writing writing = {outline, change, kind, out, error};
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
