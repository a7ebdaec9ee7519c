#include "consumers/holding.h"

#include "consumers/position.h"
#include "consumers/stamp.h"
#include "core/base/clock.h"
#include "core/io/tail.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define STRAGGLERS  10             /* parents on their way, of a partition, that nobody waits for */
#define NEW_MS      INT64_C(10000) /* that the first page of a table's first read may take */
#define MAX_RECORDS ((size_t)8000)
#define MAX_BYTES   ((size_t)8 << 20)

struct ferry_holding {
    uv_loop_t *loop;
    const struct ferry_common *common;
    struct ferry_holding_options options;
    struct ferry_share *shares;
    int64_t opened_at;       /* ferry_boot_ms */
    struct ferry_tail *tail; /* rebuilds the memories that are not valid */
    bool ready;
    bool full;
};

enum ferry_status ferry_holding_new(uv_loop_t *loop, const struct ferry_common *common,
                                    const struct ferry_holding_options *options,
                                    struct ferry_holding **ret_holding, struct ferry_error *error)
{
    struct ferry_holding *holding = calloc(1, sizeof *holding);
    if (!holding)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    holding->loop = loop;
    holding->common = common;
    holding->options = *options;
    *ret_holding = holding;
    return FERRY_OK;
}

void ferry_holding_drop(struct ferry_holding *holding)
{
    struct ferry_share *share, *next;
    ferry_tail_free(holding->tail);
    holding->tail = NULL;
    holding->ready = false;
    holding->full = false;
    DL_FOREACH_SAFE (holding->shares, share, next)
        ferry_share_free(share);
    holding->shares = NULL;
}

void ferry_holding_free(struct ferry_holding *holding)
{
    if (!holding)
        return;
    ferry_holding_drop(holding);
    free(holding);
}

struct ferry_share *ferry_holding_shares(const struct ferry_holding *holding)
{
    return holding->shares;
}

bool ferry_holding_ready(const struct ferry_holding *holding)
{
    return holding->ready;
}

static const char *topic_of(const struct ferry_table *table, enum ferry_topic_kind kind)
{
    return kind == FERRY_TOPIC_WRITTEN   ? table->written
           : kind == FERRY_TOPIC_WAITING ? table->waiting
                                         : table->changes;
}

static struct ferry_share *find(const struct ferry_holding *holding, const char *topic,
                                int partition, enum ferry_topic_kind kind)
{
    struct ferry_share *share;
    DL_FOREACH (holding->shares, share)
        if (share->partition == partition && strcmp(topic_of(share->table, kind), topic) == 0)
            return share;
    return NULL;
}

struct ferry_share *ferry_holding_find(const struct ferry_holding *holding, const char *topic,
                                       int partition)
{
    return find(holding, topic, partition, FERRY_TOPIC_CHANGES);
}

/* --- taking over --- */

static struct ferry_table *table_of(const struct ferry_holding *holding, const char *topic)
{
    for (size_t i = 0; i < holding->options.table_count; i++)
        if (strcmp(holding->options.tables[i]->changes, topic) == 0)
            return holding->options.tables[i];
    return NULL;
}

static enum ferry_status open_copies(struct ferry_holding *holding, struct ferry_share *share,
                                     const struct ferry_group_part *part, bool *ret_valid,
                                     struct ferry_error *error)
{
    struct ferry_memory *memory = holding->options.memory;
    const struct ferry_mapping *mapping = share->table->mapping;
    const struct ferry_memory_mark mark = {part->committed, part->stamp};
    enum ferry_status status = ferry_memory_open(memory, mapping->table, share->partition, mark,
                                                 &share->memory, ret_valid, error);
    if (status == FERRY_OK)
        status = ferry_waiting_open(ferry_memory_map(memory), mapping, share->partition,
                                    &share->waiting, error);
    if (status == FERRY_OK)
        ferry_waiting_decide(share->waiting, &share->table->brake.latest);
    return status;
}

