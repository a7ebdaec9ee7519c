/* describe workflow: one page for a person. */
#include "controller/cli/columns.h"
#include "controller/cli/command.h"
#include "core/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNTER_LINE "      %-32s%s\n"

static void line(const char *title, const char *text)
{
    printf("%-18s%s\n", title, *text ? text : "-");
}

static void number_line(const char *title, const json_t *number)
{
    char text[32] = "unknown";

    if (json_is_integer(number))
        ferry_columns_number(json_integer_value(number), text);
    else if (json_is_real(number))
        snprintf(text, sizeof text, "%.1f", json_real_value(number));
    line(title, text);
}

static void print_trouble(const char *title, const json_t *trouble, int indent)
{
    const char *named = ferry_command_text(trouble, "class");
    const char *class = strcmp(named, "none") == 0 ? "" : named;
    const char *action = ferry_command_text(trouble, "action");
    json_int_t retry_at = json_integer_value(json_object_get(trouble, "retryAt"));
    char at[FERRY_TIME_SIZE];

    if (!json_is_object(trouble))
        return;
    printf("%*s%s%s%s%s: %s\n", indent, "", title, *class ? " (" : "", class, *class ? ")" : "",
           ferry_command_text(trouble, "message"));
    if (*action)
        printf("%*s  what to do: %s\n", indent, "", action);
    if (retry_at > 0) {
        ferry_time_format(retry_at, at);
        printf("%*s  next try: %s\n", indent, "", at);
    }
}

static void print_status(const json_t *workflow)
{
    const char *status = ferry_command_text(workflow, "status");
    size_t i;
    json_t *item;

    printf("%-18s%s%s\n", "Status:", status,
           json_is_true(json_object_get(workflow, "stopping")) ? ", stopping" : "");
    json_array_foreach (json_object_get(workflow, "waitingFor"), i, item)
        line(i == 0 ? "Waiting for:" : "", json_string_value(item));
    line("Restart needed:",
         json_is_true(json_object_get(workflow, "restartNeeded"))
             ? "yes: what was saved (ferryctl diff shows it) or a replay waits for it"
             : "no");
}

static void print_order(const json_t *workflow)
{
    json_int_t at = json_integer_value(json_object_get(workflow, "orderedAt"));
    char time[FERRY_TIME_SIZE] = "-";

    if (at > 0)
        ferry_time_format(at, time);
    printf("%-18s%s by %s\n", "Last order:", time,
           at > 0 ? ferry_command_text(workflow, "orderedBy") : "nobody");
    printf("%-18srunning %lld, saved %lld\n",
           "Revision:", (long long)json_integer_value(json_object_get(workflow, "revision")),
           (long long)json_integer_value(json_object_get(workflow, "savedRevision")));
}

static void print_backlog(const json_t *workflow)
{
    const json_t *seconds = json_object_get(workflow, "secondsToEmpty");
    const json_t *oldest = json_object_get(workflow, "oldestWaitingAt");
    char age[16];

    number_line("Backlog:", json_object_get(workflow, "backlog"));
    if (json_is_object(json_object_get(workflow, "optOuts")))
        number_line("Without profile:", json_object_get(workflow, "waiting"));
    else if (!json_is_object(json_object_get(workflow, "events")))
        number_line("Waiting children:", json_object_get(workflow, "waiting"));
    if (json_is_integer(oldest)) {
        ferry_columns_age((ferry_wall_ms() - json_integer_value(oldest)) / 1000, age);
        line("Oldest waits:", age);
    }
    number_line("Written/s:", json_object_get(workflow, "writtenPerSecond"));
    if (json_is_integer(seconds) && json_integer_value(seconds) > 0) {
        ferry_columns_age(json_integer_value(seconds), age);
        line("Empty in:", age);
    }
}

/* A time is a member whose name ends in At, in milliseconds since the epoch; 0: never. */
static bool is_time(const char *key, const json_t *value)
{
    size_t length = strlen(key);

    return json_is_integer(value) && length > 2 && strcmp(key + length - 2, "At") == 0;
}

static void print_counter(const char *key, const json_t *value)
{
    char time[FERRY_TIME_SIZE] = "-";

    if (is_time(key, value)) {
        if (json_integer_value(value) > 0)
            ferry_time_format(json_integer_value(value), time);
        printf(COUNTER_LINE, key, time);
    } else if (json_is_string(value)) {
        printf(COUNTER_LINE, key, json_string_value(value));
    } else if (json_is_object(value) && json_object_size(value) == 0) {
        printf(COUNTER_LINE, key, "-");
    } else {
        char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));

        printf(COUNTER_LINE, key, text ? text : "");
        free(text);
    }
}

static void print_counters(json_t *counters)
{
    const char *key;
    json_t *value;

    json_object_foreach (counters, key, value)
        if (strcmp(key, "deletesHeldBelow") != 0) /* for the controller alone */
            print_counter(key, value);
}

