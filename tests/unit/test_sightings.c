/* What is known of the files of a folder, and their checkpoints. */
#include "producers/sightings.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ferry_export export = {.files = {"broad_*", "track_?*"}};

static void add(struct ferry_listing *listing, const char *name, int64_t size, int64_t seconds)
{
    const struct ferry_sftp_attributes attributes = {
        .size = size, .modified_at = seconds, .regular = true};
    assert_int_equal(ferry_listing_add(listing, &export, name, &attributes), FERRY_OK);
}

static void a_listing_has_the_files_that_match_by_name(void **state)
{
    const struct ferry_sftp_attributes folder = {.regular = false};
    struct ferry_listing listing = {.files = NULL};
    (void)state;
    add(&listing, "track_2.csv", 2, 20);
    add(&listing, "broad_9.csv.gz", 1, 10);
    add(&listing, "track_", 1, 10);
    add(&listing, "other.csv", 1, 10);
    assert_int_equal(ferry_listing_add(&listing, &export, "broad_folder", &folder), FERRY_OK);
    ferry_listing_sort(&listing);
    assert_int_equal(listing.count, 2);
    assert_string_equal(listing.files[0].name, "broad_9.csv.gz");
    assert_int_equal(listing.files[0].kind, FERRY_FILE_DELIVERIES);
    assert_int_equal(listing.files[1].kind, FERRY_FILE_TRACKING);
    assert_true(listing.files[1].size == 2 && listing.files[1].modified_at == 20000);
    assert_int_equal(listing.unfit, 0);
    ferry_listing_done(&listing);
}

static void names_that_could_lead_elsewhere_are_left_out_and_counted(void **state)
{
    static const char *const names[] = {"broad_/../../etc/passwd", "broad_\n", "broad_\x1b[2J",
                                        "broad_\xff", "broad_\\x"};
    struct ferry_listing listing = {.files = NULL};
    char name[FERRY_FILE_NAME_SIZE + 8];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        add(&listing, names[i], 1, 1);
    memset(name, 'x', sizeof name);
    memcpy(name, "broad_", 6);
    name[FERRY_FILE_NAME_SIZE] = '\0';
    add(&listing, name, 1, 1);
    assert_int_equal(listing.count, 0);
    assert_int_equal(listing.unfit, sizeof names / sizeof names[0] + 1);
    ferry_listing_done(&listing);
}

#define INTERVAL 10000

/* One file in the folder, at this moment. */
static struct ferry_sighting *look_at(struct ferry_sightings *sightings, int64_t moment,
                                      const char *name, int64_t size, int64_t seconds)
{
    struct ferry_listing listing = {.files = NULL};
    add(&listing, name, size, seconds);
    assert_int_equal(ferry_sightings_update(sightings, &listing, moment, moment + 5), FERRY_OK);
    ferry_listing_done(&listing);
    return ferry_sightings_find(sightings, name);
}

/* An interval behind the look before. */
static struct ferry_sighting *look(struct ferry_sightings *sightings, const char *name,
                                   int64_t size, int64_t seconds)
{
    static int64_t moment;
    moment += INTERVAL + 5;
    return look_at(sightings, moment, name, size, seconds);
}

static bool stands(const struct ferry_sighting *sighting)
{
    return ferry_sighting_stands(sighting, INTERVAL);
}

static void a_file_stands_still_when_two_looks_in_a_row_are_the_same(void **state)
{
    struct ferry_sightings sightings = {.files = NULL};
    (void)state;
    assert_false(stands(look(&sightings, "broad_1", 10, 1)));
    assert_true(stands(look(&sightings, "broad_1", 10, 1)));
    assert_false(stands(look(&sightings, "broad_1", 11, 1)));
    assert_false(stands(look(&sightings, "broad_1", 11, 2)));
    assert_true(stands(look(&sightings, "broad_1", 11, 2)));
    look(&sightings, "broad_2", 1, 1);
    assert_null(ferry_sightings_find(&sightings, "broad_1"));
    assert_false(stands(look(&sightings, "broad_1", 11, 2)));
    ferry_sightings_done(&sightings);
}

