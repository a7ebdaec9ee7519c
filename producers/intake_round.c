/* One round: a look into the folder, old checkpoints, and each file that is to be read or moved. */
#include "core/base/clock.h"
#include "core/base/log.h"
#include "producers/intake_private.h"

#include <stdio.h>
#include <string.h>

#define EXPIRE_MS 3600000 /* between two searches for old checkpoints */
/* Of a copy, between two cuts; with less the others come first. */
#define HEADWAY ((int64_t)256 << 10)

/* ---- the round ---- */

/* One warning for all files that wait for somebody; told again when it is another one. */
static void tell_trouble(struct ferry_intake *intake)
{
    size_t count = 0;
    const struct ferry_sighting *faulty = ferry_sightings_faulty(&intake->sightings, &count);
    struct ferry_error error = faulty ? faulty->error : intake->trouble;
    if (count > 1) {
        size_t length = strlen(error.message);
        snprintf(error.message + length, sizeof error.message - length,
                 " (and %zu more files cannot be read)", count - 1);
    }
    bool new = strcmp(error.message, intake->told.message) != 0;
    if (error.status == FERRY_OK) {
        if (intake->told.status != FERRY_OK)
            intake->options.calls->on_progress(intake->options.context);
        ferry_error_clear(&intake->told);
    } else if (new) {
        intake->told = error;
        intake->options.calls->on_fault(intake->options.context, &error, 0);
    }
}

static void rest(struct ferry_intake *intake)
{
    intake->stage = FERRY_INTAKE_LIST;
    ferry_intake_overcome(intake);
    tell_trouble(intake);
    ferry_metric_set(intake->meter.waiting, (double)ferry_sightings_waiting(&intake->sightings));
    ferry_intake_delay(intake, intake->options.settings->poll_interval_ms);
}

