#include "consumers/inquiry.h"

#include "core/base/clock.h"

#include <stdlib.h>

#define TICK_MS       200
#define RETRY_CAP_MS  INT64_C(30000)
#define REFUSAL_WAITS 60 /* times retry_ms */

struct question {
    int64_t due_ms; /* 0: nothing to ask */
    unsigned failures;
    bool asking;
    bool refused; /* it waits for a human */
};

struct ferry_inquiry {
    struct ferry_inquiry_options options;
    uv_timer_t timer;
    struct question *questions;
};

void ferry_inquiry_answer(struct ferry_inquiry *inquiry, size_t subject,
                          const struct ferry_error *error)
{
    const struct ferry_inquiry_options *options = &inquiry->options;
    struct question *question = &inquiry->questions[subject];
    int64_t wait = 0;
    question->asking = false;
    question->refused = error && error->status == FERRY_INVALID;
    if (!error)
        question->failures = 0;
    else if (question->refused)
        wait = REFUSAL_WAITS * options->retry_ms;
    else
        wait = ferry_backoff_ms(question->failures++, options->retry_ms, RETRY_CAP_MS);
    question->due_ms = error ? ferry_boot_ms() + wait : 0;
    options->on_result(options->context, subject, error, error ? ferry_wall_ms() + wait : 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct ferry_inquiry *inquiry = timer->data;
    int64_t now = ferry_boot_ms();
    for (size_t i = 0; i < inquiry->options.count; i++) {
        struct question *question = &inquiry->questions[i];
        if (question->asking || question->due_ms == 0 || question->due_ms > now)
            continue;
        question->asking = true;
        question->due_ms = 0;
        inquiry->options.ask(inquiry->options.context, i);
    }
}

void ferry_inquiry_repeat(struct ferry_inquiry *inquiry, size_t subject)
{
    struct question *question = &inquiry->questions[subject];
    if (question->due_ms == 0 || !question->refused)
        question->due_ms = 1;
}

void ferry_inquiry_postpone(struct ferry_inquiry *inquiry, size_t subject)
{
    struct question *question = &inquiry->questions[subject];
    question->refused = true;
    question->due_ms = ferry_boot_ms() + REFUSAL_WAITS * inquiry->options.retry_ms;
}

enum ferry_status ferry_inquiry_new(uv_loop_t *loop, const struct ferry_inquiry_options *options,
                                    struct ferry_inquiry **ret_inquiry, struct ferry_error *error)
{
    struct ferry_inquiry *inquiry = calloc(1, sizeof *inquiry);
    if (inquiry)
        inquiry->questions = calloc(options->count + 1, sizeof *inquiry->questions);
    if (!inquiry || !inquiry->questions) {
        free(inquiry);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    inquiry->options = *options;
    for (size_t i = 0; i < options->count; i++)
        ferry_inquiry_repeat(inquiry, i);
    uv_timer_init(loop, &inquiry->timer);
    inquiry->timer.data = inquiry;
    uv_timer_start(&inquiry->timer, on_timer, 0, TICK_MS);
    *ret_inquiry = inquiry;
    return FERRY_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct ferry_inquiry *inquiry = handle->data;
    free(inquiry->questions);
    free(inquiry);
}

void ferry_inquiry_free(struct ferry_inquiry *inquiry)
{
    if (inquiry)
        uv_close((uv_handle_t *)&inquiry->timer, on_closed);
}
