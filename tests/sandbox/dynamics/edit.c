#include "dynamics/edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MARGIN 4096 /* what a commit adds: times, ids, the full name */

void sandbox_edit_begin(struct sandbox_edit *edit, struct sandbox_dynamics *dynamics,
                        struct sandbox_table *table, struct sandbox_record *record)
{
    *edit = (struct sandbox_edit){.dynamics = dynamics, .table = table, .record = record};
    if (record) {
        sandbox_row_unpack(record->row, &edit->values);
        memcpy(edit->id, record->id, 16);
    } else {
        sandbox_guid_random(&dynamics->random, edit->id);
    }
}

void sandbox_edit_done(struct sandbox_edit *edit)
{
    sandbox_buf_done(&edit->texts);
}

__attribute__((format(printf, 4, 5))) static bool fail(struct sandbox_edit *edit, unsigned status,
                                                       const char *code, const char *format, ...)
{
    va_list args;

    edit->status = status;
    edit->error.code = code;
    va_start(args, format);
    vsnprintf(edit->error.message, sizeof edit->error.message, format, args);
    va_end(args);
    return false;
}

static bool unknown(struct sandbox_edit *edit, const char *name)
{
    return fail(edit, 400, "0x80048d19",
                "Error identified in Payload provided by the user for Entity :'%s', Invalid "
                "property '%s' was found in entity 'Microsoft.Dynamics.CRM.%s'.",
                edit->table->plan->set, name, edit->table->plan->name);
}

static bool undeclared(struct sandbox_edit *edit, const char *name, size_t length)
{
    return fail(
        edit, 400, "0x80048d19",
        "An undeclared property '%.*s' which only has property annotations in the payload "
        "but no property value was found in the payload. In OData, only declared navigation "
        "properties and declared named streams can be represented as properties without "
        "values.",
        (int)length, name);
}

static void set(struct sandbox_edit *edit, size_t column, size_t text_at)
{
    size_t length = edit->texts.length - text_at;

    edit->values.of[column] = length ? (struct sandbox_slice){edit->texts.data + text_at, length}
                                     : (struct sandbox_slice){0};
}

/* The lookup whose navigation property is called so, with the table that it leads to; -1: none. */
static int find_navigation(const struct sandbox_table *table, const char *name, size_t length,
                           struct sandbox_slice *ret_target)
{
    char expected[SANDBOX_NAVIGATION_SIZE];

    for (size_t i = 0; i < table->column_count; i++) {
        const struct sandbox_column *column = &table->columns[i];
        if (column->removed || !sandbox_type_is_lookup(column->type))
            continue;
        for (const char *target = column->targets; *target;) {
            size_t size = strcspn(target, ",");
            sandbox_column_navigation(column, target, size, expected);
            if (strlen(expected) == length && strncmp(expected, name, length) == 0) {
                *ret_target = (struct sandbox_slice){target, size};
                return (int)i;
            }
            target += size + (target[size] == ',');
        }
    }
    return -1;
}

/* "/contacts(guid)", "contacts(guid)" or an absolute URL: the set's name and the id. */
static bool read_reference(const char *text, char set[static 64], uint8_t ret_id[static 16])
{
    const char *open = strrchr(text, '('), *slash = text;

    if (!open || strlen(open) != 38 || open[37] != ')')
        return false;
    for (const char *at = text; at < open; at++)
        if (*at == '/')
            slash = at + 1;
    if (open - slash >= 64)
        return false;
    snprintf(set, 64, "%.*s", (int)(open - slash), slash);
    return sandbox_guid_parse(open + 1, 36, ret_id);
}

/* A table that is imitated is looked into; of an owner or a currency any id will do. */
static bool check_reference(struct sandbox_edit *edit, const struct sandbox_member *member,
                            const char *set_name, struct sandbox_slice target,
                            const uint8_t id[static 16])
{
    const struct sandbox_table *table = sandbox_dynamics_set(edit->dynamics, set_name);
    char text[SANDBOX_GUID_SIZE], name[80];

    snprintf(name, sizeof name, "%.*s", (int)target.length, target.at);
    if (sandbox_dynamics_table(edit->dynamics, name) &&
        (!table || strcmp(table->plan->name, name) != 0))
        return fail(edit, 400, "0x80048d19", "'%s' is no reference to a row of '%s'.", member->text,
                    name);
    sandbox_guid_format(id, text);
    return !table || sandbox_table_find(table, id) ||
           fail(edit, 404, "0x80040217", "%s With Id = %s Does Not Exist", table->plan->name, text);
}

