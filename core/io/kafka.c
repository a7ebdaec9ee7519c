#include "core/io/kafka.h"

#include "core/base/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define LIBRARY_ERROR_SIZE 512
#define LIBRARY_SLACK_NS   1000000

/* Small buffers: the defaults of librdkafka prefetch 104 MB (measured); these keep a client near 14
 * MB. */
static const struct ferry_kafka_option for_all[] = {
    {"socket.keepalive.enable", "true"},
    {"enable.ssl.certificate.verification", "true"},
    {"ssl.endpoint.identification.algorithm", "https"},
    {"reconnect.backoff.max.ms", "2000"},
    {"topic.metadata.refresh.interval.ms", "60000"},
    {"allow.auto.create.topics", "false"},
    {NULL, NULL},
};

static const struct ferry_kafka_option for_consumers[] = {
    {"isolation.level", "read_committed"},
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"enable.partition.eof", "true"},
    {"auto.offset.reset", "error"}, /* a silent jump would lose records */
    {"partition.assignment.strategy", "range"},
    {"queued.max.messages.kbytes", "2048"},
    {"fetch.message.max.bytes", "262144"},
    {"fetch.wait.max.ms", "100"},
    {"fetch.error.backoff.ms", "100"},
    {NULL, NULL},
};

static const struct ferry_kafka_option for_members[] = {
    {"session.timeout.ms", "6000"},
    {"heartbeat.interval.ms", "1500"},
    {"max.poll.interval.ms", "30000"},
    {"fetch.message.max.bytes", "65536"}, /* unpacked, what waits should fit into the cache */
    {NULL, NULL},
};

static const struct ferry_kafka_option for_loners[] = {
    {"group.id", "ferry-unused"}, /* librdkafka wants one; nothing is committed or subscribed */
    {NULL, NULL},
};

static const struct ferry_kafka_option for_producers[] = {
    {"acks", "all"},
    {"enable.idempotence", "true"},
    {"partitioner", "murmur2_random"}, /* Java's default: a key must meet its history */
    {"compression.codec", "lz4"},
    {"linger.ms", "5"},
    {"queue.buffering.max.kbytes", "8192"},
    {NULL, NULL},
};

static const struct ferry_kafka_option for_transactions[] = {
    {"transaction.timeout.ms", "30000"},
    {"message.timeout.ms", "30000"},
    {NULL, NULL},
};

static const struct ferry_kafka_option for_plain[] = {
    {"isolation.level", "read_uncommitted"}, /* the end of a log is asked with this client */
    {NULL, NULL},
};

/* NULL-terminated lists, applied in order. */
static const struct ferry_kafka_option *const by_role[][4] = {
    [FERRY_KAFKA_GROUP_CONSUMER] = {for_all, for_consumers, for_members, NULL},
    [FERRY_KAFKA_LOG_CONSUMER] = {for_all, for_consumers, for_loners, NULL},
    [FERRY_KAFKA_PLAIN] = {for_all, for_producers, for_plain, NULL},
    [FERRY_KAFKA_TRANSACTIONAL] = {for_all, for_producers, for_transactions, NULL},
};

static bool is_consumer(enum ferry_kafka_role role)
{
    return role == FERRY_KAFKA_GROUP_CONSUMER || role == FERRY_KAFKA_LOG_CONSUMER;
}

static void log_library(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    enum ferry_log_level ours = level <= 3 ? FERRY_LOG_WARN : FERRY_LOG_DEBUG;
    ferry_log(ours, "librdkafka", FERRY_STR("client", client ? rd_kafka_name(client) : ""),
              FERRY_STR("facility", facility), FERRY_STR("text", text));
}

/* Without an error callback librdkafka logs each error at level ERR again; the callers see their
 * own. */
static void ignore_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    (void)opaque;
    ferry_log(FERRY_LOG_DEBUG, "kafka_error", FERRY_STR("client", rd_kafka_name(client)),
              FERRY_STR("code", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
              FERRY_STR("text", reason));
}

static enum ferry_status set(rd_kafka_conf_t *conf, const char *key, const char *value,
                             struct ferry_error *error)
{
    char text[LIBRARY_ERROR_SIZE];
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, key, value, text, sizeof text);
    if (result == RD_KAFKA_CONF_OK)
        return FERRY_OK;
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING, "setting kafka.%s: %.300s", key,
                      text);
}

static enum ferry_status set_list(rd_kafka_conf_t *conf, const struct ferry_kafka_option *options,
                                  struct ferry_error *error)
{
    enum ferry_status status = FERRY_OK;
    for (; options && options->key && status == FERRY_OK; options++)
        status = set(conf, options->key, options->value, error);
    return status;
}

static enum ferry_status set_users(rd_kafka_conf_t *conf, const struct ferry_common *common,
                                   struct ferry_error *error)
{
    enum ferry_status status = FERRY_OK;
    for (size_t i = 0; i < common->kafka_count && status == FERRY_OK; i++)
        status = set(conf, common->kafka[i].key, common->kafka[i].value, error);
    return status;
}

static enum ferry_status fill(rd_kafka_conf_t *conf, const struct ferry_common *common,
                              enum ferry_kafka_role role, const char *name,
                              const struct ferry_kafka_option *extras, struct ferry_error *error)
{
    char client_id[60]; /* librdkafka #4689: a long client.id crashes */
    snprintf(client_id, sizeof client_id, "ferry-%s", name);
    enum ferry_status status = set(conf, "client.id", client_id, error);
    for (int i = 0; status == FERRY_OK && by_role[role][i]; i++)
        status = set_list(conf, by_role[role][i], error);
    if (status == FERRY_OK)
        status = set_users(conf, common, error);
    return status == FERRY_OK ? set_list(conf, extras, error) : status;
}

