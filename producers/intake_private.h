/* What the sources of an intake share; nobody else includes it. */
#ifndef FERRY_INTAKE_PRIVATE_H
#define FERRY_INTAKE_PRIVATE_H

#include "core/io/topics.h"
#include "core/record/trace.h"
#include "producers/alarm.h"
#include "producers/filemeter.h"
#include "producers/intake.h"
#include "producers/sightings.h"

#define FERRY_FILE_KEY_SIZE 400 /* "<task>/<sha256>" */

enum ferry_intake_turn {
    FERRY_INTAKE_TURN_NONE,
    FERRY_INTAKE_TURN_WAITING,
    FERRY_INTAKE_TURN_HELD,
    FERRY_INTAKE_TURN_ENDING,
};

/* What comes next, when nothing is under way. */
enum ferry_intake_stage {
    FERRY_INTAKE_LIST,
    FERRY_INTAKE_EXPIRE, /* old checkpoints */
    FERRY_INTAKE_FILES,  /* the next file of the listing */
    FERRY_INTAKE_OPEN,   /* the copy, from its checkpoint */
    FERRY_INTAKE_ROWS,
};

struct ferry_intake {
    struct ferry_intake_options options;
    struct ferry_exports *exports; /* NULL: stopped */
    struct ferry_seat_user user;
    struct ferry_alarm *alarm; /* the next look, or the next try */
    struct ferry_filemeter meter;
    struct ferry_wire wire;
    struct ferry_tracer tracer; /* turned for each transaction */
    char records[FERRY_TOPIC_SIZE];
    char rejects[FERRY_TOPIC_SIZE];
    enum ferry_intake_stage stage;
    enum ferry_intake_turn turn;
    bool seated, going, stopping;
    bool checking;           /* the listing is asked for by a check */
    bool delayed;            /* the alarm is set */
    bool faulted;            /* a fault was told that no progress took back */
    unsigned tries;          /* in a row without success */
    unsigned refusals;       /* logins, since the last success */
    struct ferry_error told; /* the trouble with files that was told last */

    struct ferry_sightings sightings;
    int64_t asked_at;                    /* boot ms: for the listing */
    const struct ferry_listing *listing; /* the exports' own; of this round */
    size_t at;                           /* in it */
    size_t unfit;                        /* names that were told of */
    struct ferry_error trouble;          /* the first with a file in this round; status OK: none */
    int64_t expired_at; /* boot ms of the last search for old checkpoints; 0: none */

    struct ferry_listing_file file; /* the one under way */
    char sha256[FERRY_SHA256_SIZE];
    char key[FERRY_FILE_KEY_SIZE];   /* of its checkpoint, or of one that expires */
    struct ferry_filemark committed; /* of the file under way */
    struct ferry_harvest *ready;     /* is to be sent */
    struct ferry_harvest *sending;
    size_t cursor;            /* in it */
    bool whole;               /* the last rows are ready or under way */
    unsigned attempt, opened; /* what was opened in an earlier attempt tells nothing any more */
    bool damaged;             /* behind the rows that are ready or under way */
    struct ferry_error damage;

    struct ferry_filetally tally;
};

/* Does what can be done now. */
void ferry_intake_proceed(struct ferry_intake *intake);
/* What is under way is tried again later, from what is committed. */
void ferry_intake_retry(struct ferry_intake *intake, const struct ferry_error *error);
/* The server refused: a login is not tried a third time. */
void ferry_intake_refused(struct ferry_intake *intake, const struct ferry_error *error);
/* To copy or to move the file under way failed. It may be this file only (too large for the disk or
 * for the connection), so it is tried a few times, and then again while the others are read; at
 * once so where the disk has no room for it. */
void ferry_intake_failed(struct ferry_intake *intake, const struct ferry_error *error);
/* Copying the file under way was cut, and has come further than before: it goes on first. */
void ferry_intake_resume(struct ferry_intake *intake, const struct ferry_error *error);
void ferry_intake_overcome(struct ferry_intake *intake); /* the fault that was told, if any */
void ferry_intake_delay(struct ferry_intake *intake, int64_t delay_ms);
void ferry_intake_print_key(const struct ferry_intake *intake, const char *rest,
                            char out[FERRY_FILE_KEY_SIZE]);
/* A file cannot be read, or not be moved: the others are. */
void ferry_intake_trouble(struct ferry_intake *intake, const struct ferry_error *error);
/* This content cannot be read, whenever it is tried. */
void ferry_intake_give_up_file(struct ferry_intake *intake, const struct ferry_error *error);
/* The copy is not needed any more; on with the next file. */
void ferry_intake_leave_file(struct ferry_intake *intake);
/* The file under way is read to its end. */
void ferry_intake_finish_file(struct ferry_intake *intake);

/* In the key of a checkpoint. */
const char *ferry_intake_hash_of(const struct ferry_intake *intake, const char *key);
void ferry_intake_expire(struct ferry_intake *intake);
void ferry_intake_bury(struct ferry_intake *intake); /* within the turn */
void ferry_intake_next_file(struct ferry_intake *intake);
void ferry_intake_on_listed(void *context, enum ferry_status status,
                            const struct ferry_listing *listing, const struct ferry_error *error);
void ferry_intake_on_copied(void *context, enum ferry_status status, const struct ferry_copy *copy,
                            const struct ferry_error *error);
void ferry_intake_on_moved(void *context, enum ferry_status status, bool moved,
                           const struct ferry_error *error);

void ferry_intake_open_file(struct ferry_intake *intake);
void ferry_intake_proceed_rows(struct ferry_intake *intake);
void ferry_intake_send(struct ferry_intake *intake); /* within the turn */
void ferry_intake_drop_rows(struct ferry_intake *intake);
void ferry_intake_on_opened(void *context, enum ferry_status status,
                            const struct ferry_error *error);
void ferry_intake_on_filled(void *context, enum ferry_status status, struct ferry_harvest *harvest,
                            const struct ferry_error *error);
/* After a commit. */
void ferry_intake_committed(struct ferry_intake *intake);

#endif
