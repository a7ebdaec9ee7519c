/* A one-shot timer that may be freed at any moment, also in its own callback. Loop thread only. */
#ifndef FERRY_ALARM_H
#define FERRY_ALARM_H

#include "core/base/status.h"

#include <stdint.h>
#include <uv.h>

struct ferry_alarm;

enum ferry_status ferry_alarm_new(uv_loop_t *loop, void (*on_alarm)(void *context), void *context,
                                  struct ferry_alarm **ret_alarm) FERRY_MUST_CHECK;
void ferry_alarm_free(struct ferry_alarm *alarm);
/* In place of what was set before. */
void ferry_alarm_set(struct ferry_alarm *alarm, int64_t delay_ms);
void ferry_alarm_stop(struct ferry_alarm *alarm);

#endif
