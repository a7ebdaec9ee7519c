#include "core/control/consent.h"

#include <stdlib.h>
#include <string.h>

static const char *const direction_settings[] = {"dynamics-to-campaign", "campaign-to-dynamics",
                                                 "both"};
static const char *const rule_settings[] = {"original", "newest-wins", "opt-out-wins"};
_Static_assert(sizeof direction_settings / sizeof direction_settings[0] == FERRY_DIRECTIONS,
               "one setting for each direction");
_Static_assert(sizeof rule_settings / sizeof rule_settings[0] == FERRY_RULES,
               "one setting for each rule");

static int find(const char *const *names, int count, const char *name)
{
    for (int i = 0; name && i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

bool ferry_rule_from_setting(const char *name, enum ferry_rule *ret_rule)
{
    int found = find(rule_settings, FERRY_RULES, name);
    if (found >= 0)
        *ret_rule = (enum ferry_rule)found;
    return found >= 0;
}

bool ferry_direction_from_setting(const char *name, enum ferry_direction *ret_direction)
{
    int found = find(direction_settings, FERRY_DIRECTIONS, name);
    if (found >= 0)
        *ret_direction = (enum ferry_direction)found;
    return found >= 0;
}

static const char *text(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

static const char *missing_name(struct ferry_consent *consent)
{
    const struct {
        const char *key;
        const char **field;
    } rows[] = {
        {"table", &consent->table},          {"entitySet", &consent->entity_set},
        {"primaryId", &consent->primary_id}, {"api", &consent->api},
        {"resource", &consent->resource},    {"key", &consent->key},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        *rows[i].field = text(consent->json, rows[i].key);
        if (!*rows[i].field)
            return rows[i].key;
    }
    return NULL;
}

static bool read_attribute(struct ferry_consent *consent, const json_t *json)
{
    const char *name = text(json, "name");
    enum ferry_optout_attribute attribute;
    if (!name || !ferry_optout_from_name((struct ferry_slice){name, strlen(name)}, &attribute) ||
        consent->attributes[attribute].column)
        return false;
    consent->attributes[attribute] =
        (struct ferry_consent_attribute){.column = text(json, "dynamics"),
                                         .field = text(json, "campaign"),
                                         .time = text(json, "time")};
    return consent->attributes[attribute].column && consent->attributes[attribute].field;
}

static bool read_attributes(struct ferry_consent *consent)
{
    const json_t *list = json_object_get(consent->json, "attributes");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!read_attribute(consent, json_array_get(list, i)))
            return false;
    return json_array_size(list) > 0;
}

/* An order without it is one for the API alone. */
static bool read_export(struct ferry_consent *consent)
{
    const json_t *export = json_object_get(consent->json, "export");
    consent->exported = json_is_object(export);
    if (!consent->exported)
        return !export || json_is_null(export);
    return !ferry_export_read(export, &consent->export) &&
           consent->export.files[FERRY_FILE_OPTOUTS];
}

static const char *unusable(struct ferry_consent *consent)
{
    const json_t *tolerance = json_object_get(consent->json, "clockToleranceMs");
    const json_t *filter = json_object_get(consent->json, "filter");
    consent->tolerance_ms = json_integer_value(tolerance);
    consent->filter = text(filter, "name");
    consent->filter_parameter = text(filter, "parameter");
    if (!ferry_direction_from_setting(text(consent->json, "direction"), &consent->direction))
        return "direction";
    if (!ferry_rule_from_setting(text(consent->json, "rule"), &consent->rule))
        return "rule";
    if (!json_is_integer(tolerance) || consent->tolerance_ms < 0)
        return "clockToleranceMs";
    if (!consent->filter != !consent->filter_parameter)
        return "filter";
    if (!read_export(consent))
        return "export";
    const char *name = missing_name(consent);
    if (name)
        return name;
    return read_attributes(consent) ? NULL : "attributes";
}

enum ferry_status ferry_consent_new(json_t *json, struct ferry_consent **ret_consent,
                                    struct ferry_error *error)
{
    struct ferry_consent *consent = calloc(1, sizeof *consent);
    if (!consent)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    consent->json = json_incref(json);
    const char *path = unusable(consent);
    if (path) {
        ferry_consent_free(consent);
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                          "the run order's optOuts have no usable \"%s\"", path);
    }
    *ret_consent = consent;
    return FERRY_OK;
}

void ferry_consent_free(struct ferry_consent *consent)
{
    if (!consent)
        return;
    json_decref(consent->json);
    free(consent);
}

bool ferry_consent_reads(const struct ferry_consent *consent, enum ferry_side side)
{
    enum ferry_direction back =
        side == FERRY_SIDE_DYNAMICS ? FERRY_CAMPAIGN_TO_DYNAMICS : FERRY_DYNAMICS_TO_CAMPAIGN;
    return consent->direction != back;
}

bool ferry_consent_reads_files(const struct ferry_consent *consent)
{
    return consent->exported && ferry_consent_reads(consent, FERRY_SIDE_CAMPAIGN);
}
