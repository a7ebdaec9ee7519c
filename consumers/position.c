#include "consumers/position.h"

#include "core/base/clock.h"
#include "core/io/kafka.h"
#include "core/io/tail.h"
#include "core/io/topics.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define KEY_SIZE (FERRY_TOPIC_SIZE + 64)

struct position {
    char *key;
    int64_t offset;
    UT_hash_handle hh;
};

struct ferry_positions {
    const struct ferry_common *common;
    struct ferry_positions_options options;
    struct ferry_tail *tail;
    struct position *positions; /* uthash, by key */
    bool ready;
};

static void name_key(char key[KEY_SIZE], const char *workflow, const char *log, int partition)
{
    snprintf(key, KEY_SIZE, "%s/writer/%s/%d", workflow, log, partition);
}

/* --- telling --- */

static char *print(const char *workflow, const struct ferry_position *position, int64_t offset)
{
    json_t *json = json_pack("{s:s, s:s, s:i, s:I, s:I}", "workflow", workflow, "table",
                             position->log, "partition", position->partition, "offset",
                             (json_int_t)offset, "toldAt", (json_int_t)ferry_wall_ms());
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return text;
}

static bool is_due(const struct ferry_position *position, int64_t offset, bool exact)
{
    if (offset == position->told)
        return false;
    return exact || position->told < 0 || offset - position->told >= FERRY_POSITION_STRIDE;
}

enum ferry_status ferry_position_tell(struct ferry_ledger *ledger, const char *topic,
                                      const char *workflow, struct ferry_position *position,
                                      int64_t offset, bool exact)
{
    char key[KEY_SIZE];
    if (!is_due(position, offset, exact))
        return FERRY_OK;
    char *text = print(workflow, position, offset);
    if (!text)
        return FERRY_NOMEM;
    name_key(key, workflow, position->log, position->partition);
    size_t length = strlen(key);
    enum ferry_status status = ferry_ledger_add(
        ledger, topic, ferry_kafka_partition(key, length, FERRY_CHECKPOINT_PARTITIONS), key, length,
        text, strlen(text), NULL);
    free(text);
    if (status == FERRY_OK)
        position->told = offset;
    return status;
}

/* --- reading --- */

static void forget(struct ferry_positions *positions, struct position *position)
{
    HASH_DEL(positions->positions, position);
    free(position->key);
    free(position);
}

static struct position *find(const struct ferry_positions *positions, const char *key,
                             size_t length)
{
    struct position *position = NULL;
    HASH_FIND(hh, positions->positions, key, length, position);
    return position;
}

static struct position *keep(struct ferry_positions *positions, const char *key, size_t length)
{
    struct position *position = find(positions, key, length);
    if (position)
        return position;
    position = calloc(1, sizeof *position);
    if (position)
        position->key = strndup(key, length);
    if (!position || !position->key) {
        free(position);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, positions->positions, position->key, length, position);
    return position;
}

/* The readers' checkpoints stand in the same topic. */
static bool is_ours(const struct ferry_positions *positions, const rd_kafka_message_t *message)
{
    char prefix[KEY_SIZE];
    int length = snprintf(prefix, sizeof prefix, "%s/writer/", positions->options.workflow);
    return message->key && message->key_len > (size_t)length &&
           memcmp(message->key, prefix, (size_t)length) == 0;
}

static void complain(struct ferry_positions *positions, enum ferry_status status,
                     const rd_kafka_message_t *message)
{
    struct ferry_error error;
    ferry_fail(&error, status, FERRY_CLASS_BUG,
               "the position at %s/%d offset %" PRId64 " cannot be read",
               rd_kafka_topic_name(message->rkt), message->partition, message->offset);
    positions->options.on_trouble(positions->options.context, &error);
}

static void on_record(void *context, const rd_kafka_message_t *message)
{
    struct ferry_positions *positions = context;
    if (!is_ours(positions, message))
        return;
    struct position *known = find(positions, message->key, message->key_len);
    if (!message->payload) {
        if (known)
            forget(positions, known);
        return;
    }
    json_t *json = json_loadb(message->payload, message->len, 0, NULL);
    const json_t *offset = json_object_get(json, "offset");
    struct position *position =
        json_is_integer(offset) ? keep(positions, message->key, message->key_len) : NULL;
    if (position)
        position->offset = json_integer_value(offset);
    else
        complain(positions, FERRY_INVALID, message);
    json_decref(json);
}

static void on_caught_up(void *context)
{
    struct ferry_positions *positions = context;
    ferry_tail_free(positions->tail);
    positions->tail = NULL;
    positions->ready = true;
    positions->options.on_ready(positions->options.context);
}

static void on_trouble(void *context, const struct ferry_error *error)
{
    const struct ferry_positions *positions = context;
    positions->options.on_trouble(positions->options.context, error);
}

static enum ferry_status open_tail(struct ferry_positions *positions, uv_loop_t *loop,
                                   struct ferry_error *error)
{
    char topic[FERRY_TOPIC_SIZE];
    struct ferry_tail_part parts[FERRY_CHECKPOINT_PARTITIONS];
    ferry_topic_name(positions->common->instance,
                     (struct ferry_topic){FERRY_TOPIC_CHECKPOINTS, NULL}, topic);
    for (int i = 0; i < FERRY_CHECKPOINT_PARTITIONS; i++)
        parts[i] = (struct ferry_tail_part){topic, i, RD_KAFKA_OFFSET_BEGINNING};
    const struct ferry_tail_options options = {.name = "positions",
                                               .parts = parts,
                                               .part_count = FERRY_CHECKPOINT_PARTITIONS,
                                               .on_record = on_record,
                                               .on_caught_up = on_caught_up,
                                               .on_trouble = on_trouble,
                                               .context = positions};
    return ferry_tail_new(loop, positions->common, &options, &positions->tail, error);
}

enum ferry_status ferry_positions_new(uv_loop_t *loop, const struct ferry_common *common,
                                      const struct ferry_positions_options *options,
                                      struct ferry_positions **ret_positions,
                                      struct ferry_error *error)
{
    struct ferry_positions *positions = calloc(1, sizeof *positions);
    if (!positions)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    positions->common = common;
    positions->options = *options;
    enum ferry_status status = open_tail(positions, loop, error);
    if (status != FERRY_OK) {
        ferry_positions_free(positions);
        return status;
    }
    *ret_positions = positions;
    return FERRY_OK;
}

void ferry_positions_free(struct ferry_positions *positions)
{
    struct position *position, *next;
    if (!positions)
        return;
    ferry_tail_free(positions->tail);
    HASH_ITER (hh, positions->positions, position, next)
        forget(positions, position);
    free(positions);
}

bool ferry_positions_ready(const struct ferry_positions *positions)
{
    return positions->ready;
}

/* The table of a changes topic; the name without the instance of any other. */
static const char *log_of(const char *instance, const char *topic)
{
    const char *table = ferry_topic_table(instance, FERRY_TOPIC_CHANGES, topic);
    size_t length = strlen(instance);
    if (table || strncmp(topic, instance, length) != 0 || topic[length] != '.')
        return table;
    return topic + length + 1;
}

int64_t ferry_positions_find(const struct ferry_positions *positions, const char *topic,
                             int partition)
{
    char key[KEY_SIZE];
    const char *log = positions ? log_of(positions->common->instance, topic) : NULL;
    if (!log)
        return -1;
    name_key(key, positions->options.workflow, log, partition);
    const struct position *position = find(positions, key, strlen(key));
    return position ? position->offset : -1;
}
