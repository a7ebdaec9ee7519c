#include "core/record/optout.h"

#include "core/record/avro.h"

#include <string.h>

static const char *const attribute_names[] = {"denyList",
                                              "denyListEmail",
                                              "denyListFax",
                                              "denyListMobile",
                                              "denyListPhone",
                                              "denyListPostalMail",
                                              "denyListPushnotification",
                                              "ccpaOptOut"};
static const char *const side_names[] = {"DYNAMICS", "CAMPAIGN"};
static const char *const source_names[] = {"LOAD", "DELTA", "API", "FILE"};
_Static_assert(sizeof attribute_names / sizeof attribute_names[0] == FERRY_OPTOUT_ATTRIBUTES,
               "one name for each attribute");

#define OTHER "blackList"
#define USUAL "denyList"

const char *ferry_optout_name(enum ferry_optout_attribute attribute)
{
    return (int)attribute < FERRY_OPTOUT_ATTRIBUTES ? attribute_names[attribute] : "?";
}

/* The end of both: "Email" of denyListEmail and of blackListEmail. */
static bool same(struct ferry_slice name, const char *known)
{
    size_t length = strlen(known);
    if (name.length == length && memcmp(name.data, known, length) == 0)
        return true;
    if (strncmp(known, USUAL, strlen(USUAL)) != 0 || name.length < strlen(OTHER) ||
        memcmp(name.data, OTHER, strlen(OTHER)) != 0)
        return false;
    length -= strlen(USUAL);
    return name.length - strlen(OTHER) == length &&
           memcmp(name.data + strlen(OTHER), known + strlen(USUAL), length) == 0;
}

bool ferry_optout_from_name(struct ferry_slice name, enum ferry_optout_attribute *ret_attribute)
{
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        if (!same(name, attribute_names[i]))
            continue;
        *ret_attribute = (enum ferry_optout_attribute)i;
        return true;
    }
    return false;
}

const char *ferry_side_name(enum ferry_side side)
{
    return (int)side < FERRY_SIDES ? side_names[side] : "?";
}

const char *ferry_optout_source_name(enum ferry_optout_source source)
{
    return (int)source < FERRY_OPTOUT_SOURCES ? source_names[source] : "?";
}

/* --- Avro --- */

static enum ferry_status write_values(const struct ferry_optouts *said, struct ferry_buffer *out)
{
    int64_t count = 0;
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++)
        count += said->known[i];
    enum ferry_status status = count > 0 ? ferry_avro_write_long(out, count) : FERRY_OK;
    for (int i = 0; status == FERRY_OK && i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        if (!said->known[i])
            continue;
        const char *name = attribute_names[i];
        status = ferry_avro_write_string(out, (struct ferry_slice){name, strlen(name)});
        if (status == FERRY_OK)
            status = ferry_avro_write_boolean(out, said->out[i]);
    }
    return status == FERRY_OK ? ferry_avro_write_long(out, 0) : status;
}

static enum ferry_status write_record(const struct ferry_optout_change *change,
                                      struct ferry_buffer *out)
{
    enum ferry_status status = ferry_avro_write_string(out, change->contact);
    if (status == FERRY_OK)
        status = ferry_avro_write_long(out, (int64_t)change->side);
    if (status == FERRY_OK)
        status = ferry_avro_write_long(out, (int64_t)change->source);
    if (status == FERRY_OK)
        status = write_values(&change->said, out);
    if (status == FERRY_OK)
        status = ferry_avro_write_long(out, change->changed_at);
    if (status == FERRY_OK)
        status = ferry_avro_write_string(out, change->place);
    return status == FERRY_OK ? ferry_avro_write_long(out, change->read_at) : status;
}

enum ferry_status ferry_optout_encode(const struct ferry_optout_change *change,
                                      const struct ferry_wire *wire, struct ferry_buffer *out,
                                      struct ferry_error *error)
{
    size_t start = out->length;
    enum ferry_status status = ferry_wire_write(wire, FERRY_OPTOUT_FINGERPRINT, out);
    if (status == FERRY_OK)
        status = write_record(change, out);
    if (status == FERRY_OK)
        return FERRY_OK;
    out->length = start;
    return ferry_fail(error, status, FERRY_CLASS_BUG, "cannot encode the opt-outs of %.*s: %s",
                      (int)change->contact.length, change->contact.data, ferry_status_name(status));
}

static void read_value(struct ferry_avro_reader *reader, struct ferry_optouts *said)
{
    enum ferry_optout_attribute attribute;
    struct ferry_slice name = ferry_avro_read_string(reader);
    bool value = ferry_avro_read_boolean(reader);
    if (reader->broken)
        return;
    if (!ferry_optout_from_name(name, &attribute)) {
        reader->broken = true;
        return;
    }
    said->known[attribute] = true;
    said->out[attribute] = value;
}

static void read_values(struct ferry_avro_reader *reader, struct ferry_optouts *said)
{
    for (;;) {
        int64_t count = ferry_avro_read_long(reader);
        if (count == 0 || reader->broken)
            return;
        if (count < 0) {
            ferry_avro_read_long(
                reader); /* a negative count is followed by the block's size in bytes */
            count = count == INT64_MIN ? 0 : -count;
        }
        for (int64_t i = 0; i < count && !reader->broken; i++)
            read_value(reader, said);
    }
}

/* One statement a field: the order is the schema's. */
static void read_record(struct ferry_avro_reader *reader, struct ferry_optout_change *change)
{
    change->contact = ferry_avro_read_string(reader);
    change->side = (enum ferry_side)ferry_avro_read_enum(reader, FERRY_SIDES);
    change->source = (enum ferry_optout_source)ferry_avro_read_enum(reader, FERRY_OPTOUT_SOURCES);
    read_values(reader, &change->said);
    change->changed_at = ferry_avro_read_long(reader);
    change->place = ferry_avro_read_string(reader);
    change->read_at = ferry_avro_read_long(reader);
}

enum ferry_status ferry_optout_decode(const void *data, size_t length,
                                      struct ferry_optout_change *ret_change,
                                      struct ferry_error *error)
{
    size_t offset = 0;
    enum ferry_status status =
        ferry_wire_read(data, length, FERRY_OPTOUT_FINGERPRINT, &offset, error);
    if (status != FERRY_OK)
        return status;
    const unsigned char *bytes = data;
    struct ferry_avro_reader reader = {bytes + offset, bytes + length, false};
    struct ferry_optout_change change = {.read_at = 0};
    read_record(&reader, &change);
    if (reader.broken || reader.at != reader.end)
        return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_BUG,
                          "the message is no OptOutChange: it is malformed, cut or too long");
    *ret_change = change;
    return FERRY_OK;
}
