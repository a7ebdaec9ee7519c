/* $batch: parts in order, change sets all or nothing, references by Content-ID. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dynamics/dynamics.h"
#include "dynamics/mime.h"

#define PARTS      1000
#define REFERENCES 1000

struct batch {
    struct sandbox_call_context *call;
    struct sandbox_buf answer;
    char boundary[80]; /* of the answer */
    size_t parts;
    unsigned failed; /* status of the first failure */
    bool in_set;
    char *references[REFERENCES]; /* Content-ID n of this change set: "contacts(…)" */
    size_t reference_count;
};

struct part {
    char type[256];
    char content_id[32];
    char encoding[32];
    struct sandbox_request request;
};

static void read_part_header(void *argument, const char *name, const char *value)
{
    struct part *part = argument;

    if (strcasecmp(name, "Content-Type") == 0)
        snprintf(part->type, sizeof part->type, "%s", value);
    else if (strcasecmp(name, "Content-ID") == 0)
        snprintf(part->content_id, sizeof part->content_id, "%s", value);
    else if (strcasecmp(name, "Content-Transfer-Encoding") == 0)
        snprintf(part->encoding, sizeof part->encoding, "%s", value);
}

static void read_request_header(void *argument, const char *name, const char *value)
{
    struct sandbox_request *request = &((struct part *)argument)->request;

    if (request->header_count == SANDBOX_HEADERS)
        return;
    struct sandbox_pair *pair = &request->headers[request->header_count++];
    *pair = (struct sandbox_pair){strdup(name), strdup(value)};
    if (!pair->name || !pair->value)
        request->malformed = true;
}

static const char *find_reference(const struct batch *batch, const char *name, size_t length)
{
    for (size_t i = 0; i < batch->reference_count; i++) {
        const char *equals = strchr(batch->references[i], '=');
        if ((size_t)(equals - batch->references[i]) == length &&
            strncmp(batch->references[i], name, length) == 0)
            return equals + 1;
    }
    return NULL;
}

/* What begins at `quote` is the value of a bind: "name@odata.bind":"$1". */
static bool is_bound(const char *text, const char *quote)
{
    static const char bind[] = "@odata.bind\"";
    const char *at = quote;

    while (at > text && at[-1] == ' ')
        at--;
    if (at == text || *--at != ':')
        return false;
    while (at > text && at[-1] == ' ')
        at--;
    return (size_t)(at - text) >= sizeof bind - 1 &&
           memcmp(at - (sizeof bind - 1), bind, sizeof bind - 1) == 0;
}

/* Each "$n" that is bound stands for a row made before in the change set. False: it was not. */
static bool resolve_body(const struct batch *batch, const char *text, size_t length,
                         struct sandbox_buf *body, char missing[static 32])
{
    const char *begin = text, *end = text + length;

    while (text < end) {
        const char *quote = memmem(text, (size_t)(end - text), "\"$", 2);
        size_t digits = 0;
        if (quote)
            while (quote + 2 + digits < end && quote[2 + digits] >= '0' && quote[2 + digits] <= '9')
                digits++;
        const char *stop = quote ? quote + 1 : end;
        sandbox_buf_add(body, text, (size_t)(stop - text));
        text = stop;
        if (!digits || quote + 2 + digits >= end || quote[2 + digits] != '"' ||
            !is_bound(begin, quote))
            continue;
        const char *path = find_reference(batch, quote + 2, digits);
        if (!path) {
            snprintf(missing, 32, "%.*s", (int)digits, quote + 2);
            return false;
        }
        sandbox_buf_adds(body, path);
        text += 1 + digits;
    }
    return true;
}

/* An absolute URL, "/api/data/v9.2/x", one relative to the service, or "$n" of the change set. */
static bool set_target(const struct batch *batch, struct sandbox_request *request, const char *url)
{
    const struct sandbox_buf *base = &batch->call->request->base;
    struct sandbox_buf target = {0};

    if (*url == '$' && url[1] >= '0' && url[1] <= '9')
        url = find_reference(batch, url + 1, strlen(url + 1));
    if (!url)
        return false;
    if (strncmp(url, base->data, base->length) == 0)
        url += base->length;
    sandbox_buf_addf(&target, "%s%s", *url == '/' ? "" : SANDBOX_API, url);
    bool set = !strstr(url, "://") && sandbox_request_target(request, sandbox_buf_text(&target));
    sandbox_buf_done(&target);
    return set;
}

