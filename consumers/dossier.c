#include "consumers/dossier.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char *const side_keys[] = {"dynamics", "campaign"};
_Static_assert(sizeof side_keys / sizeof side_keys[0] == FERRY_SIDES, "one key for each side");

/* --- parsing --- */

static int64_t number_of(const json_t *json, const char *key)
{
    return json_integer_value(json_object_get(json, key));
}

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

/* The one of `count` names; false: it is none of them. */
static bool read_name(const json_t *json, const char *key, const char *(*name)(int), int count,
                      int *ret_value)
{
    const char *text = text_of(json, key);
    for (int i = 0; i < count; i++) {
        if (strcmp(name(i), text) != 0)
            continue;
        *ret_value = i;
        return true;
    }
    return false;
}

static const char *side_name(int side)
{
    return ferry_side_name((enum ferry_side)side);
}

static const char *source_name(int source)
{
    return ferry_optout_source_name((enum ferry_optout_source)source);
}

static const char *direction_name(int direction)
{
    return ferry_direction_name((enum ferry_direction)direction);
}

static const char *rule_name(int rule)
{
    return ferry_rule_name((enum ferry_rule)rule);
}

static const char *ground_name(int ground)
{
    return ferry_ground_name((enum ferry_ground)ground);
}

/* A reason to look: who, where from, which line. */
static bool read_cause(const json_t *json, enum ferry_side *side, enum ferry_optout_source *source,
                       char place[FERRY_PLACE_SIZE])
{
    int found_side = 0;
    int found_source = 0;
    if (!read_name(json, "side", side_name, FERRY_SIDES, &found_side) ||
        !read_name(json, "source", source_name, FERRY_OPTOUT_SOURCES, &found_source))
        return false;
    *side = (enum ferry_side)found_side;
    *source = (enum ferry_optout_source)found_source;
    snprintf(place, FERRY_PLACE_SIZE, "%s", text_of(json, "place"));
    return true;
}

static void read_pair(const json_t *json, struct ferry_dossier_pair *pair)
{
    if (!json_is_object(json))
        return;
    *pair = (struct ferry_dossier_pair){.known = true,
                                        .value = json_is_true(json_object_get(json, "value")),
                                        .time = number_of(json, "time"),
                                        .origin = number_of(json, "origin")};
}

static void read_sides(const json_t *json, struct ferry_decision *decision)
{
    for (int side = 0; side < FERRY_SIDES; side++) {
        const json_t *seen = json_object_get(json, side_keys[side]);
        decision->value[side] = json_is_true(json_object_get(seen, "value"));
        decision->time[side] = number_of(seen, "time");
        decision->counted[side] = number_of(seen, "counted");
    }
}

static bool read_names(const json_t *json, struct ferry_decision *decision)
{
    int direction = 0;
    int rule = 0;
    int ground = 0;
    int winner = 0;
    bool found = read_name(json, "direction", direction_name, FERRY_DIRECTIONS, &direction) &&
                 read_name(json, "rule", rule_name, FERRY_RULES, &rule) &&
                 read_name(json, "ground", ground_name, FERRY_GROUNDS, &ground) &&
                 read_name(json, "winner", side_name, FERRY_SIDES, &winner);
    decision->direction = (enum ferry_direction)direction;
    decision->rule = (enum ferry_rule)rule;
    decision->ground = (enum ferry_ground)ground;
    decision->winner = (enum ferry_side)winner;
    return found;
}

static bool read_open(const json_t *json, struct ferry_dossier_attribute *attribute)
{
    struct ferry_decision *decision = &attribute->decision;
    if (!json)
        return true;
    attribute->open = true;
    decision->number = number_of(json, "number");
    decision->tolerance_ms = number_of(json, "toleranceMs");
    decision->decided_at = number_of(json, "decidedAt");
    read_sides(json, decision);
    return read_names(json, decision) &&
           read_cause(json, &decision->cause, &decision->source, attribute->place);
}

static bool read_attribute(const char *name, const json_t *json, struct ferry_dossier *dossier)
{
    enum ferry_optout_attribute which;
    if (!ferry_optout_from_name((struct ferry_slice){name, strlen(name)}, &which))
        return false;
    struct ferry_dossier_attribute *attribute = &dossier->attributes[which];
    attribute->count = number_of(json, "count");
    attribute->decision.attribute = which;
    for (int side = 0; side < FERRY_SIDES; side++)
        read_pair(json_object_get(json, side_keys[side]), &attribute->pair[side]);
    return read_open(json_object_get(json, "open"), attribute);
}

static bool read_waiting(const json_t *json, struct ferry_dossier *dossier)
{
    if (!json)
        return true;
    dossier->waiting_since = number_of(json, "since");
    return dossier->waiting_since > 0 &&
           read_cause(json, &dossier->waiting_side, &dossier->waiting_source,
                      dossier->waiting_place);
}

