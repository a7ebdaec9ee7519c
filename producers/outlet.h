/* Where the records of one table go: encodes changes and rejects and sends them within the turn at
 * a seat. Loop thread only. */
#ifndef FERRY_OUTLET_H
#define FERRY_OUTLET_H

#include "core/io/topics.h"
#include "core/record/change.h"
#include "core/record/trace.h"
#include "producers/page.h"
#include "producers/seat.h"

/* What was not as usual with the rows of a page. */
struct ferry_outlet_tally {
    int64_t dropped;   /* no record came of them: they are gone */
    int64_t unchanged; /* none either: they say what they said before */
    int64_t undated;   /* their time could not be read */
};

/* What a row becomes, and where it goes. */
struct ferry_outlet_form {
    const char *name;        /* in metrics */
    struct ferry_topic load; /* for rows of full reads */
    struct ferry_topic news; /* for all others; may be the same */
    bool swept;              /* deletions that no delta tells are of interest */
    /* Appends the value, framed for `wire`; nothing, and no record comes of the row. */
    enum ferry_status (*encode)(const void *context, const struct ferry_change *change,
                                const struct ferry_wire *wire, struct ferry_outlet_tally *tally,
                                struct ferry_buffer *out, struct ferry_error *error);
    const void *context;
};

struct ferry_outlet {
    struct ferry_seat *seat;
    const char *table;
    struct ferry_outlet_form form;
    struct ferry_wire load_wire, news_wire;
    struct ferry_outlet_tally tally; /* clear it for each page */
    struct ferry_tracer tracer;      /* turn it for each page */
    bool trace_full_reads;
    struct ferry_buffer buffer;
    char load[FERRY_TOPIC_SIZE];
    char news[FERRY_TOPIC_SIZE];
    char rejects[FERRY_TOPIC_SIZE];
};

/* A ChangeRecord for changes.<table>; `table` is borrowed. */
struct ferry_outlet_form ferry_outlet_changes(const char *table);

void ferry_outlet_init(struct ferry_outlet *outlet, struct ferry_seat *seat,
                       const struct ferry_common *common, const struct ferry_outlet_form *form,
                       const char *table, const char *workflow);
void ferry_outlet_done(struct ferry_outlet *outlet);

/* As ferry_seat_send, but a full queue is FERRY_OK: ask ferry_seat_full. The table is filled in. */
enum ferry_status ferry_outlet_change(struct ferry_outlet *outlet, struct ferry_change *change,
                                      struct ferry_error *error) FERRY_MUST_CHECK;
enum ferry_status ferry_outlet_reject(struct ferry_outlet *outlet,
                                      const struct ferry_page_reject *reject,
                                      struct ferry_error *error) FERRY_MUST_CHECK;

#endif
