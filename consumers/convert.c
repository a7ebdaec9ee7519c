#include "consumers/convert.h"

#include "consumers/utf8.h"
#include "core/control/comparison.h"
#include "core/record/decimal.h"
#include "core/record/moment.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LABELS_MAX 65536 /* bytes of the labels of one multiple choice */

/* A value on its way: text all along, because every source type has one and no digit gets lost. */
struct work {
    const struct ferry_mapping_field *field;
    struct ferry_slice text;
    bool boolean;  /* the source's value was one */
    bool reworded; /* a replacement or a label has taken its place */
    struct ferry_buffer *out;
    struct ferry_error *error;
};

/* How a destination type takes a value and how it is cleared (docs/mapping.md). */
struct writer {
    const char *type;
    enum ferry_status (*write)(const struct work *work, const struct writer *writer);
    const char *clear;
    int64_t minimum;
    int64_t maximum;
};

static enum ferry_status reject(const struct work *work, const char *reason)
{
    const struct ferry_mapping_field *field = work->field;
    ferry_fail(work->error, FERRY_BAD_RECORD, FERRY_CLASS_MAPPING, "field %s: %s %s",
               field->destination, field->source, reason);
    ferry_advise(work->error, "Repair the record in Dynamics 365, or change the mapping of %s.",
                 field->source);
    return FERRY_BAD_RECORD;
}

static enum ferry_status quote(const struct work *work, struct ferry_slice text)
{
    enum ferry_status status = ferry_utf8_quote(text, work->out);
    return status == FERRY_BAD_RECORD ? reject(work, "is no valid UTF-8") : status;
}

/* What still means something when it is cut: a text, and not a number, a date or an id. */
static bool is_wording(const struct work *work)
{
    return work->reworded || ferry_kind_of(work->field->source_type) == FERRY_KIND_TEXT;
}

static enum ferry_status reject_length(const struct work *work, size_t characters)
{
    const struct ferry_mapping_field *field = work->field;
    ferry_fail(work->error, FERRY_BAD_RECORD, FERRY_CLASS_MAPPING,
               "field %s: %s has %zu characters and the field takes %lld", field->destination,
               field->source, characters, (long long)field->length);
    ferry_advise(work->error,
                 is_wording(work) ? "Shorten %s in Dynamics 365, or set tooLong to truncate."
                                  : "Map %s to a longer field: what is no text is never cut.",
                 field->source);
    return FERRY_BAD_RECORD;
}

static enum ferry_status write_text(const struct work *work, const struct writer *writer)
{
    (void)writer;
    const struct ferry_mapping_field *field = work->field;
    size_t limit = (size_t)field->length;
    /* A character takes at least a byte, so most texts need no counting. */
    if (field->length <= 0 || work->text.length <= limit)
        return quote(work, work->text);
    size_t characters = 0;
    if (!ferry_utf8_count(work->text, &characters))
        return reject(work, "is no valid UTF-8");
    if (characters <= limit)
        return quote(work, work->text);
    if (field->too_long == FERRY_TOO_LONG_TRUNCATE && is_wording(work))
        return quote(work, ferry_utf8_cut(work->text, limit));
    return reject_length(work, characters);
}

static enum ferry_status write_enumeration(const struct work *work, const struct writer *writer)
{
    (void)writer;
    size_t index;
    json_t *name;
    if (!work->field->enumeration)
        return quote(work, work->text);
    json_array_foreach (work->field->enumeration, index, name)
        if (json_string_length(name) == work->text.length &&
            memcmp(json_string_value(name), work->text.data, work->text.length) == 0)
            return quote(work, work->text);
    return reject(work, "is none of the names that the field takes");
}

/* A boolean counts as 1 or 0 where a number is wanted. */
static bool parse_number(const struct work *work, struct ferry_decimal *ret_decimal)
{
    struct ferry_slice text = work->text;
    if (work->boolean)
        text = (struct ferry_slice){text.data[0] == 't' ? "1" : "0", 1};
    return ferry_decimal_parse(text, ret_decimal);
}

static enum ferry_status write_integer(const struct work *work, const struct writer *writer)
{
    struct ferry_decimal decimal;
    int64_t integer;
    if (!parse_number(work, &decimal))
        return reject(work, "is no number");
    if (!ferry_decimal_integer(&decimal, &integer))
        return reject(work, "is no whole number, or too large for any whole number");
    if (integer < writer->minimum || integer > writer->maximum)
        return reject(work, "is out of the range of the field's type");
    char text[FERRY_UTF8_SIZE];
    int length = snprintf(text, sizeof text, "%" PRId64, integer);
    return ferry_buffer_append(work->out, text, (size_t)length);
}

