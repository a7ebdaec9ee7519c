#include "producers/sweep.h"

#include "core/base/log.h"
#include "core/io/tail.h"
#include "core/record/change.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <xxhash.h>

#define LIMIT 50000

/* ---- the memory of a pass ---- */

struct candidate {
    UT_hash_handle hh;
    uint32_t place;
    char id[];
};

struct ferry_sweep_set {
    struct candidate *candidates;
    struct candidate *popped;
    size_t limit;
    int64_t from, to; /* places that this pass covers; `to` shrinks when memory is full */
};

static uint32_t place_of(const char *id, size_t length)
{
    return XXH32(id, length, 0);
}

struct ferry_sweep_set *ferry_sweep_set_new(int64_t from, size_t limit)
{
    struct ferry_sweep_set *set = calloc(1, sizeof *set);
    if (!set)
        return NULL;
    set->from = from;
    set->to = FERRY_SWEEP_END;
    set->limit = limit ? limit : LIMIT;
    return set;
}

static void drop(struct ferry_sweep_set *set, struct candidate *candidate)
{
    HASH_DEL(set->candidates, candidate);
    free(candidate);
}

void ferry_sweep_set_free(struct ferry_sweep_set *set)
{
    if (!set)
        return;
    struct candidate *candidate = set->candidates;
    HASH_CLEAR(hh, set->candidates);
    while (candidate) {
        struct candidate *next = candidate->hh.next;
        free(candidate);
        candidate = next;
    }
    free(set->popped);
    free(set);
}

bool ferry_sweep_set_covers(const struct ferry_sweep_set *set, const char *id, size_t length)
{
    int64_t place = place_of(id, length);
    return place >= set->from && place < set->to;
}

/* What remains covered was covered from the beginning of the pass, so no record of it was missed.
 */
static void shrink(struct ferry_sweep_set *set)
{
    set->to = set->from + (set->to - set->from) / 2;
    struct candidate *candidate = set->candidates;
    while (candidate) {
        struct candidate *next = candidate->hh.next;
        if (candidate->place >= set->to)
            drop(set, candidate);
        candidate = next;
    }
}

enum ferry_status ferry_sweep_set_put(struct ferry_sweep_set *set, const char *id, size_t length,
                                      bool gone)
{
    struct candidate *candidate = NULL;
    if (!ferry_sweep_set_covers(set, id, length))
        return FERRY_OK;
    HASH_FIND(hh, set->candidates, id, length, candidate);
    if (!gone && candidate)
        drop(set, candidate);
    if (!gone || candidate)
        return FERRY_OK;
    while (HASH_COUNT(set->candidates) >= set->limit && set->to - set->from > 1)
        shrink(set);
    if (!ferry_sweep_set_covers(set, id, length))
        return FERRY_OK;
    candidate = malloc(sizeof *candidate + length + 1);
    if (!candidate)
        return FERRY_NOMEM;
    memcpy(candidate->id, id, length);
    candidate->id[length] = '\0';
    candidate->place = place_of(id, length);
    HASH_ADD_KEYPTR(hh, set->candidates, candidate->id, length, candidate);
    return FERRY_OK;
}

const char *ferry_sweep_set_pop(struct ferry_sweep_set *set)
{
    free(set->popped);
    set->popped = set->candidates;
    if (!set->popped)
        return NULL;
    struct candidate *first = set->candidates;
    HASH_DEL(set->candidates, first);
    return set->popped->id;
}

int64_t ferry_sweep_set_next(const struct ferry_sweep_set *set)
{
    return set->to;
}

/* ---- the pass ---- */

struct ferry_sweep {
    struct ferry_sweep_options options;
    struct ferry_sweep_set *set;
    struct ferry_tail *tail;
    struct ferry_change change;
};

static void on_record(void *context, const rd_kafka_message_t *message)
{
    struct ferry_sweep *sweep = context;
    struct ferry_error error;
    if (!message->key || !ferry_sweep_set_covers(sweep->set, message->key, message->key_len))
        return;
    bool gone = false; /* a tombstone, or what cannot be read: nothing is deleted on a guess */
    if (message->payload) {
        if (ferry_change_decode(message->payload, message->len, &sweep->change, &error) == FERRY_OK)
            gone = sweep->change.op != FERRY_OP_DELETE &&
                   sweep->change.read_number < sweep->options.read_number;
        else
            ferry_log(FERRY_LOG_WARN, "change_unreadable", FERRY_STR("topic", sweep->options.topic),
                      FERRY_INT("partition", message->partition),
                      FERRY_INT("offset", message->offset), FERRY_STR("message", error.message));
    }
    if (ferry_sweep_set_put(sweep->set, message->key, message->key_len, gone) != FERRY_OK)
        ferry_log(FERRY_LOG_ERROR, "sweep_out_of_memory", FERRY_STR("topic", sweep->options.topic));
}

static void on_caught_up(void *context)
{
    struct ferry_sweep *sweep = context;
    sweep->options.on_done(sweep->options.context);
}

static void on_trouble(void *context, const struct ferry_error *error)
{
    struct ferry_sweep *sweep = context;
    sweep->options.on_trouble(sweep->options.context, error);
}

enum ferry_status ferry_sweep_new(uv_loop_t *loop, const struct ferry_common *common,
                                  const struct ferry_sweep_options *options,
                                  struct ferry_sweep **ret_sweep, struct ferry_error *error)
{
    struct ferry_sweep *sweep = calloc(1, sizeof *sweep);
    if (!sweep || !(sweep->set = ferry_sweep_set_new(options->from, options->limit))) {
        free(sweep);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    sweep->options = *options;
    ferry_change_init(&sweep->change);
    const struct ferry_tail_part part = {options->topic, options->partition,
                                         RD_KAFKA_OFFSET_BEGINNING};
    const struct ferry_tail_options tail_options = {
        .name = "sweep",
        .parts = &part,
        .part_count = 1,
        .on_record = on_record,
        .on_caught_up = on_caught_up,
        .on_trouble = on_trouble,
        .context = sweep,
    };
    enum ferry_status status = ferry_tail_new(loop, common, &tail_options, &sweep->tail, error);
    if (status != FERRY_OK) {
        ferry_sweep_free(sweep);
        return status;
    }
    *ret_sweep = sweep;
    return FERRY_OK;
}

void ferry_sweep_free(struct ferry_sweep *sweep)
{
    if (!sweep)
        return;
    ferry_tail_free(sweep->tail);
    ferry_sweep_set_free(sweep->set);
    ferry_change_done(&sweep->change);
    free(sweep);
}

const char *ferry_sweep_pop(struct ferry_sweep *sweep)
{
    return ferry_sweep_set_pop(sweep->set);
}

int64_t ferry_sweep_next(const struct ferry_sweep *sweep)
{
    return ferry_sweep_set_next(sweep->set);
}
