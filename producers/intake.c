#include "producers/intake.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "producers/intake_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS     1000
#define RETRY_CAP_MS 60000
#define REFUSALS     2 /* logins: then it is no accident */
#define FAILURES     3 /* with one file in a row: then the others come first */

/* ---- when something goes wrong ---- */

void ferry_intake_delay(struct ferry_intake *intake, int64_t delay_ms)
{
    intake->delayed = true;
    ferry_alarm_set(intake->alarm, delay_ms);
}

static void tell_fault(struct ferry_intake *intake, const struct ferry_error *error)
{
    int64_t wait = ferry_backoff_ms(intake->tries++, RETRY_MS, RETRY_CAP_MS);
    intake->faulted = true;
    ferry_error_clear(&intake->told);
    ferry_intake_delay(intake, wait);
    intake->options.calls->on_fault(intake->options.context, error, ferry_wall_ms() + wait);
}

/* A round begins anew; of a file that is copied, its rows. */
static void go_back(struct ferry_intake *intake)
{
    bool copied = intake->stage == FERRY_INTAKE_OPEN || intake->stage == FERRY_INTAKE_ROWS;
    ferry_intake_drop_rows(intake);
    intake->attempt++;
    intake->stage = copied ? FERRY_INTAKE_OPEN : FERRY_INTAKE_LIST;
}

void ferry_intake_retry(struct ferry_intake *intake, const struct ferry_error *error)
{
    struct ferry_error why = *error;
    go_back(intake);
    if (intake->turn == FERRY_INTAKE_TURN_HELD && ferry_seat_begun(intake->options.seat)) {
        intake->turn = FERRY_INTAKE_TURN_ENDING;
        ferry_seat_abort(intake->options.seat, &why);
        return;
    }
    if (intake->turn == FERRY_INTAKE_TURN_HELD || intake->turn == FERRY_INTAKE_TURN_WAITING) {
        intake->turn = FERRY_INTAKE_TURN_NONE;
        ferry_seat_yield(intake->options.seat, &intake->user);
    }
    tell_fault(intake, &why);
}

/* A login that is refused twice is not tried a third time: the server may lock the account. */
void ferry_intake_refused(struct ferry_intake *intake, const struct ferry_error *error)
{
    bool login = error->status == FERRY_INVALID && error->class == FERRY_CLASS_CREDENTIALS;
    if (login && ++intake->refusals >= REFUSALS)
        intake->options.calls->on_failed(intake->options.context, error);
    else
        ferry_intake_retry(intake, error);
}

/* The others come first. */
static void postpone(struct ferry_intake *intake, struct ferry_sighting *sighting,
                     const struct ferry_error *error)
{
    sighting->not_before =
        ferry_boot_ms() + ferry_backoff_ms(sighting->failures, RETRY_MS, RETRY_CAP_MS);
    sighting->error = *error;
    ferry_log(FERRY_LOG_WARN, "file_fails", FERRY_STR("file", intake->file.name),
              FERRY_STR("message", error->message), FERRY_STR("then", "going on with the others"));
    ferry_intake_trouble(intake, error);
}

void ferry_intake_failed(struct ferry_intake *intake, const struct ferry_error *error)
{
    struct ferry_sighting *sighting = ferry_sightings_find(&intake->sightings, intake->file.name);
    if (error->status == FERRY_INVALID && error->class != FERRY_CLASS_CREDENTIALS) {
        ferry_intake_trouble(intake, error);
        return;
    }
    bool full = error->status == FERRY_FULL;
    bool passing = full || error->status == FERRY_RETRY;
    if (passing && sighting && (++sighting->failures >= FAILURES || full))
        postpone(intake, sighting, error);
    else
        ferry_intake_refused(intake, error);
}

/* As on a slow connection, and in its place among the files. */
void ferry_intake_resume(struct ferry_intake *intake, const struct ferry_error *error)
{
    intake->tries = 0;
    intake->at--;
    tell_fault(intake, error);
}

void ferry_intake_overcome(struct ferry_intake *intake)
{
    intake->tries = intake->refusals = 0;
    if (!intake->faulted)
        return;
    intake->faulted = false;
    intake->options.calls->on_progress(intake->options.context);
}

void ferry_intake_print_key(const struct ferry_intake *intake, const char *rest,
                            char out[FERRY_FILE_KEY_SIZE])
{
    snprintf(out, FERRY_FILE_KEY_SIZE, "%s/%s", intake->options.task, rest);
}

