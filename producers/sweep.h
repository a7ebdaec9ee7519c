/* Looks for deletions that no delta will ever tell: records in compacted changes.<table> whose last
 * version belongs to an older full read, so the newest did not repeat them. One pass over a slice
 * of one partition, in bounded memory: ids are taken by their hash from `from` on, as many as fit,
 * and the next pass goes on behind. Loop thread only. */
#ifndef FERRY_SWEEP_H
#define FERRY_SWEEP_H

#include "core/base/settings.h"

#include <stdint.h>
#include <uv.h>

#define FERRY_SWEEP_END (INT64_C(1) << 32) /* behind the last hash */

struct ferry_sweep;

struct ferry_sweep_options {
    const char *topic; /* borrowed */
    int partition;
    int64_t from;                   /* hash, 0 to FERRY_SWEEP_END - 1 */
    int64_t read_number;            /* of the newest full read */
    size_t limit;                   /* ids in memory; 0: 50,000 */
    void (*on_done)(void *context); /* the partition was read to its end */
    void (*on_trouble)(void *context, const struct ferry_error *error); /* goes on by itself */
    void *context;
};

enum ferry_status ferry_sweep_new(uv_loop_t *loop, const struct ferry_common *common,
                                  const struct ferry_sweep_options *options,
                                  struct ferry_sweep **ret_sweep,
                                  struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_sweep_free(struct ferry_sweep *sweep);

/* After on_done: the ids that are gone, one by one; NULL: no more. Valid until the next call. */
const char *ferry_sweep_pop(struct ferry_sweep *sweep);
/* After on_done: where the next pass over this partition begins; FERRY_SWEEP_END: none is needed.
 */
int64_t ferry_sweep_next(const struct ferry_sweep *sweep);

/* The memory of a pass alone, for tests: what one record of the topic says about its id. */
struct ferry_sweep_set;
struct ferry_sweep_set *ferry_sweep_set_new(int64_t from, size_t limit);
void ferry_sweep_set_free(struct ferry_sweep_set *set);
bool ferry_sweep_set_covers(const struct ferry_sweep_set *set, const char *id, size_t length);
enum ferry_status ferry_sweep_set_put(struct ferry_sweep_set *set, const char *id, size_t length,
                                      bool gone) FERRY_MUST_CHECK;
const char *ferry_sweep_set_pop(struct ferry_sweep_set *set);
int64_t ferry_sweep_set_next(const struct ferry_sweep_set *set);

#endif
