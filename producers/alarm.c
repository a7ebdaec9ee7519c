#include "producers/alarm.h"

#include <stdlib.h>

struct ferry_alarm {
    uv_timer_t timer;
    void (*on_alarm)(void *context);
    void *context;
};

enum ferry_status ferry_alarm_new(uv_loop_t *loop, void (*on_alarm)(void *context), void *context,
                                  struct ferry_alarm **ret_alarm)
{
    struct ferry_alarm *alarm = calloc(1, sizeof *alarm);
    if (!alarm)
        return FERRY_NOMEM;
    uv_timer_init(loop, &alarm->timer);
    alarm->timer.data = alarm;
    alarm->on_alarm = on_alarm;
    alarm->context = context;
    *ret_alarm = alarm;
    return FERRY_OK;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void ferry_alarm_free(struct ferry_alarm *alarm)
{
    if (alarm)
        uv_close((uv_handle_t *)&alarm->timer, on_closed);
}

static void on_timer(uv_timer_t *timer)
{
    struct ferry_alarm *alarm = timer->data;
    alarm->on_alarm(alarm->context);
}

void ferry_alarm_set(struct ferry_alarm *alarm, int64_t delay_ms)
{
    /* libuv counts from the time it read when this turn began, and in whole milliseconds: an alarm
     * must never come before its time, or whoever waits for that time waits once more. */
    uv_update_time(alarm->timer.loop);
    uv_timer_start(&alarm->timer, on_timer, delay_ms > 0 ? (uint64_t)delay_ms + 1 : 0, 0);
}

void ferry_alarm_stop(struct ferry_alarm *alarm)
{
    uv_timer_stop(&alarm->timer);
}
