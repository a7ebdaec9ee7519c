/* What differs between the workflows, one table of functions for each kind. Constants; the
 * functions by the loop thread only.
 *
 * Everything else about a workflow, its way to RUNNING and back, its revisions, its rejects, is the
 * same for all. */
#ifndef FERRY_KIND_H
#define FERRY_KIND_H

#include "core/base/status.h"
#include "core/io/topics.h"

#include <jansson.h>

#define FERRY_STREAM_TOPICS  3
#define FERRY_STREAM_READERS 2

/* What reader tasks put into one topic, and writers take from there. */
struct ferry_stream {
    /* The tasks are <workflow>/reader/<reader>; NULL: none. No reader: those of other streams. */
    const char *readers[FERRY_STREAM_READERS];
    const char *name; /* by which writers report partitions and counters: a table, or email */
    struct ferry_topic topics[FERRY_STREAM_TOPICS]; /* the first one is the backlog */
    size_t topic_count;
    const json_t *mapping; /* of the run order; NULL where there is none */
};

struct ferry_compile_way;
struct ferry_view;
struct ferry_view_sums;

struct ferry_kind {
    /* A configuration alone: appends every fault (see fault.h), changes nothing. FERRY_OK: none;
     * FERRY_INVALID: at least one; FERRY_NOMEM. */
    enum ferry_status (*check)(json_t *configuration, json_t *faults);
    /* From a configuration to a run order, by what the systems say. */
    const struct ferry_compile_way *compile;
    /* The workflow whose configuration its own is compiled with; NULL: none. */
    const char *beside;
    /* Whether what an order says of that configuration holds no more; NULL: it says nothing. */
    bool (*is_outlived)(const json_t *order, const json_t *beside);
    /* FERRY_INVALID with a sentence: a configuration that must not be started, or not with this
     * order of the workflow beside it, which runs (NULL: it does not). NULL: any may be. */
    enum ferry_status (*admit)(const json_t *configuration, const json_t *beside,
                               struct ferry_error *error);
    /* Completes a compiled order, whose generation and orderedAt are set, by the one before and by
     * the replays that people asked for; either may be NULL. */
    void (*follow)(json_t *order, const json_t *before, const json_t *replays);
    /* The streams of an order, by their number; false: there are no more. Borrows from the order.
     */
    bool (*stream)(const json_t *order, size_t index, struct ferry_stream *ret_stream);
    /* Adds what only this kind has to show, and sums up. */
    void (*view)(const struct ferry_view *view, json_t *json, struct ferry_view_sums *sums);
    const char *no_replay;  /* why there is none: a sentence; NULL: there is */
    const char *no_deletes; /* the same about deletes that wait for a decision */
};

extern const struct ferry_kind ferry_kind_mappings; /* tables into resources */
extern const struct ferry_kind ferry_kind_events;   /* e-mail events into activities */
extern const struct ferry_kind ferry_kind_optinout; /* opt-outs, both ways */

#endif
