/* What ferry-reader does with Campaign's exports, by the libraries alone: files by libssh2, rows by
 * libcsv, Avro written directly, one lz4 transaction for 5000 events. No copy, no hash, no
 * checkpoint, no check of what it reads, no second try.
 *
 *   bare-exports BOOTSTRAP TOPIC HOST PORT USER KEY FILE...
 *
 * One line of JSON on stdout; times begin when everything is connected. */
#include "tests/bench/kafka.h"
#include "tests/bench/logs.h"
#include "tests/bench/sftp.h"
#include "tests/bench/usage.h"

#include <stdio.h>
#include <string.h>

static struct reader {
    struct bench_sftp sftp;
    struct bench_log log;
    struct bench_producer producer;
    size_t bytes; /* of files */
} reader;

static void parse_data(void *context, const char *data, size_t length)
{
    (void)context;
    bench_log_feed(&reader.log, data, length);
    reader.bytes += length;
}

static void produce_event(void *context, const unsigned char *value, size_t length,
                          struct bench_log_text contact)
{
    (void)context;
    bench_producer_send(&reader.producer, value, length, contact.data, contact.length);
}

static void read_file(const char *path)
{
    const char *slash = strrchr(path, '/');
    bench_log_begin(&reader.log, slash ? slash + 1 : path);
    bench_sftp_read(&reader.sftp, path, parse_data, NULL);
    bench_log_end(&reader.log);
}

int main(int argc, char **argv)
{
    if (argc < 8)
        bench_die("usage: bare-exports BOOTSTRAP TOPIC HOST PORT USER KEY FILE...");
    bench_producer_init(&reader.producer, argv[1], argv[2]);
    bench_sftp_init(&reader.sftp, argv[3], argv[4], argv[5], argv[6]);
    reader.log.on_event = produce_event;
    struct bench_usage begun = bench_usage_now();
    for (int i = 7; i < argc; i++)
        read_file(argv[i]);
    bench_producer_commit(&reader.producer);
    struct bench_usage used = bench_usage_since(begun);
    printf("{\"records\":%zu,\"bytes\":%zu,\"cpuUs\":%.0f,\"wallUs\":%.0f}\n", reader.log.events,
           reader.bytes, used.cpu_us, used.wall_us);
    bench_sftp_done(&reader.sftp);
    bench_producer_done(&reader.producer);
    return 0;
}
