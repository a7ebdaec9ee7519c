/* A reader's reject on its way to rejects.<workflow>, within the turn at a seat (ADR 1). */
#ifndef FERRY_REJECTION_H
#define FERRY_REJECTION_H

#include "producers/seat.h"

struct ferry_rejection {
    const char *topic;  /* borrowed until the transaction has ended */
    const char *origin; /* it never was in a topic: what stands for that, and is the key */
    const char *reason; /* a sentence */
    enum ferry_class class;
    const char *trace; /* traceparent; NULL: none */
    struct ferry_slice raw;
};

/* As ferry_seat_send, but a full queue is FERRY_OK: ask ferry_seat_full. */
enum ferry_status ferry_rejection_send(struct ferry_seat *seat,
                                       const struct ferry_rejection *rejection,
                                       struct ferry_error *error) FERRY_MUST_CHECK;

#endif
