#include "core/record/decision.h"

#include "core/record/avro.h"

#include <string.h>

static const char *const state_names[] = {"DECIDED", "WRITTEN", "OVERTAKEN", "REFUSED"};
static const char *const direction_names[] = {"DYNAMICS_TO_CAMPAIGN", "CAMPAIGN_TO_DYNAMICS",
                                              "BOTH"};
static const char *const rule_names[] = {"ORIGINAL", "NEWEST_WINS", "OPT_OUT_WINS"};
static const char *const ground_names[] = {"ONE_WAY", "LATER", "OPT_OUT"};

const char *ferry_decision_state_name(enum ferry_decision_state state)
{
    return (int)state < FERRY_DECISION_STATES ? state_names[state] : "?";
}

const char *ferry_direction_name(enum ferry_direction direction)
{
    return (int)direction < FERRY_DIRECTIONS ? direction_names[direction] : "?";
}

const char *ferry_rule_name(enum ferry_rule rule)
{
    return (int)rule < FERRY_RULES ? rule_names[rule] : "?";
}

const char *ferry_ground_name(enum ferry_ground ground)
{
    return (int)ground < FERRY_GROUNDS ? ground_names[ground] : "?";
}

/* --- Avro --- */

static enum ferry_status write_longs(struct ferry_buffer *out, const int64_t *numbers, size_t count)
{
    enum ferry_status status = FERRY_OK;
    for (size_t i = 0; status == FERRY_OK && i < count; i++)
        status = ferry_avro_write_long(out, numbers[i]);
    return status;
}

static enum ferry_status write_reason(struct ferry_buffer *out,
                                      const struct ferry_decision *decision)
{
    const char *name = ferry_optout_name(decision->attribute);
    const int64_t numbers[] = {decision->number, (int64_t)decision->state, (int64_t)decision->cause,
                               (int64_t)decision->source};
    enum ferry_status status = ferry_avro_write_string(out, decision->contact);
    if (status == FERRY_OK)
        status = ferry_avro_write_string(out, (struct ferry_slice){name, strlen(name)});
    if (status == FERRY_OK)
        status = write_longs(out, numbers, sizeof numbers / sizeof numbers[0]);
    return status == FERRY_OK ? ferry_avro_write_string(out, decision->place) : status;
}

static enum ferry_status write_sides(struct ferry_buffer *out,
                                     const struct ferry_decision *decision)
{
    enum ferry_status status = FERRY_OK;
    for (int i = 0; status == FERRY_OK && i < FERRY_SIDES; i++)
        status = ferry_avro_write_boolean(out, decision->value[i]);
    if (status == FERRY_OK)
        status = write_longs(out, decision->time, FERRY_SIDES);
    return status == FERRY_OK ? write_longs(out, decision->counted, FERRY_SIDES) : status;
}

static enum ferry_status write_verdict(struct ferry_buffer *out,
                                       const struct ferry_decision *decision)
{
    const int64_t numbers[] = {(int64_t)decision->direction, (int64_t)decision->rule,
                               decision->tolerance_ms,       (int64_t)decision->ground,
                               (int64_t)decision->winner,    decision->decided_at,
                               decision->written_at,         decision->written_time};
    return write_longs(out, numbers, sizeof numbers / sizeof numbers[0]);
}

enum ferry_status ferry_decision_encode(const struct ferry_decision *decision,
                                        const struct ferry_wire *wire, struct ferry_buffer *out,
                                        struct ferry_error *error)
{
    size_t start = out->length;
    enum ferry_status status = ferry_wire_write(wire, FERRY_DECISION_FINGERPRINT, out);
    if (status == FERRY_OK)
        status = write_reason(out, decision);
    if (status == FERRY_OK)
        status = write_sides(out, decision);
    if (status == FERRY_OK)
        status = write_verdict(out, decision);
    if (status == FERRY_OK)
        return FERRY_OK;
    out->length = start;
    return ferry_fail(error, status, FERRY_CLASS_BUG, "cannot encode a decision about %.*s: %s",
                      (int)decision->contact.length, decision->contact.data,
                      ferry_status_name(status));
}

static enum ferry_optout_attribute read_attribute(struct ferry_avro_reader *reader)
{
    enum ferry_optout_attribute attribute = FERRY_DENY_LIST;
    struct ferry_slice name = ferry_avro_read_string(reader);
    if (!reader->broken && !ferry_optout_from_name(name, &attribute))
        reader->broken = true;
    return attribute;
}

/* One statement a field: the order is the schema's. */
static void read_record(struct ferry_avro_reader *reader, struct ferry_decision *decision)
{
    decision->contact = ferry_avro_read_string(reader);
    decision->attribute = read_attribute(reader);
    decision->number = ferry_avro_read_long(reader);
    decision->state =
        (enum ferry_decision_state)ferry_avro_read_enum(reader, FERRY_DECISION_STATES);
    decision->cause = (enum ferry_side)ferry_avro_read_enum(reader, FERRY_SIDES);
    decision->source = (enum ferry_optout_source)ferry_avro_read_enum(reader, FERRY_OPTOUT_SOURCES);
    decision->place = ferry_avro_read_string(reader);
    for (int i = 0; i < FERRY_SIDES; i++)
        decision->value[i] = ferry_avro_read_boolean(reader);
    for (int i = 0; i < FERRY_SIDES; i++)
        decision->time[i] = ferry_avro_read_long(reader);
    for (int i = 0; i < FERRY_SIDES; i++)
        decision->counted[i] = ferry_avro_read_long(reader);
    decision->direction = (enum ferry_direction)ferry_avro_read_enum(reader, FERRY_DIRECTIONS);
    decision->rule = (enum ferry_rule)ferry_avro_read_enum(reader, FERRY_RULES);
    decision->tolerance_ms = ferry_avro_read_long(reader);
    decision->ground = (enum ferry_ground)ferry_avro_read_enum(reader, FERRY_GROUNDS);
    decision->winner = (enum ferry_side)ferry_avro_read_enum(reader, FERRY_SIDES);
    decision->decided_at = ferry_avro_read_long(reader);
    decision->written_at = ferry_avro_read_long(reader);
    decision->written_time = ferry_avro_read_long(reader);
}

enum ferry_status ferry_decision_decode(const void *data, size_t length,
                                        struct ferry_decision *ret_decision,
                                        struct ferry_error *error)
{
    size_t offset = 0;
    enum ferry_status status =
        ferry_wire_read(data, length, FERRY_DECISION_FINGERPRINT, &offset, error);
    if (status != FERRY_OK)
        return status;
    const unsigned char *bytes = data;
    struct ferry_avro_reader reader = {bytes + offset, bytes + length, false};
    struct ferry_decision decision = {.number = 0};
    read_record(&reader, &decision);
    if (reader.broken || reader.at != reader.end)
        return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_BUG,
                          "the message is no OptOutDecision: it is malformed, cut or too long");
    *ret_decision = decision;
    return FERRY_OK;
}
