/* What Opt-In/Out needs in both systems, as its compilation found it; what is wrong stands among
 * its faults. */
#include "controller/check_private.h"
#include "controller/optinout.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void add_good(struct ferry_check *check, const char *system, const char *what,
                     const char *of)
{
    ferry_check_ok(ferry_check_line(check, system, what, of));
}

static void add_attribute(struct ferry_check *check, const json_t *attribute)
{
    const char *time = text_of(attribute, "time");
    json_t *line;

    add_good(check, FERRY_CHECK_DYNAMICS, "Yes/No column of contact",
             text_of(attribute, "dynamics"));
    add_good(check, FERRY_CHECK_CAMPAIGN, "opt-out of profile", text_of(attribute, "campaign"));
    line = ferry_check_line(check, FERRY_CHECK_CAMPAIGN, "time of",
                            time ? time : text_of(attribute, "campaign"));
    ferry_check_ok(line);
    if (!time)
        json_object_set_new(line, "message",
                            json_string("the instance keeps none: where the systems differ, an "
                                        "opt-out wins"));
}

/* Where Campaign only follows, nothing is read from there. */
static void add_filter(struct ferry_check *check, const json_t *optouts, const char *name)
{
    json_t *line = ferry_check_line(check, FERRY_CHECK_CAMPAIGN, "custom filter", name);

    if (json_is_object(json_object_get(optouts, "filter")) ||
        strcmp(text_of(optouts, "direction"), "dynamics-to-campaign") == 0)
        ferry_check_ok(line);
    else
        ferry_check_missing(line,
                            "this instance has none: what people decide in Campaign is known from "
                            "export files alone, which are as old as the export",
                            "create and publish it on profiles, over the times of the opt-outs "
                            "(docs/opt-in-out.md)");
}

void ferry_check_add_optouts(struct ferry_check *check, const json_t *configuration,
                             const json_t *order)
{
    const json_t *optouts = json_object_get(order, "optOuts");
    json_t *filled;
    size_t i;
    json_t *attribute;

    if (!optouts)
        return;
    filled = ferry_optinout_fill(configuration);
    add_good(check, FERRY_CHECK_CAMPAIGN, "identification key", text_of(optouts, "key"));
    json_array_foreach (json_object_get(optouts, "attributes"), i, attribute)
        add_attribute(check, attribute);
    if (filled)
        add_filter(check, optouts, text_of(json_object_get(filled, "filter"), "name"));
    json_decref(filled);
}