/* NULL: it failed. */
static struct ferry_share *open_share(struct ferry_holding *holding,
                                      const struct ferry_group_part *part, bool *ret_valid,
                                      struct ferry_error *error)
{
    struct ferry_table *table = table_of(holding, part->topic);
    struct ferry_share *share = NULL;
    if (!table) {
        ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                   "the group gave us %s, which no mapping uses", part->topic);
        return NULL;
    }
    if (ferry_share_new(table, part->partition, part->committed, part->log_end, &share, error) !=
        FERRY_OK)
        return NULL;
    if (part->fresh || part->restored)
        share->window.committed = -1; /* so that even an empty partition gets its offset */
    if (part->restored)               /* the predecessor may have come further */
        share->doubted += FERRY_POSITION_STRIDE;
    share->stamp = part->stamp;
    share->toll = part->toll;
    if (open_copies(holding, share, part, ret_valid, error) != FERRY_OK) {
        ferry_share_free(share);
        return NULL;
    }
    DL_APPEND(holding->shares, share);
    return share;
}

static enum ferry_status load_written(struct ferry_share *share, const rd_kafka_message_t *message,
                                      struct ferry_error *error)
{
    struct ferry_memory_record record = {.state = FERRY_WRITTEN_ABSENT};
    struct ferry_written written = {.state = FERRY_WRITTEN_REJECTED};
    enum ferry_status unread = FERRY_OK;
    if (message->payload) {
        /* What cannot be read was written all the same: a delete must not pass it by. */
        unread = ferry_written_decode(message->payload, message->len, &written, error);
        record = (struct ferry_memory_record){.state = written.state,
                                              .version = written.version,
                                              .read_number = written.read_number,
                                              .hash = written.hash};
    }
    enum ferry_status status =
        ferry_memory_put(share->memory, message->key, message->key_len, &record, error);
    return status == FERRY_OK ? unread : status;
}

static void on_record(void *context, const rd_kafka_message_t *message)
{
    struct ferry_holding *holding = context;
    const char *topic = rd_kafka_topic_name(message->rkt);
    struct ferry_share *share = find(holding, topic, message->partition, FERRY_TOPIC_WRITTEN);
    struct ferry_error error;
    enum ferry_status status = FERRY_OK;
    if (share)
        status = load_written(share, message, &error);
    else if ((share = find(holding, topic, message->partition, FERRY_TOPIC_WAITING)))
        status = ferry_waiting_load(share->waiting, message, &error);
    if (status != FERRY_OK)
        holding->options.on_trouble(holding->options.context, &error);
}

static enum ferry_status mark_all(struct ferry_holding *holding, struct ferry_error *error)
{
    struct ferry_share *share;
    enum ferry_status status = FERRY_OK;
    DL_FOREACH (holding->shares, share) {
        if (status == FERRY_OK)
            status = ferry_memory_mark(
                share->memory, (struct ferry_memory_mark){share->window.end, share->stamp}, error);
    }
    return status == FERRY_OK ? ferry_memory_flush(holding->options.memory, error) : status;
}

static void become_ready(struct ferry_holding *holding)
{
    struct ferry_error error;
    holding->opened_at = ferry_boot_ms();
    if (mark_all(holding, &error) != FERRY_OK)
        holding->options.on_trouble(holding->options.context, &error);
    holding->ready = true;
    holding->options.on_ready(holding->options.context);
}

static void on_caught_up(void *context)
{
    struct ferry_holding *holding = context;
    ferry_tail_free(holding->tail);
    holding->tail = NULL;
    become_ready(holding);
}

static void on_tail_trouble(void *context, const struct ferry_error *error)
{
    struct ferry_holding *holding = context;
    holding->options.on_trouble(holding->options.context, error);
}

static enum ferry_status rebuild(struct ferry_holding *holding, const struct ferry_tail_part *parts,
                                 size_t count, struct ferry_error *error)
{
    const struct ferry_tail_options options = {.name = "written-and-waiting",
                                               .parts = parts,
                                               .part_count = count,
                                               .on_record = on_record,
                                               .on_caught_up = on_caught_up,
                                               .on_trouble = on_tail_trouble,
                                               .context = holding};
    return ferry_tail_new(holding->loop, holding->common, &options, &holding->tail, error);
}