static bool within(const struct ferry_decimal *decimal, const char *limit)
{
    struct ferry_decimal size = *decimal;
    struct ferry_decimal edge;
    size.negative = false;
    return ferry_decimal_parse((struct ferry_slice){limit, strlen(limit)}, &edge) &&
           ferry_decimal_compare(&size, &edge) <= 0;
}

static enum ferry_status write_decimal(const struct work *work, const char *limit)
{
    struct ferry_decimal decimal;
    if (!parse_number(work, &decimal))
        return reject(work, "is no number");
    if (!within(&decimal, limit))
        return reject(work, "is out of the range of the field's type");
    return ferry_decimal_write(&decimal, work->out);
}

static enum ferry_status write_float(const struct work *work, const struct writer *writer)
{
    (void)writer;
    return write_decimal(work, "3.4028234e38");
}

static enum ferry_status write_double(const struct work *work, const struct writer *writer)
{
    (void)writer;
    return write_decimal(work, "1.7976931348623157e308");
}

static bool is_word(struct ferry_slice text, const char *word)
{
    return text.length == strlen(word) && strncasecmp(text.data, word, text.length) == 0;
}

static enum ferry_status write_boolean(const struct work *work, const struct writer *writer)
{
    (void)writer;
    if (is_word(work->text, "true") || is_word(work->text, "1"))
        return ferry_buffer_append_text(work->out, "true");
    if (is_word(work->text, "false") || is_word(work->text, "0"))
        return ferry_buffer_append_text(work->out, "false");
    return reject(work, "is neither true nor false, 1 nor 0");
}

static enum ferry_status write_moment(const struct work *work,
                                      size_t (*format)(const struct ferry_moment *moment,
                                                       char out[FERRY_MOMENT_SIZE]))
{
    struct ferry_moment moment;
    const char *reason = NULL;
    char text[FERRY_MOMENT_SIZE];
    if (!ferry_moment_parse(work->text, &moment, &reason))
        return reject(work, reason);
    size_t length = format(&moment, text);
    return quote(work, (struct ferry_slice){text, length});
}

static enum ferry_status write_day(const struct work *work, const struct writer *writer)
{
    (void)writer;
    return write_moment(work, ferry_moment_format_day);
}

static enum ferry_status write_instant(const struct work *work, const struct writer *writer)
{
    (void)writer;
    return write_moment(work, ferry_moment_format);
}

static enum ferry_status write_link(const struct work *work, const struct writer *writer)
{
    (void)writer;
    /* Campaign takes what begins with @ for its own key, which is not what the source can know. */
    if (work->text.data[0] == '@')
        return reject(work, "begins with @, which no key of a linked record may");
    enum ferry_status status = ferry_buffer_append_text(work->out, "{\"PKey\":");
    if (status == FERRY_OK)
        status = quote(work, work->text);
    return status == FERRY_OK ? ferry_buffer_append(work->out, "}", 1) : status;
}

static const struct writer writers[] = {
    {"string", write_text, "\"\"", 0, 0},
    {"memo", write_text, "\"\"", 0, 0},
    {"uuid", write_text, "\"\"", 0, 0},
    {"enumeration", write_enumeration, "\"\"", 0, 0},
    {"byte", write_integer, "0", INT8_MIN, INT8_MAX},
    {"short", write_integer, "0", INT16_MIN, INT16_MAX},
    {"long", write_integer, "0", INT32_MIN, INT32_MAX},
    {"integer", write_integer, "0", INT32_MIN, INT32_MAX},
    {"int64", write_integer, "0", INT64_MIN, INT64_MAX},
    {"float", write_float, "0", 0, 0},
    {"double", write_double, "0", 0, 0},
    {"boolean", write_boolean, "false", 0, 0},
    {"date", write_day, "\"\"", 0, 0},
    {"datetime", write_instant, "\"\"", 0, 0},
    {"link", write_link, "null", 0, 0},
};

/* Anything else is carried as a string. */
static const struct writer *find_writer(const char *type)
{
    for (size_t i = 0; i < sizeof writers / sizeof writers[0]; i++)
        if (writers[i].type[0] == type[0] && strcmp(writers[i].type, type) == 0)
            return &writers[i];
    return &writers[0];
}

