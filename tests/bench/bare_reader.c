/* ferry-reader's work by the libraries alone: pages by curl, rows by yajl, Avro written directly,
 * one lz4 transaction for 5000 records. No checkpoint, no check of what it reads, no second try.
 *
 *   bare-reader read  BOOTSTRAP TOPIC URL COLUMN...   all pages from URL on
 *   bare-reader steps BOOTSTRAP TOPIC URL COLUMN...   each step alone, over the first page
 *
 * BENCH_AUTHORIZATION is the header with the token. One line of JSON on stdout; times are of the
 * CPU unless they say wall, and begin when everything is connected. */
#include "tests/bench/kafka.h"
#include "tests/bench/page.h"
#include "tests/bench/usage.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK  ((size_t)16 << 10) /* what curl hands out at most */
#define ROUNDS 8
#define TURNS  5
#define HOT    16

struct reader {
    CURL *curl;
    struct curl_slist *headers;
    struct bench_producer producer;
    struct bench_page page;
    unsigned char value[BENCH_RECORD_SIZE];
    size_t bytes; /* of pages */
    char *body;   /* of the page that the steps work on */
    size_t body_length;
};

static struct reader reader;

struct value {
    unsigned char *data;
    size_t length;
};

struct steps {
    const char *url;
    struct bench_record *records; /* of the page, and what they are in Avro */
    struct value values[BENCH_TRANSACTION];
    size_t count, value_bytes;
    unsigned keys;
    size_t events; /* so that no step is optimised away */
};

static void add_header(const char *name, const char *value)
{
    char line[8192];
    if (snprintf(line, sizeof line, "%s: %s", name, value) >= (int)sizeof line)
        bench_die("a header is longer than %zu bytes", sizeof line);
    reader.headers = curl_slist_append(reader.headers, line);
}

static void open_curl(void)
{
    const char *authorization = getenv("BENCH_AUTHORIZATION");
    if (!authorization)
        bench_die("BENCH_AUTHORIZATION is not set");
    add_header("Authorization", authorization);
    add_header("Accept", "application/json");
    add_header("OData-MaxVersion", "4.0");
    add_header("OData-Version", "4.0");
    add_header("Prefer", "odata.track-changes,odata.maxpagesize=5000");
    reader.curl = curl_easy_init();
    curl_easy_setopt(reader.curl, CURLOPT_HTTPHEADER, reader.headers);
    curl_easy_setopt(reader.curl, CURLOPT_FAILONERROR, 1L);
}

static void get(const char *url, curl_write_callback on_data)
{
    curl_easy_setopt(reader.curl, CURLOPT_URL, url);
    curl_easy_setopt(reader.curl, CURLOPT_WRITEFUNCTION, on_data);
    CURLcode code = curl_easy_perform(reader.curl);
    if (code != CURLE_OK)
        bench_die("GET %s: %s", url, curl_easy_strerror(code));
}

/* ---- the whole ---- */

static size_t parse_data(char *data, size_t size, size_t count, void *context)
{
    (void)context;
    bench_page_feed(&reader.page, data, size * count);
    reader.bytes += size * count;
    return size * count;
}

static void produce_record(void *context, const struct bench_record *record)
{
    (void)context;
    size_t length = bench_record_encode(record, reader.value);
    bench_producer_send(&reader.producer, reader.value, length, record->id, record->id_length);
}

static void read_all(const char *first)
{
    char url[sizeof reader.page.next_link];
    struct bench_usage begun = bench_usage_now();
    snprintf(url, sizeof url, "%s", first);
    do {
        bench_page_begin(&reader.page);
        get(url, parse_data);
        bench_page_end(&reader.page);
        memcpy(url, reader.page.next_link, sizeof url);
    } while (url[0]);
    bench_producer_commit(&reader.producer);
    struct bench_usage used = bench_usage_since(begun);
    printf("{\"records\":%zu,\"bytes\":%zu,\"cpuUs\":%.0f,\"wallUs\":%.0f}\n", reader.page.records,
           reader.bytes, used.cpu_us, used.wall_us);
}