static bool bind(struct sandbox_edit *edit, const struct sandbox_member *member, size_t length)
{
    struct sandbox_slice target;
    int column = find_navigation(edit->table, member->name, length, &target);
    char set_name[64], text[SANDBOX_GUID_SIZE];
    uint8_t id[16];

    if (column < 0)
        return undeclared(edit, member->name, length);
    if (edit->table->columns[column].access & SANDBOX_READ_ONLY && !edit->raw)
        return unknown(edit, member->name);
    size_t at = edit->texts.length;
    if (member->type != SANDBOX_JSON_NULL) {
        if (member->type != SANDBOX_JSON_STRING || !read_reference(member->text, set_name, id))
            return fail(edit, 400, "0x80048d19", "Invalid reference '%s'.", member->text);
        if (!check_reference(edit, member, set_name, target, id))
            return false;
        sandbox_guid_format(id, text);
        sandbox_buf_addf(&edit->texts, "\"%s\"", text);
    }
    set(edit, (size_t)column, at);
    return true;
}

static bool read_own_id(struct sandbox_edit *edit, const struct sandbox_member *member)
{
    uint8_t id[16];

    if (member->type != SANDBOX_JSON_STRING ||
        !sandbox_guid_parse(member->text, member->length, id))
        return fail(edit, 400, "0x80048d19", "'%s' is no GUID.", member->text);
    if (edit->record && memcmp(edit->record->id, id, 16) != 0)
        return fail(edit, 400, "0x80048d19", "The key '%s' cannot be changed.", member->name);
    memcpy(edit->id, id, 16);
    return true;
}

static bool may_write(const struct sandbox_edit *edit, const struct sandbox_column *column)
{
    unsigned refused =
        SANDBOX_READ_ONLY | (edit->record ? SANDBOX_CREATE_ONLY : SANDBOX_UPDATE_ONLY);

    return edit->raw || !(column->access & refused || sandbox_type_is_lookup(column->type));
}

static bool apply_member(struct sandbox_edit *edit, const struct sandbox_member *member)
{
    const char *annotation = strstr(member->name, "@odata.");
    size_t at = edit->texts.length;

    if (annotation && strcmp(annotation, "@odata.bind") == 0)
        return bind(edit, member, (size_t)(annotation - member->name));
    if (annotation)
        return true;
    if (edit->table->plan->activity && member->type == SANDBOX_JSON_ARRAY &&
        strstr(member->name, "_activity_parties"))
        return fail(edit, 501, "0x80040219", "ferry-sandbox does not imitate activity parties");
    int column = sandbox_table_column(edit->table, member->name);
    if (column < 0 || member->type == SANDBOX_JSON_OBJECT || member->type == SANDBOX_JSON_ARRAY)
        return unknown(edit, member->name);
    if ((size_t)column == edit->table->id_column)
        return read_own_id(edit, member);
    const struct sandbox_column *of = &edit->table->columns[column];
    if (!may_write(edit, of))
        return fail(edit, 400, "0x80048d19",
                    "The property '%s' of entity '%s' is read-only and cannot be written.",
                    member->name, edit->table->plan->name);
    edit->status = 400;
    if (!sandbox_value_check(of, edit->table->plan->name, member,
                             edit->dynamics->settings.escape_unicode, &edit->texts, &edit->error))
        return false;
    set(edit, (size_t)column, at);
    sandbox_columns_add(&edit->written, (size_t)column);
    return true;
}

void sandbox_edit_flag(struct sandbox_edit *edit, size_t column, bool value)
{
    edit->values.of[column] =
        value ? (struct sandbox_slice){"true", 4} : (struct sandbox_slice){"false", 5};
    sandbox_columns_add(&edit->written, column);
}

/* The buffer must not move while values point into it. */
bool sandbox_edit_apply(struct sandbox_edit *edit, const struct sandbox_body *body)
{
    if (!sandbox_buf_reserve(&edit->texts, body->texts.length * 6 + body->count * 48 + MARGIN))
        return fail(edit, 500, "0x80040216", "out of memory");
    for (size_t i = 0; i < body->count; i++)
        if (!apply_member(edit, &body->members[i]))
            return false;
    return true;
}

__attribute__((format(printf, 3, 4))) static void
set_special(struct sandbox_edit *edit, enum sandbox_special special, const char *format, ...)
{
    int column = edit->table->special[special];
    size_t at = edit->texts.length;
    char text[80];
    va_list args;

    if (column < 0)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sandbox_buf_adds(&edit->texts, text);
    set(edit, (size_t)column, at);
}

static struct sandbox_slice special_value(const struct sandbox_edit *edit,
                                          enum sandbox_special special)
{
    int column = edit->table->special[special];

