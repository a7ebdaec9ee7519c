/* All mapped tables of a run, with their topics and schemas. Transparent to the writer's own
 * modules; loop thread only. */
#ifndef FERRY_TABLES_H
#define FERRY_TABLES_H

#include "consumers/table.h"
#include "core/control/registration.h"

#include <jansson.h>

struct ferry_tables {
    struct ferry_table **list;
    const char **topics;                      /* of changes, in the same order */
    struct ferry_registration_entry *schemas; /* two a table */
    size_t count;
};

struct ferry_tables_options {
    const char *instance;
    struct ferry_metrics *metrics;
    struct ferry_brake_limits brake;
};

/* `mappings`: those of a run order, an array; references are kept. With any failure there is
 * nothing to be done away with. */
enum ferry_status ferry_tables_init(struct ferry_tables *tables,
                                    const struct ferry_tables_options *options, json_t *mappings,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_tables_done(struct ferry_tables *tables);

/* NULL: none has that topic of changes. */
const struct ferry_table *ferry_tables_find(const struct ferry_tables *tables, const char *topic);
/* The first one that does not fit any more; NULL: there is none. */
const struct ferry_table *ferry_tables_stopped(const struct ferry_tables *tables);
/* The metadata of each was compared. */
bool ferry_tables_inspected(const struct ferry_tables *tables);
/* A person's word about the deletes of the table of that name, see brake.h. */
void ferry_tables_decide(struct ferry_tables *tables, const char *name,
                         const struct ferry_deletion *deletion);
/* Adds to the counters how many records met each fate: {"inserted":12,"unchanged":4,...}; and those
 * that changed the destination as "written". */
void ferry_tables_tell(const struct ferry_tables *tables, json_t *counters);

#endif
