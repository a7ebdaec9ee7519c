/* How far one exported file is read, as it is stored in `checkpoints` in the transaction of the
 * rows before (ADR 4). Values; any thread. */
#ifndef FERRY_FILEMARK_H
#define FERRY_FILEMARK_H

#include "core/record/event.h"
#include "core/record/optout.h"

#define FERRY_FILE_NAME_SIZE 256
#define FERRY_SHA256_SIZE    65 /* hex and NUL */
#define FERRY_SHA256_SHOWN   16 /* digits of it that tell contents of one name apart */
#define FERRY_FILEMARK_DAYS  30 /* after doneAt, or beganAt where nobody ends it, it may go */

/* Why a row gives no record although it is as it should be. */
enum ferry_skip {
    FERRY_SKIP_WITHOUT_CONTACT,
    FERRY_SKIP_SWITCHED_OFF,
    FERRY_SKIP_OTHER_KIND,
    FERRY_SKIP_BEFORE_SINCE,
    FERRY_SKIP_UNTOUCHED, /* nobody ever said anything about opting out there */
    FERRY_SKIPS,
};
const char *ferry_skip_name(enum ferry_skip skip); /* "withoutContact" */
/* To rows of opt-outs, or else to those of events. */
bool ferry_skip_happens(enum ferry_skip skip, bool optouts);

/* What a file is read for: other rows are skipped. */
struct ferry_filescope {
    bool optouts;                             /* else e-mail events */
    int64_t since;                            /* of events: older rows */
    bool kinds[FERRY_EVENT_KINDS];            /* of events */
    bool attributes[FERRY_OPTOUT_ATTRIBUTES]; /* of opt-outs */
};

struct ferry_filemark {
    char file[FERRY_FILE_NAME_SIZE]; /* without its folder */
    int64_t size;
    int64_t modified_at; /* ms, of the file */
    int64_t position;    /* bytes of the unpacked text behind the last whole row; 0: not begun */
    int64_t line;        /* the line there */
    int64_t records, rejected;
    int64_t bad_times; /* of opt-outs: records without a time, because it cannot be read */
    int64_t skipped[FERRY_SKIPS];
    int64_t began_at, done_at; /* wall ms */
    struct ferry_filescope scope;
    bool done;
};

/* Of a file of which nothing is read. */
void ferry_filemark_begin(struct ferry_filemark *mark, const struct ferry_filescope *scope);
/* Reading goes on for `scope`: what that skips was skipped too. */
void ferry_filemark_narrow(struct ferry_filemark *mark, const struct ferry_filescope *scope);
/* Rows were skipped that `scope` asks for, or not read for all that it asks for. */
bool ferry_filemark_missed(const struct ferry_filemark *mark, const struct ferry_filescope *scope);

/* JSON. The caller frees *ret_text with free(). */
enum ferry_status ferry_filemark_print(const struct ferry_filemark *mark,
                                       char **ret_text) FERRY_MUST_CHECK;
/* FERRY_INVALID names what is wrong; unknown members are ignored. */
enum ferry_status ferry_filemark_parse(const char *text, struct ferry_filemark *ret_mark,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
bool ferry_filemark_expired(const struct ferry_filemark *mark, int64_t now);

#endif
