/* The command line that every program shares. */
#include "core/base/log.h"
#include "core/base/settings.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_CONFIG = 1, OPTION_SET, OPTION_CHECK, OPTION_HELP, OPTION_VERSION };

static const struct option options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"set", required_argument, NULL, OPTION_SET},
    {"check-config", no_argument, NULL, OPTION_CHECK},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static void print_help(const struct ferry_program *program)
{
    printf("Usage: %s --config FILE [--set key=value]... [--check-config]\n\n%s\n\n"
           "  --config FILE     settings, one key=value a line\n"
           "  --set key=value   one setting; stronger than the file; may be repeated\n"
           "  --check-config    check the settings and end\n"
           "  --help, --version\n\nSettings:\n",
           program->name, program->purpose);
    for (size_t g = 0; g < program->group_count; g++) {
        const struct ferry_settings_group *group = &program->groups[g];
        for (size_t r = 0; r < group->count; r++) {
            const struct ferry_setting *row = &group->rows[r];
            const char *standard = row->standard ? row->standard : "";
            printf("  %s%s%s%s\n      %s\n", row->key,
                   !(row->flags & FERRY_SETTING_REQUIRED) ? ""
                   : group->optional                      ? " (required to use this group)"
                                                          : " (required)",
                   row->standard ? ", default " : "", standard, row->help);
        }
    }
    printf(
        "  kafka.<name>\n      any setting of librdkafka; kafka.bootstrap.servers is required\n");
}

static enum ferry_status set_argument(const struct ferry_program *program, const char *argument,
                                      struct ferry_error *error)
{
    char *key = strdup(argument);
    char *equals = key ? strchr(key, '=') : NULL;
    enum ferry_status status;
    if (!equals) {
        status = ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                            "--set %s: expected key=value", argument);
    } else {
        *equals = '\0';
        status = ferry_settings_set(program, key, equals + 1, error);
    }
    free(key);
    return status;
}

struct arguments {
    bool check;
    bool done;
};

/* Files first, then --set: whatever their order on the line. */
static enum ferry_status read_arguments(const struct ferry_program *program, int argc, char **argv,
                                        int pass, struct arguments *arguments,
                                        struct ferry_error *error)
{
    enum ferry_status status = FERRY_OK;
    int option;
    optind = 1;
    opterr = 0;
    while (status == FERRY_OK && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == OPTION_HELP && pass == 0) {
            print_help(program);
            arguments->done = true;
        } else if (option == OPTION_VERSION && pass == 0) {
            printf("%s %s\n", program->name, FERRY_VERSION);
            arguments->done = true;
        } else if (option == OPTION_CHECK) {
            arguments->check = true;
        } else if (option == OPTION_CONFIG && pass == 0) {
            status = ferry_settings_load(program, optarg, error);
        } else if (option == OPTION_SET && pass == 1) {
            status = set_argument(program, optarg, error);
        } else if (option == '?') {
            status = ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                                "unknown or incomplete option %s", argv[optind - 1]);
        }
    }
    if (status == FERRY_OK && optind < argc)
        status = ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING, "unexpected argument %s",
                            argv[optind]);
    return status;
}

static enum ferry_status configure_log(const struct ferry_program *program,
                                       struct ferry_error *error)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    const struct ferry_common *common = program->common;
    enum ferry_log_format format = FERRY_LOG_LOGFMT;
    if (strcmp(common->log_format, "json") == 0)
        format = FERRY_LOG_JSON;
    else if (strcmp(common->log_format, "logfmt") != 0)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                          "setting log.format: must be logfmt or json");
    for (int i = 0; i < 4; i++) {
        if (strcmp(common->log_level, levels[i]) == 0) {
            ferry_log_configure(program->name, (enum ferry_log_level)i, format);
            return FERRY_OK;
        }
    }
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                      "setting log.level: must be debug, info, warn or error");
}

enum ferry_program_action ferry_program_start(const struct ferry_program *program, int argc,
                                              char **argv)
{
    struct ferry_error error;
    struct arguments arguments = {false, false};
    enum ferry_status status = ferry_settings_defaults(program, &error);
    if (status == FERRY_OK)
        status = read_arguments(program, argc, argv, 0, &arguments, &error);
    if (status == FERRY_OK && arguments.done)
        return FERRY_PROGRAM_DONE;
    if (status == FERRY_OK)
        status = read_arguments(program, argc, argv, 1, &arguments, &error);
    if (status == FERRY_OK)
        status = ferry_settings_check(program, &error);
    if (status == FERRY_OK)
        status = configure_log(program, &error);
    if (status != FERRY_OK) {
        fprintf(stderr, "%s: %s\n", program->name, error.message);
        return FERRY_PROGRAM_REFUSE;
    }
    if (arguments.check) {
        printf("%s: the settings are valid\n", program->name);
        return FERRY_PROGRAM_DONE;
    }
    return FERRY_PROGRAM_RUN;
}

void ferry_program_done(const struct ferry_program *program)
{
    for (size_t g = 0; g < program->group_count; g++) {
        const struct ferry_settings_group *group = &program->groups[g];
        for (size_t r = 0; r < group->count; r++) {
            if (group->rows[r].type != FERRY_SETTING_TEXT)
                continue;
            char **text = (char **)(void *)((char *)group->target + group->rows[r].offset);
            free(*text);
            *text = NULL;
        }
    }
    for (size_t i = 0; i < program->common->kafka_count; i++) {
        free(program->common->kafka[i].key);
        free(program->common->kafka[i].value);
    }
    free(program->common->kafka);
    program->common->kafka = NULL;
    program->common->kafka_count = 0;
}
