/* How many requests may be in flight: it rises while the destination keeps up, is halved when it
 * does not, and remembers the level that was refused, so that a hidden admission limit is found
 * once and not run into again and again. Pure: the caller brings the time (ferry_boot_ms). */
#ifndef FERRY_PACE_H
#define FERRY_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct ferry_pace_pair;

struct ferry_pace {
    const struct ferry_pace_pair *pair; /* NULL: nobody shares the destination with it */
    int ceiling;                        /* never more in flight */
    int limit;                          /* what is allowed now */
    int refused;                        /* the lowest level that was answered 429; 0: none yet */
    int in_flight;
    int credits;        /* answers at the full limit since it last changed */
    unsigned failures;  /* in a row, counted once a round trip */
    uint64_t sequence;  /* of the next request */
    uint64_t full;      /* requests before this one were in flight when the limit was reached */
    uint64_t recovery;  /* requests sent before this one say nothing new about the limit */
    int64_t gate_until; /* nothing is sent before */
    int64_t probe_at;   /* when to try the refused level again */
    int64_t probe_wait; /* doubles with each probe that is refused */
};

/* Two paces of one destination. What bulk leaves free is there at once for what is urgent, and
 * while that is in flight bulk gives way to it. Either may be missing. */
struct ferry_pace_pair {
    const struct ferry_pace *urgent;
    const struct ferry_pace *bulk;
};

/* What a request knew when it was sent. */
struct ferry_pace_ticket {
    uint64_t sequence;
    int level; /* requests in flight to the destination, itself among them */
};

enum ferry_pace_answer {
    FERRY_PACE_OK,      /* the destination dealt with it, whatever it said */
    FERRY_PACE_REFUSED, /* 429: too many at once */
    FERRY_PACE_FAILED,  /* 503 and its kin, cut, timed out */
    FERRY_PACE_NEUTRAL, /* says nothing about load */
};

void ferry_pace_init(struct ferry_pace *pace, int ceiling);
/* `pair` is borrowed for as long as the pace stands in it. */
void ferry_pace_lead(struct ferry_pace *pace, struct ferry_pace_pair *pair);
void ferry_pace_follow(struct ferry_pace *pace, struct ferry_pace_pair *pair);
void ferry_pace_leave(const struct ferry_pace *pace, struct ferry_pace_pair *pair);
bool ferry_pace_admits(const struct ferry_pace *pace, int64_t now);
struct ferry_pace_ticket ferry_pace_send(struct ferry_pace *pace);
/* retry_after_ms: -1 when the server did not say. */
void ferry_pace_answer(struct ferry_pace *pace, struct ferry_pace_ticket ticket,
                       enum ferry_pace_answer answer, int64_t retry_after_ms, int64_t now);
/* The request was given up without an answer. */
void ferry_pace_cancel(struct ferry_pace *pace);
/* Another ceiling from now on. */
void ferry_pace_cap(struct ferry_pace *pace, int ceiling);
/* Nothing is sent for so long. */
void ferry_pace_hold(struct ferry_pace *pace, int64_t wait_ms, int64_t now);
/* Milliseconds until the gate opens; 0 when it is open. */
int64_t ferry_pace_wait_ms(const struct ferry_pace *pace, int64_t now);

#endif
