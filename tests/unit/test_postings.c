#include "cmocka_all.h"

#include "consumers/poster_private.h"
#include "core/base/clock.h"
#include "core/remote/dataverse_verdict.h"
#include "core/remote/judgement.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define JSON "Content-Type: application/json\r\n\r\n"
#define PART(status, code)                                                                         \
    status "\r\n" JSON "{\"error\":{\"code\":\"" code "\",\"message\":\"said\"}}"
#define TAKEN    "204 No Content\r\nOData-Version: 4.0\r\n"
#define REFUSED  PART("400 Bad Request", "0x80040265")
#define FAULT    PART("400 Bad Request", "0x80040200")
#define DEADLOCK PART("400 Bad Request", "0x80044150")
#define ILL      "500 Internal Server Error\r\nContent-Type: text/plain\r\n\r\nno"
#define ABSENT   PART("404 Not Found", "0x80040217")

static const struct ferry_activity activity = {
    .table = "ferry_emailsend", .entity_set = "sends", .regarding = "regarding_x"};

/* What the poster was told to do. */
static struct bench {
    struct ferry_poster poster;
    struct ferry_desk desks[FERRY_EVENT_KINDS];
    size_t settled, rejected, waited, put_back;
    int surveys, misfits;
    struct ferry_error misfit;
    char rejects[4][512]; /* the first reasons */
} bench;

/* --- in the place of poster.c --- */

void ferry_poster_put_back(struct ferry_poster *poster, struct ferry_letter *letter)
{
    DL_PREPEND(poster->queue, letter);
    bench.put_back++;
}

void ferry_poster_wait(struct ferry_poster *poster, struct ferry_letter *letter, int64_t ms)
{
    letter->due_at = ms;
    DL_APPEND(poster->waiting, letter);
    bench.waited++;
}

void ferry_poster_settle(struct ferry_poster *poster, struct ferry_letter *letter,
                         enum ferry_event_fate fate)
{
    (void)poster;
    (void)fate;
    free(letter);
    bench.settled++;
}

void ferry_poster_reject(struct ferry_poster *poster, struct ferry_letter *letter,
                         const struct ferry_error *reason, int http)
{
    (void)poster;
    if (bench.rejected < 4)
        strcpy(bench.rejects[bench.rejected], reason->message);
    bench.desks[letter->kind].rejects += http != 0;
    free(letter);
    bench.rejected++;
}

void ferry_poster_warn(struct ferry_poster *poster, const struct ferry_error *error,
                       int64_t wait_ms)
{
    (void)poster;
    (void)error;
    (void)wait_ms;
}

void ferry_poster_run(struct ferry_poster *poster)
{
    (void)poster;
}

void ferry_batch_rest(struct ferry_batch *batch)
{
    assert_null(batch->letters);
    assert_null(batch->claims);
    ferry_multipart_done(&batch->multipart);
    free(batch);
}

/* --- in the place of Dynamics, who was sent nothing --- */

void ferry_dataverse_return_body(struct ferry_dataverse_call *call,
                                 const struct ferry_remote_answer *answer,
                                 struct ferry_buffer *body)
{
    (void)call, (void)answer, (void)body;
}

/* --- the bench --- */

static void on_doubt(void *context, struct ferry_desk *desk)
{
    (void)context;
    assert_false(desk->doubted);
    desk->doubted = true;
    bench.surveys++;
}

static void on_misfit(void *context, struct ferry_desk *desk, const struct ferry_error *error)
{
    (void)context;
    assert_false(desk->stopped);
    desk->stopped = true;
    bench.misfit = *error;
    bench.misfits++;
}

static void on_progress(void *context)
{
    (void)context;
}

static void on_warning(void *context, const struct ferry_error *error, int64_t retry_at)
{
    (void)context;
    (void)error;
    (void)retry_at;
}

static int set_up(void **state)
{
    struct ferry_poster *poster = &bench.poster;
    (void)state;
    memset(&bench, 0, sizeof bench);
    for (int kind = 0; kind < FERRY_EVENT_KINDS; kind++)
        bench.desks[kind] = (struct ferry_desk){.activity = &activity, .on = true};
    poster->open = true;
    poster->options = (struct ferry_poster_options){.desks = bench.desks,
                                                    .retry_ms = 500,
                                                    .on_doubt = on_doubt,
                                                    .on_misfit = on_misfit,
                                                    .on_progress = on_progress,
                                                    .on_warning = on_warning};
    ferry_allowance_init(&poster->allowance, 52);
    ferry_pace_init(&poster->pace, 52);
    return 0;
}

