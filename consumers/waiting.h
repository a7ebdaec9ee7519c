/* What was set aside of one partition: changes that wait for their parent, and deletes that wait
 * for a person's word. A copy of `waiting.<table>` in the writer's map, filled anew at each
 * takeover; a change stays in it until its fate is known. Loop thread only. */
#ifndef FERRY_WAITING_H
#define FERRY_WAITING_H

#include "core/base/buffer.h"
#include "core/control/deletion.h"
#include "core/control/mapping.h"
#include "core/io/map.h"
#include "core/record/change.h"
#include "core/record/trace.h"

#include <librdkafka/rdkafka.h>

enum ferry_wait { FERRY_WAIT_PARENT, FERRY_WAIT_DELETE };
#define FERRY_WAITS         2
#define FERRY_WAIT_KEY_SIZE 512

struct ferry_waiting_entry {
    enum ferry_wait why;
    enum ferry_origin origin;
    bool certain;     /* as the change was: nobody's request can have been on the way for it */
    bool parent_gone; /* deleted or filtered out, as far as we heard */
    unsigned tries;
    unsigned woken;               /* counts what was heard of its parent */
    int64_t since;                /* wall ms, of the first change of the key that had to wait */
    int64_t due_at;               /* ferry_boot_ms, of the next try */
    int64_t offset;               /* in `changes` */
    int64_t decision;             /* the latest about deletes of the table when it was set aside */
    char trace[FERRY_TRACE_SIZE]; /* "" for none */
};

/* As the header `ferry-wait` says it. */
const char *ferry_waiting_name(enum ferry_wait why);

struct ferry_waiting; /* one partition of one table */

/* Empty. */
enum ferry_status ferry_waiting_open(struct ferry_map *map, const struct ferry_mapping *mapping,
                                     int partition, struct ferry_waiting **ret_waiting,
                                     struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_waiting_close(struct ferry_waiting *waiting);

/* A message of the topic; NULL value: it waits no longer. */
enum ferry_status ferry_waiting_load(struct ferry_waiting *waiting,
                                     const rd_kafka_message_t *message,
                                     struct ferry_error *error) FERRY_MUST_CHECK;
/* In place of what waited under this key. `value`: the ChangeRecord, by whose links it can be
 * found. */
enum ferry_status ferry_waiting_put(struct ferry_waiting *waiting, struct ferry_slice key,
                                    const struct ferry_waiting_entry *entry,
                                    struct ferry_slice value,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
/* The same change goes on waiting. */
enum ferry_status ferry_waiting_update(struct ferry_waiting *waiting, struct ferry_slice key,
                                       const struct ferry_waiting_entry *entry,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
/* *ret_found false: it was not there. */
enum ferry_status ferry_waiting_remove(struct ferry_waiting *waiting, struct ferry_slice key,
                                       bool *ret_found, struct ferry_error *error) FERRY_MUST_CHECK;
bool ferry_waiting_get(struct ferry_waiting *waiting, struct ferry_slice key,
                       struct ferry_waiting_entry *ret_entry);
/* Valid until the next call. */
bool ferry_waiting_value(struct ferry_waiting *waiting, struct ferry_slice key,
                         struct ferry_slice *ret_value);
/* The first behind `key`, which is replaced; "" is before all. */
bool ferry_waiting_next(struct ferry_waiting *waiting, char key[FERRY_WAIT_KEY_SIZE],
                        struct ferry_waiting_entry *ret_entry);
size_t ferry_waiting_count(const struct ferry_waiting *waiting, enum ferry_wait why);
size_t ferry_waiting_total(const struct ferry_waiting *waiting);

/* Deletes that the latest decision about the table is not about. */
size_t ferry_waiting_undecided(const struct ferry_waiting *waiting);
void ferry_waiting_decide(struct ferry_waiting *waiting, const struct ferry_deletion *latest);

/* Appends the keys, each terminated, of this partition's children of a parent; some may not wait
 * any more. */
enum ferry_status ferry_waiting_children(struct ferry_waiting *waiting, const char *parent_table,
                                         struct ferry_slice parent,
                                         struct ferry_buffer *out) FERRY_MUST_CHECK;

#endif
