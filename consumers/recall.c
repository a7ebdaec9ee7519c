#include "consumers/recall.h"

#include "core/base/clock.h"
#include "core/io/tail.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define PULLED_AT_ONCE 100  /* of a partition: what waits must not crowd out what is new */
#define STEP           1000 /* entries looked at in a turn of the loop */
#define LOOK_MS        20
#define PASS_MS        500
#define ENTRIES_A_MS   100            /* between two passes; one takes a tenth of that time */
#define LOOKUP_MS      INT64_C(60000) /* between two readings of what is written of the parents */
#define CHILDREN_BYTES ((size_t)64 << 20)

struct ferry_recall {
    uv_loop_t *loop;
    const struct ferry_common *common;
    struct ferry_recall_options options;
    /* What is written of the parents, from the beginning, and then as it comes; only while children
     * wait, as it costs as much as the parents are many. */
    struct ferry_tail *parents;
    int64_t looked_at; /* ferry_boot_ms, as the next */
    int64_t looked_up_at;
    bool doubtful; /* a child was set aside since */
    struct ferry_buffer children;
    struct ferry_error held;
};

enum ferry_status ferry_recall_new(uv_loop_t *loop, const struct ferry_common *common,
                                   const struct ferry_recall_options *options,
                                   struct ferry_recall **ret_recall, struct ferry_error *error)
{
    struct ferry_recall *recall = calloc(1, sizeof *recall);
    if (!recall)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    recall->loop = loop;
    recall->common = common;
    recall->options = *options;
    ferry_buffer_init(&recall->children, CHILDREN_BYTES);
    *ret_recall = recall;
    return FERRY_OK;
}

void ferry_recall_drop(struct ferry_recall *recall)
{
    ferry_tail_free(recall->parents);
    recall->parents = NULL;
    recall->looked_up_at = 0;
}

void ferry_recall_free(struct ferry_recall *recall)
{
    if (!recall)
        return;
    ferry_recall_drop(recall);
    ferry_buffer_done(&recall->children);
    free(recall);
}

void ferry_recall_doubt(struct ferry_recall *recall)
{
    recall->doubtful = true;
}

static void tell(struct ferry_recall *recall, const struct ferry_error *error)
{
    recall->options.on_trouble(recall->options.context, error);
}

/* --- parents --- */

static bool is_parent(const struct ferry_recall *recall, const char *table)
{
    for (size_t i = 0; i < recall->options.table_count; i++) {
        const struct ferry_mapping *mapping = recall->options.tables[i]->mapping;
        for (size_t j = 0; j < mapping->field_count; j++)
            if (mapping->fields[j].link_table && strcmp(mapping->fields[j].link_table, table) == 0)
                return true;
    }
    return false;
}

/* What was heard of a parent is the last word only once all was heard. */
static bool is_settled(const struct ferry_recall *recall)
{
    return !recall->parents || ferry_tail_caught_up(recall->parents);
}

static bool has_room(const struct ferry_share *share)
{
    return !share->holding && share->pulled < PULLED_AT_ONCE && !ferry_table_stands(share->table);
}

/* At once, or else when the next pass finds it due. */
static enum ferry_status wake(struct ferry_recall *recall, struct ferry_share *share,
                              struct ferry_slice child, bool parent_gone, struct ferry_error *error)
{
    struct ferry_waiting_entry entry;
    if (!ferry_waiting_get(share->waiting, child, &entry) || entry.why != FERRY_WAIT_PARENT)
        return FERRY_OK;
    entry.due_at = 0;
    entry.woken++;
    entry.parent_gone = parent_gone;
    enum ferry_status status = ferry_waiting_update(share->waiting, child, &entry, error);
    if (status != FERRY_OK || !has_room(share) || !is_settled(recall))
        return status;
    status = ferry_share_recall(share, child, &entry, FERRY_RECALL_TRY);
    recall->options.on_woken(recall->options.context);
    return status == FERRY_OK ? FERRY_OK
                              : ferry_fail(error, status, FERRY_CLASS_BUG, "out of memory");
}

static enum ferry_status wake_children(struct ferry_recall *recall, struct ferry_share *share,
                                       const char *table, const struct ferry_written *parent,
                                       struct ferry_error *error)
{
    bool gone = parent->state != FERRY_WRITTEN_WRITTEN && parent->state != FERRY_WRITTEN_WAITING;
    ferry_buffer_clear(&recall->children);
    enum ferry_status status =
        ferry_waiting_children(share->waiting, table, parent->id, &recall->children);
    if (status != FERRY_OK)
        return ferry_fail(error, status, FERRY_CLASS_BUG, "out of memory");
    const char *end = recall->children.data + recall->children.length;
    for (const char *child = recall->children.data; child < end && status == FERRY_OK;
         child += strlen(child) + 1)
        status = wake(recall, share, (struct ferry_slice){child, strlen(child)}, gone, error);
    return status;
}

