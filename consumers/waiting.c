#include "consumers/waiting.h"

#include "core/io/kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 192

struct ferry_waiting {
    struct ferry_map *map;
    const struct ferry_mapping *mapping;
    MDB_dbi entries;
    MDB_dbi values;
    MDB_dbi parents; /* "<parent table>/<parent id>" -> key of a child, many */
    int partition;
    size_t counts[FERRY_WAITS];
    struct ferry_deletion latest;
    size_t undecided; /* deletes it said nothing about */
    struct ferry_change change;
};

static const char *const names[FERRY_WAITS] = {
    [FERRY_WAIT_PARENT] = "parent",
    [FERRY_WAIT_DELETE] = "delete",
};

const char *ferry_waiting_name(enum ferry_wait why)
{
    return names[why];
}

static MDB_val val_of(const void *data, size_t size)
{
    union {
        const void *from;
        void *to;
    } alias = {.from = data};
    return (MDB_val){.mv_size = size, .mv_data = alias.to};
}

static enum ferry_status fail(const struct ferry_waiting *waiting, struct ferry_error *error,
                              int code)
{
    return ferry_map_fail(waiting->map, error, "cannot set a change aside", code);
}

/* --- life --- */

static int open_one(struct ferry_waiting *waiting, const char *kind, int partition, unsigned flags,
                    MDB_dbi *ret_dbi)
{
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%s/%s/%d", kind, waiting->mapping->table, partition);
    int code = mdb_dbi_open(waiting->map->txn, name, MDB_CREATE | flags, ret_dbi);
    return code == 0 ? mdb_drop(waiting->map->txn, *ret_dbi, 0) : code;
}

static int open_all(struct ferry_waiting *waiting, int partition)
{
    int code = ferry_map_commit(waiting->map);
    if (code == 0)
        code = ferry_map_begin(waiting->map);
    if (code == 0)
        code = open_one(waiting, "waiting", partition, 0, &waiting->entries);
    if (code == 0)
        code = open_one(waiting, "waiting.values", partition, 0, &waiting->values);
    if (code == 0)
        code = open_one(waiting, "waiting.parents", partition, MDB_DUPSORT, &waiting->parents);
    return code == 0 ? ferry_map_commit(waiting->map) : code;
}

enum ferry_status ferry_waiting_open(struct ferry_map *map, const struct ferry_mapping *mapping,
                                     int partition, struct ferry_waiting **ret_waiting,
                                     struct ferry_error *error)
{
    struct ferry_waiting *waiting = calloc(1, sizeof *waiting);
    if (!waiting)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    waiting->map = map;
    waiting->mapping = mapping;
    waiting->partition = partition;
    ferry_change_init(&waiting->change);
    int code = open_all(waiting, partition);
    if (code != 0) {
        fail(waiting, error, code);
        ferry_waiting_close(waiting);
        return FERRY_INVALID;
    }
    *ret_waiting = waiting;
    return FERRY_OK;
}

void ferry_waiting_close(struct ferry_waiting *waiting)
{
    if (!waiting)
        return;
    ferry_change_done(&waiting->change);
    free(waiting);
}

/* --- parents --- */

static int name_parent(const char *table, struct ferry_slice id, char name[FERRY_WAIT_KEY_SIZE])
{
    int length = snprintf(name, FERRY_WAIT_KEY_SIZE, "%s/%.*s", table, (int)id.length, id.data);
    return length < FERRY_WAIT_KEY_SIZE ? length : FERRY_WAIT_KEY_SIZE - 1;
}

static int add_parent(struct ferry_waiting *waiting, struct ferry_slice key, const char *table,
                      struct ferry_slice id)
{
    char name[FERRY_WAIT_KEY_SIZE];
    MDB_val parent = val_of(name, (size_t)name_parent(table, id, name));
    MDB_val child = val_of(key.data, key.length);
    int code = mdb_put(waiting->map->txn, waiting->parents, &parent, &child, MDB_NODUPDATA);
    return code == MDB_KEYEXIST ? 0 : code;
}

