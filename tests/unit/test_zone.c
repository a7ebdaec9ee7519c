/* Dates of exports, in the zone of the configuration. */
#include "producers/sources/zone.h"

#include "cmocka_all.h"

#include <string.h>

static int64_t parse(const char *zone_name, const char *text)
{
    struct ferry_zone *zone = NULL;
    struct ferry_error error;
    const char *reason = NULL;
    int64_t ms = -1;
    assert_int_equal(ferry_zone_new(zone_name, &zone, &error), FERRY_OK);
    bool parsed = ferry_zone_parse(zone, (struct ferry_slice){text, strlen(text)}, &ms, &reason);
    ferry_zone_free(zone);
    assert_true(parsed == (reason == NULL));
    return parsed ? ms : INT64_MIN;
}

/* The seconds are those of `date -u -d ... +%s`. */
static void campaigns_forms_are_understood(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"2026-11-21 05:58:31.667Z", 1795240711667},
        {"2026-11-21T05:58:31.667Z", 1795240711667},
        {"2026-11-21 05:58:31Z", 1795240711000},
        {"2026/11/21 05:58:31", 1795240711000},
        {"20261121 05:58:31", 1795240711000},
        {"2026-11-21 07:58:31+02:00", 1795240711000},
        {"2026-11-21T00:58:31-05:00", 1795240711000},
        {"2026-11-21", 1795219200000},
        {"20261121", 1795219200000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(parse("UTC", cases[i].text) == cases[i].ms);
}

static void a_time_without_a_zone_is_the_configurations(void **state)
{
    (void)state;
    assert_true(parse("Europe/Paris", "2026-11-21 06:58:31") == 1795240711000); /* winter */
    assert_true(parse("Europe/Paris", "2026-07-21 06:58:31") == 1784609911000); /* summer */
    assert_true(parse("Europe/Paris", "2026-11-21 06:58:31Z") == 1795244311000);
    assert_true(parse("Asia/Kolkata", "2026-11-21") == 1795219200000 - 19800000);
}

/* On 2026-03-29 at 02:00 the clocks of Paris go to 03:00; on 2026-10-25 at 03:00 back to 02:00. */
static void the_hours_of_a_change_have_one_meaning_each(void **state)
{
    (void)state;
    assert_true(parse("Europe/Paris", "2026-03-29 01:59:59") == 1774745999000);
    assert_true(parse("Europe/Paris", "2026-03-29 03:00:00") == 1774746000000);
    assert_true(parse("Europe/Paris", "2026-03-29 02:30:00") >= 1774746000000);
    assert_true(parse("Europe/Paris", "2026-10-25 02:30:00") == 1792891800000);
}

static void what_nobody_can_tell_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "yesterday",
        "21/11/2026",
        "11/12/2026 05:58",
        "2026-11-31",
        "2026-13-01 00:00:00",
        "2026-11-21 25:00:00",
        "1795240711667",
        "2026-11-21 05:58:31.667Zulu",
        "2026-11-21 05:58",
        "46347.249",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_true(parse("UTC", texts[i]) == INT64_MIN);
}

static void an_unknown_zone_is_named(void **state)
{
    struct ferry_zone *zone = NULL;
    struct ferry_error error;
    (void)state;
    assert_int_equal(ferry_zone_new("Europe/Atlantis", &zone, &error), FERRY_INVALID);
    assert_non_null(strstr(error.message, "Europe/Atlantis"));
    assert_null(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(campaigns_forms_are_understood),
        cmocka_unit_test(a_time_without_a_zone_is_the_configurations),
        cmocka_unit_test(the_hours_of_a_change_have_one_meaning_each),
        cmocka_unit_test(what_nobody_can_tell_is_refused),
        cmocka_unit_test(an_unknown_zone_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
