/* Rows of Campaign's exports as events: fields by libcsv, the columns by their default names, Avro
 * written directly. The text is believed: nothing is judged, converted or reported. */
#ifndef BENCH_LOGS_H
#define BENCH_LOGS_H

#include <csv.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_LOG_COLUMNS 64
#define BENCH_LOG_ARENA   ((size_t)64 << 10)

enum bench_log_field {
    BENCH_LOG_ID,
    BENCH_LOG_CONTACT,
    BENCH_LOG_TYPE,
    BENCH_LOG_FAILURE,
    BENCH_LOG_DATE,
    BENCH_LOG_CAMPAIGN,
    BENCH_LOG_DELIVERY,
    BENCH_LOG_MIRROR_PAGE,
    BENCH_LOG_URL,
    BENCH_LOG_FIELDS
};

struct bench_log_text {
    const char *data;
    size_t length;
};

/* One event, encoded. */
typedef void (*bench_log_event)(void *context, const unsigned char *value, size_t length,
                                struct bench_log_text contact);

struct bench_log {
    const char *file; /* its name stands in each event */
    bench_log_event on_event;
    void *context;
    size_t events;

    struct csv_parser parser;
    int kind;                      /* of the file: 0 delivery logs, 1 tracking logs */
    int fields[BENCH_LOG_COLUMNS]; /* what a column is; BENCH_LOG_FIELDS: not wanted */
    int column;                    /* of the field that comes next */
    int64_t row;                   /* 0: the header */
    struct bench_log_text texts[BENCH_LOG_FIELDS];
    char arena[BENCH_LOG_ARENA]; /* of these */
    size_t used;
    unsigned char value[2 * BENCH_LOG_ARENA];
};

void bench_log_begin(struct bench_log *log, const char *file);
void bench_log_feed(struct bench_log *log, const char *data, size_t length);
void bench_log_end(struct bench_log *log);

#endif
