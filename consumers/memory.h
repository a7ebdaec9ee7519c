/* What the destination holds: a throw-away copy of `written` in LMDB, in the writer's map. It may
 * vanish at any time; then it is rebuilt from Kafka. Loop thread only.
 *
 * Stored format (change: raise FORMAT in memory.c, old files are then thrown away): database
 * "<table>/<partition>", key = 16 bytes of the GUID or the text, value = state, version, read
 * number, hash; database "valid", key = "<table>/<partition>", value = the mark of the commit at
 * which the copy was left. */
#ifndef FERRY_MEMORY_H
#define FERRY_MEMORY_H

#include "core/io/map.h"
#include "core/record/written.h"

struct ferry_memory;
struct ferry_memory_part; /* one partition of one table */

struct ferry_memory_record {
    enum ferry_written_state state;
    int64_t version;
    int64_t read_number;
    uint64_t hash;
};

/* A commit of the partition. The offset alone would not tell two apart: the fate of what was set
 * aside moves none. So each carries a random number, in the metadata of its offset. */
struct ferry_memory_mark {
    int64_t committed;
    uint64_t stamp; /* 0: none, and the copy is not valid */
};

/* `folder` is made when it is missing. FERRY_INVALID: it cannot be used, or another process uses
 * it. */
enum ferry_status ferry_memory_new(const char *folder, struct ferry_memory **ret_memory,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_memory_free(struct ferry_memory *memory);
/* The file, for the other copies that live in it. */
struct ferry_map *ferry_memory_map(struct ferry_memory *memory);

/* *ret_valid: the copy was left at this mark and may be used as it is; otherwise it is empty and
 * must be filled. */
enum ferry_status ferry_memory_open(struct ferry_memory *memory, const char *table, int partition,
                                    struct ferry_memory_mark mark,
                                    struct ferry_memory_part **ret_part, bool *ret_valid,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_memory_close(struct ferry_memory_part *part);
/* How many keys it holds. */
uint64_t ferry_memory_count(struct ferry_memory_part *part);

/* False: nothing of this key is there. Absent and filtered records are not kept. */
enum ferry_status ferry_memory_get(struct ferry_memory_part *part, const char *key, size_t length,
                                   struct ferry_memory_record *ret_record, bool *ret_found,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
/* A state that is not kept removes the key. */
enum ferry_status ferry_memory_put(struct ferry_memory_part *part, const char *key, size_t length,
                                   const struct ferry_memory_record *record,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
/* The copy holds what was made known with this commit, and nothing untrue beyond: valid for whoever
 * starts there. */
enum ferry_status ferry_memory_mark(struct ferry_memory_part *part, struct ferry_memory_mark mark,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
/* Makes all puts and marks since the last flush visible to a later process. */
enum ferry_status ferry_memory_flush(struct ferry_memory *memory,
                                     struct ferry_error *error) FERRY_MUST_CHECK;

#endif
