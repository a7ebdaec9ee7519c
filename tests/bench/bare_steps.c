/* The steps of bare-reader, each alone over the first page, so that one sees that the baseline is
 * no slower than its libraries.
 *
 *   bare-steps BOOTSTRAP TOPIC URL COLUMN...
 *
 * BENCH_AUTHORIZATION is the header with the token. One line of JSON on stdout: microseconds of CPU
 * a record. */
#include "tests/bench/fetch.h"
#include "tests/bench/kafka.h"
#include "tests/bench/page.h"
#include "tests/bench/usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK  ((size_t)16 << 10) /* what curl hands out at most */
#define ROUNDS 8
#define TURNS  5
#define HOT    16

struct value {
    unsigned char *data;
    size_t length;
};

struct steps {
    const char *url;
    struct bench_fetch fetch;
    struct bench_producer producer;
    struct bench_page page;
    char *body;
    size_t body_length;
    struct bench_record *records; /* of the page, and what they are in Avro */
    struct value values[BENCH_TRANSACTION];
    size_t count, value_bytes;
    unsigned keys;
    size_t events; /* so that no step is optimised away */
    unsigned char value[BENCH_RECORD_SIZE];
};

static void *need(void *memory)
{
    if (!memory)
        bench_die("out of memory");
    return memory;
}

static size_t keep_data(char *data, size_t size, size_t count, void *context)
{
    struct steps *steps = context;
    steps->body = need(realloc(steps->body, steps->body_length + size * count));
    memcpy(steps->body + steps->body_length, data, size * count);
    steps->body_length += size * count;
    return size * count;
}

static size_t drop_data(char *data, size_t size, size_t count, void *context)
{
    (void)data, (void)context;
    return size * count;
}

static void ignore_record(void *context, const struct bench_record *record)
{
    (void)context, (void)record;
}

static void keep_record(void *context, const struct bench_record *record)
{
    struct steps *steps = context;
    if (steps->count == BENCH_TRANSACTION)
        bench_die("a page of more than %d records", BENCH_TRANSACTION);
    struct bench_record *copy = &steps->records[steps->count];
    struct value *value = &steps->values[steps->count++];
    memcpy(copy, record, sizeof *copy);
    copy->arena = need(malloc(record->used + 1));
    memcpy(copy->arena, record->arena, record->used);
    for (size_t i = 0; i < copy->count; i++)
        if (copy->slots[i].kind == BENCH_STRING)
            copy->slots[i].text = copy->arena + (record->slots[i].text - record->arena);
    value->length = bench_record_encode(record, steps->value);
    value->data = need(malloc(value->length));
    steps->value_bytes += value->length;
}

static size_t chunk_at(const struct steps *steps, size_t at)
{
    size_t left = steps->body_length - at;
    return left < CHUNK ? left : CHUNK;
}

static void parse_turn(struct steps *steps)
{
    bench_page_begin(&steps->page);
    for (size_t at = 0; at < steps->body_length; at += CHUNK)
        bench_page_feed(&steps->page, steps->body + at, chunk_at(steps, at));
    bench_page_end(&steps->page);
}

/* The best of some rounds, each the mean of some turns: a neighbour on the machine makes code
 * slower, never faster. */
static double best_us(void (*turn)(struct steps *steps), struct steps *steps)
{
    double best = 0;
    turn(steps);
    for (int round = 0; round < ROUNDS; round++) {
        struct bench_usage begun = bench_usage_now();
        for (int i = 0; i < TURNS; i++)
            turn(steps);
        double mean = bench_usage_since(begun).cpu_us / TURNS;
        if (round == 0 || mean < best)
            best = mean;
    }
    return best;
}

static int count_event(void *context)
{
    ++*(size_t *)context;
    return 1;
}

static int count_boolean(void *context, int boolean)
{
    (void)boolean;
    return count_event(context);
}

static int count_text(void *context, const unsigned char *text, size_t length)
{
    (void)text, (void)length;
    return count_event(context);
}

static int count_number(void *context, const char *digits, size_t length)
{
    (void)digits, (void)length;
    return count_event(context);
}

/* What yajl needs for this page, on this machine, beside these neighbours, when nothing is done
 * with what it finds: the measure for the other steps. */
static void count_turn(struct steps *steps)
{
    static const yajl_callbacks counting = {
        .yajl_null = count_event,
        .yajl_boolean = count_boolean,
        .yajl_number = count_number,
        .yajl_string = count_text,
        .yajl_start_map = count_event,
        .yajl_map_key = count_text,
        .yajl_end_map = count_event,
        .yajl_start_array = count_event,
        .yajl_end_array = count_event,
    };
    yajl_handle parser = yajl_alloc(&counting, NULL, &steps->events);
    for (size_t at = 0; at < steps->body_length; at += CHUNK)
        yajl_parse(parser, (unsigned char *)steps->body + at, chunk_at(steps, at));
    yajl_free(parser);
}

/* A few records again and again: the reader's is in the cache as well, it has just been filled. */
static void encode_turn(struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        steps->events += bench_record_encode(&steps->records[i % HOT], steps->value);
}

static void fetch_turn(struct steps *steps)
{
    bench_fetch_get(&steps->fetch, steps->url, drop_data, NULL);
}

static void produce_turn(struct steps *steps)
{
    for (size_t i = 0; i < BENCH_TRANSACTION; i++) {
        const struct value *value = &steps->values[i % steps->count];
        char key[40];
        int length = snprintf(key, sizeof key, "%08x-0000-4000-8000-%012x", steps->keys++, 0U);
        bench_producer_send(&steps->producer, value->data, value->length, key, (size_t)length);
    }
}

static void measure(struct steps *steps)
{
    double count = (double)steps->count;
    printf("{\"records\":%zu,\"pageBytes\":%zu,\"recordBytes\":%.0f,\"countUs\":%.4f,"
           "\"fetchUs\":%.4f,",
           steps->count, steps->body_length, (double)steps->value_bytes / count,
           best_us(count_turn, steps) / count, best_us(fetch_turn, steps) / count);
    printf("\"parseUs\":%.4f,\"encodeUs\":%.4f,\"produceUs\":%.4f}\n",
           best_us(parse_turn, steps) / count, best_us(encode_turn, steps) / count,
           best_us(produce_turn, steps) / BENCH_TRANSACTION);
}

int main(int argc, char **argv)
{
    static struct steps steps;
    if (argc < 5 || argc - 4 > BENCH_COLUMNS)
        bench_die("usage: bare-steps BOOTSTRAP TOPIC URL COLUMN...");
    steps.url = argv[3];
    steps.records = need(calloc(BENCH_TRANSACTION, sizeof *steps.records));
    bench_fetch_init(&steps.fetch);
    bench_producer_init(&steps.producer, argv[1], argv[2]);
    bench_page_init(&steps.page, (const char *const *)argv + 4, (size_t)argc - 4, keep_record,
                    &steps);
    bench_fetch_get(&steps.fetch, steps.url, keep_data, &steps);
    parse_turn(&steps);
    steps.page.on_record = ignore_record;
    measure(&steps);
    bench_producer_done(&steps.producer);
    bench_fetch_done(&steps.fetch);
    return 0;
}