static void free_letters(struct ferry_letter *list)
{
    struct ferry_letter *letter, *next;
    DL_FOREACH_SAFE (list, letter, next)
        free(letter);
}

static int tear_down(void **state)
{
    (void)state;
    free_letters(bench.poster.queue);
    free_letters(bench.poster.waiting);
    return 0;
}

static void fill(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ferry_letter *letter = calloc(1, sizeof *letter);
        DL_APPEND(bench.poster.queue, letter);
    }
}

/* All of the queue, or as many as its letters bear; as the poster does it. */
static struct ferry_batch *send_most(size_t most)
{
    struct ferry_poster *poster = &bench.poster;
    struct ferry_batch *batch = calloc(1, sizeof *batch);
    batch->poster = poster;
    batch->retry_after_ms = -1;
    ferry_multipart_init(&batch->multipart, ferry_posting_part, batch);
    while (poster->queue && batch->count < most) {
        struct ferry_letter *letter = poster->queue;
        if (letter->most != 0 && letter->most < most)
            most = letter->most;
        if (batch->count >= most)
            break;
        DL_DELETE(poster->queue, letter);
        DL_APPEND(batch->letters, letter);
        batch->count++;
        if (letter->attempts++ == 0)
            letter->refused = poster->pace.sequence;
    }
    batch->ticket = ferry_pace_send(&poster->pace);
    DL_APPEND(poster->batches, batch);
    return batch;
}

/* What waited is due; what was doubted is found to fit. */
static void go_on(void)
{
    struct ferry_poster *poster = &bench.poster;
    DL_CONCAT(poster->waiting, poster->queue);
    poster->queue = poster->waiting;
    poster->waiting = NULL;
    for (int kind = 0; kind < FERRY_EVENT_KINDS; kind++) {
        struct ferry_desk *desk = &bench.desks[kind];
        if (desk->doubted || desk->stopped)
            ferry_desk_clear(desk, ferry_boot_ms());
        desk->doubted = desk->stopped = false;
    }
}

/* The first parts are answered `first`, those from `turn` on `then`. */
static void answer_parts(struct ferry_batch *batch, size_t turn, const char *first,
                         const char *then)
{
    struct ferry_buffer text;
    const struct ferry_remote_answer answer = {
        .verdict = FERRY_VERDICT_OK, .status = 200, .retry_after_ms = -1, .body = ""};
    ferry_buffer_init(&text, (size_t)1 << 24);
    for (size_t i = 0; i < batch->count; i++)
        assert_int_equal(ferry_buffer_printf(&text,
                                             "--b\r\nContent-Type: application/http\r\n\r\n"
                                             "HTTP/1.1 %s\r\n\r\n",
                                             i < turn ? first : then),
                         FERRY_OK);
    assert_int_equal(ferry_buffer_append_text(&text, "--b--\r\n"), FERRY_OK);
    assert_int_equal(ferry_posting_stream(batch, text.data, text.length), FERRY_HTTP_GO_ON);
    ferry_buffer_done(&text);
    ferry_posting_answer(batch, &answer);
}

static void answer_all(struct ferry_batch *batch, const char *all)
{
    answer_parts(batch, 0, "", all);
}

static void answer_whole(struct ferry_batch *batch, int status, const char *type, const char *body)
{
    const struct ferry_http_answer http = {.outcome = FERRY_HTTP_ANSWERED,
                                           .status = status,
                                           .body = body,
                                           .length = strlen(body),
                                           .content_type = type,
                                           .retry_after_ms = -1};
    struct ferry_remote_answer answer = {
        .status = status, .retry_after_ms = -1, .body = body, .length = http.length};
    if (!ferry_judge("Dynamics 365", false, &http, &answer))
        ferry_dataverse_judge(&http, false, &answer);
    ferry_posting_answer(batch, &answer);
}

/* --- a table that begins to refuse --- */