static void print_task(const char *role, const json_t *task)
{
    char age[16];

    if (!json_is_object(task)) {
        printf("    %s: none\n", role);
        return;
    }
    ferry_columns_age(json_integer_value(json_object_get(task, "silentMs")) / 1000, age);
    printf("    %s: %s %s%s%s\n", role, ferry_command_text(task, "worker"),
           ferry_command_text(task, "state"),
           json_is_true(json_object_get(task, "live")) ? "" : ", silent for ",
           json_is_true(json_object_get(task, "live")) ? "" : age);
    print_trouble("error", json_object_get(task, "error"), 6);
    print_trouble("warning", json_object_get(task, "warning"), 6);
    print_counters(json_object_get(task, "counters"));
}

static void print_writers(const json_t *list)
{
    size_t i;
    json_t *writer;

    if (json_array_size(list) == 0)
        print_task("writer", NULL);
    json_array_foreach (list, i, writer) {
        char *partitions = json_dumps(json_object_get(writer, "partitions"), JSON_COMPACT);

        print_task("writer", writer);
        printf(COUNTER_LINE, "partitions", partitions ? partitions : "");
        free(partitions);
    }
}

static void print_mapping(const char *workflow, const json_t *mapping)
{
    const json_t *backlog = json_object_get(mapping, "backlog");
    json_int_t held = json_integer_value(json_object_get(mapping, "deletesHeld"));
    char text[32] = "unknown";

    if (json_is_integer(backlog))
        ferry_columns_number(json_integer_value(backlog), text);
    printf("  %s -> %s: backlog %s, waiting %lld\n", ferry_command_text(mapping, "table"),
           ferry_command_text(mapping, "resource"), text,
           (long long)json_integer_value(json_object_get(mapping, "waiting")));
    if (held > 0)
        printf("    deletes: %lld wait for ferryctl deletes approve|drop %s --table %s --expect "
               "%lld\n",
               (long long)held, workflow, ferry_command_text(mapping, "table"), (long long)held);
    if (json_is_true(json_object_get(mapping, "replayPending")))
        printf("    replay: pending, starts with the next start\n");
    print_task("reader", json_object_get(mapping, "reader"));
    print_writers(json_object_get(mapping, "writers"));
}

static void print_kinds(const json_t *events)
{
    char text[128] = "";
    size_t used = 0;
    size_t i;
    json_t *kind;

    json_array_foreach (json_object_get(events, "kinds"), i, kind)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.20s", i ? ", " : "",
                                 json_string_value(kind) ? json_string_value(kind) : "");
    line("Events:", text);
}

/* "SEND 12, OPEN 3": what there is none of is left out. */
static void print_counts(const char *title, json_t *counts)
{
    char text[256] = "";
    size_t used = 0;
    const char *name;
    json_t *value;

    json_object_foreach (counts, name, value) {
        char number[32];

        if (json_integer_value(value) == 0 || used >= sizeof text - 64)
            continue;
        ferry_columns_number(json_integer_value(value), number);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.20s %s", used ? ", " : "",
                                 name, number);
    }
    line(title, text);
}

static void print_events(const json_t *workflow)
{
    const json_t *events = json_object_get(workflow, "events");
    json_int_t since = json_integer_value(json_object_get(events, "since"));
    char time[FERRY_TIME_SIZE] = "-";

    if (since > 0)
        ferry_time_format(since, time);
    print_kinds(events);
    line("Since:", time);
    line("Source:", ferry_command_text(events, "source"));
    number_line("Files read:", json_object_get(events, "filesRead"));
    number_line("Files waiting:", json_object_get(events, "filesWaiting"));
    number_line("Events read:", json_object_get(events, "eventsRead"));
    print_counts("Skipped:", json_object_get(events, "skipped"));
    print_counts("Written:", json_object_get(events, "written"));
    number_line("Written before:", json_object_get(events, "repeated"));
    printf("%-18srows of files %lld, events %lld (ferryctl get rejects %s)\n",
           "Rejected:", (long long)json_integer_value(json_object_get(events, "recordsRejected")),
           (long long)json_integer_value(json_object_get(events, "rejected")),
           ferry_command_text(workflow, "id"));
    printf("Tasks:\n");
    print_task("reader", json_object_get(events, "reader"));
    print_writers(json_object_get(events, "writers"));
}

static void print_attributes(const json_t *opt_outs)
{
    size_t i;
    json_t *attribute;

    printf("Attributes:\n");
    json_array_foreach (json_object_get(opt_outs, "attributes"), i, attribute)
        printf("  %s <-> %s%s\n", ferry_command_text(attribute, "dynamics"),
               ferry_command_text(attribute, "campaign"),
               json_is_null(json_object_get(attribute, "time")) ? ", without a time: opt-out wins"
                                                                : "");
}

