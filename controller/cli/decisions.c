/* get decisions: what was decided about a person's opt-outs, and why. */
#include "controller/cli/columns.h"
#include "controller/cli/command.h"
#include "core/base/clock.h"

#include <stdio.h>
#include <string.h>

static void add_time(struct ferry_columns *columns, const json_t *at)
{
    char time[FERRY_TIME_SIZE] = "";

    if (json_is_integer(at))
        ferry_time_format(json_integer_value(at), time);
    ferry_columns_add(columns, time);
}

/* "true at 2026-11-22T08:15:30.000Z", and in brackets the time that counted where that is another
 * one. */
static void add_side(struct ferry_columns *columns, const json_t *side)
{
    json_int_t changed = json_integer_value(json_object_get(side, "changedAt"));
    json_int_t counted = json_integer_value(json_object_get(side, "countedAt"));
    char time[FERRY_TIME_SIZE] = "";
    char other[FERRY_TIME_SIZE] = "";
    char text[128];

    if (changed > 0)
        ferry_time_format(changed, time);
    if (counted > 0 && counted / 1000 != changed / 1000)
        ferry_time_format(counted, other);
    snprintf(text, sizeof text, "%s%s%s%s%s%s",
             json_is_true(json_object_get(side, "value")) ? "true" : "false", *time ? " at " : "",
             time, *other ? " (counted as " : "", other, *other ? ")" : "");
    ferry_columns_add(columns, text);
}

static void print_items(const json_t *items)
{
    static const char *const titles[] = {"DECIDED",  "ATTRIBUTE", "STATE", "WINNER",    "GROUND",
                                         "DYNAMICS", "CAMPAIGN",  "RULE",  "TOLERANCE", NULL};
    struct ferry_columns *columns = ferry_columns_new(titles);
    size_t i;
    json_t *item;

    json_array_foreach (items, i, item) {
        char tolerance[32];

        snprintf(tolerance, sizeof tolerance, "%lld s",
                 (long long)json_integer_value(json_object_get(item, "toleranceMs")) / 1000);
        add_time(columns, json_object_get(item, "decidedAt"));
        ferry_columns_add(columns, ferry_command_text(item, "attribute"));
        ferry_columns_add(columns, ferry_command_text(item, "state"));
        ferry_columns_add(columns, ferry_command_text(item, "winner"));
        ferry_columns_add(columns, ferry_command_text(item, "ground"));
        add_side(columns, json_object_get(item, "dynamics"));
        add_side(columns, json_object_get(item, "campaign"));
        ferry_columns_add(columns, ferry_command_text(item, "rule"));
        ferry_columns_add(columns, tolerance);
    }
    ferry_columns_print(columns);
    ferry_columns_free(columns);
}

int ferry_get_decisions(const struct ferry_command *command)
{
    struct ferry_client_answer answer;
    char path[512];
    int code;

    if (!command->contact ||
        command->contact[strspn(command->contact, "0123456789abcdefABCDEF-")] != '\0') {
        fprintf(stderr, "ferryctl: get decisions needs --contact ID, the id of a contact in "
                        "Dynamics 365\n");
        return FERRY_EXIT_USAGE;
    }
    snprintf(path, sizeof path, "/v1/workflows/opt-in-out/decisions?contact=%.100s",
             command->contact);
    code = ferry_command_ask(command, "GET", path, NULL, NULL, &answer);
    if (code != FERRY_EXIT_OK)
        return code;
    if (command->output == FERRY_OUTPUT_JSON)
        ferry_command_print(answer.body);
    else
        print_items(json_object_get(answer.body, "items"));
    ferry_client_done(&answer);
    return FERRY_EXIT_OK;
}
