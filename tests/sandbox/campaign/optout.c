#include "campaign/optout.h"

#include <stdio.h>
#include <string.h>

static const char *const channels[SANDBOX_OPTOUTS] = {
    "", "Email", "Fax", "Mobile", "Phone", "PostalMail", "Pushnotification", "ccpaOptOut"};

static int column_of(const struct sandbox_resource *profile, const char *name,
                     const char **ret_name)
{
    int field = sandbox_resource_field(profile, name);

    if (field < 0)
        return -1;
    if (ret_name)
        *ret_name = profile->fields[field].name;
    return (int)sandbox_field_column(profile, (size_t)field);
}

static void read_one(const struct sandbox_resource *profile, const char *prefix,
                     struct sandbox_optout *optout)
{
    char name[64];

    snprintf(name, sizeof name, "%s%s", prefix, optout->channel);
    optout->value = column_of(profile, name, &optout->name);
    snprintf(name, sizeof name, "%s%sLastModified", prefix, optout->channel);
    optout->changed = column_of(profile, name, NULL);
}

void sandbox_optouts_read(const struct sandbox_resource *profile,
                          struct sandbox_optouts *ret_optouts)
{
    bool old = sandbox_resource_field(profile, "blackList") >= 0;

    *ret_optouts = (struct sandbox_optouts){0};
    for (size_t i = 0; i < SANDBOX_OPTOUTS; i++) {
        struct sandbox_optout *optout = &ret_optouts->of[i];
        bool list = strcmp(channels[i], "ccpaOptOut") != 0;
        snprintf(optout->channel, sizeof optout->channel, "%s", channels[i]);
        read_one(profile, !list ? "" : old ? "blackList" : "denyList", optout);
    }
    ret_optouts->all_changed =
        column_of(profile, old ? "blackListAllLastModified" : "denyListAllLastModified", NULL);
}

int sandbox_optout_field(const struct sandbox_resource *profile, const char *name,
                         char ret_name[static SANDBOX_OPTOUT_NAME])
{
    static const char *const prefixes[] = {"blackList", "denyList"};
    int field = sandbox_resource_field(profile, name);

    snprintf(ret_name, SANDBOX_OPTOUT_NAME, "%s", name);
    for (size_t i = 0; i < 2 && field < 0; i++) {
        size_t length = strlen(prefixes[1 - i]);
        if (strncmp(name, prefixes[1 - i], length) != 0)
            continue;
        snprintf(ret_name, SANDBOX_OPTOUT_NAME, "%s%s", prefixes[i], name + length);
        field = sandbox_resource_field(profile, ret_name);
    }
    return field;
}

struct sandbox_slice sandbox_optouts_newest(const struct sandbox_optouts *optouts,
                                            const struct sandbox_row *row)
{
    struct sandbox_slice newest = {0};

    for (size_t i = 0; i < SANDBOX_OPTOUTS; i++) {
        if (optouts->of[i].changed < 0)
            continue;
        struct sandbox_slice time = sandbox_row_get(row, (size_t)optouts->of[i].changed);
        if (time.at && (!newest.at || memcmp(time.at, newest.at, time.length) > 0))
            newest = time;
    }
    return newest;
}

struct edit {
    struct sandbox_values values;
    char time[SANDBOX_TIME_SIZE + 2];
};

/* The latest of all times does not go back. */
static void set_time(struct edit *edit, int column, bool latest)
{
    size_t length = strlen(edit->time);

    if (column < 0)
        return;
    struct sandbox_slice *value = &edit->values.of[column];
    if (!latest || !value->at || memcmp(value->at, edit->time, length) < 0)
        *value = (struct sandbox_slice){edit->time, length};
}

bool sandbox_optout_set(struct sandbox_campaign *campaign, struct sandbox_entry *entry,
                        const struct sandbox_optout *optout, bool value, int64_t at_ms)
{
    struct sandbox_resource *profile = &campaign->resources[SANDBOX_PROFILE];
    struct sandbox_columns columns = {0};
    struct sandbox_optouts optouts;
    char text[SANDBOX_TIME_SIZE];
    struct edit edit;

    sandbox_row_unpack(entry->row, &edit.values);
    bool differs = (edit.values.of[optout->value].at != NULL) != value;
    sandbox_time_campaign(at_ms, text);
    snprintf(edit.time, sizeof edit.time, "\"%s\"", text);
    edit.values.of[optout->value] =
        value ? (struct sandbox_slice){"true", 4} : (struct sandbox_slice){0};
    if (differs && !campaign->settings.attribute_times_off) {
        sandbox_optouts_read(profile, &optouts);
        set_time(&edit, optout->changed, false);
        if (strncmp(optout->name, "ccpa", 4) != 0)
            set_time(&edit, optouts.all_changed, true);
    }
    if (differs || !campaign->settings.same_value_quiet)
        set_time(&edit, profile->modified, true);
    sandbox_columns_add(&columns, (size_t)optout->value);
    return sandbox_campaign_store(campaign, profile, entry, sandbox_row_new(&edit.values), &columns,
                                  true);
}
