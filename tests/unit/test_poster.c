/* The answers that no imitation gives on demand: each part has its own word. Dynamics and the
 * ledger are played by the test. */
#include "consumers/poster.h"

#include "cmocka_all.h"

#include "core/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTACT "60c4e274-0d87-e711-80e5-00155db19e6d"
#define FIRST   "9edf8166-3cf4-5e00-ab04-d6b5b45800c3" /* the activity of /send:0 */
#define SENDS   64

static struct {
    struct ferry_dataverse_request requests[SENDS];
    int64_t at[SENDS];
    int parts[SENDS];
    bool first[SENDS]; /* it holds the first event of all */
    int count;
    int rejects;
    char reason[512];
    int doubts;
    int misfits;
    struct ferry_error misfit;
    struct ferry_error warning;
    bool warned;
} seen;

static int count_parts(const char *body)
{
    int count = 0;
    while ((body = strstr(body, "POST /api/"))) {
        body++;
        count++;
    }
    return count;
}

enum ferry_status ferry_dataverse_send(struct ferry_dataverse *dataverse,
                                       const struct ferry_dataverse_request *request,
                                       struct ferry_dataverse_call **ret_call,
                                       struct ferry_error *error)
{
    (void)dataverse, (void)error;
    assert_true(seen.count < SENDS);
    seen.at[seen.count] = ferry_boot_ms();
    seen.parts[seen.count] = count_parts(request->large_body->data);
    seen.first[seen.count] = strstr(request->large_body->data, FIRST) != NULL;
    seen.requests[seen.count++] = *request;
    if (ret_call)
        *ret_call = NULL;
    return FERRY_OK;
}

void ferry_dataverse_return_body(struct ferry_dataverse_call *call,
                                 const struct ferry_remote_answer *answer,
                                 struct ferry_buffer *body)
{
    (void)call, (void)answer;
    assert_non_null(body->data); /* of the answered one: send left it where it was */
}

void ferry_dataverse_cancel(struct ferry_dataverse_call *call)
{
    (void)call;
}

enum ferry_status ferry_ledger_add(struct ferry_ledger *ledger, const char *topic, int partition,
                                   const void *key, size_t key_length, const void *value,
                                   size_t length, const struct ferry_ledger_header *headers)
{
    (void)ledger, (void)partition, (void)key, (void)key_length, (void)value, (void)length;
    if (!headers)
        return FERRY_INVALID;
    assert_string_equal(topic, "f.rejects.campaign-to-dynamics");
    assert_string_equal(headers[0].name, "ferry-reason");
    snprintf(seen.reason, sizeof seen.reason, "%s", headers[0].value);
    seen.rejects++;
    return FERRY_OK;
}

struct fixture {
    uv_loop_t loop;
    struct ferry_events events;
    struct ferry_desk desks[FERRY_EVENT_KINDS];
    struct ferry_strand *strand;
    struct ferry_poster *poster;
    int64_t offset;
};

static struct ferry_letter *next_letter(void *context, int64_t now)
{
    struct fixture *fixture = context;
    return ferry_strand_next(fixture->strand, now);
}

static bool expects(void *context)
{
    (void)context;
    return false;
}

static bool may_send(void *context)
{
    (void)context;
    return true;
}

static void on_progress(void *context)
{
    (void)context;
}

static void on_warning(void *context, const struct ferry_error *error, int64_t retry_at)
{
    (void)context, (void)retry_at;
    seen.warned = error != NULL;
    if (error)
        seen.warning = *error;
}

/* The metadata is as good as ever. */
static void on_doubt(void *context, struct ferry_desk *desk)
{
    (void)context;
    seen.doubts++;
    ferry_desk_clear(desk, ferry_boot_ms());
}

static void on_misfit(void *context, struct ferry_desk *desk, const struct ferry_error *error)
{
    (void)context;
    desk->stopped = true;
    seen.misfits++;
    seen.misfit = *error;
}

static void on_broken(void *context, const struct ferry_error *error)
{
    (void)context;
    fail_msg("broken: %s", error->message);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const struct ferry_group_part part = {.committed = 0, .log_end = 0};
    memset(&seen, 0, sizeof seen);
    uv_loop_init(&fixture->loop);
    fixture->events.source = "";
    fixture->events.kinds[FERRY_EVENT_SEND] = true;
    fixture->events.activities[FERRY_EVENT_SEND] = (struct ferry_activity){
        .table = "ferry_emailsend", .entity_set = "ferry_emailsends", .regarding = "regarding_x"};
    fixture->strand = ferry_strand_new("f.events.email", &part);
    for (int kind = 0; kind < FERRY_EVENT_KINDS; kind++)
        ferry_desk_init(&fixture->desks[kind], &fixture->events, (enum ferry_event_kind)kind, NULL);
    ferry_desk_clear(&fixture->desks[FERRY_EVENT_SEND], ferry_boot_ms());
    const struct ferry_poster_options options = {.instance = "f",
                                                 .workflow = "campaign-to-dynamics",
                                                 .events = &fixture->events,
                                                 .desks = fixture->desks,
                                                 .concurrency = 4,
                                                 .batch_size = 100,
                                                 .retry_ms = 10,
                                                 .next = next_letter,
                                                 .expects = expects,
                                                 .may_send = may_send,
                                                 .on_progress = on_progress,
                                                 .on_warning = on_warning,
                                                 .on_doubt = on_doubt,
                                                 .on_misfit = on_misfit,
                                                 .on_broken = on_broken,
                                                 .context = fixture};
    struct ferry_error error;
    *state = fixture;
    return (int)ferry_poster_new(&fixture->loop, &options, &fixture->poster, &error);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ferry_poster_free(fixture->poster);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    uv_loop_close(&fixture->loop);
    ferry_strand_free(fixture->strand);
    free(fixture);
    return 0;
}

