/* What a run carries: the parts that belong to one workflow alone, behind one interface; and what
 * they may ask of the run. Loop thread only. */
#ifndef FERRY_CARGO_H
#define FERRY_CARGO_H

#include "consumers/group.h"
#include "consumers/ledger.h"
#include "consumers/position.h"
#include "core/base/metrics.h"
#include "core/control/registration.h"

#include <jansson.h>

struct ferry_run;

/* What is wrong, the worst first: with the first three a human is needed. */
enum ferry_trouble {
    FERRY_TROUBLE_BROKEN,  /* this process cannot go on */
    FERRY_TROUBLE_REFUSED, /* credentials or rights, while running */
    FERRY_TROUBLE_MISFIT,  /* the destination does not fit, or refuses us from the start */
    FERRY_TROUBLE_CLUSTER, /* Kafka */
    FERRY_TROUBLE_REGISTRY,
    FERRY_TROUBLE_REMOTE, /* the destination */
    FERRY_TROUBLE_HELD,   /* deletes that wait for a person */
};
#define FERRY_TROUBLES       (FERRY_TROUBLE_HELD + 1)
#define FERRY_TROUBLE_ERRORS (FERRY_TROUBLE_MISFIT + 1)

struct ferry_cargo {
    /* Makes the parts, which talk to this run; FERRY_OK or everything is closed again. */
    enum ferry_status (*open)(void *cargo, struct ferry_run *run, struct ferry_error *error);
    /* The parts go, at most once; counters are asked for afterwards too. */
    void (*close)(void *cargo);
    void (*free)(void *cargo);
    /* Its topics, and their schemas. Borrowed. */
    const char *const *(*topics)(const void *cargo, size_t *ret_count);
    const struct ferry_registration_entry *(*schemas)(const void *cargo, size_t *ret_count);

    /* These partitions are ours in place of all others; ferry_run_accept when they can be read. */
    enum ferry_status (*assign)(void *cargo, const struct ferry_group_part *parts, size_t count,
                                struct ferry_error *error);
    /* Abandons, and forgets all partitions. */
    void (*drop)(void *cargo);
    /* FERRY_NOMEM is the only failure. */
    enum ferry_status (*take)(void *cargo, const rd_kafka_message_t *message);
    void (*reach)(void *cargo, const char *topic, int partition, int64_t offset);
    bool (*has_room)(void *cargo);
    bool (*takes)(const void *cargo, const char *topic, int partition);

    /* The destination was looked at, and the partitions can be worked on. */
    bool (*ready)(const void *cargo);
    /* Data may be sent, or may not any more; what is in flight comes to its end. */
    void (*let)(void *cargo, bool open);
    void (*work)(void *cargo); /* at each step while it may be sent */
    int (*in_flight)(const void *cargo);
    /* Gives up what is in flight; what is known of the partitions stays. */
    void (*abandon)(void *cargo);
    /* After the last commit of a run: true when nothing is left to be done. */
    bool (*finish)(void *cargo);

    /* Offsets that may be committed, as ferry_holding_offsets says; and that they were. */
    rd_kafka_topic_partition_list_t *(*offsets)(const void *cargo, bool all);
    enum ferry_status (*commit)(void *cargo, const rd_kafka_topic_partition_list_t *offsets,
                                struct ferry_error *error);
    /* NULL: not ours. */
    struct ferry_position *(*position)(void *cargo, const char *topic, int partition);
    bool (*has_untold)(const void *cargo);

    json_t *(*partitions)(const void *cargo); /* new reference */
    json_t *(*counters)(const void *cargo);   /* new reference */
};

/* --- of the run, for its cargo --- */

uv_loop_t *ferry_run_loop(const struct ferry_run *run);
const struct ferry_common *ferry_run_common(const struct ferry_run *run);
const char *ferry_run_workflow(const struct ferry_run *run);
struct ferry_metrics *ferry_run_metrics(const struct ferry_run *run);
struct ferry_ledger *ferry_run_ledger(const struct ferry_run *run);
/* The partitions that were assigned can be read. */
void ferry_run_accept(struct ferry_run *run);
/* False: somebody else may own our partitions by now; nothing may be sent. */
bool ferry_run_may_send(const struct ferry_run *run);
/* Something came to an end: there may be room, or something to commit. */
void ferry_run_progress(struct ferry_run *run);
/* The next step is made soon, outside of the parts' own callbacks. */
void ferry_run_poke(struct ferry_run *run);
/* Readiness, partitions or counters are worth a report. */
void ferry_run_changed(struct ferry_run *run);
/* NULL: it is over. retry_at: wall ms, 0 when unknown. */
void ferry_run_trouble(struct ferry_run *run, enum ferry_trouble which,
                       const struct ferry_error *error, int64_t retry_at);
/* The same, but another sentence about what is known already is no news for the log. */
void ferry_run_trouble_quietly(struct ferry_run *run, enum ferry_trouble which,
                               const struct ferry_error *error);

#endif
