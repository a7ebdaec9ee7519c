#include "controller/cli/command.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *ferry_command_text(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));

    return text ? text : "";
}

int ferry_command_unreachable(const struct ferry_client_answer *answer)
{
    fprintf(stderr, "ferryctl: %s\n", answer->trouble);
    return FERRY_EXIT_UNREACHABLE;
}

int ferry_command_refused(const struct ferry_client_answer *answer)
{
    const char *detail = ferry_command_text(answer->body, "detail");
    const char *action = ferry_command_text(answer->body, "action");
    size_t i;
    json_t *fault;

    fprintf(stderr, "ferryctl: %s\n", *detail ? detail : "the controller refused without a reason");
    json_array_foreach (json_object_get(answer->body, "errors"), i, fault) {
        const char *path = ferry_command_text(fault, "path");

        fprintf(stderr, "  %s%s%s\n", path, *path ? ": " : "", ferry_command_text(fault, "reason"));
    }
    if (*action)
        fprintf(stderr, "  what to do: %s\n", action);
    return FERRY_EXIT_REFUSED;
}

int ferry_command_ask(const struct ferry_command *command, const char *method, const char *path,
                      const json_t *body, const char *header,
                      struct ferry_client_answer *ret_answer)
{
    int code = FERRY_EXIT_OK;

    ferry_client_ask(command->client, method, path, body, header, ret_answer);
    if (ret_answer->status == 0)
        code = ferry_command_unreachable(ret_answer);
    else if (ret_answer->status >= 300)
        code = ferry_command_refused(ret_answer);
    if (code != FERRY_EXIT_OK)
        ferry_client_done(ret_answer);
    return code;
}

void ferry_command_path(const struct ferry_command *command, const char *rest, char *out,
                        size_t size)
{
    char *encoded = curl_easy_escape(NULL, command->argument, 0);

    snprintf(out, size, "/v1/workflows/%.200s%s", encoded ? encoded : "", rest);
    curl_free(encoded);
}

int ferry_command_post(const struct ferry_command *command, const char *rest, json_t *body,
                       struct ferry_client_answer *ret_answer)
{
    char path[512];
    int code;

    ferry_command_path(command, rest, path, sizeof path);
    code = ferry_command_ask(command, "POST", path, body, NULL, ret_answer);
    json_decref(body);
    return code;
}

void ferry_command_print(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
}

void ferry_command_pause(int ms)
{
    (void)poll(NULL, 0, ms);
}
