/* One reject, for a person. */
#include "controller/rejects.h"

#include "core/record/change.h"
#include "core/record/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAW_BYTES 65536

static const struct {
    const char *header;
    const char *member;
} texts[] = {
    {"ferry-origin", "origin"}, {"ferry-reason", "reason"},     {"ferry-class", "class"},
    {"ferry-at", "at"},         {"traceparent", "traceparent"},
};

static const struct {
    const char *header;
    const char *member;
} numbers[] = {
    {"ferry-attempts", "attempts"},
    {"ferry-status", "httpStatus"},
};

/* A header's text, also when it is not terminated or no UTF-8; a new reference. */
static json_t *header_text(const rd_kafka_headers_t *headers, const char *name)
{
    const void *value = NULL;
    size_t size = 0;
    json_t *text;

    if (!headers || rd_kafka_header_get_last(headers, name, &value, &size) || !value)
        return json_null();
    text = json_stringn(value, size);
    return text ? text : json_null();
}

static json_t *header_number(const rd_kafka_headers_t *headers, const char *name)
{
    json_t *text = header_text(headers, name);
    json_t *number = json_is_string(text) ? json_integer(strtoll(json_string_value(text), NULL, 10))
                                          : json_null();

    json_decref(text);
    return number;
}

static json_t *value_view(const struct ferry_value *value)
{
    switch (value->type) {
    case FERRY_NULL:
        break;
    case FERRY_BOOLEAN:
        return json_boolean(value->boolean);
    case FERRY_LONG:
        return json_integer(value->integer);
    case FERRY_DOUBLE:
        return json_real(value->real);
    case FERRY_STRING:
        return json_stringn(value->string.data, value->string.length);
    }
    return json_null();
}

static void set_slice(json_t *json, const char *member, struct ferry_slice slice)
{
    json_t *text = json_stringn(slice.data, slice.length);

    json_object_set_new(json, member, text ? text : json_null());
}

static void add_fields(json_t *json, const struct ferry_change *change)
{
    json_t *fields = json_object();

    for (size_t i = 0; i < change->count; i++) {
        char name[FERRY_REJECTS_MAX];
        json_t *value = value_view(&change->fields[i].value);

        snprintf(name, sizeof name, "%.*s", (int)change->fields[i].name.length,
                 change->fields[i].name.data);
        json_object_set_new(fields, name, value ? value : json_null());
    }
    json_object_set_new(json, "fields", fields);
}

/* What is no change record came from a reader, as the source had sent it. */
static void add_raw(json_t *json, const rd_kafka_message_t *message)
{
    size_t length = message->len < RAW_BYTES ? message->len : RAW_BYTES;
    const unsigned char *bytes = message->payload;
    json_t *raw = json_stringn(message->payload, length);
    char *hex;

    if (raw) {
        json_object_set_new(json, "raw", raw);
        return;
    }
    hex = malloc(2 * length + 1);
    for (size_t i = 0; hex && i < length; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    json_object_set_new(json, "rawHex", hex ? json_string(hex) : json_null());
    free(hex);
}

static bool add_change(json_t *json, const rd_kafka_message_t *message, bool values)
{
    struct ferry_change change;
    struct ferry_error error;

    ferry_change_init(&change);
    bool good = ferry_change_decode(message->payload, message->len, &change, &error) == FERRY_OK;
    if (good) {
        set_slice(json, "table", change.table);
        set_slice(json, "id", change.id);
        json_object_set_new(json, "op", json_string(ferry_op_name(change.op)));
        json_object_set_new(json, "version", json_integer(change.version));
    }
    if (good && values)
        add_fields(json, &change);
    ferry_change_done(&change);
    return good;
}

static bool add_event(json_t *json, const rd_kafka_message_t *message, bool values)
{
    struct ferry_event event;
    struct ferry_error error;

    if (ferry_event_decode(message->payload, message->len, &event, &error) != FERRY_OK)
        return false;
    set_slice(json, "id", event.id);
    if (!values)
        return true;
    json_t *fields = json_object();
    set_slice(fields, "contactId", event.contact);
    json_object_set_new(fields, "occurredAt", json_integer(event.occurred_at));
    set_slice(fields, "campaign", event.campaign);
    set_slice(fields, "delivery", event.delivery);
    set_slice(fields, "mirrorPageUrl", event.mirror_page);
    set_slice(fields, "url", event.url);
    set_slice(fields, "file", event.file);
    json_object_set_new(fields, "line", json_integer(event.line));
    json_object_set_new(json, "fields", fields);
    return true;
}

static void add_record(json_t *json, const rd_kafka_message_t *message, bool values)
{
    if (!add_change(json, message, values) && !add_event(json, message, values) && values)
        add_raw(json, message);
}

json_t *ferry_reject_view(const rd_kafka_message_t *message, bool values)
{
    rd_kafka_headers_t *headers = NULL;
    json_t *json = json_object();

    (void)rd_kafka_message_headers(message, &headers);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        json_object_set_new(json, texts[i].member, header_text(headers, texts[i].header));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        json_object_set_new(json, numbers[i].member, header_number(headers, numbers[i].header));
    json_object_set_new(json, "offset", json_integer(message->offset));
    json_object_set_new(json, "rejectedAt",
                        json_integer(rd_kafka_message_timestamp(message, NULL)));
    add_record(json, message, values);
    return json;
}