static void what_was_on_the_way_before_a_refusal_speaks_against_no_event(void **state)
{
    (void)state;
    fill(2000);
    struct ferry_batch *first = send_most(1000), *second = send_most(1000);
    answer_all(second, TAKEN);
    answer_all(first, REFUSED);
    go_on();
    answer_all(send_most(1000), REFUSED);
    assert_int_equal(bench.rejected, 0);
    assert_int_equal(bench.surveys, 1);
    assert_int_equal(bench.misfits, 1);
    assert_int_equal(bench.misfit.class, FERRY_CLASS_SCHEMA);
    assert_true(bench.desks[0].stopped);
}

static void a_table_that_begins_to_refuse_in_the_middle_of_a_request_rejects_nothing(void **state)
{
    (void)state;
    fill(1000);
    answer_parts(send_most(1000), 500, TAKEN, REFUSED);
    go_on();
    answer_parts(send_most(1000), 100, TAKEN, REFUSED);
    go_on();
    for (int i = 0; i < 20; i++) {
        answer_all(send_most(1000), REFUSED);
        go_on();
    }
    assert_int_equal(bench.settled, 600);
    assert_int_equal(bench.rejected, 0);
}

static void an_event_that_is_refused_time_and_again_beside_others_is_rejected(void **state)
{
    (void)state;
    int rounds = 0;
    fill(1);
    for (; bench.rejected == 0 && rounds < 20; rounds++) {
        fill(9);
        answer_parts(send_most(10), 1, REFUSED, TAKEN);
        go_on();
    }
    assert_int_equal(bench.rejected, 1);
    assert_int_equal(rounds, 8);
    assert_int_equal(bench.surveys, 1);
    assert_int_equal(bench.misfits, 0);
}

static void an_event_that_others_outlived_waits_for_the_next_when_it_is_alone(void **state)
{
    (void)state;
    fill(2);
    answer_parts(send_most(10), 1, REFUSED, TAKEN);
    for (int round = 0; round < 20; round++) {
        go_on();
        answer_all(send_most(10), REFUSED);
    }
    assert_int_equal(bench.rejected, 0);
    assert_int_equal(bench.misfits, 0);
    assert_int_equal(bench.waited, 20);
}

static void a_table_that_refuses_everything_is_told_once_an_answer(void **state)
{
    (void)state;
    fill(300);
    answer_all(send_most(1000), REFUSED);
    assert_int_equal(bench.surveys, 1);
    go_on();
    answer_all(send_most(1000), REFUSED);
    assert_int_equal(bench.misfits, 1);
    assert_int_equal(bench.put_back, 600);
}

/* --- answers that name nobody --- */

static void a_passing_500_of_all_requests_rejects_nothing(void **state)
{
    (void)state;
    fill(2000);
    struct ferry_batch *first = send_most(1000), *second = send_most(1000);
    answer_all(second, TAKEN);
    answer_whole(first, 500, "text/plain", "no");
    for (int i = 0; i < 200; i++) {
        go_on();
        answer_whole(send_most(1), 500, "text/plain", "no");
        assert_true(bench.poster.probe_at != 0);
    }
    assert_int_equal(bench.rejected, 0);
    go_on();
    answer_all(send_most(1), TAKEN);
    assert_int_equal(bench.poster.probe_at, 0);
}

static void an_event_that_makes_its_request_fail_is_found_and_rejected(void **state)
{
    (void)state;
    fill(64);
    struct ferry_letter *poison = bench.poster.queue;
    int rounds = 0;
    for (; bench.rejected == 0 && rounds < 200; rounds++) {
        fill(1);
        struct ferry_batch *batch = send_most(1000);
        struct ferry_letter *letter;
        bool hit = false;
        DL_FOREACH (batch->letters, letter)
            hit = hit || letter == poison;
        if (hit)
            answer_whole(batch, 500, "text/plain", "no");
        else
            answer_all(batch, TAKEN);
        if (!bench.poster.queue)
            go_on();
    }
    assert_int_equal(bench.rejected, 1);
    assert_true(bench.settled >= 63);
}

static void a_reject_does_not_end_the_probing(void **state)
{
    (void)state;
    fill(30);
    answer_whole(send_most(1), 500, "text/plain", "no");
    int64_t probe_at = bench.poster.probe_at;
    assert_true(probe_at > 0);
    answer_all(send_most(1), ABSENT);
    assert_int_equal(bench.rejected, 1);
    assert_int_equal(bench.poster.probe_at, probe_at);
}