static void looks_in_haste_do_not_count(void **state)
{
    struct ferry_sightings sightings = {.files = NULL};
    (void)state;
    assert_false(stands(look_at(&sightings, 1000, "broad_1", 10, 1)));
    assert_false(stands(look_at(&sightings, 2000, "broad_1", 10, 1)));
    assert_false(stands(look_at(&sightings, 11004, "broad_1", 10, 1)));
    assert_true(stands(look_at(&sightings, 11005, "broad_1", 10, 1)));
    ferry_sightings_done(&sightings);
}

static void a_file_that_ends_within_a_line_has_to_stand_still_longer(void **state)
{
    struct ferry_sightings sightings = {.files = NULL};
    (void)state;
    look(&sightings, "broad_1", 10, 1);
    look(&sightings, "broad_1", 10, 1)->unended = true;
    for (int i = 2; i < 6; i++)
        assert_false(stands(look(&sightings, "broad_1", 10, 1)));
    assert_true(stands(look(&sightings, "broad_1", 10, 1)));
    assert_false(look(&sightings, "broad_1", 11, 1)->unended);
    ferry_sightings_done(&sightings);
}

static void an_empty_file_has_to_stand_still_longer(void **state)
{
    struct ferry_sightings sightings = {.files = NULL};
    (void)state;
    for (int i = 0; i < 6; i++)
        assert_false(stands(look(&sightings, "broad_1", 0, 1)));
    assert_true(stands(look(&sightings, "broad_1", 0, 1)));
    ferry_sightings_done(&sightings);
}

static void what_is_known_of_a_file_is_forgotten_when_it_is_another(void **state)
{
    struct ferry_sightings sightings = {.files = NULL};
    size_t faulty = 0;
    (void)state;
    struct ferry_sighting *sighting = look(&sightings, "broad_1", 10, 1);
    assert_int_equal(ferry_sightings_waiting(&sightings), 1);
    sighting->state = FERRY_SIGHTING_FAULTY;
    sighting = look(&sightings, "broad_1", 10, 1);
    assert_int_equal(sighting->state, FERRY_SIGHTING_FAULTY);
    assert_ptr_equal(ferry_sightings_faulty(&sightings, &faulty), sighting);
    assert_int_equal(faulty, 1);
    sighting = look(&sightings, "broad_1", 12, 1);
    assert_int_equal(sighting->state, FERRY_SIGHTING_WAITING);
    assert_null(ferry_sightings_faulty(&sightings, &faulty));
    sighting->state = FERRY_SIGHTING_DONE;
    look(&sightings, "broad_1", 12, 1);
    assert_int_equal(ferry_sightings_waiting(&sightings), 0);
    ferry_sightings_done(&sightings);
}

static void a_file_of_an_earlier_life_is_known_by_name_size_and_time(void **state)
{
    const struct ferry_filemark mark = {
        .file = "broad_1", .size = 10, .modified_at = 1000, .done = true};
    struct ferry_sightings sightings = {.files = NULL};
    (void)state;
    assert_int_equal(ferry_sightings_remember(&sightings, &mark, "0f"), FERRY_OK);
    assert_int_equal(ferry_sightings_waiting(&sightings), 0);
    struct ferry_sighting *sighting = look(&sightings, "broad_1", 10, 1);
    assert_int_equal(sighting->state, FERRY_SIGHTING_DONE);
    assert_string_equal(sighting->sha256, "0f");
    ferry_sightings_done(&sightings);
    assert_int_equal(ferry_sightings_remember(&sightings, &mark, "0f"), FERRY_OK);
    assert_int_equal(look(&sightings, "broad_1", 10, 2)->state, FERRY_SIGHTING_WAITING);
    ferry_sightings_done(&sightings);
}

static void a_checkpoint_is_held_by_its_content_and_not_by_a_name(void **state)
{
    struct ferry_sightings sightings = {.files = NULL};
    struct ferry_filemark mark = {.file = "broad_1"};
    (void)state;
    struct ferry_sighting *sighting = look(&sightings, "broad_1", 10, 1);
    assert_true(ferry_sightings_hold(&sightings, &mark, "0f")); /* not yet copied */
    sighting->state = FERRY_SIGHTING_DONE;
    snprintf(sighting->sha256, sizeof sighting->sha256, "0f");
    assert_true(ferry_sightings_hold(&sightings, &mark, "0f"));
    assert_false(ferry_sightings_hold(&sightings, &mark, "1f"));
    snprintf(mark.file, sizeof mark.file, "broad_2");
    assert_true(ferry_sightings_hold(&sightings, &mark, "0f")); /* under another name */
    assert_false(ferry_sightings_hold(&sightings, &mark, "1f"));
    ferry_sightings_done(&sightings);
}

