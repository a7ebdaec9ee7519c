/* Where the reading of profiles stands, as it is stored in `checkpoints` (ADR 5). Values; any
 * thread. */
#ifndef FERRY_PROFILEMARK_H
#define FERRY_PROFILEMARK_H

#include "core/base/status.h"

#include <stdbool.h>
#include <stdint.h>

#define FERRY_PROFILEMARK_HASH_SIZE 20

struct ferry_profilemark {
    int64_t since;    /* ms, the newest time of an opt-out that was seen; 0: none */
    int64_t began_at; /* wall ms, of the first read */
    bool loaded;      /* the first read is at its end */
    char *next;       /* within the first read: the next page; NULL: from its beginning */
    char attributes[FERRY_PROFILEMARK_HASH_SIZE]; /* hash of what it is read for */
};

void ferry_profilemark_init(struct ferry_profilemark *mark);
void ferry_profilemark_done(struct ferry_profilemark *mark);
/* `to` is initialised and may hold an older value. On FERRY_NOMEM it is unchanged. */
enum ferry_status ferry_profilemark_copy(struct ferry_profilemark *to,
                                         const struct ferry_profilemark *from) FERRY_MUST_CHECK;
/* What follows a page that had `newest` (0: no time) and the link `next` (NULL: it was the last).
 * `began_at` (wall ms): the round's. The time of a row that was changed while the round lasted may
 * be later than that of one whose page had been read before: `since` never passes `began_at`. */
enum ferry_status ferry_profilemark_follow(struct ferry_profilemark *to,
                                           const struct ferry_profilemark *from, int64_t newest,
                                           int64_t began_at, const char *next) FERRY_MUST_CHECK;
/* JSON. The caller frees *ret_text with free(). */
enum ferry_status ferry_profilemark_print(const struct ferry_profilemark *mark,
                                          char **ret_text) FERRY_MUST_CHECK;
/* FERRY_INVALID names what is wrong; unknown members are ignored. */
enum ferry_status ferry_profilemark_parse(const char *text, struct ferry_profilemark *mark,
                                          struct ferry_error *error) FERRY_MUST_CHECK;

#endif