static void begin_round(struct ferry_intake *intake, const struct ferry_listing *listing)
{
    if (ferry_sightings_update(&intake->sightings, listing, intake->asked_at, ferry_boot_ms()) !=
        FERRY_OK) {
        struct ferry_error error;
        ferry_fail(&error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
        ferry_intake_retry(intake, &error);
        return;
    }
    if (listing->unfit > intake->unfit)
        ferry_log(FERRY_LOG_WARN, "file_names_unfit", FERRY_INT("count", (int64_t)listing->unfit),
                  FERRY_STR("folder", intake->options.crop->export->folder),
                  FERRY_STR("then", "leaving them alone"));
    intake->unfit = listing->unfit;
    intake->listing = listing;
    intake->at = 0;
    ferry_error_clear(&intake->trouble);
    intake->stage = FERRY_INTAKE_EXPIRE;
}

void ferry_intake_on_listed(void *context, enum ferry_status status,
                            const struct ferry_listing *listing, const struct ferry_error *error)
{
    struct ferry_intake *intake = context;
    if (intake->checking) {
        intake->checking = false;
        intake->options.calls->on_checked(intake->options.context, status, error);
        return;
    }
    if (status != FERRY_OK)
        ferry_intake_refused(intake, error);
    else
        begin_round(intake, listing);
    ferry_intake_proceed(intake);
}

/* ---- old checkpoints ---- */

struct search {
    struct ferry_intake *intake;
    int64_t now;
    bool found;
};

/* Not of a content that still lies there: it would be read again. */
static bool is_old(void *context, const char *key, const char *text)
{
    struct search *search = context;
    struct ferry_filemark mark;
    if (ferry_filemark_parse(text, &mark, NULL) != FERRY_OK ||
        !ferry_filemark_expired(&mark, search->now) ||
        ferry_sightings_hold(&search->intake->sightings, &mark,
                             ferry_intake_hash_of(search->intake, key)))
        return true;
    snprintf(search->intake->key, sizeof search->intake->key, "%s", key);
    search->found = true;
    return false;
}

void ferry_intake_bury(struct ferry_intake *intake)
{
    intake->turn = FERRY_INTAKE_TURN_ENDING;
    ferry_seat_commit(intake->options.seat, intake->key, NULL);
}

void ferry_intake_expire(struct ferry_intake *intake)
{
    struct search search = {intake, ferry_wall_ms(), false};
    char prefix[FERRY_FILE_KEY_SIZE];
    if (!intake->expired_at || ferry_boot_ms() - intake->expired_at > EXPIRE_MS) {
        ferry_intake_print_key(intake, "", prefix);
        ferry_seat_checkpoints(intake->options.seat, prefix, is_old, &search);
        if (!search.found)
            intake->expired_at = ferry_boot_ms();
    }
    if (!search.found) {
        intake->stage = FERRY_INTAKE_FILES;
        ferry_intake_proceed(intake);
    } else if (ferry_seat_want(intake->options.seat, &intake->user)) {
        ferry_intake_bury(intake);
    } else {
        intake->turn = FERRY_INTAKE_TURN_WAITING;
    }
}

/* ---- files ---- */

/* True: something is under way. */
static bool begin_file(struct ferry_intake *intake, const struct ferry_listing_file *file)
{
    struct ferry_sighting *sighting = ferry_sightings_find(&intake->sightings, file->name);
    if (!sighting || sighting->state == FERRY_SIGHTING_FAULTY)
        return false;
    if (sighting->not_before > ferry_boot_ms()) {
        ferry_intake_trouble(intake, &sighting->error);
        return false;
    }
    intake->file = *file;
    if (sighting->state == FERRY_SIGHTING_DONE) {
        if (!intake->options.crop->export->move)
            return false;
        ferry_exports_move(intake->exports, file, sighting->sha256);
        return true;
    }
    if (!ferry_sighting_stands(sighting, intake->options.settings->poll_interval_ms))
        return false;
    ferry_exports_copy(intake->exports, file);
    return true;
}

void ferry_intake_next_file(struct ferry_intake *intake)
{
    while (intake->at < intake->listing->count)
        if (begin_file(intake, &intake->listing->files[intake->at++]))
            return;
    rest(intake);
}

void ferry_intake_leave_file(struct ferry_intake *intake)
{
    ferry_intake_drop_rows(intake);
    ferry_exports_drop(intake->exports);
    intake->stage = FERRY_INTAKE_FILES;
}

void ferry_intake_give_up_file(struct ferry_intake *intake, const struct ferry_error *error)
{
    struct ferry_sighting *sighting = ferry_sightings_find(&intake->sightings, intake->file.name);
    ferry_log(FERRY_LOG_WARN, "file_faulty", FERRY_STR("file", intake->file.name),
              FERRY_STR("message", error->message), FERRY_STR("then", "reading the others"));
    if (sighting) {
        sighting->state = FERRY_SIGHTING_FAULTY;
        sighting->error = *error;
    }
    ferry_intake_leave_file(intake);
}

void ferry_intake_finish_file(struct ferry_intake *intake)
{
    struct ferry_sighting *sighting = ferry_sightings_find(&intake->sightings, intake->file.name);
    if (sighting) {
        sighting->state = FERRY_SIGHTING_DONE;
        snprintf(sighting->sha256, sizeof sighting->sha256, "%s", intake->sha256);
        intake->at--; /* once more: it may have to be moved */
    }
    ferry_intake_leave_file(intake);
}

/* The copy is whole. True: it is to be read. */
static bool take_copy(struct ferry_intake *intake, const struct ferry_copy *copy,
                      struct ferry_sighting *sighting)
{
    if (sighting) {
        sighting->failures = 0;
        sighting->unended = copy->unended;
        if (!ferry_sighting_stands(sighting, intake->options.settings->poll_interval_ms))
            return false;
    }
    snprintf(intake->sha256, sizeof intake->sha256, "%s", copy->sha256);
    ferry_intake_print_key(intake, copy->sha256, intake->key);
    return true;
}

/* `copy` is what there is of it, if anything. */
static bool makes_headway(struct ferry_sighting *sighting, const struct ferry_copy *copy)
{
    int64_t before = sighting->copied;
    sighting->copied = copy ? copy->length : 0;
    return sighting->copied - before >= HEADWAY;
}

static void on_copy_failed(struct ferry_intake *intake, const struct ferry_copy *copy,
                           const struct ferry_error *error)
{
    struct ferry_sighting *sighting = ferry_sightings_find(&intake->sightings, intake->file.name);
    if (!sighting || !makes_headway(sighting, copy)) {
        ferry_intake_failed(intake, error);
        return;
    }
    sighting->failures = 0;
    ferry_intake_resume(intake, error);
}

void ferry_intake_on_copied(void *context, enum ferry_status status, const struct ferry_copy *copy,
                            const struct ferry_error *error)
{
    struct ferry_intake *intake = context;
    struct ferry_sighting *sighting = ferry_sightings_find(&intake->sightings, intake->file.name);
    if (status == FERRY_OK && copy) {
        if (take_copy(intake, copy, sighting))
            intake->stage = FERRY_INTAKE_OPEN;
        else
            ferry_exports_drop(intake->exports);
    } else if (status == FERRY_OK) {
        if (sighting)
            sighting->looks = 0;
    } else {
        on_copy_failed(intake, copy, error);
    }
    ferry_intake_proceed(intake);
}

void ferry_intake_on_moved(void *context, enum ferry_status status, bool moved,
                           const struct ferry_error *error)
{
    struct ferry_intake *intake = context;
    struct ferry_sighting *sighting = ferry_sightings_find(&intake->sightings, intake->file.name);
    if (status != FERRY_OK)
        ferry_intake_failed(intake, error);
    else if (sighting && moved)
        ferry_sighting_forget(sighting);
    if (status == FERRY_OK)
        ferry_log(FERRY_LOG_INFO, moved ? "file_moved" : "file_replaced",
                  FERRY_STR("file", intake->file.name),
                  FERRY_STR("folder", intake->options.crop->export->processed));
    ferry_intake_proceed(intake);
}
