/* W3C trace context (https://www.w3.org/TR/trace-context/): the header `traceparent` that follows a
 * record from the page that told it to its destination. Ferry exports no spans, so the flag
 * "sampled" is never set, and who only passes the header on leaves it as it is. Any thread, one
 * tracer each. */
#ifndef FERRY_TRACE_H
#define FERRY_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FERRY_TRACE_HEADER  "traceparent"
#define FERRY_TRACE_SIZE    56 /* "00-<32 hex digits>-<16 hex digits>-00", terminated */
#define FERRY_TRACE_ID_SIZE 33

/* A trace for each record: it is a record that people look for, and a trace of the thousands of a
 * page would be too large for the tools. The records of a page share their span. */
struct ferry_tracer {
    uint64_t state;
    char text[FERRY_TRACE_SIZE];
};

void ferry_tracer_init(struct ferry_tracer *tracer);
/* Another span from now on. */
void ferry_tracer_turn(struct ferry_tracer *tracer);
/* Another trace; the header's value, valid until the next call. */
const char *ferry_tracer_next(struct ferry_tracer *tracer);

/* The trace of this name, in the tracer's span: a record that has a GUID of its own needs no header
 * to be found by. */
void ferry_tracer_name(const struct ferry_tracer *tracer, const char *guid,
                       char out[FERRY_TRACE_SIZE]);

/* A header that somebody sent, into `out` when it is well-formed; else `out` becomes "". */
bool ferry_trace_read(const void *data, size_t length, char out[FERRY_TRACE_SIZE]);
/* Its trace id, for a log; "" of "". */
void ferry_trace_id(const char *parent, char out[FERRY_TRACE_ID_SIZE]);

#endif
