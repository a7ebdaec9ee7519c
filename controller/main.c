/* ferry-controller: what shall run, what runs, and the API to both. */
#include "controller/controller.h"
#include "core/base/log.h"
#include "core/io/kafka.h"

#include <signal.h>
#include <stdlib.h>

#define GOODBYE_MS 10000

static struct ferry_common common;
static struct ferry_dynamics_settings dynamics;
static struct ferry_campaign_settings campaign;
static struct ferry_controller_settings own;

/* The first signal ends the loop's reasons to go on, a second one has nothing to add. */
static void on_signal(uv_signal_t *handle, int number)
{
    ferry_log(FERRY_LOG_INFO, "stopping", FERRY_INT("signal", number));
    uv_stop(handle->loop);
}

static void watch_signals(uv_loop_t *loop, uv_signal_t handles[2])
{
    static const int numbers[2] = {SIGTERM, SIGINT};

    for (int i = 0; i < 2; i++) {
        uv_signal_init(loop, &handles[i]);
        uv_signal_start(&handles[i], on_signal, numbers[i]);
    }
}

static int serve(uv_loop_t *loop)
{
    const struct ferry_controller_options options = {&common, &dynamics, &campaign, &own};
    struct ferry_controller *controller = NULL;
    uv_signal_t signals[2];
    struct ferry_error error;
    enum ferry_status status;

    watch_signals(loop, signals);
    status = ferry_controller_new(loop, &options, &controller, &error);
    if (status == FERRY_OK)
        uv_run(loop, UV_RUN_DEFAULT);
    else
        ferry_log(FERRY_LOG_ERROR, "cannot_start", FERRY_STR("message", error.message),
                  FERRY_STR("action", error.action));
    ferry_controller_free(controller);
    for (int i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&signals[i], NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    return status == FERRY_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    const struct ferry_settings_group groups[] = {
        {ferry_common_settings, ferry_common_settings_count, &common},
        {ferry_dynamics_settings, ferry_dynamics_settings_count, &dynamics},
        {ferry_campaign_settings, ferry_campaign_settings_count, &campaign},
        {ferry_controller_settings, ferry_controller_settings_count, &own},
    };
    const struct ferry_program program = {
        .name = "ferry-controller",
        .purpose = "Starts and stops the workflows, keeps their configurations, serves the API.",
        .common = &common,
        .groups = groups,
        .group_count = sizeof groups / sizeof groups[0],
    };
    enum ferry_program_action action;
    uv_loop_t loop;
    int code;

    signal(SIGPIPE, SIG_IGN);
    action = ferry_program_start(&program, argc, argv);
    code = action == FERRY_PROGRAM_REFUSE ? 2 : EXIT_SUCCESS;
    if (action == FERRY_PROGRAM_RUN) {
        uv_loop_init(&loop);
        code = serve(&loop);
        uv_loop_close(&loop);
        (void)ferry_kafka_join(GOODBYE_MS);
    }
    ferry_program_done(&program);
    return code;
}