static enum sandbox_verb verb_of(const char *name, size_t length)
{
    for (size_t i = 0; i < SANDBOX_OTHER; i++)
        if (strlen(sandbox_verb_names[i]) == length &&
            strncmp(sandbox_verb_names[i], name, length) == 0)
            return (enum sandbox_verb)i;
    return SANDBOX_OTHER;
}

/* The URL runs from the first blank of the request line to the last: it may hold raw ones. */
static bool read_request_line(const struct batch *batch, struct sandbox_request *request,
                              struct sandbox_slice line)
{
    const char *first = memchr(line.at, ' ', line.length);
    const char *last = memrchr(line.at, ' ', line.length);

    if (!first || last == first || strncmp(last + 1, "HTTP/1.1", 8) != 0)
        return false;
    request->verb = verb_of(line.at, (size_t)(first - line.at));
    char *url = strndup(first + 1, (size_t)(last - first - 1));
    bool set = url && set_target(batch, request, url);
    free(url);
    return set;
}

static bool refuse(struct part *part, const char *text)
{
    if (!part->request.path)
        sandbox_request_target(&part->request, SANDBOX_API "$batch");
    sandbox_dynamics_headers(&part->request);
    sandbox_dynamics_refuse(&part->request, 400, "0x80060888", "%s", text);
    return false;
}

static void remember(struct batch *batch, const struct part *part)
{
    const size_t base = batch->call->request->base.length + strlen(SANDBOX_API) - 1;
    struct sandbox_buf reference = {0};

    for (size_t i = 0; *part->content_id && i < part->request.reply.header_count; i++) {
        const struct sandbox_pair *pair = &part->request.reply.headers[i];
        if (strcmp(pair->name, "OData-EntityId") != 0 || batch->reference_count == REFERENCES)
            continue;
        sandbox_buf_addf(&reference, "%s=%s", part->content_id, pair->value + base + 1);
        batch->references[batch->reference_count] = sandbox_buf_take(&reference, NULL);
        batch->reference_count += batch->references[batch->reference_count] != NULL;
    }
}

/* Takes the request of an application/http part apart; false: it is refused. */
static bool read_part(struct batch *batch, struct part *part, struct sandbox_slice text)
{
    struct sandbox_request *request = &part->request;
    char missing[32], message[120];

    if (strcasecmp(part->type, "application/http") != 0 ||
        strcasecmp(part->encoding, "binary") != 0)
        return refuse(part, "A batch part must be application/http with the "
                            "Content-Transfer-Encoding binary.");
    if (!read_request_line(batch, request, sandbox_mime_line(&text)))
        return refuse(part, "Malformed request line in a batch part.");
    sandbox_mime_headers(&text, read_request_header, part);
    if (batch->in_set && request->verb == SANDBOX_GET)
        return refuse(part, "A change set cannot contain GET requests.");
    if (strstr(request->path, "$batch"))
        return refuse(part, "Batch requests cannot be nested.");
    if (resolve_body(batch, text.at, text.length, &request->body, missing))
        return true;
    snprintf(message, sizeof message,
             "Content-ID Reference: '$%s' does not exist in the batch context.", missing);
    return refuse(part, message);
}

/* A fault on order: the part is not carried out, and might be a moment later. */
static bool fail_part(struct batch *batch, struct part *part)
{
    struct sandbox_request *request = &part->request;
    const struct sandbox_fault *fault =
        sandbox_fault_take(batch->call->dynamics->faults, request, 1u << SANDBOX_FAULT_PART);
    char seconds[16];

    if (!fault)
        return false;
    sandbox_dynamics_headers(request);
    snprintf(seconds, sizeof seconds, "%d", fault->retry_after);
    if (fault->retry_after >= 0)
        sandbox_reply_header(request, "Retry-After", seconds);
    sandbox_dynamics_error(request, fault->status, fault->code ? fault->code : "0x80044150", "%s",
                           fault->text ? fault->text : "Generic SQL error.");
    return true;
}