static void a_part_that_fails_for_ever_beside_others_is_rejected_and_slows_nothing(void **state)
{
    static const char *const faults[] = {DEADLOCK, ILL, "502 Bad Gateway\r\n"};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        set_up(state);
        fill(1);
        for (int round = 0; bench.rejected == 0 && round < 20; round++) {
            fill(9);
            answer_parts(send_most(10), 1, faults[i], TAKEN);
            go_on();
        }
        assert_int_equal(bench.rejected, 1);
        assert_int_equal(bench.settled, 8 * 9);
        assert_true(bench.poster.pace.limit >= 4);
    }
}

static void parts_that_fail_in_passing_without_others_are_repeated_for_ever(void **state)
{
    (void)state;
    fill(100);
    for (int round = 0; round < 50; round++) {
        answer_all(send_most(100), DEADLOCK);
        go_on();
    }
    assert_int_equal(bench.rejected, 0);
    assert_int_equal(bench.poster.pace.limit, 1);
}

static void a_part_that_is_throttled_is_never_at_fault(void **state)
{
    (void)state;
    fill(1);
    for (int round = 0; round < 50; round++) {
        fill(9);
        answer_parts(send_most(10), 1, "429 Too Many Requests\r\nRetry-After: 1\r\n", TAKEN);
        go_on();
    }
    assert_int_equal(bench.rejected, 0);
}

/* --- requests that fail as a whole --- */

static void a_page_that_says_413_makes_the_request_smaller(void **state)
{
    (void)state;
    fill(1000);
    answer_whole(send_most(1000), 413, "text/html", "<html>413 Request Entity Too Large</html>");
    assert_non_null(bench.poster.queue);
    assert_int_equal(bench.poster.queue->most, 500);
    struct ferry_batch *half = send_most(1000);
    assert_int_equal(half->count, 500);
    answer_all(half, TAKEN);
    assert_int_equal(bench.rejected, 0);
}

static void a_request_that_always_fails_is_made_smaller_after_a_few_tries(void **state)
{
    (void)state;
    fill(1000);
    size_t counts[10];
    for (int i = 0; i < 10; i++) {
        struct ferry_batch *batch = send_most(1000);
        counts[i] = batch->count;
        answer_whole(batch, 502, "text/html", "<html>Bad Gateway</html>");
        assert_true(bench.poster.waiting->due_at > 0);
        go_on();
    }
    assert_int_equal(counts[2], 1000);
    assert_int_equal(counts[3], 500);
    assert_true(counts[9] < 500);
    assert_int_equal(bench.rejected, 0);
}

static void who_asks_for_patience_gets_the_same_request_again(void **state)
{
    (void)state;
    const struct ferry_remote_answer answer = {
        .verdict = FERRY_VERDICT_THROTTLED, .status = 503, .retry_after_ms = 1000, .body = ""};
    fill(1000);
    for (int i = 0; i < 10; i++) {
        ferry_posting_answer(send_most(1000), &answer);
        go_on();
    }
    assert_int_equal(bench.poster.queue->most, 0);
}

static void a_refused_request_is_halved_depth_first(void **state)
{
    (void)state;
    size_t expected[] = {8, 4, 2, 1};
    fill(8);
    struct ferry_letter *first = bench.poster.queue;
    for (int i = 0; i < 4; i++) {
        struct ferry_batch *batch = send_most(1000);
        assert_int_equal(batch->count, expected[i]);
        assert_ptr_equal(batch->letters, first);
        answer_whole(batch, 400, "application/json", "{\"error\":{\"code\":\"0x0\"}}");
    }
    assert_int_equal(bench.surveys, 1);
    assert_ptr_equal(bench.poster.queue, first);
}

/* --- answers against events --- */

static void a_contact_that_is_gone_costs_its_events(void **state)
{
    (void)state;
    fill(100);
    answer_parts(send_most(100), 30, ABSENT, TAKEN);
    assert_int_equal(bench.rejected, 30);
    assert_non_null(strstr(bench.rejects[0], "the contact is not in Dynamics 365 any more"));
    assert_int_equal(bench.surveys, 0);
}

static void contacts_that_are_all_gone_cost_nothing(void **state)
{
    (void)state;
    fill(100);
    for (int round = 0; round < 5; round++) {
        answer_all(send_most(100), ABSENT);
        go_on();
    }
    assert_int_equal(bench.rejected, 0);
    assert_int_equal(bench.misfits, 5);
    assert_int_equal(bench.misfit.class, FERRY_CLASS_MAPPING);
    assert_non_null(strstr(bench.misfit.message, "contact"));
    assert_non_null(strstr(bench.misfit.action, "dynamics.url"));
}

