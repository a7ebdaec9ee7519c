/* One row of a page as slots, and as the bytes of an Avro ChangeRecord, written directly. */
#ifndef BENCH_RECORD_H
#define BENCH_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_COLUMNS     128
#define BENCH_ARENA       ((size_t)64 << 10)
#define BENCH_RECORD_SIZE ((size_t)96 << 10)

/* The order is that of the union in schemas/change-record.avsc. */
enum bench_kind { BENCH_NULL, BENCH_BOOLEAN, BENCH_LONG, BENCH_DOUBLE, BENCH_STRING };

struct bench_slot {
    enum bench_kind kind;
    int64_t number; /* of a boolean or a long */
    const char *text;
    size_t length;
};

struct bench_record {
    const char *const *names; /* of the columns */
    size_t name_lengths[BENCH_COLUMNS];
    size_t count;
    struct bench_slot slots[BENCH_COLUMNS];
    char id[64];
    size_t id_length;
    int64_t version;
    char *arena; /* the texts; BENCH_ARENA bytes */
    size_t used;
};

void bench_record_init(struct bench_record *record, const char *const *names, size_t count);
/* Copies the text into the arena. */
void bench_record_text(struct bench_record *record, size_t column, const char *text, size_t length);
/* Returns the length; `to` has BENCH_RECORD_SIZE bytes, and a row that needs more ends the run. */
size_t bench_record_encode(const struct bench_record *record, unsigned char *to);

#endif