static void a_mark_knows_whether_an_order_asks_for_more_than_it_was_read_for(void **state)
{
    struct ferry_filescope scope = {.since = 2000, .kinds = {[FERRY_EVENT_SEND] = true}};
    struct ferry_filemark mark;
    struct ferry_error error;
    char *text = NULL;
    (void)state;
    ferry_filemark_begin(&mark, &scope);
    mark.skipped[FERRY_SKIP_BEFORE_SINCE] = mark.skipped[FERRY_SKIP_SWITCHED_OFF] = 1;
    assert_int_equal(ferry_filemark_print(&mark, &text), FERRY_OK);
    assert_int_equal(ferry_filemark_parse(text, &mark, &error), FERRY_OK);
    free(text);
    assert_false(ferry_filemark_missed(&mark, &scope));
    scope.since = 1999;
    assert_true(ferry_filemark_missed(&mark, &scope));
    mark.skipped[FERRY_SKIP_BEFORE_SINCE] = 0;
    assert_false(ferry_filemark_missed(&mark, &scope));
    scope.kinds[FERRY_EVENT_OPEN] = true;
    assert_true(ferry_filemark_missed(&mark, &scope));
    mark.skipped[FERRY_SKIP_SWITCHED_OFF] = 0;
    assert_false(ferry_filemark_missed(&mark, &scope));
}

/* The first half for one order, the second for another. */
static void a_mark_is_no_wider_than_the_narrowest_order(void **state)
{
    const struct ferry_filescope narrow = {.since = 3000, .kinds = {[FERRY_EVENT_SEND] = true}};
    struct ferry_filescope wide = {.since = 2000, .kinds = {true, true, true, true}};
    struct ferry_filemark mark;
    (void)state;
    ferry_filemark_begin(&mark, &wide);
    ferry_filemark_narrow(&mark, &narrow);
    mark.skipped[FERRY_SKIP_SWITCHED_OFF] = 1;
    assert_true(mark.scope.since == 3000 && ferry_filemark_missed(&mark, &wide));
    ferry_filemark_narrow(&mark, &wide);
    assert_true(mark.scope.since == 3000 && ferry_filemark_missed(&mark, &wide));
}

static void a_mark_that_does_not_say_what_for_missed_nothing(void **state)
{
    const struct ferry_filescope scope = {.since = 0, .kinds = {true, true, true, true}};
    struct ferry_filemark mark;
    struct ferry_error error;
    (void)state;
    assert_int_equal(ferry_filemark_parse("{\"file\":\"a\",\"skipped\":{\"beforeSince\":1,"
                                          "\"switchedOff\":1}}",
                                          &mark, &error),
                     FERRY_OK);
    assert_false(ferry_filemark_missed(&mark, &scope));
}

static void a_mark_of_opt_outs_is_read_again_for_another_attribute(void **state)
{
    struct ferry_filescope scope = {.optouts = true, .attributes = {[FERRY_DENY_LIST_FAX] = true}};
    struct ferry_filemark mark;
    struct ferry_error error;
    char *text = NULL;
    (void)state;
    ferry_filemark_begin(&mark, &scope);
    snprintf(mark.file, sizeof mark.file, "optout");
    mark.records = 5;
    mark.bad_times = 2;
    mark.skipped[FERRY_SKIP_UNTOUCHED] = 3;
    assert_int_equal(ferry_filemark_print(&mark, &text), FERRY_OK);
    assert_non_null(strstr(text, "\"attributes\":[\"denyListFax\"]"));
    assert_non_null(strstr(text, "\"skipped\":{\"withoutContact\":0,\"untouched\":3}"));
    assert_null(strstr(text, "kinds"));
    memset(&mark, 0, sizeof mark);
    assert_int_equal(ferry_filemark_parse(text, &mark, &error), FERRY_OK);
    free(text);
    assert_true(mark.scope.optouts && mark.records == 5 && mark.bad_times == 2 &&
                mark.skipped[FERRY_SKIP_UNTOUCHED] == 3);
    assert_false(ferry_filemark_missed(&mark, &scope));
    scope.attributes[FERRY_CCPA_OPT_OUT] = true;
    assert_true(ferry_filemark_missed(&mark, &scope));
    scope.attributes[FERRY_DENY_LIST_FAX] = scope.attributes[FERRY_CCPA_OPT_OUT] = false;
    assert_false(ferry_filemark_missed(&mark, &scope));
    ferry_filemark_narrow(&mark, &scope);
    scope.attributes[FERRY_DENY_LIST_FAX] = true;
    assert_true(ferry_filemark_missed(&mark, &scope));
}

