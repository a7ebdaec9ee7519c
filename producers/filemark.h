/* How far one exported file is read, as it is stored in `checkpoints` in the transaction of the
 * rows before (ADR 4). Values; any thread. */
#ifndef FERRY_FILEMARK_H
#define FERRY_FILEMARK_H

#include "producers/sources/logrow.h"

#define FERRY_FILE_NAME_SIZE 256
#define FERRY_SHA256_SIZE    65 /* hex and NUL */
#define FERRY_SHA256_SHOWN   16 /* digits of it that tell contents of one name apart */
#define FERRY_FILEMARK_DAYS  30 /* after doneAt, or beganAt where nobody ends it, it may go */

struct ferry_filemark {
    char file[FERRY_FILE_NAME_SIZE]; /* without its folder */
    int64_t size;
    int64_t modified_at; /* ms, of the file */
    int64_t position;    /* bytes of the unpacked text behind the last whole row; 0: not begun */
    int64_t line;        /* the line there */
    int64_t events, rejected;
    int64_t skipped[FERRY_SKIPS];
    int64_t began_at, done_at; /* wall ms */
    int64_t since;             /* what it was read for: older rows and other kinds were skipped */
    bool kinds[FERRY_EVENT_KINDS];
    bool done;
};

/* Of a file of which nothing is read. */
void ferry_filemark_begin(struct ferry_filemark *mark, const struct ferry_events *events);
/* Reading goes on for `events`: what these skip was skipped too. */
void ferry_filemark_narrow(struct ferry_filemark *mark, const struct ferry_events *events);
/* Rows were skipped that `events` ask for. */
bool ferry_filemark_missed(const struct ferry_filemark *mark, const struct ferry_events *events);

/* JSON. The caller frees *ret_text with free(). */
enum ferry_status ferry_filemark_print(const struct ferry_filemark *mark,
                                       char **ret_text) FERRY_MUST_CHECK;
/* FERRY_INVALID names what is wrong; unknown members are ignored. */
enum ferry_status ferry_filemark_parse(const char *text, struct ferry_filemark *ret_mark,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
bool ferry_filemark_expired(const struct ferry_filemark *mark, int64_t now);

#endif
