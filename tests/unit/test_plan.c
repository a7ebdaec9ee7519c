#include "consumers/plan.h"

#include "cmocka_all.h"

#include <string.h>

/* A contact that matches, of a mapping that applies deletes, whose key is surely known. */
static struct ferry_case given(enum ferry_op op, enum ferry_known known)
{
    return (struct ferry_case){.op = op,
                               .origin = FERRY_ORIGIN_DELTA,
                               .known = known,
                               .matches = true,
                               .apply_deletes = true,
                               .certain = true};
}

static void assert_call(const struct ferry_case *given, enum ferry_call call)
{
    struct ferry_step step = ferry_plan_first(given);
    assert_string_equal(ferry_call_name(step.call), ferry_call_name(call));
    assert_int_equal(step.fate, FERRY_FATE_NONE);
}

static void assert_fate(const struct ferry_case *given, enum ferry_fate fate)
{
    struct ferry_step step = ferry_plan_first(given);
    assert_int_equal(step.call, FERRY_CALL_NONE);
    assert_int_equal(step.fate, fate);
}

static void an_insert_and_an_update_take_one_call_each(void **state)
{
    (void)state;
    struct ferry_case insert = given(FERRY_OP_UPSERT, FERRY_KNOWN_NOT);
    struct ferry_case update = given(FERRY_OP_UPSERT, FERRY_KNOWN_WRITTEN);
    assert_call(&insert, FERRY_CALL_POST);
    assert_call(&update, FERRY_CALL_PATCH);
}

static void an_unchanged_record_takes_none(void **state)
{
    (void)state;
    struct ferry_case same = given(FERRY_OP_UPSERT, FERRY_KNOWN_WRITTEN);
    same.same_hash = true;
    assert_fate(&same, FERRY_FATE_REFRESHED);
    same.same_version = true;
    assert_fate(&same, FERRY_FATE_UNCHANGED);
    same.same_hash = false; /* an edit of the mapping is no change of the record */
    assert_fate(&same, FERRY_FATE_UNCHANGED);
}

static void skipping_needs_certainty(void **state)
{
    (void)state;
    struct ferry_case same = given(FERRY_OP_UPSERT, FERRY_KNOWN_WRITTEN);
    same.same_hash = same.same_version = true;
    same.certain = false;
    assert_call(&same, FERRY_CALL_PATCH);
    struct ferry_case gone = given(FERRY_OP_DELETE, FERRY_KNOWN_NOT);
    assert_fate(&gone, FERRY_FATE_GONE);
    gone.certain = false;
    assert_call(&gone, FERRY_CALL_DELETE);
}

static void a_replay_is_always_sent_with_every_field(void **state)
{
    (void)state;
    struct ferry_case same = given(FERRY_OP_UPSERT, FERRY_KNOWN_WRITTEN);
    same.same_hash = same.same_version = true;
    same.origin = FERRY_ORIGIN_REPLAY;
    assert_call(&same, FERRY_CALL_PATCH);
    assert_int_equal(ferry_plan_body(&same, FERRY_CALL_PATCH), FERRY_BODY_REPLAY);
}

static void an_update_carries_only_what_is_kept_up_to_date(void **state)
{
    (void)state;
    struct ferry_case update = given(FERRY_OP_UPSERT, FERRY_KNOWN_WRITTEN);
    assert_int_equal(ferry_plan_body(&update, FERRY_CALL_PATCH), FERRY_BODY_UPDATE);
    update.origin = FERRY_ORIGIN_LOAD;
    assert_int_equal(ferry_plan_body(&update, FERRY_CALL_PATCH), FERRY_BODY_UPDATE);
    assert_int_equal(ferry_plan_body(&update, FERRY_CALL_POST), FERRY_BODY_CREATE);
    update.known = FERRY_KNOWN_NOT; /* a load that met somebody else's profile */
    assert_int_equal(ferry_plan_body(&update, FERRY_CALL_PATCH), FERRY_BODY_REPLAY);
}

static void a_creation_that_was_cut_is_asked_for_by_patch(void **state)
{
    (void)state;
    struct ferry_case cut = given(FERRY_OP_UPSERT, FERRY_KNOWN_NOT);
    cut.certain = false;
    assert_call(&cut, FERRY_CALL_POST); /* a predecessor's: POST, and PATCH when it is there */
    cut.unsure = true;
    assert_call(&cut, FERRY_CALL_PATCH);
}