const char *ferry_intake_hash_of(const struct ferry_intake *intake, const char *key)
{
    return key + strlen(intake->options.task) + 1;
}

void ferry_intake_trouble(struct ferry_intake *intake, const struct ferry_error *error)
{
    if (intake->trouble.status == FERRY_OK)
        intake->trouble = *error;
}

/* ---- what comes next ---- */

void ferry_intake_proceed(struct ferry_intake *intake)
{
    if (!intake->going || !intake->seated || intake->delayed || !intake->exports)
        return;
    if (intake->stage == FERRY_INTAKE_ROWS) {
        ferry_intake_proceed_rows(intake);
        return;
    }
    if (ferry_exports_busy(intake->exports) || intake->turn != FERRY_INTAKE_TURN_NONE)
        return;
    switch (intake->stage) {
    case FERRY_INTAKE_LIST:
        intake->asked_at = ferry_boot_ms();
        ferry_exports_list(intake->exports);
        break;
    case FERRY_INTAKE_EXPIRE:
        ferry_intake_expire(intake);
        break;
    case FERRY_INTAKE_FILES:
        ferry_intake_next_file(intake);
        break;
    case FERRY_INTAKE_OPEN:
        ferry_intake_open_file(intake);
        break;
    case FERRY_INTAKE_ROWS:
        break;
    }
}

static void on_alarm(void *context)
{
    struct ferry_intake *intake = context;
    intake->delayed = false;
    ferry_intake_proceed(intake);
}

/* ---- what the seat says ---- */

static void report_stopped(struct ferry_intake *intake)
{
    intake->stopping = false;
    ferry_intake_drop_rows(intake);
    ferry_exports_free(intake->exports);
    intake->exports = NULL;
    intake->options.calls->on_stopped(intake->options.context);
}

static bool sum_up(void *context, const char *key, const char *text)
{
    struct ferry_intake *intake = context;
    struct ferry_filemark mark;
    if (ferry_filemark_parse(text, &mark, NULL) != FERRY_OK)
        return true;
    ferry_filetally_add(&intake->tally, &mark, 1);
    if (!mark.done)
        return true;
    if (ferry_filemark_missed(&mark, &intake->options.crop->scope))
        return true; /* it is copied, and read again */
    if (ferry_sightings_remember(&intake->sightings, &mark, ferry_intake_hash_of(intake, key)) !=
        FERRY_OK)
        ferry_log(FERRY_LOG_WARN, "file_not_remembered", FERRY_STR("file", mark.file),
                  FERRY_STR("then", "copying it again"));
    return true;
}

static void on_open(void *context)
{
    struct ferry_intake *intake = context;
    char prefix[FERRY_FILE_KEY_SIZE];
    intake->tally = (struct ferry_filetally){.files = 0};
    ferry_intake_print_key(intake, "", prefix);
    ferry_seat_checkpoints(intake->options.seat, prefix, sum_up, intake);
    intake->seated = true;
    intake->options.calls->on_seat(intake->options.context, NULL, 0);
    ferry_intake_proceed(intake);
}

static void on_lost(void *context, const struct ferry_error *error, int64_t retry_at)
{
    struct ferry_intake *intake = context;
    go_back(intake);
    intake->seated = false;
    ferry_error_clear(&intake->told); /* the seat's warning takes its place */
    intake->turn = FERRY_INTAKE_TURN_NONE;
    if (intake->stopping)
        report_stopped(intake);
    else
        intake->options.calls->on_seat(intake->options.context, error, retry_at);
}

static void on_turn(void *context)
{
    struct ferry_intake *intake = context;
    intake->turn = FERRY_INTAKE_TURN_HELD;
    if (intake->stage == FERRY_INTAKE_EXPIRE)
        ferry_intake_bury(intake);
    else if (intake->sending)
        ferry_intake_send(intake);
}

static void on_room(void *context)
{
    struct ferry_intake *intake = context;
    if (intake->sending && intake->turn == FERRY_INTAKE_TURN_HELD)
        ferry_intake_send(intake);
}

static void on_ended(void *context, const struct ferry_error *error)
{
    struct ferry_intake *intake = context;
    intake->turn = FERRY_INTAKE_TURN_NONE;
    if (error) {
        ferry_metric_add(intake->meter.aborted, 1);
    } else if (intake->sending) {
        ferry_intake_committed(intake);
    }
    if (intake->stopping) {
        report_stopped(intake);
    } else if (error) {
        ferry_intake_retry(intake, error);
    } else {
        ferry_intake_overcome(intake);
        ferry_intake_proceed(intake);
    }
}