/* A rejected parent may be mended, one that waits and never was written comes later. */
static bool says_something(const struct ferry_written *parent)
{
    return parent->state != FERRY_WRITTEN_REJECTED &&
           (parent->state != FERRY_WRITTEN_WAITING || parent->version != 0);
}

static void on_written(void *context, const rd_kafka_message_t *message)
{
    struct ferry_recall *recall = context;
    const char *table = ferry_topic_table(recall->common->instance, FERRY_TOPIC_WRITTEN,
                                          rd_kafka_topic_name(message->rkt));
    struct ferry_written parent = {.id = {message->key, message->key_len},
                                   .state = FERRY_WRITTEN_ABSENT};
    struct ferry_share *share;
    struct ferry_error error;
    enum ferry_status status = FERRY_OK;
    if (message->payload)
        status = ferry_written_decode(message->payload, message->len, &parent, &error);
    if (status == FERRY_OK && !says_something(&parent))
        return;
    DL_FOREACH (ferry_holding_shares(recall->options.holding), share)
        if (status == FERRY_OK && ferry_waiting_count(share->waiting, FERRY_WAIT_PARENT) > 0)
            status = wake_children(recall, share, table, &parent, &error);
    if (status != FERRY_OK)
        tell(recall, &error);
}

static void on_trouble(void *context, const struct ferry_error *error)
{
    tell(context, error);
}

static size_t list_parents(const struct ferry_recall *recall, struct ferry_tail_part *parts)
{
    size_t count = 0;
    for (size_t i = 0; i < recall->options.table_count; i++) {
        const struct ferry_table *table = recall->options.tables[i];
        if (!is_parent(recall, table->mapping->table))
            continue;
        for (int partition = 0; partition < FERRY_DATA_PARTITIONS; partition++)
            parts[count++] =
                (struct ferry_tail_part){table->written, partition, RD_KAFKA_OFFSET_BEGINNING};
    }
    return count;
}

static void look_up(struct ferry_recall *recall)
{
    struct ferry_error error;
    struct ferry_tail_part *parts =
        calloc(recall->options.table_count * FERRY_DATA_PARTITIONS + 1, sizeof *parts);
    ferry_tail_free(recall->parents);
    recall->parents = NULL;
    recall->doubtful = false;
    recall->looked_up_at = ferry_boot_ms();
    size_t count = parts ? list_parents(recall, parts) : 0;
    if (count == 0) {
        free(parts);
        return;
    }
    const struct ferry_tail_options options = {.name = "parents",
                                               .parts = parts,
                                               .part_count = count,
                                               .follow = true,
                                               .on_record = on_written,
                                               .on_trouble = on_trouble,
                                               .context = recall};
    if (ferry_tail_new(recall->loop, recall->common, &options, &recall->parents, &error) !=
        FERRY_OK)
        tell(recall, &error);
    free(parts);
}

static void look_at_parents(struct ferry_recall *recall, bool orphans, int64_t now)
{
    if (!orphans && recall->parents && now - recall->looked_up_at >= LOOKUP_MS)
        ferry_recall_drop(recall);
    else if (orphans && is_settled(recall) && (!recall->parents || recall->doubtful) &&
             (recall->looked_up_at == 0 || now - recall->looked_up_at >= LOOKUP_MS))
        look_up(recall);
}

/* --- looking through what waits --- */

/* What a pass over the entries of a table goes by. */
struct pass {
    const struct ferry_brake *brake;
    bool releases; /* deletes that nobody decided about may go */
    bool settled;
    int64_t now;
};

static enum ferry_recalled reason_to_recall(const struct pass *pass, int partition,
                                            const struct ferry_waiting_entry *entry)
{
    const struct ferry_deletion *latest = &pass->brake->latest;
    if (entry->why == FERRY_WAIT_PARENT)
        return entry->due_at <= pass->now && (pass->settled || !entry->parent_gone)
                   ? FERRY_RECALL_TRY
                   : FERRY_RECALL_NONE;
    if (ferry_deletion_covers(latest, entry->decision, partition, entry->offset))
        return latest->approved ? FERRY_RECALL_DELETE : FERRY_RECALL_DROP;
    return pass->releases ? FERRY_RECALL_RELEASE : FERRY_RECALL_NONE;
}