static void an_older_version_is_never_written_over_a_newer_one(void **state)
{
    (void)state;
    struct ferry_case older = given(FERRY_OP_UPSERT, FERRY_KNOWN_WRITTEN);
    older.older = true;
    older.certain = false;
    assert_fate(&older, FERRY_FATE_SUPERSEDED);
    older.origin = FERRY_ORIGIN_REPLAY; /* in the order of the log it is not older */
    assert_call(&older, FERRY_CALL_PATCH);
    older.waited = true; /* but what was set aside left that order */
    assert_fate(&older, FERRY_FATE_SUPERSEDED);
}

static void a_record_of_a_circle_is_created_without_its_link(void **state)
{
    (void)state;
    struct ferry_case alone = given(FERRY_OP_UPSERT, FERRY_KNOWN_NOT);
    alone.alone = true;
    assert_int_equal(ferry_plan_body(&alone, FERRY_CALL_POST), FERRY_BODY_CREATE_ALONE);
    assert_int_equal(ferry_plan_body(&alone, FERRY_CALL_PATCH), FERRY_BODY_UPDATE);
}

static void what_waits_and_what_is_dropped_is_remembered(void **state)
{
    (void)state;
    const struct ferry_fate_row *waiting = ferry_fate_row(FERRY_FATE_WAITING);
    const struct ferry_fate_row *dropped = ferry_fate_row(FERRY_FATE_DROPPED);
    assert_true(waiting->remembered && dropped->remembered);
    assert_int_equal(waiting->state, FERRY_WRITTEN_WAITING);
    assert_int_equal(dropped->state, FERRY_WRITTEN_WRITTEN);
}

static void deletes_follow_the_mapping(void **state)
{
    (void)state;
    struct ferry_case gone = given(FERRY_OP_DELETE, FERRY_KNOWN_WRITTEN);
    assert_call(&gone, FERRY_CALL_DELETE);
    gone.known = FERRY_KNOWN_MAYBE;
    assert_call(&gone, FERRY_CALL_DELETE);
    gone.apply_deletes = false;
    assert_fate(&gone, FERRY_FATE_NOTED);
}

static void a_record_that_left_the_filter_is_deleted_only_if_the_mapping_says_so(void **state)
{
    (void)state;
    struct ferry_case out = given(FERRY_OP_UPSERT, FERRY_KNOWN_WRITTEN);
    out.matches = false;
    assert_fate(&out, FERRY_FATE_LEFT_ALONE);
    out.delete_filtered_out = true;
    assert_call(&out, FERRY_CALL_DELETE);
    assert_int_equal(ferry_plan_done(&out, FERRY_CALL_DELETE), FERRY_FATE_FILTERED);
    out.known = FERRY_KNOWN_NOT;
    assert_fate(&out, FERRY_FATE_FILTERED);
    out.op = FERRY_OP_LEFT_FILTER;
    out.matches = true;
    assert_fate(&out, FERRY_FATE_FILTERED);
}

/* No profile is created without its opt-outs; the reader sends the record again, with them. */
static void a_record_without_its_opt_outs_creates_nothing(void **state)
{
    (void)state;
    struct ferry_case fresh = given(FERRY_OP_UPSERT, FERRY_KNOWN_NOT);
    struct ferry_case known = given(FERRY_OP_UPSERT, FERRY_KNOWN_WRITTEN);
    fresh.outdated = known.outdated = true;
    assert_fate(&fresh, FERRY_FATE_OUTDATED);
    fresh.unsure = true; /* an update creates nothing, so it may be tried */
    assert_call(&fresh, FERRY_CALL_PATCH);
    assert_int_equal(ferry_plan_call(&fresh, FERRY_CALL_POST).fate, FERRY_FATE_OUTDATED);
    assert_call(&known, FERRY_CALL_PATCH);
    assert_int_equal(ferry_plan_call(&known, FERRY_CALL_PATCH).call, FERRY_CALL_PATCH);
    assert_int_equal(ferry_plan_call(&known, FERRY_CALL_POST).fate, FERRY_FATE_OUTDATED_GONE);
    known.outdated = false;
    assert_int_equal(ferry_plan_call(&known, FERRY_CALL_POST).call, FERRY_CALL_POST);
}

