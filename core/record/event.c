#include "core/record/event.h"

#include "core/record/avro.h"

#include <string.h>

static const char *const kind_names[] = {"SEND", "OPEN", "CLICK", "BOUNCE"};
_Static_assert(sizeof kind_names / sizeof kind_names[0] == FERRY_EVENT_KINDS,
               "one name for each kind");

/* 8f9f4f4e-3f0d-5b0c-9a51-6f0f3a0c8a57, of ADR 4 */
static const unsigned char namespace[FERRY_GUID_BYTES] = {
    0x8f, 0x9f, 0x4f, 0x4e, 0x3f, 0x0d, 0x5b, 0x0c, 0x9a, 0x51, 0x6f, 0x0f, 0x3a, 0x0c, 0x8a, 0x57};

void ferry_event_activity(const char *source, struct ferry_slice id, char out[FERRY_GUID_SIZE])
{
    const struct ferry_slice name[] = {{source, strlen(source)}, {"/", 1}, id};
    ferry_guid_of_name(namespace, name, sizeof name / sizeof name[0], out);
}

/* Branches of ["null", "string"]. */
#define BRANCHES 2
enum branch { BRANCH_NULL, BRANCH_STRING };

static enum ferry_status write_optional(struct ferry_buffer *out, struct ferry_slice text)
{
    if (!text.data)
        return ferry_avro_write_long(out, BRANCH_NULL);
    enum ferry_status status = ferry_avro_write_long(out, BRANCH_STRING);
    return status == FERRY_OK ? ferry_avro_write_string(out, text) : status;
}

static enum ferry_status write_head(struct ferry_buffer *out, const struct ferry_event *event)
{
    enum ferry_status status = ferry_avro_write_string(out, event->id);
    if (status == FERRY_OK)
        status = ferry_avro_write_long(out, (int64_t)event->kind);
    if (status == FERRY_OK)
        status = ferry_avro_write_string(out, event->contact);
    return status == FERRY_OK ? ferry_avro_write_long(out, event->occurred_at) : status;
}

static enum ferry_status write_rest(struct ferry_buffer *out, const struct ferry_event *event)
{
    const struct ferry_slice optional[] = {event->campaign, event->delivery, event->mirror_page,
                                           event->url};
    enum ferry_status status = FERRY_OK;
    for (size_t i = 0; status == FERRY_OK && i < sizeof optional / sizeof optional[0]; i++)
        status = write_optional(out, optional[i]);
    if (status == FERRY_OK)
        status = ferry_avro_write_string(out, event->file);
    if (status == FERRY_OK)
        status = ferry_avro_write_long(out, event->line);
    return status == FERRY_OK ? ferry_avro_write_long(out, event->read_at) : status;
}

enum ferry_status ferry_event_encode(const struct ferry_event *event, const struct ferry_wire *wire,
                                     struct ferry_buffer *out, struct ferry_error *error)
{
    size_t start = out->length;
    enum ferry_status status = ferry_wire_write(wire, FERRY_EVENT_FINGERPRINT, out);
    if (status == FERRY_OK)
        status = write_head(out, event);
    if (status == FERRY_OK)
        status = write_rest(out, event);
    if (status == FERRY_OK)
        return FERRY_OK;
    out->length = start;
    return ferry_fail(error, status, FERRY_CLASS_BUG, "cannot encode the event %.*s: %s",
                      (int)event->id.length, event->id.data, ferry_status_name(status));
}

static struct ferry_slice read_optional(struct ferry_avro_reader *reader)
{
    if (ferry_avro_read_enum(reader, BRANCHES) == BRANCH_STRING)
        return ferry_avro_read_string(reader);
    return (struct ferry_slice){NULL, 0};
}

/* One statement a field: the order is the schema's. */
static void read_record(struct ferry_avro_reader *reader, struct ferry_event *event)
{
    event->id = ferry_avro_read_string(reader);
    event->kind = (enum ferry_event_kind)ferry_avro_read_enum(reader, FERRY_EVENT_KINDS);
    event->contact = ferry_avro_read_string(reader);
    event->occurred_at = ferry_avro_read_long(reader);
    event->campaign = read_optional(reader);
    event->delivery = read_optional(reader);
    event->mirror_page = read_optional(reader);
    event->url = read_optional(reader);
    event->file = ferry_avro_read_string(reader);
    event->line = ferry_avro_read_long(reader);
    event->read_at = ferry_avro_read_long(reader);
}

enum ferry_status ferry_event_decode(const void *data, size_t length, struct ferry_event *ret_event,
                                     struct ferry_error *error)
{
    size_t offset = 0;
    enum ferry_status status =
        ferry_wire_read(data, length, FERRY_EVENT_FINGERPRINT, &offset, error);
    if (status != FERRY_OK)
        return status;
    const unsigned char *bytes = data;
    struct ferry_avro_reader reader = {bytes + offset, bytes + length, false};
    read_record(&reader, ret_event);
    if (reader.broken || reader.at != reader.end)
        return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_BUG,
                          "the message is no EmailEvent: it is malformed, cut or too long");
    return FERRY_OK;
}

const char *ferry_event_kind_name(enum ferry_event_kind kind)
{
    return (int)kind < FERRY_EVENT_KINDS ? kind_names[kind] : "?";
}

bool ferry_event_kind_from_name(const char *name, enum ferry_event_kind *ret_kind)
{
    for (int i = 0; name && i < FERRY_EVENT_KINDS; i++) {
        if (strcmp(name, kind_names[i]) != 0)
            continue;
        *ret_kind = (enum ferry_event_kind)i;
        return true;
    }
    return false;
}