static enum ferry_status open_all(struct ferry_holding *holding,
                                  const struct ferry_group_part *parts, size_t count,
                                  struct ferry_tail_part *missing, struct ferry_error *error)
{
    size_t missing_count = 0;
    for (size_t i = 0; i < count; i++) {
        bool valid = false;
        const struct ferry_share *share = open_share(holding, &parts[i], &valid, error);
        if (!share)
            return error->status;
        if (!valid)
            missing[missing_count++] = (struct ferry_tail_part){
                share->table->written, share->partition, RD_KAFKA_OFFSET_BEGINNING};
        missing[missing_count++] = (struct ferry_tail_part){share->table->waiting, share->partition,
                                                            RD_KAFKA_OFFSET_BEGINNING};
    }
    if (missing_count > 0)
        return rebuild(holding, missing, missing_count, error);
    become_ready(holding);
    return FERRY_OK;
}

enum ferry_status ferry_holding_open(struct ferry_holding *holding,
                                     const struct ferry_group_part *parts, size_t count,
                                     struct ferry_error *error)
{
    ferry_holding_drop(holding);
    struct ferry_tail_part *missing = calloc(2 * count + 1, sizeof *missing);
    if (!missing)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    enum ferry_status status = open_all(holding, parts, count, missing, error);
    free(missing);
    return status;
}

/* --- room --- */

/* A table that stands still is not read on (see the group's `takes`), and must not hold up the
 * others. */
static size_t record_count(const struct ferry_holding *holding)
{
    const struct ferry_share *share;
    size_t count = 0;
    DL_FOREACH (holding->shares, share)
        count += share->table->stopped ? 0 : share->window.count;
    return count;
}

static size_t byte_count(const struct ferry_holding *holding)
{
    const struct ferry_share *share;
    size_t bytes = 0;
    DL_FOREACH (holding->shares, share)
        bytes += share->table->stopped ? 0 : share->bytes;
    return bytes;
}

bool ferry_holding_has_room(struct ferry_holding *holding)
{
    size_t divisor = holding->full ? 2 : 1;
    holding->full = record_count(holding) >= MAX_RECORDS / divisor ||
                    byte_count(holding) >= MAX_BYTES / divisor;
    return !holding->full;
}

void ferry_holding_unblock(struct ferry_holding *holding)
{
    struct ferry_share *share;
    if (!holding->full)
        return;
    DL_FOREACH (holding->shares, share)
        ferry_share_release(share);
}

size_t ferry_holding_open_count(const struct ferry_holding *holding)
{
    const struct ferry_share *share;
    size_t count = 0;
    DL_FOREACH (holding->shares, share)
        count += HASH_COUNT(share->lanes);
    return count;
}

int64_t ferry_holding_oldest(const struct ferry_holding *holding)
{
    const struct ferry_share *share;
    int64_t oldest = 0;
    DL_FOREACH (holding->shares, share) {
        int64_t at = ferry_window_oldest(&share->window);
        if (at != 0 && (oldest == 0 || at < oldest))
            oldest = at;
    }
    return oldest;
}

/* --- what goes on in a table --- */

/* That the destination holds, at least: most children that wait are remembered, but not there. */
static uint64_t rows_of(const struct ferry_share *share)
{
    uint64_t known = ferry_memory_count(share->memory);
    uint64_t children = ferry_waiting_count(share->waiting, FERRY_WAIT_PARENT);
    return known > children ? known - children : 0;
}

