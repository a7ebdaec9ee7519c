#include "producers/outlet.h"

#include "core/io/kafka.h"
#include "producers/rejection.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#define RECORD_CEILING ((size_t)128 << 20)

static enum ferry_status encode_change(const void *context, const struct ferry_change *change,
                                       const struct ferry_wire *wire,
                                       struct ferry_outlet_tally *tally, struct ferry_buffer *out,
                                       struct ferry_error *error)
{
    (void)context;
    (void)tally;
    return ferry_change_encode(change, wire, out, error);
}

struct ferry_outlet_form ferry_outlet_changes(const char *table)
{
    const struct ferry_topic topic = {FERRY_TOPIC_CHANGES, table};
    return (struct ferry_outlet_form){
        .name = table, .load = topic, .news = topic, .swept = true, .encode = encode_change};
}

void ferry_outlet_init(struct ferry_outlet *outlet, struct ferry_seat *seat,
                       const struct ferry_common *common, const struct ferry_outlet_form *form,
                       const char *table, const char *workflow)
{
    const char *instance = common->instance;
    memset(outlet, 0, sizeof *outlet);
    outlet->seat = seat;
    outlet->table = table;
    outlet->form = *form;
    outlet->trace_full_reads = common->trace_full_reads;
    ferry_tracer_init(&outlet->tracer);
    ferry_buffer_init(&outlet->buffer, RECORD_CEILING);
    ferry_topic_name(instance, form->load, outlet->load);
    ferry_topic_name(instance, form->news, outlet->news);
    ferry_topic_name(instance, (struct ferry_topic){FERRY_TOPIC_REJECTS, workflow},
                     outlet->rejects);
}

void ferry_outlet_done(struct ferry_outlet *outlet)
{
    ferry_buffer_done(&outlet->buffer);
}

static enum ferry_status send_record(struct ferry_outlet *outlet,
                                     struct ferry_producer_record *record,
                                     struct ferry_error *error)
{
    enum ferry_status status = ferry_seat_send(outlet->seat, record, error);
    return status == FERRY_FULL ? FERRY_OK : status;
}

static void add_trace(struct ferry_outlet *outlet, rd_kafka_headers_t *headers)
{
    const char *parent = ferry_tracer_next(&outlet->tracer);
    rd_kafka_header_add(headers, FERRY_TRACE_HEADER, sizeof FERRY_TRACE_HEADER - 1, parent,
                        FERRY_TRACE_SIZE - 1);
}

/* A header costs librdkafka some 1.8 us a message, measured (three allocations, freed in another
 * thread), a quarter of all that a row costs: too much where millions come that nobody changed. */
static bool is_traced(const struct ferry_outlet *outlet, const struct ferry_change *change)
{
    return change->origin == FERRY_ORIGIN_DELTA || change->op == FERRY_OP_DELETE ||
           outlet->trace_full_reads;
}

enum ferry_status ferry_outlet_change(struct ferry_outlet *outlet, struct ferry_change *change,
                                      struct ferry_error *error)
{
    change->table = (struct ferry_slice){outlet->table, strlen(outlet->table)};
    ferry_buffer_clear(&outlet->buffer);
    bool news = change->origin == FERRY_ORIGIN_DELTA;
    enum ferry_status status = outlet->form.encode(
        outlet->form.context, change, news ? &outlet->news_wire : &outlet->load_wire,
        &outlet->tally, &outlet->buffer, error);
    if (status != FERRY_OK || outlet->buffer.length == 0)
        return status;
    struct ferry_producer_record record = {
        .topic = news ? outlet->news : outlet->load,
        .partition =
            ferry_kafka_partition(change->id.data, change->id.length, FERRY_DATA_PARTITIONS),
        .key = change->id,
        .value = {outlet->buffer.data, outlet->buffer.length},
    };
    if (is_traced(outlet, change)) {
        record.headers = rd_kafka_headers_new(1);
        add_trace(outlet, record.headers);
    }
    return send_record(outlet, &record, error);
}

/* Unlike a writer's, a reader's reject has no origin in a topic yet: its table and id stand for it.
 */
static void name_origin(const struct ferry_outlet *outlet, const struct ferry_page_reject *reject,
                        char *origin, size_t size)
{
    if (reject->id.length)
        snprintf(origin, size, "%s/%.*s", outlet->table, (int)reject->id.length, reject->id.data);
    else
        snprintf(origin, size, "%s/unknown/%016" PRIx64, outlet->table,
                 (uint64_t)XXH3_64bits(reject->raw.data, reject->raw.length));
}

enum ferry_status ferry_outlet_reject(struct ferry_outlet *outlet,
                                      const struct ferry_page_reject *reject,
                                      struct ferry_error *error)
{
    char origin[512];
    name_origin(outlet, reject, origin, sizeof origin);
    const struct ferry_rejection rejection = {
        .topic = outlet->rejects,
        .origin = origin,
        .reason = reject->reason,
        .class = FERRY_CLASS_SCHEMA,
        .trace = ferry_tracer_next(&outlet->tracer),
        .raw = reject->raw,
    };
    return ferry_rejection_send(outlet->seat, &rejection, error);
}