/* Campaign has no null: an unset enumeration reads as the name that stands for nothing. */
static enum ferry_status clear(const struct work *work, const struct writer *writer)
{
    static const char *const nothing[] = {"", "unknown", "none"};
    if (writer->write != write_enumeration)
        return ferry_buffer_append_text(work->out, writer->clear);
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
        struct work named = *work;
        named.text = (struct ferry_slice){nothing[i], strlen(nothing[i])};
        named.error = NULL;
        size_t length = work->out->length;
        enum ferry_status status = write_enumeration(&named, writer);
        if (status != FERRY_BAD_RECORD)
            return status;
        work->out->length = length;
    }
    return ferry_buffer_append_text(work->out, writer->clear);
}

/* Numbers are replaced by value: "20000" is what Dynamics sends as 20000.0000. */
static bool replaces(const struct ferry_replacement *replacement, const struct work *work)
{
    struct ferry_slice from = {replacement->from, strlen(replacement->from)};
    if (from.length == work->text.length && memcmp(from.data, work->text.data, from.length) == 0)
        return true;
    struct ferry_decimal a;
    struct ferry_decimal b;
    return ferry_kind_of(work->field->source_type) == FERRY_KIND_NUMBER &&
           ferry_decimal_parse(from, &a) && ferry_decimal_parse(work->text, &b) &&
           ferry_decimal_compare(&a, &b) == 0;
}

static bool replace(struct work *work)
{
    for (size_t i = 0; i < work->field->replacement_count; i++) {
        const struct ferry_replacement *replacement = &work->field->replacements[i];
        if (!replaces(replacement, work))
            continue;
        work->text = (struct ferry_slice){replacement->to, strlen(replacement->to)};
        work->reworded = true;
        work->boolean = false;
        return true;
    }
    return false;
}

static struct ferry_slice find_label(const struct work *work, struct ferry_slice option)
{
    const json_t *label = json_object_getn(work->field->labels, option.data, option.length);
    return (struct ferry_slice){json_string_value(label), json_string_length(label)};
}

/* "1,3" becomes "Web; Phone", as Dynamics shows it. */
static enum ferry_status join_labels(const struct work *work, struct ferry_buffer *joined)
{
    struct ferry_slice rest = work->text;
    enum ferry_status status = FERRY_OK;
    while (status == FERRY_OK && rest.length > 0) {
        const char *comma = memchr(rest.data, ',', rest.length);
        size_t length = comma ? (size_t)(comma - rest.data) : rest.length;
        size_t taken = comma ? length + 1 : length;
        struct ferry_slice label = find_label(work, (struct ferry_slice){rest.data, length});
        if (!label.data)
            return reject(work, "is an option without a label");
        if (joined->length > 0)
            status = ferry_buffer_append_text(joined, "; ");
        if (status == FERRY_OK)
            status = ferry_buffer_append(joined, label.data, label.length);
        rest = (struct ferry_slice){rest.data + taken, rest.length - taken};
    }
    return status;
}

static enum ferry_status label(struct work *work, struct ferry_buffer *joined)
{
    work->reworded = true;
    struct ferry_slice single = find_label(work, work->text);
    if (single.data) {
        work->text = single;
        return FERRY_OK;
    }
    enum ferry_status status = join_labels(work, joined);
    work->text = (struct ferry_slice){joined->data, joined->length};
    return status;
}

/* Replacement, label, conversion. A replaced value is what to write: no label is looked up for it.
 */
static enum ferry_status convert(struct work *work, const struct writer *writer,
                                 struct ferry_buffer *joined)
{
    bool replaced = replace(work);
    if (work->text.length == 0)
        return clear(work, writer);
    if (!replaced && work->field->labels) {
        enum ferry_status status = label(work, joined);
        if (status != FERRY_OK)
            return status;
    }
    return writer->write(work, writer);
}

enum ferry_status ferry_convert_write(const struct ferry_mapping_field *field,
                                      const struct ferry_value *value, struct ferry_buffer *out,
                                      struct ferry_error *error)
{
    char scratch[FERRY_UTF8_SIZE];
    struct ferry_buffer joined;
    struct work work = {.field = field, .text = {"", 0}, .out = out, .error = error};
    work.boolean = value->type == FERRY_BOOLEAN;
    if (value->type != FERRY_NULL && !ferry_utf8_of(value, scratch, &work.text))
        return reject(&work, "is no finite number");
    ferry_buffer_init(&joined, LABELS_MAX);
    enum ferry_status status = convert(&work, find_writer(field->destination_type), &joined);
    ferry_buffer_done(&joined);
    return status;
}