static bool read_document(const json_t *json, struct ferry_dossier *dossier)
{
    const char *name;
    const json_t *attribute;
    void *iterator = json_object_iter(json_object_get(json, "attributes"));
    if (!json_is_object(json) || !read_waiting(json_object_get(json, "waiting"), dossier))
        return false;
    dossier->again_at = number_of(json, "again");
    for (; iterator;
         iterator = json_object_iter_next(json_object_get(json, "attributes"), iterator)) {
        name = json_object_iter_key(iterator);
        attribute = json_object_iter_value(iterator);
        if (!read_attribute(name, attribute, dossier))
            return false;
    }
    return true;
}

enum ferry_status ferry_dossier_parse(const char *text, size_t length,
                                      struct ferry_dossier *ret_dossier, struct ferry_error *error)
{
    struct ferry_dossier dossier = {.waiting_since = 0};
    json_t *json = json_loadb(text, length, 0, NULL);
    bool good = read_document(json, &dossier);
    json_decref(json);
    if (!good)
        return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_BUG,
                          "the document is none of optouts.state");
    *ret_dossier = dossier;
    return FERRY_OK;
}

/* --- printing --- */

static json_t *print_cause(enum ferry_side side, enum ferry_optout_source source, const char *place)
{
    return json_pack("{s:s, s:s, s:s}", "side", ferry_side_name(side), "source",
                     ferry_optout_source_name(source), "place", place);
}

static json_t *print_waiting(const struct ferry_dossier *dossier)
{
    json_t *json =
        print_cause(dossier->waiting_side, dossier->waiting_source, dossier->waiting_place);
    json_object_set_new(json, "since", json_integer((json_int_t)dossier->waiting_since));
    return json;
}

static json_t *print_open(const struct ferry_dossier_attribute *attribute)
{
    const struct ferry_decision *decision = &attribute->decision;
    json_t *json = print_cause(decision->cause, decision->source, attribute->place);
    json_t *rest = json_pack(
        "{s:I, s:s, s:s, s:s, s:s, s:I, s:I, s:b}", "number", (json_int_t)decision->number,
        "direction", ferry_direction_name(decision->direction), "rule",
        ferry_rule_name(decision->rule), "ground", ferry_ground_name(decision->ground), "winner",
        ferry_side_name(decision->winner), "toleranceMs", (json_int_t)decision->tolerance_ms,
        "decidedAt", (json_int_t)decision->decided_at, "value", decision->value[decision->winner]);
    json_object_update_new(json, rest);
    for (int side = 0; side < FERRY_SIDES; side++)
        json_object_set_new(json, side_keys[side],
                            json_pack("{s:b, s:I, s:I}", "value", decision->value[side], "time",
                                      (json_int_t)decision->time[side], "counted",
                                      (json_int_t)decision->counted[side]));
    return json;
}

static bool is_blank(const struct ferry_dossier_attribute *attribute)
{
    return attribute->count == 0 && !attribute->open &&
           !attribute->pair[FERRY_SIDE_DYNAMICS].known &&
           !attribute->pair[FERRY_SIDE_CAMPAIGN].known;
}

static json_t *print_attribute(const struct ferry_dossier_attribute *attribute)
{
    json_t *json = json_pack("{s:I}", "count", (json_int_t)attribute->count);
    for (int side = 0; side < FERRY_SIDES; side++) {
        const struct ferry_dossier_pair *pair = &attribute->pair[side];
        if (pair->known)
            json_object_set_new(json, side_keys[side],
                                json_pack("{s:b, s:I, s:I}", "value", pair->value, "time",
                                          (json_int_t)pair->time, "origin",
                                          (json_int_t)pair->origin));
    }
    if (attribute->open)
        json_object_set_new(json, "open", print_open(attribute));
    return json;
}

char *ferry_dossier_print(const struct ferry_dossier *dossier)
{
    json_t *attributes = json_object();
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++)
        if (!is_blank(&dossier->attributes[i]))
            json_object_set_new(attributes, ferry_optout_name((enum ferry_optout_attribute)i),
                                print_attribute(&dossier->attributes[i]));
    json_t *json = json_pack("{s:o}", "attributes", attributes);
    if (dossier->waiting_since != 0)
        json_object_set_new(json, "waiting", print_waiting(dossier));
    if (dossier->again_at != 0)
        json_object_set_new(json, "again", json_integer((json_int_t)dossier->again_at));
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return text;
}

/* --- looking --- */

bool ferry_dossier_empty(const struct ferry_dossier *dossier)
{
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++)
        if (!is_blank(&dossier->attributes[i]))
            return false;
    return dossier->waiting_since == 0 && dossier->again_at == 0;
}

bool ferry_dossier_urgent(const struct ferry_dossier *dossier)
{
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++)
        if (dossier->attributes[i].open)
            return true;
    return dossier->waiting_since != 0;
}

bool ferry_dossier_unfinished(const struct ferry_dossier *dossier)
{
    return ferry_dossier_urgent(dossier) || dossier->again_at != 0;
}
