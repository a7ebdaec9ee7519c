/* One row a situation: what was ordered, what the tasks say, and what a person must then see. */
#include "controller/state.h"

#include "core/base/clock.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

/* What a row leaves out is nothing, and reads better left out. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define NOW      1000000
#define WALL_NOW INT64_C(1780000000000)

#define LIVE     NOW - 2000
#define LAST     NOW - 15000 /* the last moment that counts as alive */
#define GONE     NOW - 15001
#define FRESH    WALL_NOW - 1000
#define LONG_AGO WALL_NOW - 20000

/* A task: role, generation, state, when it was heard, partitions of contact, of account. */
struct said {
    const char *role; /* "reader/contact", "writer/w1" */
    int generation;
    const char *state;
    int64_t seen_at;
    const char *contact;
    const char *account;
    const char *error;
    const char *warning;
};

struct situation {
    const char *what;
    const char *phase; /* NULL: never started */
    int64_t ordered_at;
    bool two_tables;
    struct said said[6];
    /* and then: */
    enum ferry_workflow_status status;
    bool stopping;
    bool ready;
    const char *error;       /* part of its message; NULL: none */
    const char *warning;     /* part of the first one's message; NULL: none */
    const char *waiting_for; /* part of the first one; NULL: none */
};

#define ALL    "[0,1,2,3,4,5,6,7]"
#define LOW    "[0,1,2,3]"
#define HIGH   "[4,5,6,7]"
#define READER "reader/contact"
#define W1     "writer/w1"
#define W2     "writer/w2"
#define BROKEN "{\"class\":\"schema\",\"message\":\"field gone\",\"action\":\"mend it\"}"
#define SLOW   "{\"class\":\"quota\",\"message\":\"slow down\",\"action\":\"\",\"retryAt\":5}"

