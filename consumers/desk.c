#include "consumers/desk.h"

#include <stdio.h>
#include <string.h>

#define CLEAR_MS         INT64_C(60000)
#define CLEAR_REJECTS    10
#define DENIALS_IN_A_ROW 20

static const char *const fate_names[] = {"written", "repeated", "rejected", "switched_off"};

void ferry_desk_init(struct ferry_desk *desk, const struct ferry_events *events,
                     enum ferry_event_kind kind, struct ferry_metrics *metrics)
{
    char labels[64];
    *desk = (struct ferry_desk){
        .kind = kind, .activity = &events->activities[kind], .on = events->kinds[kind]};
    desk->inspected = !desk->on;
    for (int fate = 0; fate < FERRY_EVENT_FATES; fate++) {
        snprintf(labels, sizeof labels, "kind=\"%s\",outcome=\"%s\"", ferry_event_kind_name(kind),
                 fate_names[fate]);
        desk->events[fate] =
            ferry_metric(metrics, FERRY_COUNTER, "ferry_writer_events_total",
                         "E-mail events whose fate is known, by kind and outcome", labels);
    }
}

void ferry_desk_count(struct ferry_desk *desk, enum ferry_event_fate fate)
{
    desk->counts[fate]++;
    ferry_metric_add(desk->events[fate], 1);
}

void ferry_desk_clear(struct ferry_desk *desk, int64_t now)
{
    desk->compared_at = now;
    desk->rejects = 0;
}

bool ferry_desk_is_clear(const struct ferry_desk *desk, int64_t now)
{
    return desk->compared_at != 0 && now - desk->compared_at < CLEAR_MS &&
           desk->rejects < CLEAR_REJECTS;
}

bool ferry_desk_takes_many(const struct ferry_desk *desk)
{
    return desk->on && desk->activity->create_multiple && !desk->singly;
}

bool ferry_desk_stands(const struct ferry_desk *desk)
{
    return desk->stopped || desk->doubted;
}

void ferry_desk_succeed(struct ferry_desk *desk, uint64_t sequence)
{
    desk->denied = 0;
    if (desk->taken <= sequence)
        desk->taken = sequence + 1;
}

bool ferry_desk_denies_all(const struct ferry_desk *desk)
{
    return desk->denied >= DENIALS_IN_A_ROW;
}

const char *ferry_desk_column_in(const struct ferry_desk *desk, const char *answer)
{
    const struct ferry_activity *activity = desk->activity;
    const char *const names[] = {activity->regarding,
                                 activity->campaign.name,
                                 activity->delivery.name,
                                 activity->date.name,
                                 activity->mirror_page.name,
                                 activity->url.name,
                                 "subject",
                                 "activityid"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i] && strstr(answer, names[i]))
            return names[i];
    return NULL;
}

void ferry_desk_blame_schema(const struct ferry_desk *desk, const char *column, const char *said,
                             struct ferry_error *ret_error)
{
    ferry_fail(ret_error, FERRY_INVALID, FERRY_CLASS_SCHEMA,
               "Dynamics' table '%s' does not take %s%s%s: %.200s", desk->activity->table,
               column ? "column '" : "our activities", column ? column : "", column ? "'" : "",
               said);
    ferry_advise(ret_error,
                 "mend the table or the configuration (\"ferryctl check\" compares them; stop, "
                 "edit, start); the events stay queued");
}

void ferry_desk_blame_mapping(const struct ferry_desk *desk, bool absent, const char *said,
                              struct ferry_error *ret_error)
{
    const char *table = desk->activity->table;
    if (absent)
        ferry_fail(
            ret_error, FERRY_INVALID, FERRY_CLASS_MAPPING,
            "of the last %u events of table '%s' none has its contact in Dynamics 365: %.200s",
            desk->denied, table, said);
    else
        ferry_fail(ret_error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                   "Dynamics' table '%s' took none of the last %u events: %.200s", table,
                   desk->denied, said);
    ferry_advise(ret_error,
                 absent ? "check that dynamics.url leads to the environment that these contacts "
                          "are of, and not to a copy; the events stay queued"
                        : "mend the table (what it demands of its rows), or the configuration; the "
                          "events stay queued");
}
