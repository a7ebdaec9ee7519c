/* ferry-writer's batches by the libraries alone: messages of Kafka, each already a part of a $batch
 * with all its lines, joined and posted by one curl multi handle. Nothing is decoded, the answers
 * are not read, no offset is written, nothing is tried twice.
 *
 *   bare-batches BOOTSTRAP TOPIC URL CONCURRENCY COUNT PARTS
 *
 * COUNT messages in all, PARTS in a request. BENCH_AUTHORIZATION is the header with the token. One
 * line of JSON on stdout; times begin with the first message in hand. */
#include "tests/bench/calls.h"
#include "tests/bench/kafka.h"
#include "tests/bench/usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_SIZE ((size_t)4 << 20)
#define LAST_LINE "--batch_ferry--\r\n"

struct body {
    size_t parts, length;
    char data[BODY_SIZE];
    struct body *next; /* among the idle */
};

static struct writer {
    struct bench_calls calls; /* the cargo is a body */
    rd_kafka_t *consumer;
    const char *url;
    size_t parts; /* of a full body */
    struct body *filling, *idle;
    size_t wanted, taken, done;
} writer;

/* The same headers as Ferry sends. */
static void open_calls(int concurrency)
{
    bench_calls_header(&writer.calls, "Authorization", getenv("BENCH_AUTHORIZATION"));
    bench_calls_header(&writer.calls, "Accept", "application/json");
    bench_calls_header(&writer.calls, "OData-MaxVersion", "4.0");
    bench_calls_header(&writer.calls, "OData-Version", "4.0");
    bench_calls_header(&writer.calls, "If-None-Match", "null");
    bench_calls_header(&writer.calls, "Prefer", "odata.continue-on-error");
    bench_calls_header(&writer.calls, "Content-Type", "multipart/mixed; boundary=\"batch_ferry\"");
    bench_calls_open(&writer.calls, "POST", concurrency);
}

static void finish(struct bench_call *call)
{
    struct body *body = call->cargo;
    writer.done += body->parts;
    body->parts = body->length = 0;
    body->next = writer.idle;
    writer.idle = body;
}

static struct body *take_body(void)
{
    struct body *body = writer.idle;
    if (body)
        writer.idle = body->next;
    else if (!(body = calloc(1, sizeof *body)))
        bench_die("out of memory");
    return body;
}

static void add(struct body *body, const void *data, size_t length)
{
    if (length > sizeof body->data - body->length)
        bench_die("a body is longer than %zu bytes", sizeof body->data);
    memcpy(body->data + body->length, data, length);
    body->length += length;
}

static void send_body(void)
{
    struct body *body = writer.filling;
    add(body, LAST_LINE, strlen(LAST_LINE));
    bench_calls_send(&writer.calls, body, writer.url, body->data, body->length);
    writer.filling = NULL;
}

static void take_message(const rd_kafka_message_t *message)
{
    if (!writer.filling)
        writer.filling = take_body();
    add(writer.filling, message->payload, message->len);
    writer.filling->parts++;
    if (++writer.taken == writer.wanted || writer.filling->parts == writer.parts)
        send_body();
}

static void fill(void)
{
    while (writer.calls.in_flight < writer.calls.concurrency && writer.taken < writer.wanted) {
        rd_kafka_message_t *message =
            rd_kafka_consumer_poll(writer.consumer, writer.calls.in_flight ? 0 : BENCH_IDLE_MS);
        if (!message)
            return;
        if (!message->err)
            take_message(message);
        rd_kafka_message_destroy(message);
    }
}

int main(int argc, char **argv)
{
    if (argc != 7)
        bench_die("usage: bare-batches BOOTSTRAP TOPIC URL CONCURRENCY COUNT PARTS");
    writer.url = argv[3];
    writer.wanted = strtoul(argv[5], NULL, 10);
    writer.parts = strtoul(argv[6], NULL, 10);
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