static const struct situation situations[] = {
    {"never started", NULL, 0, false, {{0}}, FERRY_WORKFLOW_STOPPED, false, false, 0, 0, 0},
    {"never started, workers wait",
     NULL,
     0,
     false,
     {{READER, 0, "STOPPED", LIVE}, {W1, 0, "STOPPED", LIVE}},
     FERRY_WORKFLOW_STOPPED},

    {"prepare, nobody there",
     "PREPARE",
     LONG_AGO,
     false,
     {{0}},
     FERRY_WORKFLOW_STARTING,
     .warning = "no live reader has taken contact",
     .waiting_for = "no live reader has taken contact"},
    {"prepare, nobody there yet",
     "PREPARE",
     FRESH,
     false,
     {{0}},
     FERRY_WORKFLOW_STARTING,
     .waiting_for = "no live reader has taken contact"},
    {"prepare, only a writer",
     "PREPARE",
     LONG_AGO,
     false,
     {{W1, 7, "READY", LIVE, ALL}},
     FERRY_WORKFLOW_STARTING,
     .warning = "no live reader has taken contact",
     .waiting_for = "no live reader"},
    {"prepare, only a reader",
     "PREPARE",
     LONG_AGO,
     false,
     {{READER, 7, "READY", LIVE}},
     FERRY_WORKFLOW_STARTING,
     .warning = "no live writer has taken contact",
     .waiting_for = "no live writer"},
    {"prepare, reader still prepares",
     "PREPARE",
     FRESH,
     false,
     {{READER, 7, "PREPARING", LIVE}, {W1, 7, "READY", LIVE, ALL}},
     FERRY_WORKFLOW_STARTING,
     .waiting_for = "is PREPARING"},
    {"prepare, reader is at the start before",
     "PREPARE",
     FRESH,
     false,
     {{READER, 6, "RUNNING", LIVE}, {W1, 7, "READY", LIVE, ALL}},
     FERRY_WORKFLOW_STARTING,
     .waiting_for = "not yet at this start"},
    {"prepare, reader is ahead of what we know",
     "PREPARE",
     FRESH,
     false,
     {{READER, 8, "READY", LIVE}, {W1, 7, "READY", LIVE, ALL}},
     FERRY_WORKFLOW_STARTING,
     .waiting_for = "not yet at this start"},
    {"prepare, writer is at the start before",
     "PREPARE",
     FRESH,
     false,
     {{READER, 7, "READY", LIVE}, {W1, 6, "RUNNING", LIVE, ALL}},
     FERRY_WORKFLOW_STARTING,
     .waiting_for = "partitions 0-7 of contact"},
    {"prepare, writer lacks partitions",
     "PREPARE",
     FRESH,
     false,
     {{READER, 7, "READY", LIVE}, {W1, 7, "READY", LIVE, "[0,1,2,4,7]"}},
     FERRY_WORKFLOW_STARTING,
     .waiting_for = "partitions 3,5-6 of contact"},
    {"prepare, writer has partitions that are no numbers",
     "PREPARE",
     FRESH,
     false,
     {{READER, 7, "READY", LIVE}, {W1, 7, "READY", LIVE, "[-1,99,\"0\",null]"}},
     FERRY_WORKFLOW_STARTING,
     .waiting_for = "partitions 1-7 of contact"},
    {"prepare, one of two writers prepares",
     "PREPARE",
     FRESH,
     false,
     {{READER, 7, "READY", LIVE}, {W1, 7, "READY", LIVE, LOW}, {W2, 7, "PREPARING", LIVE, HIGH}},
     FERRY_WORKFLOW_STARTING,
     .waiting_for = "partitions 4-7 of contact"},
    {"prepare, one of two writers fell silent",
     "PREPARE",
     FRESH,
     false,
     {{READER, 7, "READY", LIVE}, {W1, 7, "READY", LIVE, LOW}, {W2, 7, "READY", GONE, HIGH}},
     FERRY_WORKFLOW_STARTING,
     .waiting_for = "partitions 4-7 of contact"},
    {"prepare, everybody is ready",
     "PREPARE",
     FRESH,
     false,
     {{READER, 7, "READY", LIVE}, {W1, 7, "READY", LIVE, LOW}, {W2, 7, "READY", LAST, HIGH}},
     FERRY_WORKFLOW_STARTING,
     .ready = true},
    {"prepare, a second writer without partitions does not matter",
     "PREPARE",
     FRESH,
     false,
     {{READER, 7, "READY", LIVE}, {W1, 7, "READY", LIVE, ALL}, {W2, 7, "PREPARING", LIVE}},
     FERRY_WORKFLOW_STARTING,
     .ready = true},
    {"prepare, the second table has no reader",
     "PREPARE",
     LONG_AGO,
     true,
     {{READER, 7, "READY", LIVE}, {W1, 7, "READY", LIVE, ALL, ALL}},
     FERRY_WORKFLOW_STARTING,
     .warning = "no live reader has taken account",
     .waiting_for = "account"},
    {"prepare, the second table lacks a partition",
     "PREPARE",
     FRESH,
     true,
     {{READER, 7, "READY", LIVE},
      {"reader/account", 7, "READY", LIVE},
      {W1, 7, "READY", LIVE, ALL, LOW}},
     FERRY_WORKFLOW_STARTING,
     .waiting_for = "partitions 4-7 of account"},
    {"prepare, two tables ready",
     "PREPARE",
     FRESH,
     true,
     {{READER, 7, "READY", LIVE},
      {"reader/account", 7, "READY", LIVE},
      {W1, 7, "READY", LIVE, ALL, LOW},
      {W2, 7, "READY", LIVE, "[]", HIGH}},
     FERRY_WORKFLOW_STARTING,
     .ready = true},
    {"prepare, reader failed",
     "PREPARE",
     FRESH,
     false,
     {{READER, 7, "FAILED", LIVE, .error = BROKEN}, {W1, 7, "READY", LIVE, ALL}},
     FERRY_WORKFLOW_FAILED,
     .error = "field gone",
     .waiting_for = "is FAILED"},
    {"prepare, a failure of the start before does not count",
     "PREPARE",
     FRESH,
     false,
     {{READER, 6, "FAILED", LIVE, .error = BROKEN}, {W1, 7, "READY", LIVE, ALL}},
     FERRY_WORKFLOW_STARTING,
     .waiting_for = "not yet at this start"},
    {"prepare, one waits for credentials",
     "PREPARE",
     FRESH,
     false,
     {{READER, 7, "PREPARING", LIVE, .warning = SLOW}, {W1, 7, "READY", LIVE, ALL}},
     FERRY_WORKFLOW_STARTING,
     .warning = "slow down",
     .waiting_for = "is PREPARING"},

    {"go, all run",
     "GO",
     LONG_AGO,
     false,
     {{READER, 7, "RUNNING", LIVE}, {W1, 7, "RUNNING", LIVE, ALL}},
     FERRY_WORKFLOW_RUNNING},
    {"go, not yet obeyed",
     "GO",
     FRESH,
     false,
     {{READER, 7, "READY", LIVE}, {W1, 7, "READY", LIVE, ALL}},
     FERRY_WORKFLOW_RUNNING},
    {"go, all gone",
     "GO",
     LONG_AGO,
     false,
     {{READER, 7, "RUNNING", GONE}, {W1, 7, "RUNNING", GONE, ALL}},
     FERRY_WORKFLOW_RUNNING,
     .warning = "no live reader has taken contact"},
    {"go, a writer went",
     "GO",
     LONG_AGO,
     false,
     {{READER, 7, "RUNNING", LIVE}, {W1, 7, "RUNNING", LIVE, LOW}, {W2, 7, "RUNNING", GONE, HIGH}},
     FERRY_WORKFLOW_RUNNING,
     .warning = "partitions 4-7 of contact"},
    {"go, a reader came late",
     "GO",
     LONG_AGO,
     false,
     {{READER, 7, "PREPARING", LIVE}, {W1, 7, "RUNNING", LIVE, ALL}},
     FERRY_WORKFLOW_RUNNING,
     .warning = "is PREPARING"},
    {"go, throttled",
     "GO",
     LONG_AGO,
     false,
     {{READER, 7, "RUNNING", LIVE}, {W1, 7, "RUNNING", LIVE, ALL, .warning = SLOW}},
     FERRY_WORKFLOW_RUNNING,
     .warning = "slow down"},
    {"go, a warning of one who is gone is forgotten",
     "GO",
     LONG_AGO,
     false,
     {{READER, 7, "RUNNING", LIVE},
      {W1, 7, "RUNNING", LIVE, ALL},
      {W2, 7, "RUNNING", GONE, "[]", .warning = SLOW}},
     FERRY_WORKFLOW_RUNNING},
    {"go, a writer failed",
     "GO",
     LONG_AGO,
     false,
     {{READER, 7, "RUNNING", LIVE}, {W1, 7, "FAILED", LIVE, ALL, .error = BROKEN}},
     FERRY_WORKFLOW_FAILED,
     .error = "field gone",
     .warning = "partitions 0-7"},
    {"go, failed without a word",
     "GO",
     LONG_AGO,
     false,
     {{READER, 7, "FAILED", LIVE}, {W1, 7, "RUNNING", LIVE, ALL}},
     FERRY_WORKFLOW_FAILED,
     .error = "did not say why"},
    {"go, who failed is gone",
     "GO",
     LONG_AGO,
     false,
     {{READER, 7, "FAILED", GONE, .error = BROKEN}, {W1, 7, "RUNNING", LIVE, ALL}},
     FERRY_WORKFLOW_RUNNING,
     .warning = "no live reader has taken contact"},

    {"stop, all stopped",
     "STOP",
     FRESH,
     false,
     {{READER, 7, "STOPPED", LIVE}, {W1, 7, "STOPPED", LIVE}},
     FERRY_WORKFLOW_STOPPED},
    {"stop, nobody there", "STOP", FRESH, false, {{0}}, FERRY_WORKFLOW_STOPPED},
    {"stop, a writer drains",
     "STOP",
     FRESH,
     false,
     {{READER, 7, "STOPPED", LIVE}, {W1, 7, "RUNNING", LIVE, ALL}},
     FERRY_WORKFLOW_RUNNING,
     .stopping = true,
     .waiting_for = "writer/w1"},
    {"stop, one of an older start still runs",
     "STOP",
     LONG_AGO,
     false,
     {{READER, 6, "RUNNING", LIVE}},
     FERRY_WORKFLOW_RUNNING,
     .stopping = true,
     .waiting_for = "reader/contact"},
    {"stop, one was ready",
     "STOP",
     FRESH,
     false,
     {{READER, 7, "READY", LIVE}},
     FERRY_WORKFLOW_RUNNING,
     .stopping = true,
     .waiting_for = "READY"},
    {"stop, who was heard 15 s ago may still run",
     "STOP",
     FRESH,
     false,
     {{READER, 7, "STOPPED", LIVE}, {W1, 7, "RUNNING", LAST, ALL}},
     FERRY_WORKFLOW_RUNNING,
     .stopping = true,
     .waiting_for = "writer/w1"},
    {"stop, the silent are gone",
     "STOP",
     FRESH,
     false,
     {{READER, 7, "STOPPED", LIVE}, {W1, 7, "RUNNING", GONE, ALL}},
     FERRY_WORKFLOW_STOPPED},
    {"stop, a failed one may still have calls under way",
     "STOP",
     FRESH,
     false,
     {{W1, 7, "FAILED", LIVE, .error = BROKEN}},
     FERRY_WORKFLOW_RUNNING,
     .stopping = true,
     .waiting_for = "FAILED"},
    {"stop, a failed one has had its time",
     "STOP",
     LONG_AGO,
     false,
     {{W1, 7, "FAILED", LIVE, .error = BROKEN}},
     FERRY_WORKFLOW_STOPPED},
    {"stop, warnings are of no interest",
     "STOP",
     FRESH,
     false,
     {{W1, 7, "STOPPED", LIVE, .warning = SLOW}},
     FERRY_WORKFLOW_STOPPED},
};

