/* The keys of the files' checkpoints, and how old ones go. */
#include "producers/intake_private.h"

#include "core/base/clock.h"

#include <stdio.h>
#include <string.h>

#define EXPIRE_MS 3600000 /* between two searches */

const char *ferry_intake_hash_of(const struct ferry_intake *intake, const char *key)
{
    return key + strlen(intake->options.task) + 1;
}

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

void ferry_intake_print_key(const struct ferry_intake *intake, const char *rest,
                            char out[FERRY_FILE_KEY_SIZE])
{
    snprintf(out, FERRY_FILE_KEY_SIZE, "%s/%s", intake->options.task, rest);
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
