/* ferry-reader's work by the libraries alone: pages by curl, rows by yajl, Avro written directly,
 * one lz4 transaction for 5000 records. No checkpoint, no check of what it reads, no second try.
 *
 *   bare-reader BOOTSTRAP TOPIC URL COLUMN...   all pages from URL on
 *
 * BENCH_AUTHORIZATION is the header with the token. One line of JSON on stdout; times begin when
 * everything is connected. */
#include "tests/bench/fetch.h"
#include "tests/bench/kafka.h"
#include "tests/bench/page.h"
#include "tests/bench/usage.h"

#include <stdio.h>
#include <string.h>

static struct reader {
    struct bench_fetch fetch;
    struct bench_producer producer;
    struct bench_page page;
    unsigned char value[BENCH_RECORD_SIZE];
    size_t bytes; /* of pages */
} reader;

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
        bench_fetch_get(&reader.fetch, url, parse_data, NULL);
        bench_page_end(&reader.page);
        memcpy(url, reader.page.next_link, sizeof url);
    } while (url[0]);
    bench_producer_commit(&reader.producer);
    struct bench_usage used = bench_usage_since(begun);
    printf("{\"records\":%zu,\"bytes\":%zu,\"cpuUs\":%.0f,\"wallUs\":%.0f}\n", reader.page.records,
           reader.bytes, used.cpu_us, used.wall_us);
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc - 4 > BENCH_COLUMNS)
        bench_die("usage: bare-reader BOOTSTRAP TOPIC URL COLUMN...");
    bench_fetch_init(&reader.fetch);
    bench_producer_init(&reader.producer, argv[1], argv[2]);
    bench_page_init(&reader.page, (const char *const *)argv + 4, (size_t)argc - 4, produce_record,
                    NULL);
    read_all(argv[3]);
    bench_producer_done(&reader.producer);
    bench_fetch_done(&reader.fetch);
    return 0;
}
