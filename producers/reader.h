/* The reader: one member of the group <instance>.reader, whose partitions of `checkpoints` say
 * which tasks of all workflows are its own. Loop thread only. */
#ifndef FERRY_READER_H
#define FERRY_READER_H

#include "core/base/settings.h"

#include <uv.h>

struct ferry_reader;

struct ferry_reader_settings { /* the groups are borrowed */
    const struct ferry_common *common;
    const struct ferry_dynamics_settings *dynamics;
    const struct ferry_campaign_settings *campaign; /* its url is NULL: there is none */
    const struct ferry_sftp_settings *sftp;
    char *state_dir;
};

/* The rows that only the reader has; they fill a struct ferry_reader_settings. */
extern const struct ferry_setting ferry_reader_rows[];
extern const size_t ferry_reader_rows_count;

enum ferry_status ferry_reader_new(uv_loop_t *loop, const struct ferry_reader_settings *settings,
                                   struct ferry_reader **ret_reader,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
/* Gives everything back in order: what is in flight ends, the group is left. The loop ends when
 * that is done, or after 15 s. */
void ferry_reader_stop(struct ferry_reader *reader);
/* After the loop has ended. */
void ferry_reader_free(struct ferry_reader *reader);

#endif
