/* What a table in Dynamics 365 needs, and the resource in Campaign that it feeds. */
#include "controller/check_private.h"

#include <stdio.h>

void ferry_check_prepare_part(struct ferry_check_part *part)
{
    struct ferry_check *check = part->check;

    part->table_line = ferry_check_line(check, FERRY_CHECK_DYNAMICS,
                                        part->tracked ? "table" : "activity table", part->table);
    if (part->tracked) {
        part->tracking_line =
            ferry_check_line(check, FERRY_CHECK_DYNAMICS, "change tracking of", part->table);
        part->rows_line =
            ferry_check_line(check, FERRY_CHECK_DYNAMICS, "the right to read", part->table);
    }
    if (part->resource)
        part->resource_line =
            ferry_check_line(check, FERRY_CHECK_CAMPAIGN, "resource", part->resource);
}

/* --- Dynamics 365 --- */

static void on_rows(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_check_part *part = context;

    if (answer->verdict == FERRY_VERDICT_OK)
        ferry_check_ok(part->rows_line);
    else
        ferry_check_error(part->rows_line, &answer->error,
                          ferry_compile_is_passing(answer->verdict));
    ferry_check_answered(part->check);
}

static void ask_rows(struct ferry_check_part *part, const struct ferry_dataverse_table *table)
{
    char path[512];
    const struct ferry_dataverse_request request = {
        .path = path, .on_done = on_rows, .context = part};
    struct ferry_error error;

    snprintf(path, sizeof path, "%s?$select=%s&$top=1", table->entity_set, table->primary_id);
    part->check->pending++;
    if (ferry_dataverse_send(part->check->systems->dataverse, &request, NULL, &error) == FERRY_OK)
        return;
    ferry_check_error(part->rows_line, &error, true);
    ferry_check_answered(part->check);
}

static void judge_table(struct ferry_check_part *part, const struct ferry_dataverse_table *table)
{
    if (part->tracked || table->activity)
        ferry_check_ok(part->table_line);
    else
        ferry_check_missing(part->table_line, "it is there, and is no activity table",
                            "name another table in the configuration");
    if (part->tracked && table->change_tracking)
        ferry_check_ok(part->tracking_line);
    else if (part->tracked)
        ferry_check_missing(part->tracking_line, "change tracking is off for this table",
                            "switch on Track changes in the properties of the table, and publish");
}

static void on_table(void *context, const struct ferry_dataverse_table *table,
                     const struct ferry_remote_answer *answer)
{
    struct ferry_check_part *part = context;
    struct ferry_error error = answer->error;

    if (!table && !part->tracked && answer->verdict == FERRY_VERDICT_ABSENT)
        ferry_advise(&error, "create it with ferryctl setup dynamics");
    if (table) {
        judge_table(part, table);
        if (part->tracked)
            ask_rows(part, table);
    } else {
        ferry_check_error(part->table_line, &error, ferry_compile_is_passing(answer->verdict));
    }
    ferry_check_answered(part->check);
}

/* --- Campaign --- */

static void on_resource(void *context, const struct ferry_campaign_resource *resource,
                        const struct ferry_remote_answer *answer)
{
    struct ferry_check_part *part = context;

    if (resource)
        ferry_check_ok(part->resource_line);
    else
        ferry_check_error(part->resource_line, &answer->error,
                          ferry_compile_is_passing(answer->verdict));
    ferry_check_answered(part->check);
}

static void ask_resource(struct ferry_check_part *part)
{
    struct ferry_error error;

    part->check->pending++;
    if (ferry_campaign_describe(part->check->systems->campaign, part->api, part->resource,
                                on_resource, part, &error) == FERRY_OK)
        return;
    ferry_check_error(part->resource_line, &error, true);
    ferry_check_answered(part->check);
}

void ferry_check_ask_part(struct ferry_check_part *part)
{
    struct ferry_error error;

    part->check->pending++;
    if (ferry_dataverse_describe(part->check->systems->dataverse, part->table, on_table, part,
                                 &error) != FERRY_OK) {
        ferry_check_error(part->table_line, &error, true);
        ferry_check_answered(part->check);
    }
    if (part->resource)
        ask_resource(part);
}
