/* ferry-writer: what its workflows share, and what each of them needs. Loop thread only. */
#ifndef FERRY_WRITER_H
#define FERRY_WRITER_H

#include "core/base/settings.h"

#include <uv.h>

struct ferry_writer_settings {
    struct ferry_common common;
    struct ferry_campaign_settings campaign;
    struct ferry_dynamics_settings dynamics; /* without url: no e-mail events */
    char *state_dir;
    int64_t retry_ms;
    int64_t waiting_timeout_s;
    int64_t brake_records;
    int64_t brake_percent;
};

extern const struct ferry_setting ferry_writer_rows[];
extern const size_t ferry_writer_rows_count;

struct ferry_writer;

enum ferry_status ferry_writer_new(uv_loop_t *loop, const struct ferry_writer_settings *settings,
                                   struct ferry_writer **ret_writer,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
/* Finishes what is in flight, commits and reports; then closes every handle, so that the loop ends.
 */
void ferry_writer_stop(struct ferry_writer *writer);
/* After the loop has ended. */
void ferry_writer_free(struct ferry_writer *writer);

#endif
