#include "core/io/process.h"

#include "core/base/log.h"
#include "core/io/kafka.h"

#include <signal.h>

static void on_limit(uv_timer_t *timer)
{
    struct ferry_process *process = timer->data;
    process->late = true;
    ferry_log(FERRY_LOG_WARN, "ended_by_force", FERRY_INT("after_ms", (int64_t)process->stop_ms),
              FERRY_STR("because", "a request or a call to Kafka did not return"),
              FERRY_STR("then", "what was not committed is done again at the next start"));
    uv_stop(process->loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct ferry_process *process = handle->data;
    ferry_log(FERRY_LOG_INFO, "stopping", FERRY_INT("signal", number));
    if (!uv_is_active((uv_handle_t *)&process->limit))
        uv_timer_start(&process->limit, on_limit, process->stop_ms, 0);
    process->on_stop(process->context);
}

void ferry_process_watch(struct ferry_process *process, uv_loop_t *loop,
                         void (*on_stop)(void *context), void *context)
{
    static const int numbers[2] = {SIGTERM, SIGINT};
    process->loop = loop;
    process->on_stop = on_stop;
    process->context = context;
    process->stop_ms = FERRY_PROCESS_STOP_MS;
    process->late = false;
    uv_timer_init(loop, &process->limit);
    process->limit.data = process;
    uv_unref((uv_handle_t *)&process->limit);
    for (int i = 0; i < 2; i++) {
        uv_signal_init(loop, &process->signals[i]);
        process->signals[i].data = process;
        uv_signal_start(&process->signals[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&process->signals[i]);
    }
}

bool ferry_process_late(const struct ferry_process *process)
{
    return process->late;
}

bool ferry_process_end(struct ferry_process *process, int join_ms)
{
    if (process->late)
        return false;
    for (int i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&process->signals[i], NULL);
    uv_run(process->loop, UV_RUN_DEFAULT);
    if (!process->late)
        ferry_log(FERRY_LOG_INFO, "ended",
                  FERRY_INT("kafka_clients_left", !ferry_kafka_join(join_ms)));
    return !process->late;
}
