/* Whose letter goes next, of several partitions. The poster, the survey, the deletions and the run
 * are played by the test. */
#include "consumers/activities.h"

#include "cmocka_all.h"

#include "consumers/poster.h"
#include "consumers/survey.h"
#include "consumers/trim.h"

#include <stdlib.h>
#include <string.h>

#define TOPIC "f.events.email"
#define MANY  (FERRY_STRAND_GATE + 500)

static const char order_text[] =
    "{\"source\":\"\",\"kinds\":[],\"since\":0,\"activities\":{},"
    "\"export\":{\"folder\":\"exports\",\"deliveryLogs\":\"b*\",\"trackingLogs\":\"t*\","
    "\"finished\":\"leave\",\"processed\":\"p\",\"delimiter\":\",\",\"quote\":\"\",\"encoding\":"
    "\"UTF-8\","
    "\"timezone\":\"UTC\",\"columns\":{}}}";

/* ---- the parts ---- */

static struct ferry_poster_options given; /* to the poster */

enum ferry_status ferry_poster_new(uv_loop_t *loop, const struct ferry_poster_options *options,
                                   struct ferry_poster **ret_poster, struct ferry_error *error)
{
    (void)loop, (void)ret_poster, (void)error;
    given = *options;
    return FERRY_OK;
}

void ferry_poster_free(struct ferry_poster *poster)
{
    assert_null(poster);
}

void ferry_poster_open(struct ferry_poster *poster, bool open)
{
    (void)poster, (void)open;
}

void ferry_poster_drop(struct ferry_poster *poster)
{
    assert_null(poster);
}

int ferry_poster_in_flight(const struct ferry_poster *poster)
{
    assert_null(poster);
    return 0;
}

void ferry_poster_count(const struct ferry_poster *poster, json_t *counters)
{
    (void)poster, (void)counters;
}

enum ferry_status ferry_survey_new(uv_loop_t *loop, const struct ferry_survey_options *options,
                                   struct ferry_survey **ret_survey, struct ferry_error *error)
{
    (void)loop, (void)options, (void)ret_survey, (void)error;
    return FERRY_OK;
}

void ferry_survey_free(struct ferry_survey *survey)
{
    assert_null(survey);
}

void ferry_survey_repeat(struct ferry_survey *survey, const struct ferry_desk *desk)
{
    (void)survey, (void)desk;
}

void ferry_survey_postpone(struct ferry_survey *survey, const struct ferry_desk *desk)
{
    (void)survey, (void)desk;
}

enum ferry_status ferry_trim_new(const struct ferry_trim_options *options,
                                 struct ferry_trim **ret_trim, struct ferry_error *error)
{
    (void)options, (void)ret_trim, (void)error;
    return FERRY_OK;
}

void ferry_trim_free(struct ferry_trim *trim)
{
    assert_null(trim);
}

void ferry_trim_note(struct ferry_trim *trim, int partition, int64_t offset)
{
    (void)trim, (void)partition, (void)offset;
}

void ferry_trim_look(struct ferry_trim *trim, bool last)
{
    (void)trim, (void)last;
}

bool ferry_trim_busy(const struct ferry_trim *trim)
{
    assert_null(trim);
    return false;
}

void ferry_trim_forget(struct ferry_trim *trim)
{
    assert_null(trim);
}

/* ---- the run ---- */

uv_loop_t *ferry_run_loop(const struct ferry_run *run)
{
    (void)run;
    return NULL;
}

const char *ferry_run_workflow(const struct ferry_run *run)
{
    (void)run;
    return "campaign-to-dynamics";
}

struct ferry_ledger *ferry_run_ledger(const struct ferry_run *run)
{
    (void)run;
    return NULL;
}

bool ferry_run_may_send(const struct ferry_run *run)
{
    (void)run;
    return true;
}

void ferry_run_accept(struct ferry_run *run)
{
    (void)run;
}

void ferry_run_progress(struct ferry_run *run)
{
    (void)run;
}

void ferry_run_poke(struct ferry_run *run)
{
    (void)run;
}

void ferry_run_changed(struct ferry_run *run)
{
    (void)run;
}

void ferry_run_trouble(struct ferry_run *run, enum ferry_trouble which,
                       const struct ferry_error *error, int64_t retry_at)
{
    (void)run, (void)which, (void)error, (void)retry_at;
}

/* ---- partitions 0, 1 and 2, from offset 0 on ---- */

