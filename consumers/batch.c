#include "consumers/poster_private.h"
#include "core/base/clock.h"
#include "core/base/crashpoint.h"
#include "core/remote/dataverse_batch.h"

#include <stdlib.h>
#include <utlist.h>

#define BODY_BYTES  ((size_t)4 << 20)
#define PATH_BYTES  ((size_t)1 << 10)
#define MANY_END    "]}"
#define LINE_BYTES  64  /* that a processor fetches at once */
#define USUAL_BYTES 256 /* of an event */

/* --- its memory --- */

/* The memory of the one that rested last is warm, and the system need not clear it anew. */
static struct ferry_batch *take_batch(struct ferry_poster *poster)
{
    struct ferry_batch *batch = poster->idle;
    if (batch) {
        LL_DELETE(poster->idle, batch);
        return batch;
    }
    batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    batch->poster = poster;
    batch->retry_after_ms = -1;
    ferry_buffer_init(&batch->body, BODY_BYTES);
    ferry_multipart_init(&batch->multipart, ferry_posting_part, batch);
    return batch;
}

void ferry_batch_rest(struct ferry_batch *batch)
{
    struct ferry_poster *poster = batch->poster;
    ferry_buffer_clear(&batch->body);
    ferry_multipart_clear(&batch->multipart);
    *batch = (struct ferry_batch){
        .poster = poster, .retry_after_ms = -1, .body = batch->body, .multipart = batch->multipart};
    LL_PREPEND(poster->idle, batch);
}

void ferry_batch_free(struct ferry_batch *batch)
{
    struct ferry_letter *letter, *next;
    DL_FOREACH_SAFE (batch->letters, letter, next)
        free(letter);
    ferry_claims_free(batch);
    ferry_multipart_done(&batch->multipart);
    ferry_buffer_done(&batch->body);
    free(batch);
}

void ferry_batches_free_idle(struct ferry_poster *poster)
{
    struct ferry_batch *batch, *next;
    LL_FOREACH_SAFE (poster->idle, batch, next)
        ferry_batch_free(batch);
    poster->idle = NULL;
}

/* --- one event in it --- */

static enum ferry_status write_target(const struct ferry_poster *poster,
                                      const struct ferry_event *event, bool first,
                                      struct ferry_buffer *body, struct ferry_error *error)
{
    char id[FERRY_GUID_SIZE];
    enum ferry_status status = first ? FERRY_OK : ferry_buffer_append(body, ",", 1);
    ferry_poster_name(poster, event, id);
    if (status == FERRY_OK)
        status = ferry_activity_write(poster->forms, event, id, true, body, error);
    else
        ferry_fail(error, status, FERRY_CLASS_BUG, "no room for an activity among many");
    if (status != FERRY_OK)
        return status;
    status = ferry_buffer_reserve(body, sizeof MANY_END - 1);
    return status == FERRY_OK
               ? FERRY_OK
               : ferry_fail(error, status, FERRY_CLASS_BUG, "no room behind an activity");
}

static enum ferry_status write_part(const struct ferry_poster *poster,
                                    const struct ferry_event *event, struct ferry_buffer *body,
                                    struct ferry_error *error)
{
    char id[FERRY_GUID_SIZE];
    char trace[FERRY_TRACE_SIZE];
    ferry_poster_name(poster, event, id);
    ferry_tracer_name(&poster->tracer, id, trace);
    enum ferry_status status = ferry_batch_begin_part(body, &poster->heads[event->kind], trace);
    if (status == FERRY_OK)
        status = ferry_activity_write(poster->forms, event, id, false, body, error);
    else
        ferry_fail(error, status, FERRY_CLASS_BUG, "no room for a part of a batch");
    if (status != FERRY_OK)
        return status;
    status = ferry_batch_end_part(body);
    return status == FERRY_OK
               ? FERRY_OK
               : ferry_fail(error, status, FERRY_CLASS_BUG, "no room behind a part of a batch");
}

/* What one event after the other is read into: where each had its own, it was cleared for each. */
struct reading {
    struct ferry_event event;
    struct ferry_error error;
};

static enum ferry_status write_event(struct ferry_poster *poster, struct ferry_batch *batch,
                                     struct reading *reading)
{
    const struct ferry_event *event = &reading->event;
    struct ferry_buffer *body = &batch->body;
    return batch->many ? write_target(poster, event, batch->count == 0, body, &reading->error)
                       : write_part(poster, event, body, &reading->error);
}