/* The more there is, the more rarely: a small part of the time goes into looking. */
static void end_pass(struct ferry_share *share, int64_t now)
{
    int64_t rest = (int64_t)(ferry_waiting_total(share->waiting) / ENTRIES_A_MS);
    share->scanned[0] = '\0';
    share->scan_at = now + PASS_MS + rest;
}

static enum ferry_status scan(struct ferry_share *share, const struct pass *pass)
{
    struct ferry_waiting_entry entry;
    enum ferry_status status = FERRY_OK;
    for (int left = STEP; left > 0 && share->pulled < PULLED_AT_ONCE && status == FERRY_OK;
         left--) {
        if (!ferry_waiting_next(share->waiting, share->scanned, &entry)) {
            end_pass(share, pass->now);
            return FERRY_OK;
        }
        enum ferry_recalled why = reason_to_recall(pass, share->partition, &entry);
        const struct ferry_slice key = {share->scanned, strlen(share->scanned)};
        if (why != FERRY_RECALL_NONE)
            status = ferry_share_recall(share, key, &entry, why);
    }
    return status;
}

static void tell_decision(const struct ferry_recall *recall, const struct ferry_table *table)
{
    struct ferry_share *share;
    DL_FOREACH (ferry_holding_shares(recall->options.holding), share)
        if (share->table == table)
            ferry_waiting_decide(share->waiting, &table->brake.latest);
}

static bool scan_table(struct ferry_recall *recall, struct ferry_table *table, int64_t now)
{
    tell_decision(recall, table);
    struct ferry_brake_view view = ferry_holding_brake_view(recall->options.holding, table);
    const struct pass pass = {
        .brake = &table->brake,
        .releases = ferry_brake_releases(&table->brake, &view),
        .settled = is_settled(recall),
        .now = now,
    };
    bool any = false;
    struct ferry_share *share;
    struct ferry_error error;
    DL_FOREACH (ferry_holding_shares(recall->options.holding), share) {
        size_t before = share->pulled;
        if (share->table != table || share->holding || share->scan_at > now ||
            ferry_waiting_total(share->waiting) == 0)
            continue;
        if (scan(share, &pass) != FERRY_OK) {
            ferry_fail(&error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
            tell(recall, &error);
        }
        any = any || share->pulled > before;
    }
    return any;
}

void ferry_recall_look(struct ferry_recall *recall)
{
    const struct ferry_holding *holding = recall->options.holding;
    int64_t now = ferry_boot_ms();
    bool orphans = false;
    bool any = false;
    if (now - recall->looked_at < LOOK_MS)
        return;
    recall->looked_at = now;
    for (size_t i = 0; i < recall->options.table_count; i++) {
        struct ferry_table *table = recall->options.tables[i];
        size_t children = ferry_holding_waiting(holding, table, FERRY_WAIT_PARENT);
        size_t deletes = ferry_holding_waiting(holding, table, FERRY_WAIT_DELETE);
        orphans = orphans || children > 0;
        table->brake.on = table->brake.on && deletes > 0;
        ferry_table_show_waiting(table, children, table->brake.on ? deletes : 0);
        if (children + deletes > 0 && !ferry_table_stands(table))
            any = scan_table(recall, table, now) || any;
    }
    look_at_parents(recall, orphans, now);
    if (any)
        recall->options.on_woken(recall->options.context);
}

/* --- for a person --- */

static void describe(struct ferry_recall *recall, const struct ferry_table *table,
                     const struct ferry_brake_view *view)
{
    const struct ferry_brake_limits *limits = &table->brake.limits;
    ferry_fail(&recall->held, FERRY_RETRY, FERRY_CLASS_NONE,
               "%zu deletes of table %s wait for your decision, as they are more than %lld records "
               "and %lld %% of the table.",
               view->deletes, table->mapping->table, (long long)limits->records,
               (long long)limits->percent);
    ferry_advise(&recall->held,
                 "Look why so many records were deleted or filtered out; then run \"ferryctl "
                 "deletes approve\" or \"ferryctl deletes drop\".");
}

const struct ferry_error *ferry_recall_held(struct ferry_recall *recall)
{
    for (size_t i = 0; i < recall->options.table_count; i++) {
        const struct ferry_table *table = recall->options.tables[i];
        if (!table->brake.on)
            continue;
        struct ferry_brake_view view = ferry_holding_brake_view(recall->options.holding, table);
        describe(recall, table, &view);
        return &recall->held;
    }
    return NULL;
}
