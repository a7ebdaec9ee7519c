/* The shape of a configuration of Opt-In/Out. */
#include "controller/exportshape.h"
#include "controller/optinout.h"
#include "core/record/optout.h"

#include <string.h>

/* The same patterns stand in schemas/opt-in-out.schema.json. */
#define COLUMN    "^[a-z][a-z0-9_]{0,127}$"
#define NAME      "^[A-Za-z][A-Za-z0-9_]{0,63}$"
#define FILTER    "^by[A-Za-z0-9_]{1,62}$"
#define TOLERANCE 3600 /* seconds; clocks that are further apart compare nothing */

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void check_direction(struct ferry_shape *shape, json_t *value,
                            const struct ferry_place *place)
{
    static const char *const names[] = {"disabled", "dynamics-to-campaign", "campaign-to-dynamics",
                                        "both", NULL};

    ferry_shape_choice(shape, value, place, names);
}

static void check_rule(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    static const char *const names[] = {"original", "newest-wins", "opt-out-wins", NULL};

    ferry_shape_choice(shape, value, place, names);
}

static void check_tolerance(struct ferry_shape *shape, json_t *value,
                            const struct ferry_place *place)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > TOLERANCE)
        ferry_shape_fault(shape, place, "must be a whole number of seconds from 0 to %d",
                          TOLERANCE);
}

static void check_key(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, NAME,
                        "must be the field of profile that holds the contact's id, like "
                        "externalId");
}

/* --- the filter --- */

static void check_filter_name(struct ferry_shape *shape, json_t *value,
                              const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, FILTER,
                        "must be \"by\" and the id of a custom filter in Campaign, like "
                        "byOptOutsSince");
}

static void check_parameter(struct ferry_shape *shape, json_t *value,
                            const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, NAME,
                        "must be the name of its parameter, like since_parameter");
}

static void check_filter(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {{"name", true, check_filter_name},
                                                        {"parameter", true, check_parameter},
                                                        {NULL, false, NULL}};

    ferry_shape_object(shape, value, place, members);
}

/* --- attributes --- */

static void check_column(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    ferry_shape_pattern(shape, value, place, COLUMN,
                        "must be the name of a Yes/No column of contact in Dynamics 365, like "
                        "donotbulkemail");
}

static void check_name(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    if (!ferry_optinout_attribute(json_string_value(value)))
        ferry_shape_fault(shape, place,
                          "must be one of the opt-outs of Campaign: denyList, denyListEmail, "
                          "denyListFax, denyListMobile, denyListPhone, denyListPostalMail, "
                          "denyListPushnotification, ccpaOptOut");
}

static void check_attribute(struct ferry_shape *shape, json_t *value,
                            const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {
        {"dynamics", true, check_column}, {"campaign", true, check_name}, {NULL, false, NULL}};

    ferry_shape_object(shape, value, place, members);
}

static const char *attribute_at(const json_t *attributes, size_t index)
{
    return ferry_optinout_attribute(text_of(json_array_get(attributes, index), "campaign"));
}

static void check_attributes(struct ferry_shape *shape, json_t *value,
                             const struct ferry_place *place)
{
    ferry_shape_array(shape, value, place, 0, FERRY_OPTOUT_ATTRIBUTES, check_attribute);
    if (json_array_size(value) > FERRY_OPTOUT_ATTRIBUTES)
        return;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *name = attribute_at(value, i);
        const struct ferry_place attribute = {place, NULL, i};
        const struct ferry_place inner = {&attribute, "campaign", 0};

        for (size_t j = 0; name && j < i; j++)
            if (attribute_at(value, j) == name)
                ferry_shape_fault(shape, &inner,
                                  "%s is already attribute number %zu: it is kept in step with one "
                                  "column",
                                  name, j + 1);
    }
}

/* --- export --- */

