/* ferry-writer: from the backlog in Kafka to the destination. */
#include "consumers/writer.h"
#include "core/base/log.h"
#include "core/io/process.h"

#include <signal.h>
#include <stdlib.h>

#define JOIN_MS 5000

static struct ferry_writer_settings settings;

static void on_stop(void *context)
{
    ferry_writer_stop(context);
}

static int serve(void)
{
    uv_loop_t *loop = uv_default_loop();
    struct ferry_process process;
    struct ferry_writer *writer = NULL;
    struct ferry_error error;
    if (ferry_writer_new(loop, &settings, &writer, &error) != FERRY_OK) {
        ferry_log(FERRY_LOG_ERROR, "cannot_start", FERRY_STR("message", error.message),
                  FERRY_STR("action", error.action));
        return EXIT_FAILURE;
    }
    ferry_process_watch(&process, loop, on_stop, writer);
    uv_run(loop, UV_RUN_DEFAULT);
    if (!ferry_process_late(&process))
        ferry_writer_free(writer);
    if (!ferry_process_end(&process, JOIN_MS))
        quick_exit(EXIT_SUCCESS);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    const struct ferry_settings_group groups[] = {
        {ferry_common_settings, ferry_common_settings_count, &settings.common, false},
        {ferry_campaign_settings, ferry_campaign_settings_count, &settings.campaign, false},
        {ferry_dynamics_settings, ferry_dynamics_settings_count, &settings.dynamics, true},
        {ferry_writer_rows, ferry_writer_rows_count, &settings, false},
    };
    const struct ferry_program program = {
        .name = "ferry-writer",
        .purpose = "Writes what is queued in Kafka: changes to Adobe Campaign, e-mail events to "
                   "Dynamics 365; in order and without loss.",
        .common = &settings.common,
        .groups = groups,
        .group_count = sizeof groups / sizeof groups[0],
    };
    signal(SIGPIPE, SIG_IGN);
    /* A commit, a question about offsets and two tails may block a thread each, of two workflows.
     */
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
