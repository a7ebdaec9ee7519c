#include "producers/row.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDER_LENGTH 256
#define ID_CEILING   256

/* What a key means to us; the selected columns follow from TARGET_COLUMN on. */
enum { TARGET_ETAG, TARGET_CONTEXT, TARGET_PRIMARY, TARGET_DELETED_ID, TARGET_COLUMN };
#define TARGET_SKIP SIZE_MAX

/* A column's value. The text of a string lies in the arena, which moves while it grows. */
struct stage {
    size_t serial; /* the value counts when this is the row's */
    size_t offset;
    struct ferry_value value;
};

struct ferry_row {
    const struct ferry_row_column *columns;
    size_t column_count;
    struct ferry_slice *targets; /* their names */
    size_t target_count;
    size_t order[ORDER_LENGTH]; /* target of the n-th key in the last record: it rarely changes */

    struct stage *stages;
    struct ferry_buffer arena;
    struct ferry_change change;
    size_t serial;
    size_t position; /* of the next key */
    size_t target;   /* of the next value */
    char id[ID_CEILING];
    size_t id_length;
    int64_t version; /* -1: none seen */
    bool deleted;
    char reason[200]; /* why the record cannot be carried; empty: it can */
};

static bool same(struct ferry_slice name, const char *data, size_t length)
{
    return name.length == length && memcmp(name.data, data, length) == 0;
}

static bool at_column(const struct ferry_row *row)
{
    return row->target != TARGET_SKIP && row->target >= TARGET_COLUMN;
}

static void spoil(struct ferry_row *row, const char *what)
{
    const char *column = row->columns[row->target - TARGET_COLUMN].name;
    if (!row->reason[0])
        snprintf(row->reason, sizeof row->reason, "Column %s holds %s.", column, what);
}

static enum ferry_status make_tables(struct ferry_row *row, const char *primary_id)
{
    size_t columns = row->column_count;
    row->target_count = TARGET_COLUMN + columns;
    row->targets = calloc(row->target_count, sizeof *row->targets);
    row->stages = calloc(columns + 1, sizeof *row->stages);
    row->change.fields = calloc(columns + 1, sizeof *row->change.fields);
    if (!row->targets || !row->stages || !row->change.fields)
        return FERRY_NOMEM;
    row->change.capacity = columns + 1;

    const char *fixed[TARGET_COLUMN] = {"@odata.etag", "@odata.context", primary_id, "id"};
    for (size_t i = 0; i < row->target_count; i++) {
        const char *name = i < TARGET_COLUMN ? fixed[i] : row->columns[i - TARGET_COLUMN].name;
        row->targets[i] = (struct ferry_slice){name, strlen(name)};
    }
    return FERRY_OK;
}

enum ferry_status ferry_row_new(const char *primary_id, const struct ferry_row_column *columns,
                                size_t count, size_t ceiling, struct ferry_row **ret_row)
{
    struct ferry_row *row = calloc(1, sizeof *row);
    if (!row)
        return FERRY_NOMEM;
    row->columns = columns;
    row->column_count = count;
    ferry_change_init(&row->change);
    ferry_buffer_init(&row->arena, ceiling);
    if (make_tables(row, primary_id) != FERRY_OK) {
        ferry_row_free(row);
        return FERRY_NOMEM;
    }
    *ret_row = row;
    return FERRY_OK;
}

void ferry_row_free(struct ferry_row *row)
{
    if (!row)
        return;
    free(row->targets);
    free(row->stages);
    ferry_change_done(&row->change);
    ferry_buffer_done(&row->arena);
    free(row);
}

void ferry_row_begin(struct ferry_row *row)
{
    row->serial++;
    row->position = 0;
    row->target = TARGET_SKIP;
    row->id_length = 0;
    row->version = -1;
    row->deleted = false;
    row->reason[0] = '\0';
    ferry_buffer_clear(&row->arena);
}

static size_t find_target(const struct ferry_row *row, const char *key, size_t length)
{
    /* From the end: a selected column that is called like one of the fixed names is the column. */
    for (size_t i = row->target_count; i > 0; i--)
        if (same(row->targets[i - 1], key, length))
            return i - 1;
    return TARGET_SKIP;
}

void ferry_row_key(struct ferry_row *row, const char *key, size_t length)
{
    size_t position = row->position++;
    if (position >= ORDER_LENGTH) {
        row->target = find_target(row, key, length);
        return;
    }
    size_t guess = row->order[position];
    if (guess >= row->target_count || !same(row->targets[guess], key, length))
        guess = row->order[position] = find_target(row, key, length);
    row->target = guess;
}

static void keep(struct ferry_row *row, struct ferry_value value, size_t offset)
{
    struct stage *stage = &row->stages[row->target - TARGET_COLUMN];
    stage->serial = row->serial;
    stage->offset = offset;
    stage->value = value;
}

static enum ferry_status keep_text(struct ferry_row *row, const char *text, size_t length)
{
    size_t offset = row->arena.length;
    enum ferry_status status = ferry_buffer_append(&row->arena, text, length);
    if (status == FERRY_OK)
        keep(row, (struct ferry_value){.type = FERRY_STRING, .string = {NULL, length}}, offset);
    return status;
}

