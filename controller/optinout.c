#include "controller/optinout.h"

#include "controller/configuration.h"
#include "controller/exportshape.h"
#include "controller/fault.h"
#include "core/record/optout.h"

#include <stdio.h>
#include <string.h>

#define DISABLED       "disabled"
#define KEY            "externalId"
#define TOLERANCE      60 /* seconds */
#define FILTER         "byOptOutsSince"
#define FILTER_MEMBER  "since_parameter"
#define EXPORTED_FILES "optout_*"

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static bool is_text(const json_t *object, const char *name, const char *wanted)
{
    const char *text = text_of(object, name);

    return text && strcmp(text, wanted) == 0;
}

bool ferry_optinout_is_on(const json_t *configuration)
{
    return json_object_get(configuration, "direction") &&
           !is_text(configuration, "direction", DISABLED);
}

bool ferry_optinout_reads_files(const json_t *filled)
{
    return json_object_get(filled, "export") && ferry_optinout_is_on(filled) &&
           !is_text(filled, "direction", "dynamics-to-campaign");
}

const char *ferry_optinout_attribute(const char *name)
{
    enum ferry_optout_attribute attribute;

    if (!name || !ferry_optout_from_name((struct ferry_slice){name, strlen(name)}, &attribute))
        return NULL;
    return ferry_optout_name(attribute);
}

/* --- the defaults --- */

/* Files are looked for only where somebody says so: `exported`. */
static json_t *make_defaults(bool exported)
{
    json_t *defaults =
        json_pack("{s:s, s:s, s:i, s:s, s:{s:s, s:s}, s:[]}", "direction", DISABLED, "rule",
                  "original", "clockToleranceSeconds", TOLERANCE, "key", KEY, "filter", "name",
                  FILTER, "parameter", FILTER_MEMBER, "attributes");
    json_t *export = exported ? ferry_exportshape_defaults() : NULL;

    if (!exported)
        return defaults;
    if (json_object_set_new(export, "files", json_string(EXPORTED_FILES)) == 0 &&
        json_object_set(defaults, "export", export) == 0) {
        json_decref(export);
        return defaults;
    }
    json_decref(export);
    json_decref(defaults);
    return NULL;
}

static bool name_attributes(json_t *attributes)
{
    size_t i;
    json_t *attribute;

    json_array_foreach (attributes, i, attribute) {
        const char *name = ferry_optinout_attribute(text_of(attribute, "campaign"));

        if (!name || json_object_set_new(attribute, "campaign", json_string(name)) != 0)
            return false;
    }
    return true;
}

json_t *ferry_optinout_fill(const json_t *configuration)
{
    json_t *filled = make_defaults(json_object_get(configuration, "export") != NULL);
    /* Only read, and what is taken over is copied before anybody can change it. */
    json_t *own = configuration ? json_deep_copy(configuration) : json_object();

    if (!filled || !own || json_object_update_recursive(filled, own) != 0 ||
        !name_attributes(json_object_get(filled, "attributes"))) {
        json_decref(filled);
        filled = NULL;
    }
    json_object_del(filled, "$schema");
    json_decref(own);
    return filled;
}

/* --- beside the mappings --- */

static bool add_collision(enum ferry_optinout_saved saved, const size_t place[3],
                          const char *destination, json_t *faults)
{
    char path[128];

    if (saved == FERRY_OPTINOUT_MAPPINGS_SAVED)
        snprintf(path, sizeof path, "/mappings/%zu/fields/%zu/destination", place[0], place[1]);
    else
        snprintf(path, sizeof path, "/attributes/%zu/campaign", place[2]);
    return ferry_fault_add(faults, FERRY_CLASS_MAPPING, path,
                           "mappings[%zu].fields[%zu] writes %s, which Opt-In/Out keeps "
                           "(attributes[%zu]): take it out of one of the two",
                           place[0], place[1], destination, place[2]);
}

/* Appends what is wrong about one field of a mapping into profiles. */
static bool collide(const json_t *attributes, const char *destination, size_t place[3],
                    enum ferry_optinout_saved saved, json_t *faults)
{
    const char *name = ferry_optinout_attribute(destination);
    json_t *attribute;

    json_array_foreach (attributes, place[2], attribute)
        if (name && ferry_optinout_attribute(text_of(attribute, "campaign")) == name &&
            !add_collision(saved, place, destination, faults))
            return false;
    return true;
}

