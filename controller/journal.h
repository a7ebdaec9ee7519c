/* The pen for the `workflows` topic: one transactional producer, `<instance>.controller`, so that
 * of two controllers only the later one can write. Blocking calls run in libuv's thread pool. Loop
 * thread only; one job at a time. */
#ifndef FERRY_JOURNAL_H
#define FERRY_JOURNAL_H

#include "core/base/settings.h"

#include <uv.h>

struct ferry_journal;

enum ferry_journal_outcome {
    FERRY_JOURNAL_DONE,
    FERRY_JOURNAL_NOT_DONE,  /* nothing was written; the same may succeed later */
    FERRY_JOURNAL_FORGOTTEN, /* nothing was written: the broker has dropped our id (a week without a
                                write): open again */
    FERRY_JOURNAL_UNKNOWN,   /* it may have been written: open again and read */
    FERRY_JOURNAL_FENCED,    /* nothing was written; another controller has opened after us */
    FERRY_JOURNAL_REFUSED,   /* open only: a topic or a setting is wrong; a person has to act */
};

typedef void (*ferry_journal_callback)(void *context, enum ferry_journal_outcome outcome,
                                       const struct ferry_error *error);

enum ferry_status ferry_journal_new(uv_loop_t *loop, const struct ferry_common *common,
                                    struct ferry_journal **ret_journal,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
/* The callback of a job under way does not come any more. The memory goes with the job's end: run
 * the loop until it has no more to do. */
void ferry_journal_free(struct ferry_journal *journal);

/* Makes sure of the control topics, then of being the only writer. What was read of the topic
 * before the callback does not count. */
void ferry_journal_open(struct ferry_journal *journal, ferry_journal_callback callback,
                        void *context);
/* One document in one transaction. The journal must be open and without a job. */
void ferry_journal_put(struct ferry_journal *journal, const char *key, const char *text,
                       ferry_journal_callback callback, void *context);
/* A job is under way. */
bool ferry_journal_is_busy(const struct ferry_journal *journal);

#endif