static struct ferry_task *make_task(const struct said *said)
{
    char id[64];
    char text[1024];
    struct ferry_task *task = NULL;
    struct ferry_error error;

    snprintf(id, sizeof id, "dynamics-to-campaign/%s", said->role);
    snprintf(text, sizeof text,
             "{\"task\":\"%s\",\"workflow\":\"dynamics-to-campaign\",\"role\":\"%.6s\",\"worker\":"
             "\"host-1\",\"generation\":%d,\"state\":\"%s\",\"partitions\":{\"contact\":%s,"
             "\"account\":%s},\"error\":%s,\"warning\":%s}",
             id, said->role, said->generation, said->state, said->contact ? said->contact : "[]",
             said->account ? said->account : "[]", said->error ? said->error : "null",
             said->warning ? said->warning : "null");
    assert_int_equal(ferry_task_parse(text, strlen(text), said->seen_at, &task, &error), FERRY_OK);
    return task;
}

static struct ferry_task *make_tasks(const struct said *said)
{
    struct ferry_task *tasks = NULL;

    for (int i = 0; i < 6 && said[i].role; i++) {
        struct ferry_task *task = make_task(&said[i]);

        LL_APPEND(tasks, task);
    }
    return tasks;
}

static void free_tasks(struct ferry_task *tasks)
{
    struct ferry_task *task;
    struct ferry_task *next;

    LL_FOREACH_SAFE (tasks, task, next)
        ferry_task_free(task);
}