/* By each record it links to: any of them may be the one that is missing. */
static int add_parents(struct ferry_waiting *waiting, struct ferry_slice key,
                       struct ferry_slice value)
{
    struct ferry_error ignored;
    int code = 0;
    if (ferry_change_decode(value.data, value.length, &waiting->change, &ignored) != FERRY_OK)
        return 0; /* then its fate is a reject, whatever it waits for */
    for (size_t i = 0; i < waiting->mapping->field_count && code == 0; i++) {
        const struct ferry_mapping_field *field = &waiting->mapping->fields[i];
        if (!field->link_table)
            continue;
        const struct ferry_value *link = ferry_change_get(&waiting->change, field->source);
        if (link && link->type == FERRY_STRING)
            code = add_parent(waiting, key, field->link_table, link->string);
    }
    return code;
}

enum ferry_status ferry_waiting_children(struct ferry_waiting *waiting, const char *parent_table,
                                         struct ferry_slice parent, struct ferry_buffer *out)
{
    char name[FERRY_WAIT_KEY_SIZE];
    MDB_val key = val_of(name, (size_t)name_parent(parent_table, parent, name));
    MDB_val child;
    MDB_cursor *cursor;
    enum ferry_status status = FERRY_OK;
    if (ferry_map_begin(waiting->map) != 0 ||
        mdb_cursor_open(waiting->map->txn, waiting->parents, &cursor) != 0)
        return FERRY_NOMEM;
    int code = mdb_cursor_get(cursor, &key, &child, MDB_SET_KEY);
    for (; code == 0 && status == FERRY_OK;
         code = mdb_cursor_get(cursor, &key, &child, MDB_NEXT_DUP)) {
        status = ferry_buffer_append(out, child.mv_data, child.mv_size);
        if (status == FERRY_OK)
            status = ferry_buffer_append(out, "", 1);
    }
    mdb_cursor_close(cursor);
    return status;
}

/* --- entries --- */

static bool is_undecided(const struct ferry_waiting *waiting,
                         const struct ferry_waiting_entry *entry)
{
    return entry->why == FERRY_WAIT_DELETE &&
           !ferry_deletion_covers(&waiting->latest, entry->decision, waiting->partition,
                                  entry->offset);
}

static void count(struct ferry_waiting *waiting, const struct ferry_waiting_entry *entry, int by)
{
    waiting->counts[entry->why] += (size_t)by;
    if (is_undecided(waiting, entry))
        waiting->undecided += (size_t)by;
}

bool ferry_waiting_get(struct ferry_waiting *waiting, struct ferry_slice key,
                       struct ferry_waiting_entry *ret_entry)
{
    MDB_val name = val_of(key.data, key.length);
    MDB_val value;
    if (ferry_waiting_total(waiting) == 0 || ferry_map_begin(waiting->map) != 0 ||
        mdb_get(waiting->map->txn, waiting->entries, &name, &value) != 0)
        return false;
    memcpy(ret_entry, value.mv_data, sizeof *ret_entry);
    return true;
}

bool ferry_waiting_value(struct ferry_waiting *waiting, struct ferry_slice key,
                         struct ferry_slice *ret_value)
{
    MDB_val name = val_of(key.data, key.length);
    MDB_val value;
    if (ferry_map_begin(waiting->map) != 0 ||
        mdb_get(waiting->map->txn, waiting->values, &name, &value) != 0)
        return false;
    *ret_value = (struct ferry_slice){value.mv_data, value.mv_size};
    return true;
}

static int put_entry(struct ferry_waiting *waiting, struct ferry_slice key,
                     const struct ferry_waiting_entry *entry)
{
    MDB_val name = val_of(key.data, key.length);
    MDB_val value = val_of(entry, sizeof *entry);
    return mdb_put(waiting->map->txn, waiting->entries, &name, &value, 0);
}

static int put_all(struct ferry_waiting *waiting, struct ferry_slice key,
                   const struct ferry_waiting_entry *entry, struct ferry_slice value)
{
    MDB_val name = val_of(key.data, key.length);
    MDB_val bytes = val_of(value.data, value.length);
    int code = put_entry(waiting, key, entry);
    if (code == 0)
        code = mdb_put(waiting->map->txn, waiting->values, &name, &bytes, 0);
    if (code == 0 && entry->why == FERRY_WAIT_PARENT)
        code = add_parents(waiting, key, value);
    return code == 0 ? ferry_map_count(waiting->map, 4 * sizeof *entry + value.length) : code;
}