static void keep_id(struct ferry_row *row, const char *text, size_t length)
{
    if (length >= sizeof row->id)
        return;
    for (size_t i = 0; i < length; i++)
        row->id[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
    row->id_length = length;
}

static bool parse_integer(const char *digits, size_t length, int64_t *ret_integer)
{
    char text[24];
    if (length == 0 || length >= sizeof text)
        return false;
    memcpy(text, digits, length);
    text[length] = '\0';
    char *end;
    errno = 0;
    long long integer = strtoll(text, &end, 10);
    if (*end || errno)
        return false;
    *ret_integer = integer;
    return true;
}

static bool parse_double(const char *digits, size_t length, double *ret_real)
{
    char text[400];
    if (length == 0 || length >= sizeof text)
        return false;
    memcpy(text, digits, length);
    text[length] = '\0';
    char *end;
    errno = 0;
    double real = strtod(text, &end);
    if (*end || (errno == ERANGE && (real > 1 || real < -1)))
        return false;
    *ret_real = real;
    return true;
}

/* W/"915244" */
static void keep_version(struct ferry_row *row, const char *etag, size_t length)
{
    const char *open = memchr(etag, '"', length);
    if (!open || etag[length - 1] != '"' || open == etag + length - 1)
        return;
    int64_t version;
    if (parse_integer(open + 1, (size_t)(etag + length - 2 - open), &version) && version >= 0)
        row->version = version;
}

static bool is_deleted(const char *context, size_t length)
{
    static const char suffix[] = "/$deletedEntity";
    size_t wanted = sizeof suffix - 1;
    return length >= wanted && memcmp(context + length - wanted, suffix, wanted) == 0;
}

enum ferry_status ferry_row_text(struct ferry_row *row, const char *text, size_t length)
{
    switch (row->target) {
    case TARGET_SKIP:
        return FERRY_OK;
    case TARGET_ETAG:
        keep_version(row, text, length);
        return FERRY_OK;
    case TARGET_CONTEXT:
        row->deleted = row->deleted || is_deleted(text, length);
        return FERRY_OK;
    case TARGET_PRIMARY:
    case TARGET_DELETED_ID:
        keep_id(row, text, length);
        return FERRY_OK;
    default:
        return keep_text(row, text, length);
    }
}

enum ferry_status ferry_row_number(struct ferry_row *row, const char *digits, size_t length)
{
    if (!at_column(row))
        return FERRY_OK;
    struct ferry_value value = {.type = FERRY_NULL};
    bool fits = true;
    switch (row->columns[row->target - TARGET_COLUMN].number) {
    case FERRY_ROW_INTEGER:
        value.type = FERRY_LONG;
        fits = parse_integer(digits, length, &value.integer);
        break;
    case FERRY_ROW_DOUBLE:
        value.type = FERRY_DOUBLE;
        fits = parse_double(digits, length, &value.real);
        break;
    case FERRY_ROW_DIGITS:
        return keep_text(row, digits, length);
    case FERRY_ROW_BOOLEAN:
        fits = false;
        break;
    }
    if (!fits)
        spoil(row, "a number that its type cannot hold");
    keep(row, value, 0);
    return FERRY_OK;
}

void ferry_row_null(struct ferry_row *row)
{
    if (at_column(row))
        keep(row, (struct ferry_value){.type = FERRY_NULL}, 0);
}

void ferry_row_boolean(struct ferry_row *row, bool boolean)
{
    if (at_column(row))
        keep(row, (struct ferry_value){.type = FERRY_BOOLEAN, .boolean = boolean}, 0);
}

void ferry_row_nested(struct ferry_row *row)
{
    if (at_column(row))
        spoil(row, "a list or an object");
}

static const char *find_fault(const struct ferry_row *row)
{
    if (row->reason[0])
        return row->reason;
    if (row->id_length == 0)
        return row->deleted ? "The deleted record has no id." : "The record has no primary id.";
    if (!row->deleted && row->version < 0)
        return "The record has no ETag with a version number.";
    return NULL;
}

static void collect_fields(struct ferry_row *row, struct ferry_change *change)
{
    change->count = 0;
    for (size_t i = 0; i < row->column_count; i++) {
        const struct stage *stage = &row->stages[i];
        if (stage->serial != row->serial)
            continue;
        struct ferry_change_field *field = &change->fields[change->count++];
        field->name = row->targets[TARGET_COLUMN + i];
        field->value = stage->value;
        if (stage->value.type == FERRY_STRING)
            field->value.string.data = row->arena.data ? row->arena.data + stage->offset : "";
    }
}

const char *ferry_row_finish(struct ferry_row *row, struct ferry_change **ret_change)
{
    const char *fault = find_fault(row);
    if (fault)
        return fault;
    struct ferry_change *change = &row->change;
    change->id = (struct ferry_slice){row->id, row->id_length};
    change->op = row->deleted ? FERRY_OP_DELETE : FERRY_OP_UPSERT;
    change->version = row->deleted ? 0 : row->version;
    change->count = 0;
    if (!row->deleted)
        collect_fields(row, change);
    *ret_change = change;
    return NULL;
}

struct ferry_slice ferry_row_id(const struct ferry_row *row)
{
    return (struct ferry_slice){row->id, row->id_length};
}