static json_t *make_order(const char *phase, int64_t ordered_at, bool two_tables)
{
    json_t *order = json_pack("{s:i, s:s, s:i, s:I, s:[{s:s, s:s}]}", "generation", 7, "phase",
                              phase, "revision", 3, "orderedAt", (json_int_t)ordered_at, "mappings",
                              "id", "contact", "table", "contact");

    if (two_tables)
        json_array_append_new(json_object_get(order, "mappings"),
                              json_pack("{s:s, s:s}", "id", "account", "table", "account"));
    return order;
}

static void check_text(const struct situation *row, const char *what, const char *wanted,
                       const char *got)
{
    if ((wanted == NULL) != (got == NULL) || (wanted && !strstr(got, wanted)))
        fail_msg("%s: %s: wanted '%s', got '%s'", row->what, what, wanted ? wanted : "(none)",
                 got ? got : "(none)");
}

static const char *message_of(const json_t *error)
{
    return json_string_value(json_object_get(error, "message"));
}

static void check(const struct situation *row)
{
    json_t *order = row->phase ? make_order(row->phase, row->ordered_at, row->two_tables) : NULL;
    struct ferry_task *tasks = make_tasks(row->said);
    struct ferry_state_input input = {.workflow = &ferry_workflows[0],
                                      .order = order,
                                      .tasks = tasks,
                                      .now = NOW,
                                      .wall_now = WALL_NOW};
    struct ferry_state state;

    ferry_state_derive(&input, &state);
    check_text(row, "status", ferry_workflow_status_name(row->status),
               ferry_workflow_status_name(state.status));
    if (state.stopping != row->stopping || state.ready != row->ready)
        fail_msg("%s: stopping %d, ready %d", row->what, state.stopping, state.ready);
    check_text(row, "error", row->error, message_of(state.error));
    check_text(row, "warning", row->warning, message_of(json_array_get(state.warnings, 0)));
    check_text(row, "waiting for", row->waiting_for,
               json_string_value(json_array_get(state.waiting_for, 0)));
    ferry_state_done(&state);
    free_tasks(tasks);
    json_decref(order);
}

