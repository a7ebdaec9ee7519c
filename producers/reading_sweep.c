/* After a full read: the deletions that no delta tells. */
#include "core/base/clock.h"
#include "producers/reading_private.h"

#include <string.h>

static enum ferry_status send_deletion(struct ferry_reading *reading, const char *id,
                                       struct ferry_error *error)
{
    struct ferry_change change = {
        .id = {id, strlen(id)},
        .op = FERRY_OP_DELETE,
        .origin = FERRY_ORIGIN_RESYNC,
        .read_number = reading->at.read_number,
        .read_at = ferry_wall_ms(),
    };
    return ferry_outlet_change(&reading->outlet, &change, error);
}

static void finish_pass(struct ferry_reading *reading)
{
    int64_t to = ferry_sweep_next(reading->sweep);
    reading->more = false;
    ferry_reading_drop(reading);
    if (ferry_checkpoint_swept(&reading->next, &reading->at, to, FERRY_SWEEP_END,
                               FERRY_DATA_PARTITIONS) == FERRY_OK)
        ferry_reading_commit(reading);
    else
        ferry_reading_fail_memory(reading);
}

void ferry_reading_send_deletions(struct ferry_reading *reading)
{
    struct ferry_error error;
    const char *id = NULL;
    while (!ferry_seat_full(reading->options.seat) && (id = ferry_sweep_pop(reading->sweep))) {
        if (send_deletion(reading, id, &error) != FERRY_OK) {
            ferry_reading_fail(reading, &error);
            return;
        }
        reading->done.records++;
    }
    if (!ferry_seat_full(reading->options.seat))
        finish_pass(reading);
}

static void on_pass_done(void *context)
{
    struct ferry_reading *reading = context;
    reading->swept = true;
    reading->done = (struct page_count){0};
    if (ferry_reading_turn(reading))
        ferry_reading_send_deletions(reading);
}

static void on_pass_trouble(void *context, const struct ferry_error *error)
{
    struct ferry_reading *reading = context;
    reading->options.calls->on_fault(reading->options.context, error, 0);
}

void ferry_reading_begin_pass(struct ferry_reading *reading)
{
    const struct ferry_sweep_options options = {
        .topic = reading->outlet.load,
        .partition = (int)reading->at.sweep_partition,
        .from = reading->at.sweep_from,
        .read_number = reading->at.read_number,
        .on_done = on_pass_done,
        .on_trouble = on_pass_trouble,
        .context = reading,
    };
    struct ferry_error error;
    if (ferry_sweep_new(reading->options.loop, reading->options.common, &options, &reading->sweep,
                        &error) != FERRY_OK)
        ferry_reading_fail(reading, &error);
}