bool ferry_optinout_collide(const json_t *configuration, const json_t *mappings,
                            enum ferry_optinout_saved saved, json_t *faults)
{
    const json_t *attributes = json_object_get(configuration, "attributes");
    size_t place[3] = {0, 0, 0}; /* mapping, field, attribute */
    json_t *mapping;
    json_t *field;

    if (!ferry_optinout_is_on(configuration))
        return true;
    json_array_foreach (json_object_get(mappings, "mappings"), place[0], mapping) {
        if (!is_text(mapping, "resource", FERRY_OPTINOUT_RESOURCE))
            continue;
        json_array_foreach (json_object_get(mapping, "fields"), place[1], field)
            if (!collide(attributes, text_of(field, "destination"), place, saved, faults))
                return false;
    }
    return true;
}

/* --- births --- */

static bool takes_part(const json_t *configuration, const json_t *mapping)
{
    const char *key = text_of(configuration, "key");

    return ferry_optinout_is_on(configuration) && is_text(mapping, "table", FERRY_OPTINOUT_TABLE) &&
           is_text(mapping, "resource", FERRY_OPTINOUT_RESOURCE) &&
           is_text(mapping, "key", key ? key : KEY);
}

json_t *ferry_optinout_births(const json_t *configuration, const json_t *mapping)
{
    json_t *births = json_object();
    size_t i;
    json_t *attribute;

    if (!takes_part(configuration, mapping))
        return births;
    json_array_foreach (json_object_get(configuration, "attributes"), i, attribute) {
        const char *name = ferry_optinout_attribute(text_of(attribute, "campaign"));

        if (json_object_set(births, name, json_object_get(attribute, "dynamics")) != 0) {
            json_decref(births);
            return NULL;
        }
    }
    return births;
}

/* The same of a compiled mapping: what it really carries. */
static json_t *carried_by(const json_t *mapping)
{
    json_t *carried = json_object();
    size_t i;
    json_t *field;

    json_array_foreach (json_object_get(mapping, "fields"), i, field) {
        const char *name = text_of(field, "optOut");

        if (name)
            json_object_set(carried, name, json_object_get(field, "source"));
    }
    return carried;
}

bool ferry_optinout_is_carried(const json_t *order, const json_t *configuration)
{
    bool carried = true;
    size_t i;
    json_t *mapping;

    json_array_foreach (json_object_get(order, "mappings"), i, mapping) {
        json_t *births = ferry_optinout_births(configuration, mapping);
        json_t *actual = carried_by(mapping);

        carried = carried && json_equal(births, actual) == 1;
        json_decref(actual);
        json_decref(births);
    }
    return carried;
}

static const char *missing_in(const json_t *mapping, const json_t *configuration)
{
    json_t *births = ferry_optinout_births(configuration, mapping);
    json_t *actual = carried_by(mapping);
    const char *missing = NULL;
    const char *name;
    json_t *column;

    json_object_foreach (births, name, column)
        if (!missing && json_equal(json_object_get(actual, name), column) != 1)
            missing = ferry_optinout_attribute(name); /* outlives the object */
    json_decref(actual);
    json_decref(births);
    return missing;
}

const char *ferry_optinout_missing(const json_t *order, const json_t *configuration)
{
    const char *missing = NULL;
    size_t i;
    json_t *mapping;

    json_array_foreach (json_object_get(order, "mappings"), i, mapping)
        missing = missing ? missing : missing_in(mapping, configuration);
    return missing;
}

/* --- against the systems --- */

json_t *ferry_optinout_refusal(const json_t *table, const json_t *resource, const char *attribute,
                               const char *column, const char **ret_member)
{
    const char *type = text_of(json_object_get(json_object_get(table, "columns"), column), "type");
    const char *wire = text_of(json_object_get(resource, "optOuts"), attribute);
    const json_t *field = wire ? json_object_get(json_object_get(resource, "fields"), wire) : NULL;

    *ret_member = type && strcmp(type, "Boolean") == 0 ? "campaign" : "dynamics";
    if (!type)
        return json_sprintf("the table %s has no column %s that Ferry may read",
                            text_of(table, "name"), column);
    if (strcmp(type, "Boolean") != 0)
        return json_sprintf("%s is of the type %s, and an opt-out is true or false: name a column "
                            "of the type Boolean (Yes/No)",
                            column, type);
    if (!field)
        return json_sprintf("this instance has no attribute %s", attribute);
    if (!is_text(field, "type", "boolean") || json_is_true(json_object_get(field, "readOnly")))
        return json_sprintf("%s cannot be written as true or false in this instance", wire);
    return NULL;
}