/* Serves what stands in an application/http part; part->request.reply has the answer. */
static void serve_part(struct batch *batch, struct part *part, struct sandbox_slice text)
{
    struct sandbox_request *request = &part->request, *outer = batch->call->request;

    request->service = outer->service;
    request->number = outer->number;
    sandbox_buf_add(&request->base, outer->base.data, outer->base.length);
    if (read_part(batch, part, text) && !fail_part(batch, part)) {
        sandbox_dynamics_dispatch(batch->call->dynamics, request);
        outer->service->stats.calls[request->call]++;
        remember(batch, part);
    }
    outer->service->stats.operations[request->reply.status]++;
}

static void new_id(struct batch *batch, char id[static SANDBOX_GUID_SIZE])
{
    uint8_t bytes[16];

    sandbox_guid_random(&batch->call->dynamics->random, bytes);
    sandbox_guid_format(bytes, id);
}

static const char *reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } reasons[] = {{200, "OK"},
                   {201, "Created"},
                   {204, "No Content"},
                   {304, "Not Modified"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {412, "Precondition Failed"},
                   {413, "Request Entity Too Large"},
                   {415, "Unsupported Media Type"},
                   {429, "Too Many Requests"},
                   {500, "Internal Server Error"},
                   {501, "Not Implemented"},
                   {503, "Service Unavailable"}};

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Error";
}

static void write_part(struct batch *batch, struct sandbox_buf *buf, const char *boundary,
                       struct part *part)
{
    const struct sandbox_reply *reply = &part->request.reply;
    char id[SANDBOX_GUID_SIZE];

    new_id(batch, id);
    if (reply->status >= 400)
        sandbox_reply_header(&part->request, "REQ_ID", id);

    sandbox_buf_addf(buf, "--%s\r\nContent-Type: application/http\r\n", boundary);
    sandbox_buf_adds(buf, "Content-Transfer-Encoding: binary\r\n");
    if (*part->content_id)
        sandbox_buf_addf(buf, "Content-ID: %s\r\n", part->content_id);
    sandbox_buf_addf(buf, "\r\nHTTP/1.1 %u %s\r\n", reply->status, reason(reply->status));
    for (size_t i = 0; i < reply->header_count; i++)
        sandbox_buf_addf(buf, "%s: %s\r\n", reply->headers[i].name, reply->headers[i].value);
    sandbox_buf_adds(buf, "\r\n");
    if (reply->body.length)
        sandbox_buf_add(buf, reply->body.data, reply->body.length);
    sandbox_buf_adds(buf, "\r\n");
}

static void forget_references(struct batch *batch)
{
    while (batch->reference_count)
        free(batch->references[--batch->reference_count]);
}

/* The parts of a change set until one fails; the failing one stays in `part`. */
static bool run_set(struct batch *batch, struct sandbox_slice text, const char *boundary,
                    const char *answer_boundary, struct sandbox_buf *answers, struct part *part)
{
    struct sandbox_slice inner;
    bool broken;

    while (sandbox_mime_next(&text, boundary, &inner, &broken)) {
        *part = (struct part){0};
        batch->parts++;
        sandbox_mime_headers(&inner, read_part_header, part);
        serve_part(batch, part, inner);
        if (part->request.reply.status >= 400)
            return false;
        write_part(batch, answers, answer_boundary, part);
        sandbox_request_done(&part->request);
    }
    return true;
}

static void new_boundary(struct batch *batch, const char *prefix, char boundary[static 80])
{
    char id[SANDBOX_GUID_SIZE];

    new_id(batch, id);
    snprintf(boundary, 80, "%s_%s", prefix, id);
}

static void serve_set(struct batch *batch, struct sandbox_slice text, const char *boundary)
{
    struct sandbox_dynamics *dynamics = batch->call->dynamics;
    struct sandbox_undo *undo = NULL;
    struct sandbox_buf answers = {0};
    char answer_boundary[80];
    struct part part;

    new_boundary(batch, "changesetresponse", answer_boundary);
    batch->in_set = true;
    dynamics->undo = &undo;
    bool good = run_set(batch, text, boundary, answer_boundary, &answers, &part);
    dynamics->undo = NULL;
    batch->in_set = false;
    if (good) {
        sandbox_undo_forget(&undo);
        sandbox_buf_addf(&batch->answer,
                         "--%s\r\nContent-Type: multipart/mixed; boundary=%s\r\n\r\n%s--%s--\r\n",
                         batch->boundary, answer_boundary, sandbox_buf_text(&answers),
                         answer_boundary);
    } else {
        sandbox_undo_run(&undo, dynamics->watch);
        batch->failed = part.request.reply.status;
        write_part(batch, &batch->answer, batch->boundary, &part);
        sandbox_request_done(&part.request);
    }
    sandbox_buf_done(&answers);
    forget_references(batch);
}