/* From the queue into the request. FERRY_FULL: there is room for it in the next one. A letter that
 * is not added for another reason has its fate, or waits. */
static enum ferry_status move_letter(struct ferry_poster *poster, struct ferry_batch *batch,
                                     struct ferry_letter *letter, struct reading *reading)
{
    size_t before = batch->body.length;
    DL_DELETE(poster->queue, letter);
    poster->queued--;
    enum ferry_status status =
        ferry_event_decode(letter->value, letter->length, &reading->event, &reading->error);
    if (status == FERRY_OK) {
        letter->kind = reading->event.kind;
        if (!ferry_poster_desk(poster, letter)->on) {
            ferry_poster_settle(poster, letter, FERRY_EVENT_LEFT_OUT);
            return FERRY_BAD_RECORD;
        }
        status = write_event(poster, batch, reading);
    }
    if (status == FERRY_OK) {
        DL_APPEND(batch->letters, letter);
        batch->count++;
        return FERRY_OK;
    }
    batch->body.length = before;
    if (status == FERRY_FULL && batch->count > 0) {
        ferry_poster_put_back(poster, letter);
    } else if (status == FERRY_BAD_RECORD || status == FERRY_FULL) {
        ferry_poster_reject(poster, letter, &reading->error, 0);
        status = FERRY_BAD_RECORD;
    } else {
        ferry_poster_wait(poster, letter, FERRY_POST_RETRY_CAP_MS);
        ferry_poster_warn(poster, &reading->error, FERRY_POST_RETRY_CAP_MS);
    }
    return status;
}

/* --- many events --- */

/* What was read a while ago has left the processor's memory: the next event comes back while this
 * one is written. */
static void fetch_ahead(const struct ferry_letter *letter)
{
    const char *end = letter ? letter->value + USUAL_BYTES : NULL;
    for (const char *at = (const char *)letter; at < end; at += LINE_BYTES)
        __builtin_prefetch(at);
}

/* False: memory is short; nothing more is tried in this turn. */
static bool fill_batch(struct ferry_poster *poster, struct ferry_batch *batch)
{
    size_t size = ferry_poster_size(poster);
    struct ferry_letter *letter;
    struct reading reading;
    while (batch->count < size && (letter = ferry_poster_first(poster))) {
        if (letter->most != 0 && letter->most < size)
            size = letter->most;
        if (batch->count >= size)
            break;
        fetch_ahead(letter->next);
        enum ferry_status status = move_letter(poster, batch, letter, &reading);
        if (status == FERRY_FULL)
            break;
        if (status != FERRY_OK && status != FERRY_BAD_RECORD)
            return false;
    }
    return true;
}

/* --- events of one table by CreateMultiple --- */

/* Asked for all that are queued each time a request is filled. */
static bool sort(struct ferry_letter *letter)
{
    struct ferry_event event;
    struct ferry_error error;
    if (!letter->sorted &&
        ferry_event_decode(letter->value, letter->length, &event, &error) == FERRY_OK) {
        letter->kind = event.kind;
        letter->sorted = true;
    }
    return letter->sorted;
}

/* The desk of an event that may go by CreateMultiple; NULL: it goes by $batch. */
static struct ferry_desk *desk_of_many(const struct ferry_poster *poster,
                                       struct ferry_letter *letter)
{
    if (!letter->certain || letter->most != 0 || poster->probe_at != 0 || !sort(letter))
        return NULL;
    struct ferry_desk *desk = ferry_poster_desk(poster, letter);
    return ferry_desk_takes_many(desk) ? desk : NULL;
}

/* Its events stand between others in the queue. As fill_batch. */
static bool fill_many(struct ferry_poster *poster, struct ferry_batch *batch)
{
    struct ferry_letter *letter, *next;
    struct reading reading;
    if (ferry_buffer_append_text(&batch->body, "{\"Targets\":[") != FERRY_OK)
        return false;
    DL_FOREACH_SAFE (poster->queue, letter, next) {
        if (batch->count >= poster->options.batch_size)
            break;
        if (desk_of_many(poster, letter) != batch->many)
            continue;
        enum ferry_status status = move_letter(poster, batch, letter, &reading);
        if (status == FERRY_FULL)
            break;
        if (status != FERRY_OK && status != FERRY_BAD_RECORD)
            return false;
    }
    return true;
}

