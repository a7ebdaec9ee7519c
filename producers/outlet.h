/* Where the records of one table go: encodes changes and rejects and sends them within the turn at
 * a seat. Loop thread only. */
#ifndef FERRY_OUTLET_H
#define FERRY_OUTLET_H

#include "core/io/topics.h"
#include "core/record/change.h"
#include "core/record/trace.h"
#include "producers/page.h"
#include "producers/seat.h"

struct ferry_outlet {
    struct ferry_seat *seat;
    const char *table;
    struct ferry_wire wire;
    struct ferry_tracer tracer; /* turn it for each page */
    bool trace_full_reads;
    struct ferry_buffer buffer;
    char changes[FERRY_TOPIC_SIZE];
    char rejects[FERRY_TOPIC_SIZE];
};

void ferry_outlet_init(struct ferry_outlet *outlet, struct ferry_seat *seat,
                       const struct ferry_common *common, const char *table, const char *workflow);
void ferry_outlet_done(struct ferry_outlet *outlet);

/* As ferry_seat_send, but a full queue is FERRY_OK: ask ferry_seat_full. The table is filled in. */
enum ferry_status ferry_outlet_change(struct ferry_outlet *outlet, struct ferry_change *change,
                                      struct ferry_error *error) FERRY_MUST_CHECK;
enum ferry_status ferry_outlet_reject(struct ferry_outlet *outlet,
                                      const struct ferry_page_reject *reject,
                                      struct ferry_error *error) FERRY_MUST_CHECK;

#endif