static void serve_one(struct batch *batch, struct sandbox_slice text)
{
    struct part part = {0};
    char boundary[80];

    sandbox_mime_headers(&text, read_part_header, &part);
    if (sandbox_mime_boundary(part.type, boundary)) {
        serve_set(batch, text, boundary);
        return;
    }
    batch->parts++;
    serve_part(batch, &part, text);
    if (part.request.reply.status >= 400)
        batch->failed = part.request.reply.status;
    write_part(batch, &batch->answer, batch->boundary, &part);
    sandbox_request_done(&part.request);
}

/* By their Content-Type lines; JSON cannot hold such a line. */
size_t sandbox_batch_operations(const struct sandbox_buf *body)
{
    static const char header[] = "\nContent-Type:", type[] = "application/http";
    size_t count = 0;

    for (const char *at = sandbox_buf_text(body); (at = strchr(at, '\n')); at++) {
        if (strncasecmp(at, header, sizeof header - 1) != 0)
            continue;
        const char *value = at + sizeof header - 1;
        value += strspn(value, " ");
        count += strncasecmp(value, type, sizeof type - 1) == 0;
    }
    return count;
}

static bool has_bare_newline(const struct sandbox_buf *body)
{
    for (size_t i = 0; i < body->length; i++)
        if (body->data[i] == '\n' && (i == 0 || body->data[i - 1] != '\r'))
            return true;
    return false;
}

static bool check(struct sandbox_call_context *call, char boundary[static 80])
{
    struct sandbox_request *request = call->request;

    if (!sandbox_mime_boundary(sandbox_request_header(request, "Content-Type"), boundary))
        sandbox_dynamics_refuse(request, 400, "0x80060888",
                                "The Content-Type of a batch must be multipart/mixed with a "
                                "boundary.");
    else if (sandbox_batch_operations(&request->body) > PARTS) /* nothing is carried out */
        sandbox_dynamics_refuse(request, 400, "0x80060888", "The batch has more than %d requests.",
                                PARTS);
    else if (call->dynamics->settings.batch_crlf_strict && has_bare_newline(&request->body))
        sandbox_dynamics_refuse(request, 400, "0x80060888",
                                "The batch has a line that does not end with CRLF.");
    return !request->reply.status;
}

static void reply(struct batch *batch)
{
    struct sandbox_request *request = batch->call->request;
    char type[120];

    sandbox_buf_addf(&batch->answer, "--%s--\r\n", batch->boundary);
    snprintf(type, sizeof type, "multipart/mixed; boundary=%s", batch->boundary);
    sandbox_reply_header(request, "Content-Type", type);
    request->reply.body = batch->answer;
    request->reply.status =
        batch->failed && !batch->call->prefer.continue_on_error ? batch->failed : 200;
}

void sandbox_dynamics_batch(struct sandbox_call_context *call)
{
    struct sandbox_slice text = {sandbox_buf_text(&call->request->body),
                                 call->request->body.length};
    struct sandbox_slice part;
    char boundary[80];
    bool broken = false;

    call->request->call = SANDBOX_CALL_BATCH;
    if (!check(call, boundary))
        return;
    struct batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return;
    batch->call = call;
    new_boundary(batch, "batchresponse", batch->boundary);
    while ((!batch->failed || call->prefer.continue_on_error) &&
           (!call->request->stop_after || batch->parts < call->request->stop_after) &&
           sandbox_mime_next(&text, boundary, &part, &broken))
        serve_one(batch, part);
    if (broken) {
        sandbox_dynamics_refuse(call->request, 400, "0x80060888",
                                "The batch does not end with its closing delimiter.");
        sandbox_buf_done(&batch->answer);
    } else {
        reply(batch);
    }
    free(batch);
}