static void check_titles(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {
        {"externalId", false, ferry_exportshape_header},
        {"denyList", false, ferry_exportshape_header},
        {"denyListLastModified", false, ferry_exportshape_header},
        {"denyListEmail", false, ferry_exportshape_header},
        {"denyListEmailLastModified", false, ferry_exportshape_header},
        {"denyListFax", false, ferry_exportshape_header},
        {"denyListFaxLastModified", false, ferry_exportshape_header},
        {"denyListMobile", false, ferry_exportshape_header},
        {"denyListMobileLastModified", false, ferry_exportshape_header},
        {"denyListPhone", false, ferry_exportshape_header},
        {"denyListPhoneLastModified", false, ferry_exportshape_header},
        {"denyListPostalMail", false, ferry_exportshape_header},
        {"denyListPostalMailLastModified", false, ferry_exportshape_header},
        {"denyListPushnotification", false, ferry_exportshape_header},
        {"denyListPushnotificationLastModified", false, ferry_exportshape_header},
        {"ccpaOptOut", false, ferry_exportshape_header},
        {"ccpaOptOutLastModified", false, ferry_exportshape_header},
        {NULL, false, NULL},
    };

    ferry_shape_object(shape, value, place, members);
    ferry_exportshape_distinct(shape, value, place, NULL, "one column of a file holds one thing");
}

static void check_export(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    static const struct ferry_shape_member members[] = {
        {"folder", false, ferry_exportshape_folder},
        {"files", false, ferry_exportshape_files},
        {"finished", false, ferry_exportshape_finished},
        {"processed", false, ferry_exportshape_folder},
        {"delimiter", false, ferry_exportshape_delimiter},
        {"quote", false, ferry_exportshape_quote},
        {"encoding", false, ferry_exportshape_encoding},
        {"timezone", false, ferry_exportshape_timezone},
        {"columns", false, check_titles},
        {NULL, false, NULL},
    };

    ferry_shape_object(shape, value, place, members);
}

/* --- what only shows when the defaults are there --- */

static bool flows_back(const json_t *filled)
{
    const char *direction = text_of(filled, "direction");

    return strcmp(direction, "both") == 0 || strcmp(direction, "campaign-to-dynamics") == 0;
}

/* Two attributes that differ would write one column back and forth. */
static void check_columns(struct ferry_shape *shape, const json_t *attributes,
                          const struct ferry_place *place)
{
    for (size_t i = 0; i < json_array_size(attributes); i++) {
        const char *column = text_of(json_array_get(attributes, i), "dynamics");
        const struct ferry_place attribute = {place, NULL, i};
        const struct ferry_place inner = {&attribute, "dynamics", 0};

        for (size_t j = 0; j < i; j++)
            if (strcmp(column, text_of(json_array_get(attributes, j), "dynamics")) == 0)
                ferry_shape_fault(shape, &inner,
                                  "%s is already the column of attribute number %zu: several "
                                  "attributes may follow one column only in the direction "
                                  "dynamics-to-campaign, where nothing flows back",
                                  column, j + 1);
    }
}

static void check_whole(struct ferry_shape *shape, const json_t *configuration)
{
    const struct ferry_place attributes = {NULL, "attributes", 0};
    const struct ferry_place export = {NULL, "export", 0};
    json_t *filled = ferry_optinout_fill(configuration);
    const json_t *list = json_object_get(filled, "attributes");

    if (!filled) {
        shape->out_of_memory = true;
        return;
    }
    if (ferry_optinout_is_on(filled) && json_array_size(list) == 0)
        ferry_shape_fault(shape, &attributes,
                          "names no attribute, so there is nothing to keep in step: name at least "
                          "one, or set the direction to disabled");
    if (flows_back(filled))
        check_columns(shape, list, &attributes);
    if (json_object_get(filled, "export"))
        ferry_exportshape_whole(shape, json_object_get(filled, "export"), &export);
    json_decref(filled);
}

enum ferry_status ferry_optinout_check(json_t *configuration, json_t *faults)
{
    static const struct ferry_shape_member members[] = {
        {"$schema", false, ferry_shape_text},
        {"direction", false, check_direction},
        {"rule", false, check_rule},
        {"clockToleranceSeconds", false, check_tolerance},
        {"key", false, check_key},
        {"filter", false, check_filter},
        {"attributes", false, check_attributes},
        {"export", false, check_export},
        {NULL, false, NULL},
    };

    return ferry_shape_document(configuration, members, check_whole, faults);
}
