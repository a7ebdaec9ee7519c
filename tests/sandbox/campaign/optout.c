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
