/* The tasks of all workers as they last told of themselves in the topic `status`, and how the time
 * passes for them. Loop thread only. */
#ifndef FERRY_ROSTER_H
#define FERRY_ROSTER_H

#include "controller/task.h"
#include "core/base/settings.h"

#include <uv.h>

struct ferry_roster;

struct ferry_roster_options {
    void (*on_read)(void *context);   /* once, when what was there has been read */
    void (*on_change)(void *context); /* a task told something; from then on */
    void (*on_trouble)(void *context, const struct ferry_error *error); /* it goes on trying */
    void *context;
};

enum ferry_status ferry_roster_new(uv_loop_t *loop, const struct ferry_common *common,
                                   const struct ferry_roster_options *options,
                                   struct ferry_roster **ret_roster,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_roster_free(struct ferry_roster *roster);

const struct ferry_task *ferry_roster_tasks(const struct ferry_roster *roster); /* by id */
/* The time in which tasks grow old: boot ms without those in which Kafka was silent. Nobody's
 * silence counts when we heard nobody, neither then nor right afterwards. */
int64_t ferry_roster_heard_ms(struct ferry_roster *roster);
/* For how long Kafka has not answered; 0 while it does. */
int64_t ferry_roster_silence_ms(const struct ferry_roster *roster);

#endif
