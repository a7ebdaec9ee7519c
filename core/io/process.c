#include "core/io/process.h"

#include "core/base/log.h"
#include "core/io/kafka.h"

#include <signal.h>

static void on_signal(uv_signal_t *handle, int number)
{
    struct ferry_process *process = handle->data;
    ferry_log(FERRY_LOG_INFO, "stopping", FERRY_INT("signal", number));
    process->on_stop(process->context);
}

void ferry_process_watch(struct ferry_process *process, uv_loop_t *loop,
                         void (*on_stop)(void *context), void *context)
{
    static const int numbers[2] = {SIGTERM, SIGINT};
    process->loop = loop;
    process->on_stop = on_stop;
    process->context = context;
    for (int i = 0; i < 2; i++) {
        uv_signal_init(loop, &process->signals[i]);
        process->signals[i].data = process;
        uv_signal_start(&process->signals[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&process->signals[i]);
    }
}

void ferry_process_end(struct ferry_process *process, int join_ms)
{
    for (int i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&process->signals[i], NULL);
    uv_run(process->loop, UV_RUN_DEFAULT);
    ferry_log(FERRY_LOG_INFO, "ended", FERRY_INT("kafka_clients_left", ferry_kafka_join(join_ms)));
}
