#include "core/base/log.h"
#include "core/base/settings.h"
#include "core/io/process.h"
#include "producers/reader.h"

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>

#define JOIN_MS 5000

static void on_stop(void *context)
{
    ferry_reader_stop(context);
}

static int serve(const struct ferry_reader_settings *settings)
{
    uv_loop_t *loop = uv_default_loop();
    struct ferry_process process;
    struct ferry_reader *reader = NULL;
    struct ferry_error error;
    if (ferry_reader_new(loop, settings, &reader, &error) != FERRY_OK) {
        ferry_log(FERRY_LOG_ERROR, "cannot_start", FERRY_STR("message", error.message),
                  FERRY_STR("action", error.action));
        return EXIT_FAILURE;
    }
    ferry_process_watch(&process, loop, on_stop, reader);
    uv_run(loop, UV_RUN_DEFAULT);
    if (!ferry_process_late(&process))
        ferry_reader_free(reader);
    if (!ferry_process_end(&process, JOIN_MS))
        quick_exit(EXIT_SUCCESS);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static struct ferry_common common;
    static struct ferry_dynamics_settings dynamics;
    static struct ferry_campaign_settings campaign;
    static struct ferry_sftp_settings sftp;
    static struct ferry_reader_settings settings = {
        .common = &common, .dynamics = &dynamics, .campaign = &campaign, .sftp = &sftp};
    const struct ferry_settings_group groups[] = {
        {ferry_common_settings, ferry_common_settings_count, &common, false},
        {ferry_dynamics_settings, ferry_dynamics_settings_count, &dynamics, false},
        {ferry_campaign_settings, ferry_campaign_settings_count, &campaign, true},
        {ferry_sftp_settings, ferry_sftp_settings_count, &sftp, true},
        {ferry_reader_rows, ferry_reader_rows_count, &settings, false},
    };
    const struct ferry_program program = {
        .name = "ferry-reader",
        .purpose =
            "Reads the changes of Dynamics 365 and Campaign's e-mail events and opt-outs into "
            "Kafka.",
        .common = &common,
        .groups = groups,
        .group_count = sizeof groups / sizeof groups[0],
    };
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit of the size of files is a fault of one copy */
    /* What one thread allocates librdkafka's free, or the other way round: with an arena for each
     * the memory that lies about grew by a quarter from 100,000 to 1,000,000 records. */
    mallopt(M_ARENA_MAX, 1);
    /* A seat blocks a thread while it commits, a tail while it asks: more than libuv's four may do
     * so at once. */
    setenv("UV_THREADPOOL_SIZE", "16", 0);
    switch (ferry_program_start(&program, argc, argv)) {
    case FERRY_PROGRAM_DONE:
        return EXIT_SUCCESS;
    case FERRY_PROGRAM_REFUSE:
        return 2;
    case FERRY_PROGRAM_RUN:
        break;
    }
    int code = serve(&settings);
    ferry_program_done(&program);
    return code;
}