/* ---- each step alone ---- */

static size_t keep_data(char *data, size_t size, size_t count, void *context)
{
    (void)context;
    reader.body = realloc(reader.body, reader.body_length + size * count);
    if (!reader.body)
        bench_die("out of memory");
    memcpy(reader.body + reader.body_length, data, size * count);
    reader.body_length += size * count;
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

static void *need(void *memory)
{
    if (!memory)
        bench_die("out of memory");
    return memory;
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
    value->length = bench_record_encode(record, reader.value);
    value->data = need(malloc(value->length));
    steps->value_bytes += value->length;
}

static void parse_body(void)
{
    bench_page_begin(&reader.page);
    for (size_t at = 0; at < reader.body_length; at += CHUNK) {
        size_t left = reader.body_length - at;
        bench_page_feed(&reader.page, reader.body + at, left < CHUNK ? left : CHUNK);
    }
    bench_page_end(&reader.page);
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

static void feed(yajl_handle parser)
{
    for (size_t at = 0; at < reader.body_length; at += CHUNK) {
        size_t left = reader.body_length - at;
        yajl_parse(parser, (unsigned char *)reader.body + at, left < CHUNK ? left : CHUNK);
    }
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
    feed(parser);
    yajl_free(parser);
}

/* A few records again and again: the reader's is in the cache as well, it has just been filled. */
static void encode_turn(struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        steps->events += bench_record_encode(&steps->records[i % HOT], reader.value);
}

static void fetch_turn(struct steps *steps)
{
    get(steps->url, drop_data);
}

static void parse_turn(struct steps *steps)
{
    (void)steps;
    parse_body();
}

static void produce_turn(struct steps *steps)
{
    for (size_t i = 0; i < BENCH_TRANSACTION; i++) {
        const struct value *value = &steps->values[i % steps->count];
        char key[40];
        int length = snprintf(key, sizeof key, "%08x-0000-4000-8000-%012x", steps->keys++, 0U);
        bench_producer_send(&reader.producer, value->data, value->length, key, (size_t)length);
    }
}

static void measure_steps(const char *url)
{
    static struct steps steps;
    steps.url = url;
    steps.records = need(calloc(BENCH_TRANSACTION, sizeof *steps.records));
    get(url, keep_data);
    reader.page.on_record = keep_record;
    reader.page.context = &steps;
    parse_body();
    reader.page.on_record = ignore_record;
    double count = (double)steps.count;
    printf("{\"records\":%zu,\"pageBytes\":%zu,\"recordBytes\":%.0f,\"countUs\":%.4f,"
           "\"fetchUs\":%.4f,",
           steps.count, reader.body_length, (double)steps.value_bytes / count,
           best_us(count_turn, &steps) / count, best_us(fetch_turn, &steps) / count);
    printf("\"parseUs\":%.4f,\"encodeUs\":%.4f,\"produceUs\":%.4f}\n",
           best_us(parse_turn, &steps) / count, best_us(encode_turn, &steps) / count,
           best_us(produce_turn, &steps) / BENCH_TRANSACTION);
}

int main(int argc, char **argv)
{
    if (argc < 6 || argc - 5 > BENCH_COLUMNS)
        bench_die("usage: bare-reader read|steps BOOTSTRAP TOPIC URL COLUMN...");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    open_curl();
    bench_producer_init(&reader.producer, argv[2], argv[3]);
    bench_page_init(&reader.page, (const char *const *)argv + 5, (size_t)argc - 5, produce_record,
                    NULL);
    if (strcmp(argv[1], "steps") == 0)
        measure_steps(argv[4]);
    else
        read_all(argv[4]);
    bench_producer_done(&reader.producer);
    curl_easy_cleanup(reader.curl);
    curl_slist_free_all(reader.headers);
    free(reader.body);
    return 0;
}
