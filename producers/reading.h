/* Reads one table into changes.<table>, or what else its outlet's form says: first the whole of it,
 * then its deltas, each page and the checkpoint that follows it in one transaction of the seat.
 * While a page is committed the next one is already asked for. Loop thread only. */
#ifndef FERRY_READING_H
#define FERRY_READING_H

#include "core/record/wire.h"
#include "producers/checkpoint.h"
#include "producers/meter.h"
#include "producers/outlet.h"
#include "producers/sayings.h"
#include "producers/seat.h"
#include "producers/sources/dataverse.h"

struct ferry_reading;

struct ferry_reading_calls {
    /* NULL: the seat is open, the checkpoint known. Else it is lost until about retry_at, and
     * reading goes on by itself then. */
    void (*on_seat)(void *context, const struct ferry_error *error, int64_t retry_at);
    void (*on_progress)(
        void *context); /* a page or a look without news is done; no fault is left */
    void (*on_fault)(void *context, const struct ferry_error *error,
                     int64_t retry_at); /* goes on by itself */
    /* Answered, but not with what we asked for: reading rests until go or read_again. `linked`: a
     * link of the server was asked. */
    void (*on_refused)(void *context, const struct ferry_remote_answer *answer, bool linked);
    void (*on_stopped)(void *context); /* nothing is in flight any more */
};

struct ferry_reading_options {
    uv_loop_t *loop;
    const struct ferry_common *common;
    struct ferry_dataverse_source *source;
    struct ferry_seat *seat;
    const struct ferry_mapping *mapping;
    struct ferry_outlet_form form; /* what a row becomes */
    struct ferry_sayings *sayings; /* what the form remembers, if anything */
    bool urgent;                   /* asked as often when it is idle */
    const char *workflow;
    const char *task; /* id; borrowed like all pointers here */
    const struct ferry_reading_calls *calls;
    void *context;
    struct ferry_metrics *metrics;
};

/* Joins the seat, so on_seat may come from inside. Nothing else happens before go. */
enum ferry_status ferry_reading_new(const struct ferry_reading_options *options,
                                    struct ferry_reading **ret_reading,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
/* At any moment, in its callbacks too; an open transaction is aborted. */
void ferry_reading_free(struct ferry_reading *reading);

/* `columns`: one for each of the mapping's; taken. */
void ferry_reading_columns(struct ferry_reading *reading, struct ferry_row_column *columns);
void ferry_reading_wire(struct ferry_reading *reading, struct ferry_wire load,
                        struct ferry_wire news);
bool ferry_reading_seated(const struct ferry_reading *reading);

/* Needs columns. */
void ferry_reading_go(struct ferry_reading *reading);
/* The link is good for nothing any more: read the whole table again. */
void ferry_reading_again(struct ferry_reading *reading);
/* Ends what is in flight: a commit finishes, an open transaction is aborted; then on_stopped,
 * perhaps at once. */
void ferry_reading_stop(struct ferry_reading *reading);

const struct ferry_checkpoint *ferry_reading_checkpoint(const struct ferry_reading *reading);
int64_t ferry_reading_rejects(const struct ferry_reading *reading);                 /* since new */
struct ferry_outlet_tally ferry_reading_tally(const struct ferry_reading *reading); /* since new */
void ferry_reading_age(struct ferry_reading *reading,
                       double delta_link_age_seconds); /* for metrics */

#endif