/* --- on its way --- */

static void note_sent(struct ferry_poster *poster, struct ferry_batch *batch)
{
    struct ferry_letter *letter;
    DL_FOREACH (batch->letters, letter) {
        letter->certain = false;
        if (letter->attempts++ == 0)
            letter->refused = poster->pace.sequence;
    }
    batch->ticket = ferry_pace_send(&poster->pace);
    DL_APPEND(poster->batches, batch);
    poster->requests++;
    ferry_crashpoint("batch-sent");
}

static enum ferry_status send_batch(struct ferry_poster *poster, struct ferry_batch *batch,
                                    struct ferry_error *error)
{
    if (ferry_batch_end(&batch->body) != FERRY_OK)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    const struct ferry_dataverse_request request = {.method = "POST",
                                                    .path = FERRY_BATCH_PATH,
                                                    .prefer = FERRY_BATCH_PREFER,
                                                    .type = FERRY_BATCH_TYPE,
                                                    .large_body = &batch->body,
                                                    .on_body = ferry_posting_stream,
                                                    .on_done = ferry_posting_answer,
                                                    .context = batch};
    return ferry_dataverse_send(poster->options.dataverse, &request, &batch->call, error);
}

static enum ferry_status send_many(struct ferry_poster *poster, struct ferry_batch *batch,
                                   struct ferry_error *error)
{
    struct ferry_buffer path;
    ferry_buffer_init(&path, PATH_BYTES);
    enum ferry_status status = ferry_buffer_printf(
        &path, "%s/Microsoft.Dynamics.CRM.CreateMultiple", batch->many->activity->entity_set);
    if (status == FERRY_OK)
        status = ferry_buffer_append_text(&batch->body, MANY_END);
    const struct ferry_dataverse_request request = {.method = "POST",
                                                    .path = path.data,
                                                    .large_body = &batch->body,
                                                    .on_done = ferry_posting_answer,
                                                    .context = batch};
    status = status == FERRY_OK
                 ? ferry_dataverse_send(poster->options.dataverse, &request, &batch->call, error)
                 : ferry_fail(error, status, FERRY_CLASS_BUG, "no room to send many activities");
    ferry_buffer_done(&path);
    return status;
}

static void give_up_sending(struct ferry_poster *poster, struct ferry_batch *batch,
                            const struct ferry_error *error)
{
    struct ferry_letter *letter, *next;
    DL_FOREACH_SAFE (batch->letters, letter, next) {
        DL_DELETE(batch->letters, letter);
        ferry_poster_wait(poster, letter, FERRY_POST_RETRY_CAP_MS);
    }
    ferry_poster_warn(poster, error, FERRY_POST_RETRY_CAP_MS);
}

/* As long as the last one, by its events: one that grew while it is filled would be copied a dozen
 * times. False: memory is short. */
static bool reserve_body(const struct ferry_poster *poster, struct ferry_buffer *body)
{
    size_t count =
        ferry_poster_size(poster) < poster->queued ? ferry_poster_size(poster) : poster->queued;
    size_t bytes = count * poster->event_bytes;
    return ferry_buffer_reserve(body, bytes < BODY_BYTES ? bytes : BODY_BYTES) == FERRY_OK;
}

bool ferry_batch_post(struct ferry_poster *poster)
{
    struct ferry_batch *batch = take_batch(poster);
    struct ferry_error error;
    if (!batch)
        return false;
    if (!reserve_body(poster, &batch->body)) {
        ferry_batch_rest(batch);
        return false;
    }
    ferry_tracer_turn(&poster->tracer);
    batch->many = desk_of_many(poster, poster->queue);
    bool goes_on = batch->many ? fill_many(poster, batch) : fill_batch(poster, batch);
    bool sent = false;
    if (batch->count > 0) {
        poster->event_bytes = batch->body.length / batch->count + 1;
        enum ferry_status status =
            batch->many ? send_many(poster, batch, &error) : send_batch(poster, batch, &error);
        sent = status == FERRY_OK;
        if (sent)
            note_sent(poster, batch);
        else
            give_up_sending(poster, batch, &error);
    }
    if (!sent)
        ferry_batch_rest(batch);
    return goes_on && sent;
}
