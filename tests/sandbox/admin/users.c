/* Users of either system change opt-outs by hand. */
#include <string.h>

#include "admin/admin.h"
#include "campaign/optout.h"
#include "dynamics/edit.h"

/* One order of the list, taken apart. */
struct change {
    struct sandbox_world *world;
    bool in_campaign;
    uint8_t id[16];
    const json_t *set; /* names and values */
    int64_t at_ms;     /* by that system's clock */
    struct sandbox_optouts optouts;
};

static const struct sandbox_optout *find_optout(const struct change *change, const char *name)
{
    const struct sandbox_resource *profile = &change->world->campaign.resources[SANDBOX_PROFILE];
    char spelt[SANDBOX_OPTOUT_NAME];
    int field = sandbox_optout_field(profile, name, spelt);

    for (size_t i = 0; i < SANDBOX_OPTOUTS && field >= 0; i++)
        if (change->optouts.of[i].value == (int)sandbox_field_column(profile, (size_t)field))
            return &change->optouts.of[i];
    return NULL;
}

static int find_column(const struct change *change, const char *name)
{
    const struct sandbox_table *table = &change->world->dynamics.tables[SANDBOX_CONTACT];
    int column = sandbox_table_column(table, name);

    return column >= 0 && table->columns[column].type == SANDBOX_TYPE_BOOLEAN ? column : -1;
}

static bool check_set(const struct change *change)
{
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)change->set, name, value) {
        bool known = change->in_campaign ? find_optout(change, name) != NULL
                                         : find_column(change, name) >= 0;
        if (!known || !json_is_boolean(value))
            return false;
    }
    return json_object_size(change->set);
}

static bool read_change(struct sandbox_world *world, const json_t *from, struct change *change)
{
    const char *system = json_string_value(json_object_get(from, "system"));
    const char *contact = json_string_value(json_object_get(from, "contact"));
    const char *at = json_string_value(json_object_get(from, "at"));

    *change = (struct change){.world = world, .set = json_object_get(from, "set")};
    if (!system || !contact || !sandbox_guid_parse(contact, strlen(contact), change->id))
        return false;
    change->in_campaign = strcmp(system, "campaign") == 0;
    if (!change->in_campaign && strcmp(system, "dynamics") != 0)
        return false;
    change->at_ms = change->in_campaign ? sandbox_campaign_now(&world->campaign)
                                        : sandbox_dynamics_now(&world->dynamics);
    if (at && !sandbox_time_parse(at, &change->at_ms))
        return false;
    sandbox_optouts_read(&world->campaign.resources[SANDBOX_PROFILE], &change->optouts);
    return check_set(change);
}

/* Both give false when there is no such row. */
static bool change_profile(const struct change *change)
{
    struct sandbox_campaign *campaign = &change->world->campaign;
    char key[SANDBOX_GUID_SIZE];
    const char *name;
    json_t *value;

    sandbox_guid_format(change->id, key);
    struct sandbox_entry *entry = sandbox_entry_by_key(&campaign->resources[SANDBOX_PROFILE], key);
    if (!entry)
        return false;
    json_object_foreach ((json_t *)(uintptr_t)change->set, name, value) {
        sandbox_optout_set(campaign, entry, find_optout(change, name), json_is_true(value),
                           change->at_ms);
    }
    return true;
}

static bool change_contact(const struct change *change)
{
    struct sandbox_dynamics *dynamics = &change->world->dynamics;
    struct sandbox_table *table = &dynamics->tables[SANDBOX_CONTACT];
    struct sandbox_record *record = sandbox_table_find(table, change->id);
    struct sandbox_edit edit;
    const char *name;
    json_t *value;

    if (!record)
        return false;
    sandbox_edit_begin(&edit, dynamics, table, record);
    edit.raw = true;
    edit.at_ms = change->at_ms;
    json_object_foreach ((json_t *)(uintptr_t)change->set, name, value) {
        sandbox_edit_flag(&edit, (size_t)find_column(change, name), json_is_true(value));
    }
    sandbox_edit_commit(&edit);
    sandbox_edit_done(&edit);
    return true;
}

/* All of them or, when one is malformed, none. */
void sandbox_admin_edit(struct sandbox_order *order)
{
    const json_t *edits = json_object_get(order->json, "edits");
    size_t count = json_array_size(edits), done = 0;
    json_t *missing = json_array();
    struct change change;

    for (size_t i = 0; i < count; i++) {
        if (read_change(order->world, json_array_get(edits, i), &change))
            continue;
        json_decref(missing);
        sandbox_admin_error(order, 400, "edits[%zu] has no system, contact, set of flags, or time",
                            i);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *edit = json_array_get(edits, i);
        read_change(order->world, edit, &change);
        if (change.in_campaign ? change_profile(&change) : change_contact(&change))
            done++;
        else
            json_array_append(missing, json_object_get(edit, "contact"));
    }
    sandbox_reply_json(order->request, 200,
                       json_pack("{s:I,s:o}", "edited", (json_int_t)done, "missing", missing));
}