    return column < 0 ? (struct sandbox_slice){0} : edit->values.of[column];
}

static void set_defaults(struct sandbox_edit *edit, const char *now, const char *user)
{
    set_special(edit, SANDBOX_CREATED_ON, "\"%s\"", now);
    set_special(edit, SANDBOX_CREATED_BY, "\"%s\"", user);
    if (!special_value(edit, SANDBOX_OWNER).at)
        set_special(edit, SANDBOX_OWNER, "\"%s\"", user);
    if (!special_value(edit, SANDBOX_STATE).at)
        set_special(edit, SANDBOX_STATE, "0");
    if (!special_value(edit, SANDBOX_STATUS).at)
        set_special(edit, SANDBOX_STATUS, "1");
    if (edit->table->plan->activity)
        set_special(edit, SANDBOX_ACTIVITY_TYPE, "\"%s\"", edit->table->plan->name);
    for (size_t i = 0; i < edit->table->column_count; i++) {
        const struct sandbox_column *column = &edit->table->columns[i];
        if (column->type != SANDBOX_TYPE_BOOLEAN || edit->values.of[i].at)
            continue;
        bool value = strcmp(column->name, "followemail") == 0;
        edit->values.of[i] =
            value ? (struct sandbox_slice){"true", 4} : (struct sandbox_slice){"false", 5};
    }
}

/* "Ann" and "Lee" are JSON texts: what stands between the quotes is joined as it is. */
static void set_full_name(struct sandbox_edit *edit)
{
    int column = edit->table->special[SANDBOX_FULL_NAME];
    struct sandbox_slice first = special_value(edit, SANDBOX_FIRST_NAME);
    struct sandbox_slice last = special_value(edit, SANDBOX_LAST_NAME);
    size_t at = edit->texts.length;

    if (column < 0)
        return;
    if (first.at || last.at) {
        sandbox_buf_addc(&edit->texts, '"');
        if (first.at)
            sandbox_buf_add(&edit->texts, first.at + 1, first.length - 2);
        if (first.at && last.at)
            sandbox_buf_addc(&edit->texts, ' ');
        if (last.at)
            sandbox_buf_add(&edit->texts, last.at + 1, last.length - 2);
        sandbox_buf_addc(&edit->texts, '"');
    }
    set(edit, (size_t)column, at);
}

static void tell(const struct sandbox_edit *edit, const struct sandbox_row *row, uint64_t version)
{
    sandbox_watch_tell(edit->dynamics->watch,
                       &(struct sandbox_write){.of = edit->table,
                                               .id = edit->id,
                                               .before = edit->record ? edit->record->row : NULL,
                                               .after = row,
                                               .columns = edit->written,
                                               .version = version,
                                               .admin = edit->raw});
}

struct sandbox_record *sandbox_edit_commit(struct sandbox_edit *edit)
{
    struct sandbox_dynamics *dynamics = edit->dynamics;
    char now[SANDBOX_TIME_SIZE], user[SANDBOX_GUID_SIZE];

    if (!edit->texts.data && !sandbox_buf_reserve(&edit->texts, MARGIN))
        return NULL;
    sandbox_time_iso(edit->at_ms ? edit->at_ms : sandbox_dynamics_now(dynamics), now);
    sandbox_guid_format(dynamics->user, user);
    if (!edit->record)
        set_defaults(edit, now, user);
    set_special(edit, SANDBOX_MODIFIED_ON, "\"%s\"", now);
    set_special(edit, SANDBOX_MODIFIED_BY, "\"%s\"", user);
    set_full_name(edit);
    struct sandbox_row *row = sandbox_row_new(&edit->values);
    uint64_t version = ++dynamics->version;
    sandbox_undo_note(dynamics->undo, edit->table, edit->record, edit->id, version, false);
    if (row)
        tell(edit, row, version);
    edit->table->writes.created += !edit->record && !edit->raw;
    if (!edit->record)
        return sandbox_table_insert(edit->table, edit->id, row, version);
    return sandbox_table_update(edit->table, edit->record, row, version) ? edit->record : NULL;
}

bool sandbox_edit_delete(struct sandbox_dynamics *dynamics, struct sandbox_table *table,
                         struct sandbox_record *record, bool admin)
{
    uint64_t version = ++dynamics->version;

    sandbox_undo_note(dynamics->undo, table, record, record->id, version, true);
    sandbox_watch_tell(dynamics->watch, &(struct sandbox_write){.of = table,
                                                                .id = record->id,
                                                                .before = record->row,
                                                                .version = version,
                                                                .admin = admin});
    return sandbox_table_delete(table, record, version);
}
