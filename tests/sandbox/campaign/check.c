#include "campaign/check.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/campaign.h"

static bool bad_expression(const struct sandbox_field *field, const struct sandbox_member *member,
                           char error[static 400])
{
    snprintf(error, 400, SANDBOX_RST "\nXTK-170006 Unable to parse expression '@%s = %.80s'.",
             field->name, member->text);
    return false;
}

static bool is_email(const char *text)
{
    const char *at = strchr(text, '@');
    const char *dot = at ? strchr(at, '.') : NULL;

    return at && at != text && dot && dot != at + 1 && dot[1] && !strchr(at + 1, '@') &&
           !strpbrk(text, " \t\r\n,;<>");
}

/* "ANN-marie" -> "Ann-Marie"; bytes beyond ASCII stay. */
static void add_cased(struct sandbox_buf *buf, const char *text, size_t length)
{
    struct sandbox_buf cased = {0};

    for (size_t i = 0; i < length; i++) {
        bool first = i == 0 || text[i - 1] == ' ' || text[i - 1] == '-';
        int c = (unsigned char)text[i];
        sandbox_buf_addc(&cased, (char)(c >= 0x80 ? c : first ? toupper(c) : tolower(c)));
    }
    sandbox_json_string(buf, sandbox_buf_text(&cased), cased.length, false);
    sandbox_buf_done(&cased);
}

static bool check_policy(const struct sandbox_field *field, const struct sandbox_member *member,
                         char error[static 400])
{
    if (!field->policy || strcmp(field->policy, "email") != 0 || is_email(member->text))
        return true;
    snprintf(error, 400,
             SANDBOX_RST "\nThe value '%.100s' is not valid for the '@%s' field (data policy '%s')",
             member->text, field->name, field->policy);
    return false;
}

static bool check_string(const struct sandbox_field *field, const struct sandbox_member *member,
                         const struct sandbox_campaign_settings *settings, struct sandbox_buf *buf,
                         char error[static 400])
{
    size_t length = member->length;

    if (member->type != SANDBOX_JSON_STRING)
        return bad_expression(field, member, error);
    if (length && !check_policy(field, member, error))
        return false;
    if (field->length && sandbox_utf8_points(member->text, length) > field->length) {
        if (!settings->truncate) {
            snprintf(error, 400,
                     "PGS-220000 PostgreSQL error: ERROR:  value too long for type character "
                     "varying(%u)",
                     field->length);
            return false;
        }
        length = sandbox_utf8_cut(member->text, length, field->length);
    }
    if (!length)
        return true;
    if (settings->smart_case && field->policy && strcmp(field->policy, "smartCase") == 0)
        add_cased(buf, member->text, length);
    else
        sandbox_json_string(buf, member->text, length, false);
    return true;
}

static bool check_number(const struct sandbox_field *field, const struct sandbox_member *member,
                         struct sandbox_buf *buf, char error[static 400])
{
    bool whole = field->kind == SANDBOX_KIND_INTEGER;
    long long number = strtoll(member->text, NULL, 10);

    if (member->type != SANDBOX_JSON_NUMBER || (whole && strpbrk(member->text, ".eE")) ||
        (whole && (number > 2147483647 || number < -2147483648LL)))
        return bad_expression(field, member, error);
    sandbox_buf_add(buf, member->text, member->length);
    return true;
}

static bool check_enum(const struct sandbox_resource *resource, const struct sandbox_field *field,
                       const struct sandbox_member *member, struct sandbox_buf *buf,
                       char error[static 400])
{
    for (const char *at = field->values; *at && member->type == SANDBOX_JSON_STRING;) {
        size_t length = strcspn(at, ",");
        if (length == member->length && strncmp(at, member->text, length) == 0) {
            sandbox_buf_addf(buf, "\"%s\"", member->text);
            return true;
        }
        at += length + (at[length] == ',');
    }
    if (member->type == SANDBOX_JSON_STRING && !member->length)
        return true;
    snprintf(error, 400,
             SANDBOX_RST
             "\nThe value '%.80s' is not valid for the '%s:%s' enumeration of the '@%s' field",
             member->text, resource->schema, field->name, field->name);
    return false;
}

