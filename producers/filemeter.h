/* What is counted while Campaign's exports are read. Loop thread only. */
#ifndef FERRY_FILEMETER_H
#define FERRY_FILEMETER_H

#include "core/base/metrics.h"
#include "producers/filemark.h"

/* Sums of what the checkpoints tell. */
struct ferry_filetally {
    int64_t files, bytes;
    int64_t modified_at; /* ms: of the newest file that was read to its end; 0: none was */
    int64_t records, rejected, bad_times;
    int64_t skipped[FERRY_SKIPS];
};

/* All of one file, and if it was taken back (`sign` -1), out again. */
void ferry_filetally_add(struct ferry_filetally *tally, const struct ferry_filemark *mark,
                         int sign);

struct ferry_filemeter {
    struct ferry_metric *records, *rejects, *files, *bytes, *transactions, *aborted, *waiting;
    struct ferry_metric *skipped[FERRY_SKIPS];
};

struct ferry_filemeter_names {
    const struct ferry_metric_row *rows;
    size_t count;
    bool optouts;        /* as in ferry_filescope */
    const char *skipped; /* one series for each reason */
    const char *skipped_help;
};

void ferry_filemeter_init(struct ferry_filemeter *meter, struct ferry_metrics *metrics,
                          const struct ferry_filemeter_names *names);
/* What a file came to between two of its checkpoints. */
void ferry_filemeter_add(struct ferry_filemeter *meter, const struct ferry_filemark *before,
                         const struct ferry_filemark *now);

#endif