static void put(struct fixture *fixture, int count)
{
    struct ferry_buffer out;
    struct ferry_error error;
    ferry_buffer_init(&out, 4096);
    for (int i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof id, "send:%lld", (long long)fixture->offset);
        const struct ferry_event event = {.id = {id, strlen(id)},
                                          .kind = FERRY_EVENT_SEND,
                                          .contact = {CONTACT, sizeof CONTACT - 1},
                                          .campaign = {"C", 1},
                                          .file = {"a.csv", 5},
                                          .line = fixture->offset};
        const struct ferry_wire wire = {0};
        ferry_buffer_clear(&out);
        assert_int_equal(ferry_event_encode(&event, &wire, &out, &error), FERRY_OK);
        assert_int_equal(
            ferry_strand_take(fixture->strand, fixture->offset++, out.data, out.length), FERRY_OK);
    }
    ferry_buffer_done(&out);
}

/* Until so many requests were made. */
static void run_until(struct fixture *fixture, int sends)
{
    int64_t end = ferry_boot_ms() + 20000;
    ferry_poster_open(fixture->poster, true);
    while (seen.count < sends && ferry_boot_ms() < end)
        uv_run(&fixture->loop, UV_RUN_ONCE);
    assert_int_equal(seen.count, sends);
}

static void stream(int at, const char *part)
{
    const struct ferry_dataverse_request *request = &seen.requests[at];
    assert_int_equal(request->on_body(request->context, part, strlen(part)), FERRY_HTTP_GO_ON);
}

static void end(int at, enum ferry_verdict verdict, int status)
{
    const struct ferry_dataverse_request *request = &seen.requests[at];
    struct ferry_remote_answer answer = {
        .verdict = verdict, .status = status, .retry_after_ms = -1, .body = ""};
    if (verdict != FERRY_VERDICT_OK)
        ferry_fail(&answer.error, FERRY_RETRY, FERRY_CLASS_NETWORK, "as the test says");
    request->on_done(request->context, &answer);
}

#define PART(status, headers, body)                                                                \
    "--b\r\n\r\nHTTP/1.1 " status " X\r\n" headers "\r\n" body "\r\n"
#define FAULT(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"regarding_x\"}}"
#define DONE        PART("204", "", "")

static void expect_fates(struct fixture *fixture, uint64_t written, uint64_t repeated, int rejects)
{
    const struct ferry_desk *desk = &fixture->desks[FERRY_EVENT_SEND];
    assert_int_equal(desk->counts[FERRY_EVENT_WRITTEN], written);
    assert_int_equal(desk->counts[FERRY_EVENT_REPEATED], repeated);
    assert_int_equal(desk->counts[FERRY_EVENT_REJECTED], rejects);
    assert_int_equal(seen.rejects, rejects);
}

static void each_part_is_judged_on_its_own(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, 5);
    run_until(fixture, 1);
    assert_int_equal(seen.parts[0], 5);
    stream(0, DONE PART("412", "", FAULT("0x80040237")) PART("404", "", FAULT("0x80040217"))
                  PART("429", "Retry-After: 1\r\n", FAULT("0x80072322")) DONE "--b--\r\n");
    expect_fates(fixture, 2, 1, 0);
    assert_int_equal(ferry_window_prefix(&fixture->strand->window), 2);
    end(0, FERRY_VERDICT_OK, 200);
    expect_fates(fixture, 2, 1, 1);
    assert_int_equal(ferry_window_prefix(&fixture->strand->window), 3);
    assert_non_null(strstr(seen.reason, "a.csv, line 2: the contact"));
    assert_true(seen.warned);
    run_until(fixture, 2);
    assert_int_equal(seen.parts[1], 1);
    assert_true(seen.at[1] - seen.at[0] >= 1000);
    stream(1, DONE "--b--\r\n");
    end(1, FERRY_VERDICT_OK, 200);
    assert_false(seen.warned);
    expect_fates(fixture, 3, 1, 1);
    assert_int_equal(ferry_window_prefix(&fixture->strand->window), 5);
}