struct ferry_brake_view ferry_holding_brake_view(const struct ferry_holding *holding,
                                                 const struct ferry_table *table)
{
    struct ferry_brake_view view = {.calm = true};
    const struct ferry_share *share;
    DL_FOREACH (holding->shares, share) {
        if (share->table != table)
            continue;
        view.part += 1.0 / FERRY_DATA_PARTITIONS;
        view.rows += rows_of(share);
        view.queued += HASH_COUNT(share->lanes);
        view.let += ferry_toll_recent(&share->toll, table->brake.latest.decision, ferry_wall_ms());
        size_t undecided = ferry_waiting_undecided(share->waiting);
        /* Those under way count among the queued. */
        view.deletes += undecided > share->pulled_deletes ? undecided - share->pulled_deletes : 0;
        view.calm = view.calm && share->at_end && !share->holding;
    }
    return view;
}

size_t ferry_holding_waiting(const struct ferry_holding *holding, const struct ferry_table *table,
                             enum ferry_wait why)
{
    const struct ferry_share *share;
    size_t count = 0;
    DL_FOREACH (holding->shares, share)
        if (share->table == table && share->waiting)
            count += ferry_waiting_count(share->waiting, why);
    return count;
}

static bool loads(const struct ferry_share *share)
{
    return share->loading && (!share->at_end || HASH_COUNT(share->lanes) > STRAGGLERS);
}

static bool is_new(const struct ferry_share *share)
{
    return share->window.sequence == 0 && ferry_memory_count(share->memory) == 0;
}

bool ferry_holding_loads(const struct ferry_holding *holding, const char *table)
{
    const struct ferry_share *share;
    bool all_new = ferry_boot_ms() - holding->opened_at < NEW_MS;
    bool any = false;
    DL_FOREACH (holding->shares, share) {
        if (ferry_table_stands(share->table) || strcmp(share->table->mapping->table, table) != 0)
            continue;
        if (loads(share))
            return true;
        any = true;
        all_new = all_new && is_new(share);
    }
    return any && all_new;
}

/* --- offsets --- */

static void add_offset(rd_kafka_topic_partition_list_t *offsets, const struct ferry_share *share,
                       int64_t prefix, uint64_t stamp)
{
    rd_kafka_topic_partition_t *offset =
        rd_kafka_topic_partition_list_add(offsets, share->table->changes, share->partition);
    offset->offset = prefix;
    ferry_stamp_put(offset, stamp);
    ferry_toll_put(offset, &share->toll);
}

rd_kafka_topic_partition_list_t *ferry_holding_offsets(const struct ferry_holding *holding,
                                                       bool all)
{
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(8);
    const struct ferry_share *share;
    uint64_t stamp = ferry_stamp_new();
    DL_FOREACH (holding->shares, share) {
        int64_t prefix = ferry_window_prefix(&share->window);
        if (all || prefix > share->window.committed)
            add_offset(offsets, share, prefix, stamp);
    }
    return offsets;
}

enum ferry_status ferry_holding_commit(struct ferry_holding *holding,
                                       const rd_kafka_topic_partition_list_t *offsets,
                                       struct ferry_error *error)
{
    enum ferry_status status = FERRY_OK;
    for (int i = 0; i < offsets->cnt && status == FERRY_OK; i++) {
        const rd_kafka_topic_partition_t *part = &offsets->elems[i];
        struct ferry_share *share = ferry_holding_find(holding, part->topic, part->partition);
        if (!share || part->offset < share->window.committed)
            continue;
        ferry_window_commit(&share->window, part->offset);
        share->stamp = ferry_stamp_of(part);
        status = ferry_memory_mark(share->memory,
                                   (struct ferry_memory_mark){part->offset, share->stamp}, error);
    }
    return status == FERRY_OK ? ferry_memory_flush(holding->options.memory, error) : status;
}

json_t *ferry_holding_document(const struct ferry_holding *holding)
{
    const struct ferry_share *share;
    json_t *document = json_object();
    DL_FOREACH (holding->shares, share) {
        const char *table = share->table->mapping->table;
        json_t *list = json_object_get(document, table);
        if (!list) {
            list = json_array();
            json_object_set_new(document, table, list);
        }
        json_array_append_new(list, json_integer(share->partition));
    }
    return document;
}
