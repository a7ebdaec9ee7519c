/* ferry-writer's requests by the libraries alone: messages of Kafka, each already the body of a
 * PATCH, sent by one curl multi handle. No mapping, no memory, no offsets, no second try.
 *
 *   bare-writer BOOTSTRAP TOPIC BASE_URL CONCURRENCY COUNT
 *
 * The key of a message is the last segment of the URL. BENCH_AUTHORIZATION and BENCH_API_KEY are
 * the two headers. One line of JSON on stdout; times begin with the first message in hand. */
#include "tests/bench/calls.h"
#include "tests/bench/kafka.h"
#include "tests/bench/usage.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT 8192

static struct writer {
    struct bench_calls calls; /* the cargo is a message; its payload is the body, not copied */
    rd_kafka_t *consumer;
    const char *base;
    size_t wanted, taken, done;
} writer;

/* The same headers as Ferry sends. */
static void open_calls(int concurrency)
{
    bench_calls_header(&writer.calls, "Authorization", getenv("BENCH_AUTHORIZATION"));
    bench_calls_header(&writer.calls, "X-Api-Key", getenv("BENCH_API_KEY"));
    bench_calls_header(&writer.calls, "Cache-Control", "no-cache");
    bench_calls_header(&writer.calls, "Accept", "application/json");
    bench_calls_header(&writer.calls, "Content-Type", "application/json");
    bench_calls_open(&writer.calls, "PATCH", concurrency);
}

static void finish(struct bench_call *call)
{
    rd_kafka_message_destroy(call->cargo);
    writer.done++;
}

static void send_message(rd_kafka_message_t *message)
{
    char url[TEXT];
    snprintf(url, sizeof url, "%s/%.*s", writer.base, (int)message->key_len,
             (const char *)message->key);
    bench_calls_send(&writer.calls, message, url, message->payload, message->len);
}

static void fill(void)
{
    while (writer.calls.in_flight < writer.calls.concurrency && writer.taken < writer.wanted) {
        rd_kafka_message_t *message =
            rd_kafka_consumer_poll(writer.consumer, writer.calls.in_flight ? 0 : BENCH_IDLE_MS);
        if (!message)
            return;
        if (message->err) {
            rd_kafka_message_destroy(message);
            continue;
        }
        writer.taken++;
        send_message(message);
    }
}

int main(int argc, char **argv)
{
    if (argc != 6)
        bench_die("usage: bare-writer BOOTSTRAP TOPIC BASE_URL CONCURRENCY COUNT");
    writer.base = argv[3];
    writer.wanted = strtoul(argv[5], NULL, 10);
    writer.calls.on_done = finish;
    open_calls(atoi(argv[4]));
    writer.consumer = bench_consumer_new(argv[1], argv[2]);
    struct bench_usage begun = bench_usage_now();
    while (writer.taken == 0)
        fill();
    while (writer.done < writer.wanted) {
        bench_calls_turn(&writer.calls);
        fill();
    }
    struct bench_usage used = bench_usage_since(begun);
    printf("{\"records\":%zu,\"failed\":%zu,\"cpuUs\":%.0f,\"wallUs\":%.0f}\n", writer.done,
           writer.calls.failed, used.cpu_us, used.wall_us);
    bench_calls_close(&writer.calls);
    rd_kafka_consumer_close(writer.consumer);
    rd_kafka_destroy(writer.consumer);
    return 0;
}