static void what_came_before_a_cut_counts_and_the_others_go_again(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, 4);
    run_until(fixture, 1);
    stream(0, DONE DONE "--b\r\n\r\nHTTP/1.1 204");
    end(0, FERRY_VERDICT_UNKNOWN, 0);
    expect_fates(fixture, 1 + 1, 0, 0);
    run_until(fixture, 2);
    assert_int_equal(seen.parts[1], 2);
}

static void a_500_for_one_is_its_own_fault_after_eight_tries_among_others_that_succeed(void **state)
{
    struct fixture *fixture = *state;
    int tries = 0;
    put(fixture, 2);
    for (int at = 0; seen.rejects == 0; at++) {
        run_until(fixture, at + 1);
        for (int i = 0; i < seen.parts[at]; i++)
            stream(at, seen.first[at] && i == 0 ? PART("500", "", FAULT("0x80040216")) : DONE);
        stream(at, "--b--\r\n");
        end(at, FERRY_VERDICT_OK, 200);
        tries += seen.first[at];
        put(fixture, 1);
    }
    assert_int_equal(tries, 8);
    assert_non_null(strstr(seen.reason, "0x80040216"));
}

static void a_500_for_all_is_nobodys_fault_and_is_probed_with_one(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, 3);
    for (int round = 0; round < 6; round++) {
        run_until(fixture, round + 1);
        assert_int_equal(seen.parts[round], round == 0 ? 3 : 1);
        for (int i = 0; i < seen.parts[round]; i++)
            stream(round, PART("500", "", FAULT("0x80040216")));
        stream(round, "--b--\r\n");
        end(round, FERRY_VERDICT_OK, 200);
    }
    expect_fates(fixture, 0, 0, 0);
    assert_true(seen.warned);
}

static void without_rights_a_human_is_called(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, 2);
    run_until(fixture, 1);
    stream(0,
           PART("403", "", FAULT("0x80040220")) PART("403", "", FAULT("0x80040220")) "--b--\r\n");
    end(0, FERRY_VERDICT_OK, 200);
    assert_true(seen.warned);
    assert_int_equal(seen.warning.status, FERRY_INVALID);
    assert_int_equal(seen.warning.class, FERRY_CLASS_PERMISSION);
    expect_fates(fixture, 0, 0, 0);
}

static void a_request_that_is_refused_as_a_whole_is_halved_until_one_is_at_fault(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, 8);
    int done = 0;
    for (int at = 0; done < 8; at++) {
        run_until(fixture, at + 1);
        /* The first event of all is too large. */
        if (done + seen.rejects == 0 || (seen.rejects == 0 && at < 4)) {
            end(at, FERRY_VERDICT_BAD_RECORD, 413);
            done += seen.rejects;
            continue;
        }
        for (int i = 0; i < seen.parts[at]; i++, done++)
            stream(at, DONE);
        stream(at, "--b--\r\n");
        end(at, FERRY_VERDICT_OK, 200);
    }
    expect_fates(fixture, 7, 0, 1);
    assert_int_equal(ferry_window_prefix(&fixture->strand->window), 8);
}

static void a_refusal_among_successes_is_a_reject_after_eight_tries(void **state)
{
    struct fixture *fixture = *state;
    int tries = 0;
    put(fixture, 2);
    for (int at = 0; seen.rejects == 0; at++) {
        run_until(fixture, at + 1);
        for (int i = 0; i < seen.parts[at]; i++)
            stream(at, seen.first[at] && i == 0 ? PART("400", "", FAULT("0x80040265")) : DONE);
        stream(at, "--b--\r\n");
        end(at, FERRY_VERDICT_OK, 200);
        tries += seen.first[at];
        put(fixture, 1);
    }
    assert_int_equal(tries, 8);
    assert_int_equal(seen.doubts, 1);
    assert_int_equal(seen.misfits, 0);
}

static void a_refusal_of_all_is_a_misfit_that_names_table_and_column(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, 1);
    for (int round = 0; round < 2; round++) {
        run_until(fixture, round + 1);
        stream(round, PART("400", "", FAULT("0x80048d19")) "--b--\r\n");
        end(round, FERRY_VERDICT_OK, 200);
    }
    assert_int_equal(seen.doubts, 1);
    assert_int_equal(seen.misfits, 1);
    assert_int_equal(seen.misfit.class, FERRY_CLASS_SCHEMA);
    assert_non_null(strstr(seen.misfit.message, "ferry_emailsend"));
    assert_non_null(strstr(seen.misfit.message, "regarding_x"));
    expect_fates(fixture, 0, 0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_part_is_judged_on_its_own),
        TEST(what_came_before_a_cut_counts_and_the_others_go_again),
        TEST(a_500_for_one_is_its_own_fault_after_eight_tries_among_others_that_succeed),
        TEST(a_500_for_all_is_nobodys_fault_and_is_probed_with_one),
        TEST(without_rights_a_human_is_called),
        TEST(a_request_that_is_refused_as_a_whole_is_halved_until_one_is_at_fault),
        TEST(a_refusal_among_successes_is_a_reject_after_eight_tries),
        TEST(a_refusal_of_all_is_a_misfit_that_names_table_and_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
