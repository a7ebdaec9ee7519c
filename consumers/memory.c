#include "consumers/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT    3
#define NAME_SIZE 160

struct ferry_memory {
    struct ferry_map *map;
    MDB_dbi valid;
};

struct ferry_memory_part {
    struct ferry_map *map;
    MDB_dbi valid;
    MDB_dbi dbi;
    char name[NAME_SIZE];
};

struct stored {
    int64_t version;
    int64_t read_number;
    uint64_t hash;
    int64_t state;
};

/* --- life --- */

static int open_valid(struct ferry_memory *memory)
{
    int code = ferry_map_begin(memory->map);
    if (code == 0)
        code = mdb_dbi_open(memory->map->txn, "valid", MDB_CREATE, &memory->valid);
    return code == 0 ? ferry_map_commit(memory->map) : code;
}

enum ferry_status ferry_memory_new(const char *folder, struct ferry_memory **ret_memory,
                                   struct ferry_error *error)
{
    struct ferry_memory *memory = calloc(1, sizeof *memory);
    if (!memory)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    enum ferry_status status = ferry_map_new(folder, FORMAT, &memory->map, error);
    int code = status == FERRY_OK ? open_valid(memory) : 0;
    if (code != 0)
        status = ferry_map_fail(memory->map, error, "cannot open memory.mdb", code);
    if (status != FERRY_OK) {
        ferry_memory_free(memory);
        return status;
    }
    *ret_memory = memory;
    return FERRY_OK;
}

void ferry_memory_free(struct ferry_memory *memory)
{
    if (!memory)
        return;
    ferry_map_free(memory->map);
    free(memory);
}

struct ferry_map *ferry_memory_map(struct ferry_memory *memory)
{
    return memory->map;
}

enum ferry_status ferry_memory_flush(struct ferry_memory *memory, struct ferry_error *error)
{
    int code = ferry_map_commit(memory->map);
    return code == 0 ? FERRY_OK
                     : ferry_map_fail(memory->map, error, "cannot keep what was written", code);
}

/* --- partitions --- */

static MDB_val name_of(const struct ferry_memory_part *part)
{
    union {
        const char *name;
        void *data;
    } alias = {.name = part->name};
    return (MDB_val){.mv_size = strlen(part->name), .mv_data = alias.data};
}

static bool is_valid(struct ferry_memory_part *part, struct ferry_memory_mark mark)
{
    MDB_val name = name_of(part);
    MDB_val value;
    struct ferry_memory_mark left;
    if (mdb_get(part->map->txn, part->valid, &name, &value) != 0 || value.mv_size != sizeof left)
        return false;
    memcpy(&left, value.mv_data, sizeof left);
    return left.committed == mark.committed && left.stamp == mark.stamp && left.stamp != 0;
}

static int empty_part(struct ferry_memory_part *part)
{
    MDB_val name = name_of(part);
    int code = mdb_del(part->map->txn, part->valid, &name, NULL);
    if (code == 0 || code == MDB_NOTFOUND)
        code = mdb_drop(part->map->txn, part->dbi, 0);
    return code;
}

static int open_part(struct ferry_memory_part *part, struct ferry_memory_mark mark, bool *ret_valid)
{
    int code = ferry_map_commit(part->map);
    if (code == 0)
        code = ferry_map_begin(part->map);
    if (code == 0)
        code = mdb_dbi_open(part->map->txn, part->name, MDB_CREATE, &part->dbi);
    if (code != 0)
        return code;
    *ret_valid = is_valid(part, mark);
    if (!*ret_valid)
        code = empty_part(part);
    return code == 0 ? ferry_map_commit(part->map) : code;
}

enum ferry_status ferry_memory_open(struct ferry_memory *memory, const char *table, int partition,
                                    struct ferry_memory_mark mark,
                                    struct ferry_memory_part **ret_part, bool *ret_valid,
                                    struct ferry_error *error)
{
    struct ferry_memory_part *part = calloc(1, sizeof *part);
    if (!part)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    part->map = memory->map;
    part->valid = memory->valid;
    snprintf(part->name, sizeof part->name, "%s/%d", table, partition);
    int code = open_part(part, mark, ret_valid);
    if (code != 0) {
        free(part);
        return ferry_map_fail(memory->map, error, "cannot open a partition", code);
    }
    *ret_part = part;
    return FERRY_OK;
}

uint64_t ferry_memory_count(struct ferry_memory_part *part)
{
    MDB_stat stat = {.ms_entries = 0};
    if (ferry_map_begin(part->map) == 0)
        mdb_stat(part->map->txn, part->dbi, &stat);
    return stat.ms_entries;
}

void ferry_memory_close(struct ferry_memory_part *part)
{
    free(part);
}

/* --- records --- */

enum ferry_status ferry_memory_get(struct ferry_memory_part *part, const char *key, size_t length,
                                   struct ferry_memory_record *ret_record, bool *ret_found,
                                   struct ferry_error *error)
{
    struct ferry_map_key packed;
    MDB_val value;
    struct stored stored;
    int code = ferry_map_key(key, length, &packed);
    if (code == 0)
        code = ferry_map_begin(part->map);
    if (code == 0)
        code = mdb_get(part->map->txn, part->dbi, &packed.value, &value);
    *ret_found = code == 0 && value.mv_size == sizeof stored;
    if (code != 0 && code != MDB_NOTFOUND)
        return ferry_map_fail(part->map, error, "cannot look up a key", code);
    if (*ret_found) {
        memcpy(&stored, value.mv_data, sizeof stored);
        *ret_record = (struct ferry_memory_record){.state = (enum ferry_written_state)stored.state,
                                                   .version = stored.version,
                                                   .read_number = stored.read_number,
                                                   .hash = stored.hash};
    }
    return FERRY_OK;
}

static bool is_kept(enum ferry_written_state state)
{
    return state != FERRY_WRITTEN_ABSENT && state != FERRY_WRITTEN_FILTERED;
}

static int put(struct ferry_memory_part *part, struct ferry_map_key *key,
               const struct ferry_memory_record *record)
{
    if (!is_kept(record->state)) {
        int code = mdb_del(part->map->txn, part->dbi, &key->value, NULL);
        return code == MDB_NOTFOUND ? 0 : code;
    }
    struct stored stored = {.version = record->version,
                            .read_number = record->read_number,
                            .hash = record->hash,
                            .state = record->state};
    MDB_val value = {.mv_size = sizeof stored, .mv_data = &stored};
    return mdb_put(part->map->txn, part->dbi, &key->value, &value, 0);
}

enum ferry_status ferry_memory_put(struct ferry_memory_part *part, const char *key, size_t length,
                                   const struct ferry_memory_record *record,
                                   struct ferry_error *error)
{
    struct ferry_map_key packed;
    int code = ferry_map_key(key, length, &packed);
    if (code == 0)
        code = ferry_map_begin(part->map);
    if (code == 0)
        code = put(part, &packed, record);
    if (code == 0)
        code = ferry_map_count(part->map, sizeof(struct stored));
    return code == 0 ? FERRY_OK : ferry_map_fail(part->map, error, "cannot remember a key", code);
}

enum ferry_status ferry_memory_mark(struct ferry_memory_part *part, struct ferry_memory_mark mark,
                                    struct ferry_error *error)
{
    MDB_val name = name_of(part);
    MDB_val value = {.mv_size = sizeof mark, .mv_data = &mark};
    int code = ferry_map_begin(part->map);
    if (code == 0)
        code = mdb_put(part->map->txn, part->valid, &name, &value, 0);
    return code == 0 ? FERRY_OK : ferry_map_fail(part->map, error, "cannot mark a partition", code);
}