const char *rd_kafka_topic_name(const rd_kafka_topic_t *rkt)
{
    (void)rkt;
    return TOPIC;
}

static int make_activities(void **state)
{
    static char instance[] = "f";
    static const struct ferry_common common = {.instance = instance};
    const struct ferry_activities_options options = {.common = &common};
    const struct ferry_group_part parts[] = {
        {.topic = TOPIC}, {.topic = TOPIC, .partition = 1}, {.topic = TOPIC, .partition = 2}};
    struct ferry_activities *activities = NULL;
    struct ferry_error error;
    json_t *events = json_loads(order_text, 0, NULL);
    assert_int_equal(ferry_activities_new(&options, events, &activities, &error), FERRY_OK);
    json_decref(events);
    assert_int_equal(ferry_activities_cargo.open(activities, NULL, &error), FERRY_OK);
    assert_int_equal(ferry_activities_cargo.assign(activities, parts, 3, &error), FERRY_OK);
    *state = activities;
    return 0;
}

static int end_activities(void **state)
{
    ferry_activities_cargo.close(*state);
    ferry_activities_cargo.free(*state);
    return 0;
}

/* So many events of that partition are read. */
static void read_events(struct ferry_activities *activities, int partition, int count)
{
    static char value[] = "an event";
    for (int i = 0; i < count; i++) {
        const rd_kafka_message_t message = {
            .partition = partition, .offset = i, .payload = value, .len = sizeof value};
        assert_int_equal(ferry_activities_cargo.take(activities, &message), FERRY_OK);
    }
}

/* The partition whose letter goes next, and has its fate at once; -1: no letter may go. */
static int next_partition(void)
{
    struct ferry_letter *letter = given.next(given.context, 1000);
    if (!letter)
        return -1;
    int partition = letter->strand->partition;
    ferry_strand_settle(letter);
    return partition;
}

static void one_of_each_partition_goes_in_turn(void **state)
{
    static const int expected[] = {0, 1, 2, 0, 1, 2, 0, 1, 0, 0, -1};
    read_events(*state, 0, 5);
    read_events(*state, 1, 3);
    read_events(*state, 2, 2);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_int_equal(next_partition(), expected[i]);
}

static void who_comes_behind_very_many_of_another_partition_goes_next(void **state)
{
    read_events(*state, 0, MANY);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(next_partition(), 0);
    read_events(*state, 1, 2);
    assert_int_equal(next_partition(), 1);
    assert_int_equal(next_partition(), 0);
    assert_int_equal(next_partition(), 1);
    assert_int_equal(next_partition(), 0);
}

static void one_that_may_send_no_more_before_it_commits_holds_back_nobody(void **state)
{
    read_events(*state, 0, MANY);
    for (int i = 0; i < FERRY_STRAND_GATE; i++)
        assert_int_equal(next_partition(), 0);
    assert_int_equal(next_partition(), -1);
    read_events(*state, 1, 3);
    read_events(*state, 2, 1);
    assert_int_equal(next_partition(), 1);
    assert_int_equal(next_partition(), 2);
    assert_int_equal(next_partition(), 1);
    assert_int_equal(next_partition(), 1);
    assert_int_equal(next_partition(), -1);
}

static void one_that_committed_has_its_turn_again(void **state)
{
    const struct ferry_cargo *cargo = &ferry_activities_cargo;
    struct ferry_error error;
    read_events(*state, 0, MANY);
    for (int i = 0; i < FERRY_STRAND_GATE; i++)
        assert_int_equal(next_partition(), 0);
    read_events(*state, 1, 9);
    assert_int_equal(next_partition(), 1);
    assert_int_equal(next_partition(), 1);
    rd_kafka_topic_partition_list_t *offsets = cargo->offsets(*state, false);
    assert_int_equal(cargo->commit(*state, offsets, &error), FERRY_OK);
    rd_kafka_topic_partition_list_destroy(offsets);
    assert_int_equal(next_partition(), 0);
    assert_int_equal(next_partition(), 1);
    assert_int_equal(next_partition(), 0);
}

#define WITH_ACTIVITIES(test) cmocka_unit_test_setup_teardown(test, make_activities, end_activities)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ACTIVITIES(one_of_each_partition_goes_in_turn),
        WITH_ACTIVITIES(who_comes_behind_very_many_of_another_partition_goes_next),
        WITH_ACTIVITIES(one_that_may_send_no_more_before_it_commits_holds_back_nobody),
        WITH_ACTIVITIES(one_that_committed_has_its_turn_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