static const struct ferry_seat_calls seat_calls = {
    .on_open = on_open,
    .on_lost = on_lost,
    .on_turn = on_turn,
    .on_room = on_room,
    .on_ended = on_ended,
};

static const struct ferry_exports_calls exports_calls = {
    .on_listed = ferry_intake_on_listed,
    .on_copied = ferry_intake_on_copied,
    .on_opened = ferry_intake_on_opened,
    .on_filled = ferry_intake_on_filled,
    .on_moved = ferry_intake_on_moved,
};

/* ---- life ---- */

static enum ferry_status make_exports(struct ferry_intake *intake, struct ferry_error *error)
{
    const struct ferry_exports_options options = {
        .loop = intake->options.loop,
        .settings = intake->options.settings,
        .state_dir = intake->options.state_dir,
        .crop = intake->options.crop,
        .calls = &exports_calls,
        .context = intake,
    };
    return ferry_exports_new(&options, &intake->exports, error);
}

enum ferry_status ferry_intake_new(const struct ferry_intake_options *options,
                                   struct ferry_intake **ret_intake, struct ferry_error *error)
{
    const char *instance = options->common->instance;
    struct ferry_intake *intake = calloc(1, sizeof *intake);
    if (!intake || ferry_alarm_new(options->loop, on_alarm, intake, &intake->alarm) != FERRY_OK) {
        free(intake);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    intake->options = *options;
    ferry_tracer_init(&intake->tracer);
    enum ferry_status status = make_exports(intake, error);
    if (status != FERRY_OK) {
        ferry_alarm_free(intake->alarm);
        free(intake);
        return status;
    }
    ferry_topic_name(instance, options->crop->type->topic, intake->records);
    ferry_topic_name(instance, (struct ferry_topic){FERRY_TOPIC_REJECTS, options->workflow},
                     intake->rejects);
    ferry_filemeter_init(&intake->meter, options->metrics, options->crop->type->metrics);
    *ret_intake = intake; /* before the seat calls */
    ferry_seat_join(options->seat, &intake->user, &seat_calls, intake);
    return FERRY_OK;
}

void ferry_intake_free(struct ferry_intake *intake)
{
    if (!intake)
        return;
    ferry_exports_free(intake->exports);
    ferry_seat_leave(intake->options.seat, &intake->user);
    ferry_alarm_free(intake->alarm);
    ferry_sightings_done(&intake->sightings);
    free(intake);
}

void ferry_intake_wire(struct ferry_intake *intake, struct ferry_wire wire)
{
    intake->wire = wire;
}

void ferry_intake_check(struct ferry_intake *intake)
{
    if (intake->checking || !intake->exports || ferry_exports_busy(intake->exports))
        return;
    intake->checking = true;
    ferry_exports_list(intake->exports);
}

void ferry_intake_cancel_check(struct ferry_intake *intake)
{
    intake->checking = false;
}

void ferry_intake_go(struct ferry_intake *intake)
{
    intake->going = true;
    ferry_intake_proceed(intake);
}

void ferry_intake_stop(struct ferry_intake *intake)
{
    struct ferry_error why;
    intake->going = intake->delayed = false;
    intake->stopping = true;
    ferry_alarm_stop(intake->alarm);
    if (intake->turn != FERRY_INTAKE_TURN_ENDING)
        ferry_intake_drop_rows(intake);
    if (intake->turn == FERRY_INTAKE_TURN_HELD && ferry_seat_begun(intake->options.seat)) {
        ferry_fail(&why, FERRY_RETRY, FERRY_CLASS_NONE, "the workflow was stopped");
        intake->turn = FERRY_INTAKE_TURN_ENDING;
        ferry_seat_abort(intake->options.seat, &why);
    }
    if (intake->turn == FERRY_INTAKE_TURN_ENDING)
        return;
    intake->turn = FERRY_INTAKE_TURN_NONE;
    ferry_seat_yield(intake->options.seat, &intake->user);
    report_stopped(intake);
}

json_t *ferry_intake_counters(const struct ferry_intake *intake)
{
    return intake->options.crop->type->count(&intake->tally,
                                             ferry_sightings_waiting(&intake->sightings));
}
