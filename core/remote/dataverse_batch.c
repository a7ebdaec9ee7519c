#include "core/remote/dataverse_batch.h"

#include "core/record/trace.h"
#include "core/remote/dataverse_verdict.h"
#include "core/remote/judgement.h"

#include <string.h>

/* JSON holds no line break, so no part can contain this line. */
#define DELIMITER "--batch_ferry"
#define END       DELIMITER "--\r\n"

enum ferry_status ferry_batch_head(const char *entity_set, struct ferry_buffer *ret_head)
{
    return ferry_buffer_printf(ret_head,
                               DELIMITER "\r\n"
                                         "Content-Type: application/http\r\n"
                                         "Content-Transfer-Encoding: binary\r\n"
                                         "\r\n"
                                         "POST /api/data/v9.2/%s HTTP/1.1\r\n"
                                         "Content-Type: application/json; type=entry\r\n"
                                         "traceparent: ",
                               entity_set);
}

enum ferry_status ferry_batch_begin_part(struct ferry_buffer *body, const struct ferry_buffer *head,
                                         const char *trace)
{
    static const char end[] = "\r\n\r\n";
    size_t room = head->length + FERRY_TRACE_SIZE + sizeof end;
    enum ferry_status status = ferry_buffer_reserve(body, room);
    if (status == FERRY_OK)
        status = ferry_buffer_append(body, head->data, head->length);
    if (status == FERRY_OK)
        status = ferry_buffer_append(body, trace, FERRY_TRACE_SIZE - 1);
    return status == FERRY_OK ? ferry_buffer_append(body, end, sizeof end - 1) : status;
}

enum ferry_status ferry_batch_end_part(struct ferry_buffer *body)
{
    enum ferry_status status = ferry_buffer_append_text(body, "\r\n");
    return status == FERRY_OK ? ferry_buffer_reserve(body, sizeof END - 1) : status;
}

enum ferry_status ferry_batch_end(struct ferry_buffer *body)
{
    return ferry_buffer_append_text(body, END);
}

void ferry_batch_judge(const struct ferry_multipart_part *part, struct ferry_remote_answer *answer)
{
    const struct ferry_http_answer http = {.outcome = FERRY_HTTP_ANSWERED,
                                           .status = part->status,
                                           .body = part->body,
                                           .length = part->length,
                                           .content_type = part->content_type,
                                           .retry_after_ms = part->retry_after_ms};

    *answer = (struct ferry_remote_answer){.status = part->status,
                                           .retry_after_ms = part->retry_after_ms,
                                           .body = part->body,
                                           .length = part->length};
    if (!ferry_judge("Dynamics 365", false, &http, answer))
        ferry_dataverse_judge(&http, false, answer);
}
