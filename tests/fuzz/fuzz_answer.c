/* Whatever Campaign, Dataverse or something between us answers: each gets a verdict that is not OK,
 * and a sentence. */
#include "fuzz_target.h"

#include "core/remote/campaign_verdict.h"
#include "core/remote/dataverse_verdict.h"

#include <stdlib.h>
#include <string.h>

static void expect_a_sentence(const struct ferry_remote_answer *answer)
{
    if (answer->verdict == FERRY_VERDICT_OK || answer->error.message[0] == '\0' ||
        !memchr(answer->error.message, '\0', sizeof answer->error.message))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {400, 403, 404, 405, 409, 410, 412, 413, 415, 500, 501, 505};
    if (size < 2)
        return 0;
    char *body = malloc(size - 1);
    if (!body)
        return 0;
    memcpy(body, data + 2, size - 2);
    body[size - 2] = '\0';
    const struct ferry_http_answer http = {
        .outcome = FERRY_HTTP_ANSWERED,
        .status = statuses[data[0] % (sizeof statuses / sizeof statuses[0])],
        .body = body,
        .length = size - 2,
        .content_type = data[1] & 1 ? "application/json" : "text/plain",
        .retry_after_ms = -1,
    };
    const struct ferry_campaign_case given = {
        .resource = "profile", .key = data[1] & 2 ? "k" : "", .reads = data[1] & 4};
    struct ferry_remote_answer answer = {.status = http.status, .retry_after_ms = -1, .body = body};
    ferry_campaign_judge(&given, &http, &answer);
    expect_a_sentence(&answer);
    answer =
        (struct ferry_remote_answer){.status = http.status, .retry_after_ms = -1, .body = body};
    ferry_dataverse_judge(&http, data[1] & 4, &answer);
    expect_a_sentence(&answer);
    free(body);
    return 0;
}
