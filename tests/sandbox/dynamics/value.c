#include "dynamics/value.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool wrong_type(const struct sandbox_column *column, const struct sandbox_member *member,
                       struct sandbox_value_error *error)
{
    error->code = "0x80048d19";
    snprintf(
        error->message, sizeof error->message,
        "Error identified in Payload provided by the user for Entity :'', The value '%.80s' of "
        "the property '%s' cannot be converted to the expected type '%s'.",
        member->text, column->wire, sandbox_type_edm(column->type));
    return false;
}

static bool check_string(const struct sandbox_column *column, const char *table,
                         const struct sandbox_member *member, bool ascii, struct sandbox_buf *buf,
                         struct sandbox_value_error *error)
{
    if (member->type != SANDBOX_JSON_STRING)
        return wrong_type(column, member, error);
    if (column->length && sandbox_utf16_units(member->text, member->length) > column->length) {
        error->code = "0x80044331";
        snprintf(error->message, sizeof error->message,
                 "A validation error occurred. The length of the '%s' attribute of the '%s' entity "
                 "exceeded the maximum allowed length of '%u'.",
                 column->name, table, column->length);
        return false;
    }
    sandbox_json_string(buf, member->text, member->length, ascii);
    return true;
}

static bool check_boolean(const struct sandbox_column *column, const struct sandbox_member *member,
                          struct sandbox_buf *buf, struct sandbox_value_error *error)
{
    if (member->type != SANDBOX_JSON_TRUE && member->type != SANDBOX_JSON_FALSE)
        return wrong_type(column, member, error);
    sandbox_buf_adds(buf, member->type == SANDBOX_JSON_TRUE ? "true" : "false");
    return true;
}

static bool read_integer(const struct sandbox_member *member, long *ret_number)
{
    char *end;

    if (member->type != SANDBOX_JSON_NUMBER)
        return false;
    errno = 0;
    *ret_number = strtol(member->text, &end, 10);
    return *end == '\0' && errno == 0 && *ret_number >= -2147483648L && *ret_number <= 2147483647L;
}

static bool check_integer(const struct sandbox_column *column, const char *table,
                          const struct sandbox_member *member, struct sandbox_buf *buf,
                          struct sandbox_value_error *error)
{
    long number;

    if (!read_integer(member, &number))
        return wrong_type(column, member, error);
    bool found = !sandbox_type_is_option(column->type);
    for (const struct sandbox_option *option = column->options; !found && option->label; option++)
        found = option->value == number;
    if (!found) {
        error->code = "0x8004431A";
        snprintf(error->message, sizeof error->message,
                 "A validation error occurred. The value %ld of '%s' on record of type '%s' is "
                 "outside the valid range.",
                 number, column->name, table);
        return false;
    }
    sandbox_buf_addf(buf, "%ld", number);
    return true;
}

/* Money and decimals are sent back with four digits after the point, taken from the text: a double
 * loses some. */
static void add_decimal(struct sandbox_buf *buf, const char *text)
{
    size_t whole = strcspn(text, ".eE");
    size_t digits = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;

    if (strpbrk(text, "eE")) {
        sandbox_buf_addf(buf, "%.4f", strtod(text, NULL));
        return;
    }
    sandbox_buf_addf(buf, "%.*s.", (int)whole, text);
    for (size_t i = 0; i < 4; i++)
        sandbox_buf_addc(buf, i < digits ? text[whole + 1 + i] : '0');
}

static bool check_number(const struct sandbox_column *column, const struct sandbox_member *member,
                         struct sandbox_buf *buf, struct sandbox_value_error *error)
{
    if (member->type != SANDBOX_JSON_NUMBER)
        return wrong_type(column, member, error);
    double number = strtod(member->text, NULL);
    if (!isfinite(number) || fabs(number) > 922337203685477.0) {
        error->code = "0x80044330";
        snprintf(error->message, sizeof error->message,
                 "A validation error occurred. The value of '%s' is outside the valid range.",
                 column->name);
        return false;
    }
    if (column->type == SANDBOX_TYPE_DOUBLE)
        sandbox_buf_add(buf, member->text, member->length);
    else
        add_decimal(buf, member->text);
    return true;
}