/* Of what nobody ever wrote nothing is to be remembered, or its children would take it for gone. */
static void only_what_was_taken_away_is_remembered_as_gone(void **state)
{
    (void)state;
    assert_false(ferry_fate_row(FERRY_FATE_OUTDATED)->remembered);
    assert_true(ferry_fate_row(FERRY_FATE_OUTDATED_GONE)->remembered);
    assert_int_equal(ferry_fate_row(FERRY_FATE_OUTDATED_GONE)->state, FERRY_WRITTEN_ABSENT);
}

static void what_was_left_alone_stays_remembered_as_written(void **state)
{
    (void)state;
    assert_false(ferry_fate_row(FERRY_FATE_LEFT_ALONE)->remembered);
    assert_false(ferry_fate_row(FERRY_FATE_NOTED)->remembered);
}

static void every_answer_has_a_course(void **state)
{
    (void)state;
    static const struct {
        enum ferry_call call;
        enum ferry_verdict verdict;
        enum ferry_course course;
        enum ferry_call next;
    } rows[] = {
        {FERRY_CALL_POST, FERRY_VERDICT_OK, FERRY_COURSE_DONE, FERRY_CALL_NONE},
        {FERRY_CALL_POST, FERRY_VERDICT_DUPLICATE, FERRY_COURSE_GO_ON, FERRY_CALL_PATCH},
        {FERRY_CALL_PATCH, FERRY_VERDICT_ABSENT, FERRY_COURSE_GO_ON, FERRY_CALL_POST},
        {FERRY_CALL_PATCH, FERRY_VERDICT_DUPLICATE, FERRY_COURSE_REJECT, FERRY_CALL_NONE},
        {FERRY_CALL_DELETE, FERRY_VERDICT_ABSENT, FERRY_COURSE_DONE, FERRY_CALL_NONE},
        {FERRY_CALL_POST, FERRY_VERDICT_NO_PARENT, FERRY_COURSE_PARENT, FERRY_CALL_NONE},
        {FERRY_CALL_PATCH, FERRY_VERDICT_BAD_RECORD, FERRY_COURSE_REJECT, FERRY_CALL_NONE},
        {FERRY_CALL_PATCH, FERRY_VERDICT_ILL, FERRY_COURSE_JUDGE, FERRY_CALL_NONE},
        {FERRY_CALL_PATCH, FERRY_VERDICT_THROTTLED, FERRY_COURSE_AGAIN, FERRY_CALL_NONE},
        {FERRY_CALL_PATCH, FERRY_VERDICT_UNAVAILABLE, FERRY_COURSE_AGAIN, FERRY_CALL_NONE},
        {FERRY_CALL_POST, FERRY_VERDICT_UNKNOWN, FERRY_COURSE_CUT, FERRY_CALL_NONE},
        {FERRY_CALL_POST, FERRY_VERDICT_CREDENTIALS, FERRY_COURSE_HUMAN, FERRY_CALL_NONE},
        {FERRY_CALL_POST, FERRY_VERDICT_PERMISSION, FERRY_COURSE_HUMAN, FERRY_CALL_NONE},
        {FERRY_CALL_POST, FERRY_VERDICT_REFUSED, FERRY_COURSE_JUDGE, FERRY_CALL_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ferry_next next = ferry_plan_next(rows[i].call, rows[i].verdict);
        assert_int_equal(next.course, rows[i].course);
        assert_int_equal(next.call, rows[i].next);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_insert_and_an_update_take_one_call_each),
        cmocka_unit_test(an_unchanged_record_takes_none),
        cmocka_unit_test(skipping_needs_certainty),
        cmocka_unit_test(a_replay_is_always_sent_with_every_field),
        cmocka_unit_test(an_update_carries_only_what_is_kept_up_to_date),
        cmocka_unit_test(a_creation_that_was_cut_is_asked_for_by_patch),
        cmocka_unit_test(an_older_version_is_never_written_over_a_newer_one),
        cmocka_unit_test(a_record_of_a_circle_is_created_without_its_link),
        cmocka_unit_test(what_waits_and_what_is_dropped_is_remembered),
        cmocka_unit_test(deletes_follow_the_mapping),
        cmocka_unit_test(a_record_that_left_the_filter_is_deleted_only_if_the_mapping_says_so),
        cmocka_unit_test(a_record_without_its_opt_outs_creates_nothing),
        cmocka_unit_test(only_what_was_taken_away_is_remembered_as_gone),
        cmocka_unit_test(what_was_left_alone_stays_remembered_as_written),
        cmocka_unit_test(every_answer_has_a_course),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
