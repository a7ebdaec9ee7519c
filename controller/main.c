/* ferry-controller: what shall run, what runs, and the API to both. */
#include "controller/controller.h"
#include "core/base/log.h"
#include "core/io/process.h"

#include <signal.h>
#include <stdlib.h>

#define GOODBYE_MS 10000

static struct ferry_common common;
static struct ferry_dynamics_settings dynamics;
static struct ferry_campaign_settings campaign;
static struct ferry_sftp_settings sftp;
static struct ferry_controller_settings own;

static void on_stop(void *context)
{
    uv_stop(context);
}

static int serve(void)
{
    const struct ferry_controller_options options = {&common, &dynamics, &campaign, &sftp, &own};
    uv_loop_t *loop = uv_default_loop();
    struct ferry_controller *controller = NULL;
    struct ferry_process process;
    struct ferry_error error;

    if (ferry_controller_new(loop, &options, &controller, &error) != FERRY_OK) {
        ferry_log(FERRY_LOG_ERROR, "cannot_start", FERRY_STR("message", error.message),
                  FERRY_STR("action", error.action));
        return EXIT_FAILURE;
    }
    ferry_process_watch(&process, loop, on_stop, loop);
    uv_run(loop, UV_RUN_DEFAULT);
    ferry_controller_free(controller);
    if (!ferry_process_end(&process, GOODBYE_MS))
        quick_exit(EXIT_SUCCESS);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    const struct ferry_settings_group groups[] = {
        {ferry_common_settings, ferry_common_settings_count, &common, false},
        {ferry_dynamics_settings, ferry_dynamics_settings_count, &dynamics, false},
        {ferry_campaign_settings, ferry_campaign_settings_count, &campaign, false},
        {ferry_sftp_settings, ferry_sftp_settings_count, &sftp, true},
        {ferry_controller_settings, ferry_controller_settings_count, &own, false},
    };
    const struct ferry_program program = {
        .name = "ferry-controller",
        .purpose = "Starts and stops the workflows, keeps their configurations, serves the API.",
        .common = &common,
        .groups = groups,
        .group_count = sizeof groups / sizeof groups[0],
    };
    int code;

    signal(SIGPIPE, SIG_IGN);
    switch (ferry_program_start(&program, argc, argv)) {
    case FERRY_PROGRAM_DONE:
        return EXIT_SUCCESS;
    case FERRY_PROGRAM_REFUSE:
        return 2;
    case FERRY_PROGRAM_RUN:
        break;
    }
    code = serve();
    ferry_program_done(&program);
    return code;
}