static bool check_day(const struct sandbox_column *column, const struct sandbox_member *member,
                      struct sandbox_buf *buf, struct sandbox_value_error *error)
{
    int year, month, day, length = 0;

    if (member->type != SANDBOX_JSON_STRING ||
        sscanf(member->text, "%4d-%2d-%2d%n", &year, &month, &day, &length) != 3 || length != 10 ||
        member->length != 10 || year < 1753 || month < 1 || month > 12 || day < 1 || day > 31)
        return wrong_type(column, member, error);
    sandbox_buf_addf(buf, "\"%s\"", member->text);
    return true;
}

static bool check_time(const struct sandbox_column *column, const struct sandbox_member *member,
                       struct sandbox_buf *buf, struct sandbox_value_error *error)
{
    int at[6], length = 0;

    if (member->type != SANDBOX_JSON_STRING ||
        sscanf(member->text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &at[0], &at[1], &at[2], &at[3], &at[4],
               &at[5], &length) != 6 ||
        at[0] < 1753 || at[1] < 1 || at[1] > 12 || at[2] < 1 || at[2] > 31)
        return wrong_type(column, member, error);
    const char *rest = member->text + length;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    if (*rest && strcmp(rest, "Z") != 0)
        return wrong_type(column, member, error); /* offsets are not imitated */
    sandbox_buf_addf(buf, "\"%.19sZ\"", member->text);
    return true;
}

static bool check_guid(const struct sandbox_column *column, const struct sandbox_member *member,
                       struct sandbox_buf *buf, struct sandbox_value_error *error)
{
    uint8_t id[16];
    char text[SANDBOX_GUID_SIZE];

    if (member->type != SANDBOX_JSON_STRING ||
        !sandbox_guid_parse(member->text, member->length, id))
        return wrong_type(column, member, error);
    sandbox_guid_format(id, text);
    sandbox_buf_addf(buf, "\"%s\"", text);
    return true;
}

bool sandbox_value_check(const struct sandbox_column *column, const char *table,
                         const struct sandbox_member *member, bool ascii, struct sandbox_buf *buf,
                         struct sandbox_value_error *error)
{
    if (member->type == SANDBOX_JSON_NULL)
        return true;
    switch (column->type) {
    case SANDBOX_TYPE_STRING:
    case SANDBOX_TYPE_MEMO:
    case SANDBOX_TYPE_ENTITY_NAME:
        return check_string(column, table, member, ascii, buf, error);
    case SANDBOX_TYPE_BOOLEAN:
        return check_boolean(column, member, buf, error);
    case SANDBOX_TYPE_PICKLIST:
    case SANDBOX_TYPE_STATE:
    case SANDBOX_TYPE_STATUS:
    case SANDBOX_TYPE_INTEGER:
    case SANDBOX_TYPE_BIGINT:
        return check_integer(column, table, member, buf, error);
    case SANDBOX_TYPE_DOUBLE:
    case SANDBOX_TYPE_DECIMAL:
    case SANDBOX_TYPE_MONEY:
        return check_number(column, member, buf, error);
    case SANDBOX_TYPE_DATETIME:
        return check_time(column, member, buf, error);
    case SANDBOX_TYPE_DATEONLY:
        return check_day(column, member, buf, error);
    case SANDBOX_TYPE_LOOKUP:
    case SANDBOX_TYPE_CUSTOMER:
    case SANDBOX_TYPE_OWNER:
    case SANDBOX_TYPE_GUID:
        return check_guid(column, member, buf, error);
    case SANDBOX_TYPES:
        break;
    }
    return wrong_type(column, member, error);
}
