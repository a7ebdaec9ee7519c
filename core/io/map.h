/* An LMDB file, in a folder of this process alone. It holds nothing that could not be had again and
 * may vanish at any time, so nothing is ever synced; a file that is damaged is thrown away. Small
 * enough to be transparent to the modules that keep their databases in it; loop thread only. */
#ifndef FERRY_MAP_H
#define FERRY_MAP_H

#include "core/base/status.h"

#include <lmdb.h>

struct ferry_map {
    MDB_env *env;
    MDB_txn *txn; /* open between two flushes: look-ups see what was put */
    size_t size;
    size_t pages; /* that the puts in txn may have cost, roughly */
    int file;     /* of the map, to reserve its room on disk */
    int lock;
    char *folder;
};

/* `folder` is made when it is missing. FERRY_INVALID: it cannot be used, or another process uses
 * it. `format`: a file of another one is thrown away. */
enum ferry_status ferry_map_new(const char *folder, int format, struct ferry_map **ret_map,
                                struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_map_free(struct ferry_map *map);

/* LMDB's codes, 0 is success. */
int ferry_map_begin(struct ferry_map *map); /* unless begun */
int ferry_map_commit(struct ferry_map *map);
void ferry_map_abort(struct ferry_map *map); /* what was put since begin is gone */
/* After a put of so many bytes: commits when the next puts might not find room. What a get returned
 * is gone then. */
int ferry_map_count(struct ferry_map *map, size_t bytes);
/* FERRY_INVALID, with what to do. */
enum ferry_status ferry_map_fail(const struct ferry_map *map, struct ferry_error *error,
                                 const char *what, int code);

/* The key of a record: 16 bytes of the GUID, or the text. */
struct ferry_map_key {
    MDB_val value;
    unsigned char bytes[512];
};
int ferry_map_key(const char *text, size_t length, struct ferry_map_key *key);

#endif