static void every_situation_is_seen_as_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof situations / sizeof situations[0]; i++)
        check(&situations[i]);
}

static void tasks_of_another_workflow_do_not_matter(void **state)
{
    struct said said = {READER, 7, "FAILED", LIVE, .error = BROKEN};
    struct ferry_task *task = make_task(&said);
    struct ferry_state_input input = {.workflow = &ferry_workflows[2], .tasks = task, .now = NOW};
    struct ferry_state got;

    (void)state;
    input.order = make_order("GO", FRESH, false);
    ferry_state_derive(&input, &got);
    assert_int_equal(got.status, FERRY_WORKFLOW_RUNNING);
    ferry_state_done(&got);
    ferry_task_free(task);
    json_decref((json_t *)(uintptr_t)input.order);
}

/* phase, configuration that runs (NULL: compacted away), configuration saved, restart needed */
static void restart_is_needed_when_the_content_differs(void **state)
{
    static const struct {
        const char *phase;
        const char *running;
        const char *saved;
        int saved_revision;
        bool needed;
    } rows[] = {
        {"GO", "{\"a\":1}", "{\"a\":1}", 3, false},
        {"GO", "{\"a\":1}", "{\"a\":2}", 4, true},
        {"GO", "{\"a\":1}", "{\"a\":1}", 5, false}, /* put back by hand */
        {"GO", NULL, "{\"a\":1}", 4, true},
        {"GO", NULL, "{\"a\":1}", 3, false},
        {"GO", NULL, NULL, 0, false},
        {"PREPARE", "{\"a\":1}", "{\"a\":2}", 4, true},
        {"STOP", "{\"a\":1}", "{\"a\":2}", 4, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *order = make_order(rows[i].phase, FRESH, false);
        json_t *running = rows[i].running ? json_pack("{s:o}", "configuration",
                                                      json_loads(rows[i].running, 0, NULL))
                                          : NULL;
        json_t *saved = rows[i].saved
                            ? json_pack("{s:i, s:o}", "revision", rows[i].saved_revision,
                                        "configuration", json_loads(rows[i].saved, 0, NULL))
                            : NULL;
        struct ferry_state_input input = {.workflow = &ferry_workflows[0],
                                          .order = order,
                                          .saved = saved,
                                          .running = running,
                                          .now = NOW,
                                          .wall_now = WALL_NOW};
        struct ferry_state got;

        ferry_state_derive(&input, &got);
        if (got.restart_needed != rows[i].needed)
            fail_msg("row %zu: restart needed %d", i, got.restart_needed);
        ferry_state_done(&got);
        json_decref(order);
        json_decref(running);
        json_decref(saved);
    }
}

static void restart_is_needed_while_a_replay_is_pending(void **state)
{
    static const struct {
        const char *phase;
        int carried; /* by the run order */
        const char *replays;
        bool needed;
    } rows[] = {
        {"GO", 0, "{}", false},
        {"GO", 0, "{\"contact\":{\"replay\":1}}", true},
        {"GO", 1, "{\"contact\":{\"replay\":1}}", false},
        {"GO", 1, "{\"contact\":{\"replay\":2}}", true},
        {"GO", 0, "{\"account\":{\"replay\":1}}", false}, /* not in this order */
        {"PREPARE", 0, "{\"contact\":{\"replay\":1}}", true},
        {"STOP", 0, "{\"contact\":{\"replay\":1}}", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *order = make_order(rows[i].phase, FRESH, false);
        json_t *replays = json_loads(rows[i].replays, 0, NULL);
        struct ferry_state_input input = {.workflow = &ferry_workflows[0],
                                          .order = order,
                                          .replays = replays,
                                          .now = NOW,
                                          .wall_now = WALL_NOW};
        struct ferry_state got;

        if (rows[i].carried)
            json_object_set_new(json_array_get(json_object_get(order, "mappings"), 0), "replay",
                                json_integer(rows[i].carried));
        ferry_state_derive(&input, &got);
        if (got.restart_needed != rows[i].needed)
            fail_msg("row %zu: restart needed %d", i, got.restart_needed);
        ferry_state_done(&got);
        json_decref(order);
        json_decref(replays);
    }
}

static void a_start_under_way_is_starting_and_shows_why_it_waits(void **state)
{
    struct ferry_error warning;
    struct ferry_state_input input = {.workflow = &ferry_workflows[0], .now = NOW};
    struct ferry_state got;

    (void)state;
    ferry_fail(&warning, FERRY_RETRY, FERRY_CLASS_NETWORK, "Dynamics 365 does not answer");
    input.start = (struct ferry_start_view){.under_way = true, .warning = &warning, .retry_at = 77};
    ferry_state_derive(&input, &got);
    assert_int_equal(got.status, FERRY_WORKFLOW_STARTING);
    assert_string_equal(message_of(json_array_get(got.warnings, 0)), warning.message);
    assert_int_equal(
        json_integer_value(json_object_get(json_array_get(got.warnings, 0), "retryAt")), 77);
    assert_int_equal(json_array_size(got.waiting_for), 1);
    ferry_state_done(&got);
}

static void a_start_that_failed_is_failed_with_its_class(void **state)
{
    struct ferry_error error;
    struct ferry_state_input input = {.workflow = &ferry_workflows[0], .now = NOW};
    struct ferry_state got;

    (void)state;
    ferry_fail(&error, FERRY_INVALID, FERRY_CLASS_CREDENTIALS, "the secret was refused");
    input.start.error = &error;
    input.order = make_order("STOP", LONG_AGO, false);
    ferry_state_derive(&input, &got);
    assert_int_equal(got.status, FERRY_WORKFLOW_FAILED);
    assert_string_equal(message_of(got.error), "the secret was refused");
    assert_string_equal(json_string_value(json_object_get(got.error, "class")), "credentials");
    ferry_state_done(&got);
    json_decref((json_t *)(uintptr_t)input.order);
}

static void a_message_that_is_no_task_status_is_refused(void **state)
{
    static const char *const bad[] = {"", "null", "{}", "[]",
                                      ("{\"task\":\"t\",\"workflow\":\"w\",\"worker\":\"h\","
                                       "\"role\":\"reader\",\"state\":\"ODD\","
                                       "\"generation\":1}")};
    struct ferry_task *task = NULL;
    struct ferry_error error;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(ferry_task_parse(bad[i], strlen(bad[i]), 0, &task, &error), FERRY_INVALID);
    assert_null(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_situation_is_seen_as_it_is),
        cmocka_unit_test(tasks_of_another_workflow_do_not_matter),
        cmocka_unit_test(restart_is_needed_when_the_content_differs),
        cmocka_unit_test(restart_is_needed_while_a_replay_is_pending),
        cmocka_unit_test(a_start_under_way_is_starting_and_shows_why_it_waits),
        cmocka_unit_test(a_start_that_failed_is_failed_with_its_class),
        cmocka_unit_test(a_message_that_is_no_task_status_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
