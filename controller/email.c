#include "controller/email.h"

#include "controller/exportshape.h"
#include "core/record/moment.h"

#include <string.h>

const struct ferry_email_kind ferry_email_kinds[FERRY_EMAIL_KINDS] = {
    {"SEND", "send", "E-mail send"},
    {"OPEN", "open", "E-mail open"},
    {"CLICK", "click", "E-mail click"},
    {"BOUNCE", "bounce", "E-mail bounce"},
};

const struct ferry_email_attribute ferry_email_attributes[FERRY_EMAIL_ATTRIBUTES] = {
    {"campaign", "Campaign", "Text", 100},
    {"delivery", "Delivery", "Text", 100},
    {"date", "Date", NULL, 0},
    {"mirrorPage", "Mirror page", "Url", 2000},
    {"url", "Clicked URL", "Url", 2000},
};

/* --- the defaults --- */

static json_t *default_activity(const char *table, const char *date, bool clicks)
{
    json_t *columns = json_pack("{s:s, s:s, s:s, s:s}", "campaign", "ferry_campaign", "delivery",
                                "ferry_delivery", "date", date, "mirrorPage", "ferry_mirrorpage");

    if (clicks)
        json_object_set_new(columns, "url", json_string("ferry_url"));
    return json_pack("{s:s, s:o}", "table", table, "columns", columns);
}

static json_t *make_defaults(void)
{
    json_t *export = ferry_exportshape_defaults();
    json_t *send = default_activity("ferry_emailsend", "ferry_datesent", false);
    json_t *open = default_activity("ferry_emailopen", "ferry_dateopened", false);
    json_t *click = default_activity("ferry_emailclick", "ferry_dateclicked", true);
    json_t *bounce = default_activity("ferry_emailbounce", "ferry_datebounced", false);

    json_object_set_new(export, "deliveryLogs", json_string("acs_broadlog_*"));
    json_object_set_new(export, "trackingLogs", json_string("acs_trackinglog_*"));
    return json_pack("{s:s, s:{s:b, s:b, s:b, s:b}, s:o, s:{s:o, s:o, s:o, s:o}}", "source", "",
                     "events", "send", 1, "open", 1, "click", 1, "bounce", 1, "export", export,
                     "activities", "send", send, "open", open, "click", click, "bounce", bounce);
}

json_t *ferry_email_fill(const json_t *configuration)
{
    json_t *filled = make_defaults();
    /* Only read, and what is taken over is copied before anybody can change it. */
    json_t *own = json_deep_copy(configuration);

    if (!filled || !own || json_object_update_recursive(filled, own) != 0) {
        json_decref(filled);
        filled = NULL;
    }
    json_object_del(filled, "$schema");
    json_decref(own);
    return filled;
}

const char *ferry_email_refusal(const struct ferry_email_attribute *attribute, const char *type,
                                bool creatable)
{
    bool is_text = strcmp(type, "String") == 0 || strcmp(type, "Memo") == 0;

    if (!creatable)
        return "cannot be written: name another column";
    if (!attribute->format && strcmp(type, "DateTime") != 0)
        return "must be a date with a time: name another column";
    if (attribute->format && !is_text)
        return "must be a text: name another column";
    return NULL;
}

bool ferry_email_instant(const json_t *value, int64_t *ret_ms)
{
    const struct ferry_slice text = {json_string_value(value), json_string_length(value)};
    struct ferry_moment moment;
    const char *reason;

    if (!text.data || !ferry_moment_parse(text, &moment, &reason) || moment.day)
        return false;
    *ret_ms = moment.seconds * 1000 + moment.milliseconds;
    return true;
}

bool ferry_email_since(const json_t *configuration, int64_t *ret_since)
{
    return ferry_email_instant(json_object_get(configuration, "since"), ret_since);
}
