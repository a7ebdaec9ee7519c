#include "tests/bench/kafka.h"

#include "tests/bench/usage.h"

static const char *const for_producer[][2] = {
    {"transactional.id", "bench.bare"},
    {"compression.codec", "lz4"},
    {"partitioner", "murmur2_random"},
    {"linger.ms", "5"},
    {NULL, NULL},
};

static const char *const for_consumer[][2] = {
    {"group.id", "bench.bare"},
    {"isolation.level", "read_committed"},
    {"enable.auto.commit", "false"},
    {NULL, NULL},
};

static void set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
    char text[256];
    if (rd_kafka_conf_set(conf, key, value, text, sizeof text) != RD_KAFKA_CONF_OK)
        bench_die("%s", text);
}

static rd_kafka_t *make_client(rd_kafka_type_t type, const char *bootstrap,
                               const char *const (*options)[2])
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", bootstrap);
    for (; (*options)[0]; options++)
        set(conf, (*options)[0], (*options)[1]);
    rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof text);
    if (!client)
        bench_die("%s", text);
    return client;
}

static void check(const char *what, rd_kafka_error_t *error)
{
    if (error)
        bench_die("%s: %s", what, rd_kafka_error_string(error));
}

void bench_producer_init(struct bench_producer *producer, const char *bootstrap, const char *topic)
{
    producer->client = make_client(RD_KAFKA_PRODUCER, bootstrap, for_producer);
    producer->topic = rd_kafka_topic_new(producer->client, topic, NULL);
    producer->open = 0;
    check("init_transactions", rd_kafka_init_transactions(producer->client, 30000));
}

void bench_producer_done(struct bench_producer *producer)
{
    rd_kafka_topic_destroy(producer->topic);
    rd_kafka_destroy(producer->client);
}

void bench_producer_send(struct bench_producer *producer, const void *value, size_t length,
                         const char *key, size_t key_length)
{
    if (producer->open == 0)
        check("begin_transaction", rd_kafka_begin_transaction(producer->client));
    if (rd_kafka_produce(producer->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                         (void *)(uintptr_t)value, length, key, key_length, NULL) != 0)
        bench_die("produce: %s", rd_kafka_err2str(rd_kafka_last_error()));
    if (++producer->open == BENCH_TRANSACTION)
        bench_producer_commit(producer);
}

void bench_producer_commit(struct bench_producer *producer)
{
    if (producer->open == 0)
        return;
    check("commit_transaction", rd_kafka_commit_transaction(producer->client, 30000));
    producer->open = 0;
}

rd_kafka_t *bench_consumer_new(const char *bootstrap, const char *topic)
{
    rd_kafka_t *client = make_client(RD_KAFKA_CONSUMER, bootstrap, for_consumer);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_resp_err_t code = rd_kafka_assign(client, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        bench_die("assign %s: %s", topic, rd_kafka_err2str(code));
    rd_kafka_poll_set_consumer(client);
    return client;
}
