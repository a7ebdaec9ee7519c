#include "consumers/destinations/campaign.h"

#include "consumers/filter.h"

#include <string.h>
#include <xxhash.h>

#define MAX_BODY ((size_t)1 << 20)

void ferry_delivery_init(struct ferry_delivery *delivery, struct ferry_campaign *campaign)
{
    delivery->campaign = campaign;
    ferry_change_init(&delivery->change);
    ferry_buffer_init(&delivery->body, MAX_BODY);
}

void ferry_delivery_done(struct ferry_delivery *delivery)
{
    ferry_change_done(&delivery->change);
    ferry_buffer_done(&delivery->body);
}

static enum ferry_status read_change(struct ferry_delivery *delivery, const struct ferry_lane *lane,
                                     struct ferry_error *error)
{
    struct ferry_change *change = &delivery->change;
    enum ferry_status status =
        ferry_change_decode(lane->now->value, lane->now->length, change, error);
    if (status != FERRY_OK)
        return status;
    if (change->id.length != lane->key_length ||
        memcmp(change->id.data, lane->key, lane->key_length) != 0)
        return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_BUG,
                          "the record's id is not the key of its message");
    return FERRY_OK;
}

static bool is_upsert(const struct ferry_change *change)
{
    return change->op == FERRY_OP_UPSERT;
}

static enum ferry_status look_up(struct ferry_lane *lane, struct ferry_memory_record *record,
                                 struct ferry_error *error)
{
    bool found = false;
    enum ferry_status status =
        ferry_memory_get(lane->share->memory, lane->key, lane->key_length, record, &found, error);
    if (status != FERRY_OK)
        return status;
    struct ferry_case *given = &lane->given;
    /* What waits and never was written is not there. */
    bool there = found && (record->state != FERRY_WRITTEN_WAITING || record->version != 0);
    given->known = !there                                   ? FERRY_KNOWN_NOT
                   : record->state == FERRY_WRITTEN_WRITTEN ? FERRY_KNOWN_WRITTEN
                                                            : FERRY_KNOWN_MAYBE;
    lane->there = there ? record->version : 0;
    return FERRY_OK;
}

static void compare(struct ferry_lane *lane, const struct ferry_memory_record *record)
{
    const struct ferry_item *item = lane->now;
    struct ferry_case *given = &lane->given;
    if (given->known != FERRY_KNOWN_WRITTEN)
        return;
    given->same_version = item->version == record->version;
    given->same_hash = lane->hash == record->hash;
    given->older = item->version < record->version && item->read_number <= record->read_number;
}

/* The body of an update tells whether anything changed, whatever will be sent. */
static enum ferry_status write_update(struct ferry_delivery *delivery, struct ferry_lane *lane,
                                      struct ferry_error *error)
{
    ferry_buffer_clear(&delivery->body);
    enum ferry_status status = ferry_body_write(lane->share->table->outline, &delivery->change,
                                                FERRY_BODY_UPDATE, &delivery->body, error);
    if (status == FERRY_OK)
        lane->hash = XXH3_64bits(delivery->body.data, delivery->body.length);
    return status;
}

static enum ferry_status examine(struct ferry_delivery *delivery, struct ferry_lane *lane,
                                 struct ferry_error *error)
{
    const struct ferry_mapping *mapping = lane->share->table->mapping;
    struct ferry_memory_record record = {.state = FERRY_WRITTEN_ABSENT};
    struct ferry_case *given = &lane->given;
    *given = (struct ferry_case){.op = lane->now->op,
                                 .origin = lane->now->origin,
                                 .apply_deletes = mapping->apply_deletes,
                                 .delete_filtered_out = mapping->delete_filtered_out,
                                 .certain = lane->now->certain && !lane->unsure,
                                 .unsure = lane->unsure,
                                 .waited = lane->now->recalled != FERRY_RECALL_NONE,
                                 .alone = lane->alone};
    enum ferry_status status = read_change(delivery, lane, error);
    if (status == FERRY_OK && is_upsert(&delivery->change))
        status = ferry_filter_match(mapping->filter, &delivery->change, &given->matches, error);
    given->outdated = status == FERRY_OK && is_upsert(&delivery->change) &&
                      ferry_body_lacks_opt_outs(mapping, &delivery->change);
    if (status == FERRY_OK && given->matches)
        status = write_update(delivery, lane, error);
    if (status == FERRY_OK)
        status = look_up(lane, &record, error);
    if (status == FERRY_OK)
        compare(lane, &record);
    return status;
}

enum ferry_status ferry_delivery_plan(struct ferry_delivery *delivery, struct ferry_lane *lane,
                                      struct ferry_step *ret_step, struct ferry_error *error)
{
    lane->hash = 0;
    if (lane->now->tombstone) {
        *ret_step = (struct ferry_step){.fate = FERRY_FATE_FORGOTTEN};
        return FERRY_OK;
    }
    enum ferry_status status = examine(delivery, lane, error);
    if (status == FERRY_OK)
        *ret_step = lane->next_call != FERRY_CALL_NONE
                        ? ferry_plan_call(&lane->given, lane->next_call)
                        : ferry_plan_first(&lane->given);
    return status;
}

/* The update's body is there already; another kind is written over it. */
static enum ferry_status write_body(struct ferry_delivery *delivery, const struct ferry_lane *lane,
                                    enum ferry_call call, struct ferry_error *error)
{
    enum ferry_body_kind kind = ferry_plan_body(&lane->given, call);
    if (call == FERRY_CALL_DELETE || kind == FERRY_BODY_UPDATE)
        return FERRY_OK;
    ferry_buffer_clear(&delivery->body);
    return ferry_body_write(lane->share->table->outline, &delivery->change, kind, &delivery->body,
                            error);
}

enum ferry_status ferry_delivery_send(struct ferry_delivery *delivery, struct ferry_lane *lane,
                                      enum ferry_call call, ferry_remote_callback on_answer,
                                      void *context, struct ferry_error *error)
{
    const struct ferry_mapping *mapping = lane->share->table->mapping;
    enum ferry_status status = write_body(delivery, lane, call, error);
    if (status != FERRY_OK)
        return status;
    bool has_body = call != FERRY_CALL_DELETE;
    const struct ferry_campaign_request request = {
        .method = ferry_call_name(call),
        .api = mapping->api,
        .resource = mapping->resource,
        .key = call == FERRY_CALL_POST ? NULL : lane->key,
        .body = has_body ? delivery->body.data : NULL,
        .length = has_body ? delivery->body.length : 0,
        .trace = lane->now->trace,
        .on_done = on_answer,
        .context = context,
    };
    lane->call = call;
    return ferry_campaign_send(delivery->campaign, &request, &lane->request, error);
}
