#include "tests/bench/record.h"

#include "tests/bench/avro.h"
#include "tests/bench/usage.h"

#include <stdlib.h>
#include <string.h>

/* The header of single-object encoding; nobody reads this topic, so any fingerprint will do. */
static const unsigned char head[10] = {0xc3, 0x01, 'b', 'e', 'n', 'c', 'h', 0, 0, 0};

void bench_record_init(struct bench_record *record, const char *const *names, size_t count)
{
    record->names = names;
    record->count = count;
    record->arena = malloc(BENCH_ARENA);
    if (!record->arena)
        bench_die("out of memory");
    for (size_t i = 0; i < count; i++)
        record->name_lengths[i] = strlen(names[i]);
}

void bench_record_text(struct bench_record *record, size_t column, const char *text, size_t length)
{
    if (length > BENCH_ARENA - record->used)
        bench_die("a row is longer than %zu bytes", BENCH_ARENA);
    char *to = record->arena + record->used;
    memcpy(to, text, length);
    record->used += length;
    record->slots[column] = (struct bench_slot){.kind = BENCH_STRING, .text = to, .length = length};
}

static unsigned char *write_slot(unsigned char *to, const struct bench_slot *slot)
{
    to = bench_avro_long(to, (int64_t)slot->kind);
    if (slot->kind == BENCH_STRING)
        return bench_avro_text(to, slot->text, slot->length);
    if (slot->kind == BENCH_LONG)
        return bench_avro_long(to, slot->number);
    if (slot->kind == BENCH_BOOLEAN)
        *to++ = slot->number != 0;
    return to;
}

size_t bench_record_encode(const struct bench_record *record, unsigned char *to)
{
    unsigned char *at = to;
    memcpy(at, head, sizeof head);
    at = bench_avro_text(at + sizeof head, "contact", 7);
    at = bench_avro_text(at, record->id, record->id_length);
    at = bench_avro_long(at, 0);                      /* op */
    at = bench_avro_long(at, 0);                      /* origin */
    at = bench_avro_long(at, 1);                      /* readNumber */
    at = bench_avro_long(at, record->version);        /* version */
    at = bench_avro_long(at, INT64_C(1780000000000)); /* readAt */
    at = bench_avro_long(at, (int64_t)record->count);
    for (size_t i = 0; i < record->count; i++) {
        at = bench_avro_text(at, record->names[i], record->name_lengths[i]);
        at = write_slot(at, &record->slots[i]);
    }
    return (size_t)(bench_avro_long(at, 0) - to);
}