/* "API, 3 s old at most": in the greatest unit of which there are two. */
static void print_age(const json_t *source)
{
    static const struct {
        json_int_t seconds;
        const char *name;
    } units[] = {{86400, "days"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    const json_t *age = json_object_get(source, "newsAgeSeconds");
    json_int_t seconds = json_integer_value(age);
    size_t unit = 0;
    char text[96];

    while (units[unit].seconds > 1 && seconds < 2 * units[unit].seconds)
        unit++;
    if (json_is_integer(age))
        snprintf(text, sizeof text, "%.20s, %lld %s old at most",
                 ferry_command_text(source, "source"), (long long)(seconds / units[unit].seconds),
                 units[unit].name);
    else
        snprintf(text, sizeof text, "%.20s, nothing read yet",
                 ferry_command_text(source, "source"));
    line("Campaign's news:", text);
}

static void print_sources(const json_t *opt_outs)
{
    size_t i;
    json_t *source;

    json_array_foreach (json_object_get(opt_outs, "sources"), i, source)
        print_age(source);
}

static void print_stream(const json_t *stream)
{
    const json_t *backlog = json_object_get(stream, "backlog");
    char text[32] = "unknown";

    if (json_is_integer(backlog))
        ferry_columns_number(json_integer_value(backlog), text);
    printf("  %s: backlog %s\n", ferry_command_text(stream, "name"), text);
    if (strcmp(ferry_command_text(stream, "name"), "load") != 0)
        print_task("reader", json_object_get(stream, "reader"));
    if (json_is_object(json_object_get(stream, "exports")))
        print_task("exports", json_object_get(stream, "exports"));
}

static void print_opt_outs(const json_t *opt_outs)
{
    const json_t *streams = json_object_get(opt_outs, "streams");
    const char *filter = ferry_command_text(json_object_get(opt_outs, "filter"), "name");
    size_t i;
    json_t *stream;

    line("Direction:", ferry_command_text(opt_outs, "direction"));
    line("Rule:", ferry_command_text(opt_outs, "rule"));
    printf("%-18s%lld s\n", "Clock tolerance:",
           (long long)json_integer_value(json_object_get(opt_outs, "clockToleranceMs")) / 1000);
    line("Filter:", *filter ? filter : "none in this instance");
    print_sources(opt_outs);
    print_attributes(opt_outs);
    print_counts("Decided for:", json_object_get(opt_outs, "decided"));
    print_counts("Written to:", json_object_get(opt_outs, "written"));
    number_line("Of one mind:", json_object_get(opt_outs, "equal"));
    number_line("Overtaken:", json_object_get(opt_outs, "overtaken"));
    number_line("Without contact:", json_object_get(opt_outs, "withoutContact"));
    number_line("Rejected:", json_object_get(opt_outs, "rejected"));
    printf("Streams:\n");
    json_array_foreach (streams, i, stream)
        print_stream(stream);
    print_writers(json_object_get(json_array_get(streams, 0), "writers"));
}

static void print_mappings(const json_t *workflow)
{
    const json_t *mappings = json_object_get(workflow, "mappings");
    size_t i;
    json_t *mapping;

    printf("Mappings:\n");
    json_array_foreach (mappings, i, mapping)
        print_mapping(ferry_command_text(workflow, "id"), mapping);
    if (json_array_size(mappings) == 0)
        printf("  none\n");
}

static void print_page(const json_t *workflow)
{
    size_t i;
    json_t *item;

    line("Name:", ferry_command_text(workflow, "id"));
    line("Title:", ferry_command_text(workflow, "name"));
    print_status(workflow);
    print_trouble("Error", json_object_get(workflow, "error"), 0);
    json_array_foreach (json_object_get(workflow, "errors"), i, item)
        printf("  %s %s\n", ferry_command_text(item, "path"), ferry_command_text(item, "reason"));
    json_array_foreach (json_object_get(workflow, "warnings"), i, item)
        print_trouble("Warning", item, 0);
    print_order(workflow);
    print_backlog(workflow);
    if (json_is_object(json_object_get(workflow, "events")))
        print_events(workflow);
    else if (json_is_object(json_object_get(workflow, "optOuts")))
        print_opt_outs(json_object_get(workflow, "optOuts"));
    else if (json_integer_value(json_object_get(workflow, "savedRevision")) == 0)
        printf("Nothing is configured yet: ferryctl apply -f FILE\n");
    else
        print_mappings(workflow);
    printf("\nStop the workflow before you publish changes to resources or tables in use, their "
           "fields,\n"
           "links or identification keys. Ferry survives it without, but the table stops "
           "meanwhile.\n");
}

int ferry_describe_workflow(const struct ferry_command *command)
{
    struct ferry_client_answer answer;
    char path[512];
    int code;

    ferry_command_path(command, "", path, sizeof path);
    code = ferry_command_ask(command, "GET", path, NULL, NULL, &answer);
    if (code != FERRY_EXIT_OK)
        return code;
    if (command->output == FERRY_OUTPUT_JSON)
        ferry_command_print(answer.body);
    else
        print_page(answer.body);
    ferry_client_done(&answer);
    return FERRY_EXIT_OK;
}