enum ferry_status ferry_waiting_put(struct ferry_waiting *waiting, struct ferry_slice key,
                                    const struct ferry_waiting_entry *entry,
                                    struct ferry_slice value, struct ferry_error *error)
{
    struct ferry_waiting_entry before;
    bool replaces = ferry_waiting_get(waiting, key, &before);
    int code = ferry_map_begin(waiting->map);
    if (code == 0)
        code = put_all(waiting, key, entry, value);
    if (code != 0)
        return fail(waiting, error, code);
    if (replaces)
        count(waiting, &before, -1);
    count(waiting, entry, 1);
    return FERRY_OK;
}

enum ferry_status ferry_waiting_update(struct ferry_waiting *waiting, struct ferry_slice key,
                                       const struct ferry_waiting_entry *entry,
                                       struct ferry_error *error)
{
    int code = ferry_map_begin(waiting->map);
    if (code == 0)
        code = put_entry(waiting, key, entry);
    if (code == 0)
        code = ferry_map_count(waiting->map, sizeof *entry);
    return code == 0 ? FERRY_OK : fail(waiting, error, code);
}

static int remove_both(struct ferry_waiting *waiting, struct ferry_slice key)
{
    MDB_val name = val_of(key.data, key.length);
    int code = mdb_del(waiting->map->txn, waiting->entries, &name, NULL);
    if (code == 0)
        code = mdb_del(waiting->map->txn, waiting->values, &name, NULL);
    /* Names of children that do not wait any more go with the last that does. */
    if (code == 0 && ferry_waiting_total(waiting) == 1)
        code = mdb_drop(waiting->map->txn, waiting->parents, 0);
    return code == 0 ? ferry_map_count(waiting->map, 0) : code;
}

enum ferry_status ferry_waiting_remove(struct ferry_waiting *waiting, struct ferry_slice key,
                                       bool *ret_found, struct ferry_error *error)
{
    struct ferry_waiting_entry entry;
    *ret_found = ferry_waiting_get(waiting, key, &entry);
    if (!*ret_found)
        return FERRY_OK;
    int code = remove_both(waiting, key);
    if (code != 0)
        return fail(waiting, error, code);
    count(waiting, &entry, -1);
    return FERRY_OK;
}

/* --- from the topic --- */

/* Of length 0: there is none. */
static struct ferry_slice find_header(const rd_kafka_message_t *message, const char *name)
{
    size_t size = 0;
    const char *value = ferry_kafka_header(message, name, &size);
    return (struct ferry_slice){value, size};
}

static bool header_says(const rd_kafka_message_t *message, const char *name, const char *word)
{
    const struct ferry_slice value = find_header(message, name);
    return value.length == strlen(word) && memcmp(value.data, word, value.length) == 0;
}

static int64_t header_number(const rd_kafka_message_t *message, const char *name, int64_t otherwise)
{
    const struct ferry_slice value = find_header(message, name);
    char text[24];
    if (value.length == 0 || value.length >= sizeof text)
        return otherwise;
    memcpy(text, value.data, value.length);
    text[value.length] = '\0';
    return strtoll(text, NULL, 10);
}

/* The last number of topic/partition/offset. */
static int64_t header_offset(const rd_kafka_message_t *message)
{
    const struct ferry_slice text = find_header(message, "ferry-origin");
    int64_t offset = 0;
    size_t digits = text.length;
    while (digits > 0 && text.data[digits - 1] >= '0' && text.data[digits - 1] <= '9')
        digits--;
    for (size_t i = digits; i < text.length; i++)
        offset = offset * 10 + (text.data[i] - '0');
    return offset;
}

static enum ferry_wait header_why(const rd_kafka_message_t *message)
{
    return header_says(message, "ferry-wait", names[FERRY_WAIT_DELETE]) ? FERRY_WAIT_DELETE
                                                                        : FERRY_WAIT_PARENT;
}

