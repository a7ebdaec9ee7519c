/* Deletes from Kafka what lies behind the committed offsets: now and then, and once at the end. It
 * runs in a thread of the pool; a failure costs nothing but room, and is tried again the next time.
 * Loop thread only. */
#ifndef FERRY_TRIM_H
#define FERRY_TRIM_H

#include "core/base/settings.h"

#include <librdkafka/rdkafka.h>
#include <uv.h>

struct ferry_trim;

struct ferry_trim_options {
    uv_loop_t *loop;
    const struct ferry_common *common; /* borrowed */
    const char *topic;                 /* borrowed */
    void (*on_done)(void *context);    /* a deletion has ended, well or not */
    void *context;
};

enum ferry_status ferry_trim_new(const struct ferry_trim_options *options,
                                 struct ferry_trim **ret_trim,
                                 struct ferry_error *error) FERRY_MUST_CHECK;
/* What runs ends by itself; on_done does not come. */
void ferry_trim_free(struct ferry_trim *trim);

/* All below `offset` was committed. */
void ferry_trim_note(struct ferry_trim *trim, int partition, int64_t offset);
/* Deletes what was noted, if that is due. `last`: if there is anything at all. */
void ferry_trim_look(struct ferry_trim *trim, bool last);
bool ferry_trim_busy(const struct ferry_trim *trim);
/* The partitions were given back: nothing more is deleted from them. */
void ferry_trim_forget(struct ferry_trim *trim);

#endif