/* librdkafka 2.0.2 sleeps in whole milliseconds and spins for the rest of one before each of its
 * timers, most of what an idle client costs. Its threads inherit the leave to wake that much later
 * and find the timer due; ours go back to what they had. Where that is refused, it spins. */
static rd_kafka_t *make_client(enum ferry_kafka_role role, rd_kafka_conf_t *conf, char *text,
                               size_t size)
{
    prctl(PR_SET_TIMERSLACK, LIBRARY_SLACK_NS);
    rd_kafka_t *client =
        rd_kafka_new(is_consumer(role) ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, text, size);
    prctl(PR_SET_TIMERSLACK, 0); /* the thread's default */
    return client;
}

enum ferry_status ferry_kafka_new(const struct ferry_common *common, enum ferry_kafka_role role,
                                  const char *name, const struct ferry_kafka_option *extras,
                                  void *opaque,
                                  void (*rebalance_cb)(rd_kafka_t *, rd_kafka_resp_err_t,
                                                       rd_kafka_topic_partition_list_t *, void *),
                                  rd_kafka_t **ret_client, struct ferry_error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum ferry_status status = fill(conf, common, role, name, extras, error);
    if (status != FERRY_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    rd_kafka_conf_set_log_cb(conf, log_library);
    rd_kafka_conf_set_error_cb(conf, ignore_error);
    rd_kafka_conf_set_opaque(conf, opaque);
    if (rebalance_cb)
        rd_kafka_conf_set_rebalance_cb(conf, rebalance_cb);
    char text[LIBRARY_ERROR_SIZE];
    rd_kafka_t *client = make_client(role, conf, text, sizeof text);
    if (!client) {
        rd_kafka_conf_destroy(conf);
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                          "cannot make a Kafka client: %.400s", text);
    }
    if (is_consumer(role))
        rd_kafka_poll_set_consumer(client);
    *ret_client = client;
    return FERRY_OK;
}

/* How many clients are being destroyed, so that a program can wait for them at its end. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t done;
    int count;
} dying = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

static void count_dying(int change)
{
    pthread_mutex_lock(&dying.mutex);
    dying.count += change;
    pthread_cond_broadcast(&dying.done);
    pthread_mutex_unlock(&dying.mutex);
}

static void *destroy(void *client)
{
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    count_dying(-1);
    return NULL;
}

bool ferry_kafka_join(int timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    pthread_mutex_lock(&dying.mutex);
    int result = 0;
    while (dying.count > 0 && result == 0)
        result = pthread_cond_timedwait(&dying.done, &dying.mutex, &until);
    bool all = dying.count == 0;
    pthread_mutex_unlock(&dying.mutex);
    return all;
}

void ferry_kafka_destroy(rd_kafka_t *client)
{
    pthread_t thread;
    if (!client)
        return;
    count_dying(1);
    if (pthread_create(&thread, NULL, destroy, client) == 0)
        pthread_detach(thread);
    else
        destroy(client);
}

enum ferry_status ferry_kafka_fail(struct ferry_error *error, const char *what,
                                   rd_kafka_resp_err_t code)
{
    bool fatal = code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR__FENCED;
    return ferry_fail(error, fatal ? FERRY_FATAL : FERRY_RETRY, FERRY_CLASS_NETWORK,
                      "Kafka: %s: %s", what, rd_kafka_err2str(code));
}

enum ferry_status ferry_kafka_take_error(struct ferry_error *error, const char *what,
                                         rd_kafka_error_t *kafka_error, bool *ret_abort)
{
    if (ret_abort)
        *ret_abort = false;
    if (!kafka_error)
        return FERRY_OK;
    bool abortable = rd_kafka_error_txn_requires_abort(kafka_error);
    bool retriable = rd_kafka_error_is_retriable(kafka_error);
    if (ret_abort)
        *ret_abort = abortable;
    enum ferry_status status =
        ferry_fail(error, abortable || retriable ? FERRY_RETRY : FERRY_FATAL, FERRY_CLASS_NETWORK,
                   "Kafka: %s: %s", what, rd_kafka_error_string(kafka_error));
    rd_kafka_error_destroy(kafka_error);
    return status;
}

rd_kafka_resp_err_t ferry_kafka_edges(rd_kafka_t *client, rd_kafka_topic_partition_list_t *list,
                                      int64_t which, int timeout_ms)
{
    if (list->cnt == 0)
        return RD_KAFKA_RESP_ERR_NO_ERROR; /* to the library an invalid argument */
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = which;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(client, list, timeout_ms);
    for (int i = 0; i < list->cnt && !code; i++)
        code = list->elems[i].err || list->elems[i].offset >= 0
                   ? list->elems[i].err
                   : RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    return code;
}

const char *ferry_kafka_culprit(const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].err)
            return list->elems[i].topic;
    return list->cnt > 0 ? list->elems[0].topic : "";
}

rd_kafka_resp_err_t ferry_kafka_edge(rd_kafka_t *client, const char *topic, int partition,
                                     int64_t which, int64_t *ret_offset, int timeout_ms)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_resp_err_t code = ferry_kafka_edges(client, list, which, timeout_ms);
    *ret_offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

const void *ferry_kafka_header(const rd_kafka_message_t *message, const char *name,
                               size_t *ret_size)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    *ret_size = 0;
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_header_get_last(headers, name, &value, ret_size);
    return value;
}

int ferry_kafka_partition(const char *key, size_t length, int partitions)
{
    /* The partitioner asks nothing of the topic. */
    return rd_kafka_msg_partitioner_murmur2(NULL, key, length, partitions, NULL, NULL);
}