/* Does the text begin with a pattern? 'd' stands for a digit. */
static bool looks_like(const char *text, const char *pattern)
{
    for (; *pattern; pattern++, text++)
        if (*pattern == 'd' ? !isdigit((unsigned char)*text) : *pattern != *text)
            return false;
    return true;
}

static int two_digits(const char *text)
{
    return (text[0] - '0') * 10 + text[1] - '0';
}

static bool begins_with_day(const char *text)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (!looks_like(text, "dddd-dd-dd"))
        return false;
    int month = two_digits(text + 5), day = two_digits(text + 8);
    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

static bool is_clock(const char *text)
{
    return looks_like(text, "dd:dd:dd") && two_digits(text) < 24 && two_digits(text + 3) < 60 &&
           two_digits(text + 6) < 60;
}

static bool check_day(const struct sandbox_field *field, const struct sandbox_member *member,
                      struct sandbox_buf *buf, char error[static 400])
{
    if (member->type != SANDBOX_JSON_STRING)
        return bad_expression(field, member, error);
    if (!member->length)
        return true;
    if (member->length != 10 || !begins_with_day(member->text))
        return bad_expression(field, member, error);
    sandbox_buf_addf(buf, "\"%s\"", member->text);
    return true;
}

/* ISO 8601 with a T or a blank; kept in the form that is sent back. */
static bool check_time(const struct sandbox_field *field, const struct sandbox_member *member,
                       struct sandbox_buf *buf, char error[static 400])
{
    int milli = 0;

    if (member->type != SANDBOX_JSON_STRING)
        return bad_expression(field, member, error);
    if (!member->length)
        return true;
    if (!begins_with_day(member->text) || !strchr("T ", member->text[10]) || !member->text[10] ||
        !is_clock(member->text + 11))
        return bad_expression(field, member, error);
    const char *rest = member->text + 19;
    if (*rest == '.') {
        size_t digits = strspn(++rest, "0123456789");
        for (size_t i = 0; i < 3; i++)
            milli = milli * 10 + (i < digits ? rest[i] - '0' : 0);
        rest += digits;
    }
    if (*rest && strcmp(rest, "Z") != 0)
        return bad_expression(field, member, error);
    sandbox_buf_addf(buf, "\"%.10s %.8s.%03dZ\"", member->text, member->text + 11, milli);
    return true;
}

bool sandbox_field_check(const struct sandbox_resource *resource, const struct sandbox_field *field,
                         const struct sandbox_member *member,
                         const struct sandbox_campaign_settings *settings, struct sandbox_buf *buf,
                         char error[static 400])
{
    if (member->type == SANDBOX_JSON_NULL)
        return true;
    switch (field->kind) {
    case SANDBOX_KIND_STRING:
        return check_string(field, member, settings, buf, error);
    case SANDBOX_KIND_BOOLEAN:
        if (member->type != SANDBOX_JSON_TRUE && member->type != SANDBOX_JSON_FALSE)
            return bad_expression(field, member, error);
        sandbox_buf_adds(buf, member->type == SANDBOX_JSON_TRUE ? "true" : "");
        return true;
    case SANDBOX_KIND_INTEGER:
    case SANDBOX_KIND_DOUBLE:
        return check_number(field, member, buf, error);
    case SANDBOX_KIND_ENUM:
        return check_enum(resource, field, member, buf, error);
    case SANDBOX_KIND_DATE:
        return check_day(field, member, buf, error);
    case SANDBOX_KIND_DATETIME:
        return check_time(field, member, buf, error);
    case SANDBOX_KIND_LINK:
    case SANDBOX_KIND_COLLECTION:
    case SANDBOX_KINDS:
        break;
    }
    return bad_expression(field, member, error);
}