static void contacts_that_are_gone_one_after_the_other_cost_few_events(void **state)
{
    (void)state;
    fill(100);
    for (int round = 0; round < 50; round++) {
        answer_all(send_most(1), ABSENT);
        go_on();
    }
    assert_int_equal(bench.rejected, 19);
    assert_true(bench.misfits > 0);
}

static void a_fault_of_all_events_rejects_none_and_asks_once(void **state)
{
    (void)state;
    fill(1000);
    answer_all(send_most(1000), FAULT);
    go_on();
    answer_all(send_most(1000), FAULT);
    assert_int_equal(bench.rejected, 0);
    assert_int_equal(bench.surveys, 1);
    assert_int_equal(bench.misfits, 1);
    assert_int_equal(bench.misfit.class, FERRY_CLASS_MAPPING);
}

static void many_faults_beside_good_events_are_rejected_by_one_verdict(void **state)
{
    (void)state;
    fill(1000);
    answer_parts(send_most(1000), 500, FAULT, TAKEN);
    go_on();
    fill(1);
    answer_parts(send_most(1000), 500, FAULT, TAKEN);
    assert_int_equal(bench.rejected, 500);
    assert_int_equal(bench.surveys, 1);
    assert_int_equal(bench.misfits, 0);
}

static void a_single_fault_is_rejected_though_nothing_else_is_there(void **state)
{
    (void)state;
    fill(1);
    answer_all(send_most(1000), FAULT);
    go_on();
    answer_all(send_most(1000), FAULT);
    assert_int_equal(bench.rejected, 1);
    assert_int_equal(bench.surveys, 1);
}

static void parts_that_nobody_sent_are_nobodys(void **state)
{
    (void)state;
    fill(1);
    struct ferry_batch *batch = send_most(1000);
    const char *text = "--b\r\nX: y\r\n\r\nHTTP/1.1 " TAKEN
                       "\r\n--b\r\nX: y\r\n\r\nHTTP/1.1 " REFUSED "\r\n--b--\r\n";
    const struct ferry_remote_answer answer = {
        .verdict = FERRY_VERDICT_OK, .status = 200, .retry_after_ms = -1, .body = ""};
    assert_int_equal(ferry_posting_stream(batch, text, strlen(text)), FERRY_HTTP_GO_ON);
    assert_int_equal(batch->surplus, 1);
    ferry_posting_answer(batch, &answer);
    assert_int_equal(bench.settled, 1);
    assert_int_equal(bench.surveys, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_on_the_way_before_a_refusal_speaks_against_no_event),
        TEST(a_table_that_begins_to_refuse_in_the_middle_of_a_request_rejects_nothing),
        TEST(an_event_that_is_refused_time_and_again_beside_others_is_rejected),
        TEST(an_event_that_others_outlived_waits_for_the_next_when_it_is_alone),
        TEST(a_table_that_refuses_everything_is_told_once_an_answer),
        TEST(a_passing_500_of_all_requests_rejects_nothing),
        TEST(an_event_that_makes_its_request_fail_is_found_and_rejected),
        TEST(a_reject_does_not_end_the_probing),
        TEST(a_part_that_fails_for_ever_beside_others_is_rejected_and_slows_nothing),
        TEST(parts_that_fail_in_passing_without_others_are_repeated_for_ever),
        TEST(a_part_that_is_throttled_is_never_at_fault),
        TEST(a_page_that_says_413_makes_the_request_smaller),
        TEST(a_request_that_always_fails_is_made_smaller_after_a_few_tries),
        TEST(who_asks_for_patience_gets_the_same_request_again),
        TEST(a_refused_request_is_halved_depth_first),
        TEST(a_contact_that_is_gone_costs_its_events),
        TEST(contacts_that_are_all_gone_cost_nothing),
        TEST(contacts_that_are_gone_one_after_the_other_cost_few_events),
        TEST(a_fault_of_all_events_rejects_none_and_asks_once),
        TEST(many_faults_beside_good_events_are_rejected_by_one_verdict),
        TEST(a_single_fault_is_rejected_though_nothing_else_is_there),
        TEST(parts_that_nobody_sent_are_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
