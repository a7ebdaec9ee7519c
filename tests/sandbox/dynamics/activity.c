#include "dynamics/activity.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 128

static const struct sandbox_option states[] = {
    {0, "Open"}, {1, "Completed"}, {2, "Canceled"}, {3, "Scheduled"}, {0, NULL}};
static const struct sandbox_option statuses[] = {
    {1, "Open"}, {2, "Completed"}, {3, "Canceled"}, {4, "Scheduled"}, {0, NULL}};
static const struct sandbox_option priorities[] = {
    {0, "Low"}, {1, "Normal"}, {2, "High"}, {0, NULL}};
static const struct sandbox_option yes_no[] = {{1, "Yes"}, {0, "No"}, {0, NULL}};

/* What a custom activity inherits. */
static const struct sandbox_column inherited[] = {
    {.name = "activityid", .type = SANDBOX_TYPE_GUID, .access = SANDBOX_CREATE_ONLY},
    {.name = "subject", .schema = "Subject", .type = SANDBOX_TYPE_STRING},
    {.name = "description", .type = SANDBOX_TYPE_MEMO, .length = 2000},
    {.name = "activitytypecode", .type = SANDBOX_TYPE_ENTITY_NAME, .access = SANDBOX_READ_ONLY},
    {.name = "regardingobjectid", .type = SANDBOX_TYPE_LOOKUP, .targets = "account,contact"},
    {.name = "actualstart", .type = SANDBOX_TYPE_DATETIME},
    {.name = "actualend", .type = SANDBOX_TYPE_DATETIME},
    {.name = "scheduledstart", .type = SANDBOX_TYPE_DATETIME},
    {.name = "scheduledend", .type = SANDBOX_TYPE_DATETIME},
    {.name = "actualdurationminutes", .type = SANDBOX_TYPE_INTEGER},
    {.name = "scheduleddurationminutes", .type = SANDBOX_TYPE_INTEGER},
    {.name = "prioritycode", .type = SANDBOX_TYPE_PICKLIST, .options = priorities},
    {.name = "isbilled", .type = SANDBOX_TYPE_BOOLEAN, .options = yes_no},
    {.name = "createdon", .type = SANDBOX_TYPE_DATETIME, .access = SANDBOX_READ_ONLY},
    {.name = "modifiedon", .type = SANDBOX_TYPE_DATETIME, .access = SANDBOX_READ_ONLY},
    {.name = "createdby",
     .type = SANDBOX_TYPE_LOOKUP,
     .targets = "systemuser",
     .access = SANDBOX_READ_ONLY},
    {.name = "modifiedby",
     .type = SANDBOX_TYPE_LOOKUP,
     .targets = "systemuser",
     .access = SANDBOX_READ_ONLY},
    {.name = "ownerid", .type = SANDBOX_TYPE_OWNER, .targets = "systemuser,team"},
    {.name = "statecode",
     .type = SANDBOX_TYPE_STATE,
     .options = states,
     .access = SANDBOX_UPDATE_ONLY},
    {.name = "statuscode", .type = SANDBOX_TYPE_STATUS, .options = statuses},
    {.name = "versionnumber", .type = SANDBOX_TYPE_BIGINT, .access = SANDBOX_READ_ONLY},
    {.name = "overriddencreatedon", .type = SANDBOX_TYPE_DATETIME, .access = SANDBOX_CREATE_ONLY},
};

struct owned_plan {
    struct sandbox_table_plan plan;
    char name[NAME_SIZE], schema[NAME_SIZE], set[NAME_SIZE];
};

static struct owned_plan *plan_new(const char *schema, const char *set, int type_code)
{
    struct owned_plan *owned = calloc(1, sizeof *owned);

    if (!owned)
        return NULL;
    snprintf(owned->schema, NAME_SIZE, "%s", schema);
    snprintf(owned->set, NAME_SIZE, "%s", set);
    for (size_t i = 0; owned->schema[i]; i++)
        owned->name[i] = (char)tolower((unsigned char)owned->schema[i]);
    owned->plan =
        (struct sandbox_table_plan){.name = owned->name,
                                    .schema = owned->schema,
                                    .set = owned->set,
                                    .primary_id = "activityid",
                                    .primary_name = "subject",
                                    .touched = "subject",
                                    .type_code = type_code,
                                    .activity = true,
                                    .columns = inherited,
                                    .column_count = sizeof inherited / sizeof inherited[0]};
    return owned;
}

struct sandbox_table *sandbox_activity_new(struct sandbox_dynamics *dynamics, const char *schema,
                                           const char *set, unsigned subject_length)
{
    if (dynamics->table_count == SANDBOX_TABLES || strlen(schema) >= NAME_SIZE ||
        strlen(set) >= NAME_SIZE)
        return NULL;
    struct owned_plan *owned = plan_new(schema, set, 10200 + (int)dynamics->table_count);
    if (!owned)
        return NULL;
    struct sandbox_table *table = &dynamics->tables[dynamics->table_count++];
    sandbox_table_init(table, &owned->plan);
    table->owned = owned;
    table->bulk = dynamics->settings.activity_bulk;
    for (size_t i = 0; i < table->column_count; i++) {
        struct sandbox_column *column = &table->columns[i];
        if (strcmp(column->name, "subject") == 0)
            column->length = subject_length;
        if (strcmp(column->name, "regardingobjectid") == 0)
            column->suffix = dynamics->settings.regarding_schema ? owned->schema : owned->name;
    }
    return table;
}

/* What an event of each kind has, and its own. */
static bool add_event(struct sandbox_dynamics *dynamics, const char *schema, const char *set,
                      const char *date, bool url)
{
    struct sandbox_table *table = sandbox_activity_new(dynamics, schema, set, 200);

    return table && sandbox_table_add_column(table, "ferry_Campaign", SANDBOX_TYPE_STRING, 100) &&
           sandbox_table_add_column(table, "ferry_Delivery", SANDBOX_TYPE_STRING, 100) &&
           sandbox_table_add_column(table, date, SANDBOX_TYPE_DATETIME, 0) &&
           sandbox_table_add_column(table, "ferry_MirrorPage", SANDBOX_TYPE_STRING, 2000) &&
           (!url || sandbox_table_add_column(table, "ferry_Url", SANDBOX_TYPE_STRING, 2000));
}

bool sandbox_activities_add(struct sandbox_dynamics *dynamics)
{
    return add_event(dynamics, "ferry_EmailSend", "ferry_emailsends", "ferry_DateSent", false) &&
           add_event(dynamics, "ferry_EmailOpen", "ferry_emailopens", "ferry_DateOpened", false) &&
           add_event(dynamics, "ferry_EmailClick", "ferry_emailclicks", "ferry_DateClicked",
                     true) &&
           add_event(dynamics, "ferry_EmailBounce", "ferry_emailbounces", "ferry_DateBounced",
                     false);
}