static void a_mark_is_read_as_it_was_printed(void **state)
{
    struct ferry_filemark mark = {.file = "broad \"1\"",
                                  .size = 5,
                                  .modified_at = 6000,
                                  .position = 4,
                                  .line = 3,
                                  .records = 2,
                                  .rejected = 1,
                                  .skipped = {7, 8, 9, 10},
                                  .began_at = 11,
                                  .done_at = 12,
                                  .done = true};
    struct ferry_filemark again;
    struct ferry_error error;
    char *text = NULL;
    (void)state;
    assert_int_equal(ferry_filemark_print(&mark, &text), FERRY_OK);
    assert_int_equal(ferry_filemark_parse(text, &again, &error), FERRY_OK);
    assert_string_equal(again.file, mark.file);
    assert_true(again.size == 5 && again.modified_at == 6000 && again.position == 4 &&
                again.line == 3 && again.records == 2 && again.rejected == 1 &&
                again.skipped[FERRY_SKIP_BEFORE_SINCE] == 10 && again.began_at == 11 &&
                again.done_at == 12 && again.done);
    free(text);
}

static void what_is_no_mark_is_refused_with_its_member(void **state)
{
    struct ferry_filemark mark = {.size = 77};
    struct ferry_error error;
    (void)state;
    assert_int_equal(ferry_filemark_parse("[]", &mark, &error), FERRY_INVALID);
    assert_int_equal(ferry_filemark_parse("{\"file\":1}", &mark, &error), FERRY_INVALID);
    assert_non_null(strstr(error.message, "file"));
    assert_int_equal(ferry_filemark_parse("{\"file\":\"a\",\"position\":-1}", &mark, &error),
                     FERRY_INVALID);
    assert_non_null(strstr(error.message, "position"));
    assert_true(mark.size == 77);
}

static void a_mark_expires_30_days_after_its_end_or_its_beginning(void **state)
{
    const int64_t day = 86400000;
    struct ferry_filemark mark = {.done = true, .done_at = 1000};
    (void)state;
    assert_false(ferry_filemark_expired(&mark, 1000 + 30 * day));
    assert_true(ferry_filemark_expired(&mark, 1001 + 30 * day));
    mark = (struct ferry_filemark){.began_at = 1000};
    assert_false(ferry_filemark_expired(&mark, 1000 + 30 * day));
    assert_true(ferry_filemark_expired(&mark, 1001 + 30 * day));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listing_has_the_files_that_match_by_name),
        cmocka_unit_test(names_that_could_lead_elsewhere_are_left_out_and_counted),
        cmocka_unit_test(a_file_stands_still_when_two_looks_in_a_row_are_the_same),
        cmocka_unit_test(looks_in_haste_do_not_count),
        cmocka_unit_test(a_file_that_ends_within_a_line_has_to_stand_still_longer),
        cmocka_unit_test(an_empty_file_has_to_stand_still_longer),
        cmocka_unit_test(what_is_known_of_a_file_is_forgotten_when_it_is_another),
        cmocka_unit_test(a_file_of_an_earlier_life_is_known_by_name_size_and_time),
        cmocka_unit_test(a_checkpoint_is_held_by_its_content_and_not_by_a_name),
        cmocka_unit_test(a_mark_knows_whether_an_order_asks_for_more_than_it_was_read_for),
        cmocka_unit_test(a_mark_is_no_wider_than_the_narrowest_order),
        cmocka_unit_test(a_mark_that_does_not_say_what_for_missed_nothing),
        cmocka_unit_test(a_mark_of_opt_outs_is_read_again_for_another_attribute),
        cmocka_unit_test(a_mark_is_read_as_it_was_printed),
        cmocka_unit_test(what_is_no_mark_is_refused_with_its_member),
        cmocka_unit_test(a_mark_expires_30_days_after_its_end_or_its_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