/* It may be stronger than the change's own. */
static enum ferry_origin header_origin(const rd_kafka_message_t *message)
{
    static const enum ferry_origin origins[] = {FERRY_ORIGIN_LOAD, FERRY_ORIGIN_REPLAY,
                                                FERRY_ORIGIN_RESYNC};
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++)
        if (header_says(message, "ferry-change-origin", ferry_origin_name(origins[i])))
            return origins[i];
    return FERRY_ORIGIN_DELTA;
}

enum ferry_status ferry_waiting_load(struct ferry_waiting *waiting,
                                     const rd_kafka_message_t *message, struct ferry_error *error)
{
    const struct ferry_slice key = {message->key, message->key_len};
    const struct ferry_slice value = {message->payload, message->len};
    bool found;
    if (!message->payload)
        return ferry_waiting_remove(waiting, key, &found, error);
    struct ferry_waiting_entry entry = {
        .why = header_why(message),
        .origin = header_origin(message),
        .since = header_number(message, "ferry-since", rd_kafka_message_timestamp(message, NULL)),
        .offset = header_offset(message),
        .decision = header_number(message, "ferry-decision", 0),
    };
    const struct ferry_slice trace = find_header(message, FERRY_TRACE_HEADER);
    ferry_trace_read(trace.data, trace.length, entry.trace);
    return ferry_waiting_put(waiting, key, &entry, value, error);
}

/* --- looking through --- */

static int seek_behind(MDB_cursor *cursor, const char *key, MDB_val *ret_key, MDB_val *ret_value)
{
    *ret_key = val_of(key, strlen(key));
    if (!key[0])
        return mdb_cursor_get(cursor, ret_key, ret_value, MDB_FIRST);
    int code = mdb_cursor_get(cursor, ret_key, ret_value, MDB_SET_RANGE);
    if (code == 0 && ret_key->mv_size == strlen(key) &&
        memcmp(ret_key->mv_data, key, ret_key->mv_size) == 0)
        code = mdb_cursor_get(cursor, ret_key, ret_value, MDB_NEXT);
    return code;
}

bool ferry_waiting_next(struct ferry_waiting *waiting, char key[FERRY_WAIT_KEY_SIZE],
                        struct ferry_waiting_entry *ret_entry)
{
    MDB_cursor *cursor;
    MDB_val name, value;
    if (ferry_waiting_total(waiting) == 0 || ferry_map_begin(waiting->map) != 0 ||
        mdb_cursor_open(waiting->map->txn, waiting->entries, &cursor) != 0)
        return false;
    bool found = seek_behind(cursor, key, &name, &value) == 0;
    if (found) {
        memcpy(key, name.mv_data, name.mv_size);
        key[name.mv_size] = '\0';
        memcpy(ret_entry, value.mv_data, sizeof *ret_entry);
    }
    mdb_cursor_close(cursor);
    return found;
}

size_t ferry_waiting_count(const struct ferry_waiting *waiting, enum ferry_wait why)
{
    return waiting->counts[why];
}

size_t ferry_waiting_total(const struct ferry_waiting *waiting)
{
    return waiting->counts[FERRY_WAIT_PARENT] + waiting->counts[FERRY_WAIT_DELETE];
}

size_t ferry_waiting_undecided(const struct ferry_waiting *waiting)
{
    return waiting->undecided;
}

static void count_undecided(struct ferry_waiting *waiting)
{
    MDB_cursor *cursor;
    MDB_val name, value;
    struct ferry_waiting_entry entry;
    waiting->undecided = 0;
    if (waiting->counts[FERRY_WAIT_DELETE] == 0 || ferry_map_begin(waiting->map) != 0 ||
        mdb_cursor_open(waiting->map->txn, waiting->entries, &cursor) != 0)
        return;
    while (mdb_cursor_get(cursor, &name, &value, MDB_NEXT) == 0) {
        memcpy(&entry, value.mv_data, sizeof entry);
        waiting->undecided += is_undecided(waiting, &entry);
    }
    mdb_cursor_close(cursor);
}

void ferry_waiting_decide(struct ferry_waiting *waiting, const struct ferry_deletion *latest)
{
    if (latest->decision <= waiting->latest.decision)
        return;
    waiting->latest = *latest;
    count_undecided(waiting);
}
