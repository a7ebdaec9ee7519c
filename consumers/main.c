/* ferry-writer: from the backlog in Kafka to the destination. */
#include "consumers/writer.h"
#include "core/base/log.h"
#include "core/io/kafka.h"

#include <signal.h>
#include <stdlib.h>

#define JOIN_MS 5000

static struct ferry_writer_settings settings;

static void on_signal(uv_signal_t *handle, int number)
{
    ferry_log(FERRY_LOG_INFO, "stopping", FERRY_INT("signal", number));
    ferry_writer_stop(handle->data);
}

static void watch_signals(uv_loop_t *loop, uv_signal_t signals[2], struct ferry_writer *writer)
{
    static const int numbers[2] = {SIGTERM, SIGINT};
    for (int i = 0; i < 2; i++) {
        uv_signal_init(loop, &signals[i]);
        signals[i].data = writer;
        uv_signal_start(&signals[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&signals[i]); /* they alone keep no loop going */
    }
}

static int serve(void)
{
    uv_loop_t *loop = uv_default_loop();
    uv_signal_t signals[2];
    struct ferry_writer *writer = NULL;
    struct ferry_error error;
    if (ferry_writer_new(loop, &settings, &writer, &error) != FERRY_OK) {
        ferry_log(FERRY_LOG_ERROR, "cannot_start", FERRY_STR("message", error.message),
                  FERRY_STR("action", error.action));
        return EXIT_FAILURE;
    }
    watch_signals(loop, signals, writer);
    uv_run(loop, UV_RUN_DEFAULT);
    ferry_writer_free(writer);
    for (int i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&signals[i], NULL);
    uv_run(loop, UV_RUN_NOWAIT);
    ferry_kafka_join(JOIN_MS);
    ferry_log(FERRY_LOG_INFO, "ended", FERRY_STR("worker", settings.common.worker_name));
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    const struct ferry_settings_group groups[] = {
        {ferry_common_settings, ferry_common_settings_count, &settings.common},
        {ferry_campaign_settings, ferry_campaign_settings_count, &settings.campaign},
        {ferry_writer_rows, ferry_writer_rows_count, &settings},
    };
    const struct ferry_program program = {
        .name = "ferry-writer",
        .purpose = "Writes what is queued in Kafka to Adobe Campaign, in order and without loss.",
        .common = &settings.common,
        .groups = groups,
        .group_count = sizeof groups / sizeof groups[0],
    };
    signal(SIGPIPE, SIG_IGN);
    /* A commit, a question about offsets and two tails may block a thread each. */
    setenv("UV_THREADPOOL_SIZE", "8", 0);
    switch (ferry_program_start(&program, argc, argv)) {
    case FERRY_PROGRAM_DONE:
        return EXIT_SUCCESS;
    case FERRY_PROGRAM_REFUSE:
        return 2;
    case FERRY_PROGRAM_RUN:
        break;
    }
    int code = serve();
    ferry_program_done(&program);
    return code;
}
