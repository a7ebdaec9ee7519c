#include "consumers/desk.h"
#include "consumers/survey.h"

#include "cmocka_all.h"

#include <string.h>

static const struct ferry_activity activity = {.table = "ferry_emailopen",
                                               .entity_set = "ferry_emailopens",
                                               .regarding = "regarding_x",
                                               .subject_length = 200,
                                               .campaign = {"ferry_campaign", 100},
                                               .delivery = {NULL, 0},
                                               .date = {"ferry_dateopened", 0},
                                               .mirror_page = {"ferry_mirrorpage", 2000}};

static void after_some_rejects_or_a_while_the_metadata_is_wanted_again(void **state)
{
    (void)state;
    struct ferry_desk desk = {.on = true};
    assert_false(ferry_desk_is_clear(&desk, 1000));
    ferry_desk_clear(&desk, 1000);
    assert_true(ferry_desk_is_clear(&desk, 1000));
    assert_true(ferry_desk_is_clear(&desk, 60999));
    assert_false(ferry_desk_is_clear(&desk, 61000));
    desk.rejects = 10;
    assert_false(ferry_desk_is_clear(&desk, 1000));
    ferry_desk_clear(&desk, 2000);
    assert_true(ferry_desk_is_clear(&desk, 2000));
}

static void it_stands_while_it_is_doubted_or_does_not_fit(void **state)
{
    (void)state;
    assert_false(ferry_desk_stands(&(struct ferry_desk){.on = true}));
    assert_true(ferry_desk_stands(&(struct ferry_desk){.doubted = true}));
    assert_true(ferry_desk_stands(&(struct ferry_desk){.stopped = true}));
}

static void a_refusal_names_the_table_and_the_column_that_it_speaks_of(void **state)
{
    (void)state;
    const struct ferry_desk desk = {.activity = &activity};
    const char *said = "Dynamics 365 answered 400 0x80048d19";
    struct ferry_error error;
    const char *column = ferry_desk_column_in(&desk, "undeclared property 'regarding_x' which");
    ferry_desk_blame_schema(&desk, column, said, &error);
    assert_int_equal(error.status, FERRY_INVALID);
    assert_int_equal(error.class, FERRY_CLASS_SCHEMA);
    assert_non_null(strstr(error.message, "ferry_emailopen"));
    assert_non_null(strstr(error.message, "'regarding_x'"));
    assert_non_null(strstr(error.message, "0x80048d19"));
    assert_null(ferry_desk_column_in(&desk, "no name"));
    ferry_desk_blame_schema(&desk, NULL, said, &error);
    assert_non_null(strstr(error.message, "ferry_emailopen"));
}

static void what_the_table_lacks_or_shortened_is_named(void **state)
{
    (void)state;
    struct ferry_dataverse_column columns[] = {
        {.name = (char[]){"subject"}, .length = 200},
        {.name = (char[]){"ferry_campaign"}, .length = 100},
        {.name = (char[]){"ferry_dateopened"}},
        {.name = (char[]){"ferry_mirrorpage"}, .length = 4000},
    };
    struct ferry_dataverse_table table = {.name = (char[]){"ferry_emailopen"},
                                          .entity_set = (char[]){"ferry_emailopens"},
                                          .columns = columns,
                                          .count = 4};
    struct ferry_error error;
    assert_int_equal(ferry_survey_compare(&activity, &table, &error), FERRY_OK);
    columns[1].length = 99;
    assert_int_equal(ferry_survey_compare(&activity, &table, &error), FERRY_INVALID);
    assert_non_null(strstr(error.message, "ferry_campaign"));
    columns[1].length = 100;
    columns[0].length = 199;
    assert_int_equal(ferry_survey_compare(&activity, &table, &error), FERRY_INVALID);
    assert_non_null(strstr(error.message, "subject"));
    columns[0].length = 200;
    table.count = 3;
    assert_int_equal(ferry_survey_compare(&activity, &table, &error), FERRY_INVALID);
    assert_non_null(strstr(error.message, "ferry_mirrorpage"));
    assert_non_null(strstr(error.message, "ferry_emailopen"));
    table.count = 4;
    table.entity_set = (char[]){"ferry_emailopenset"};
    assert_int_equal(ferry_survey_compare(&activity, &table, &error), FERRY_INVALID);
    assert_int_equal(error.class, FERRY_CLASS_SCHEMA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_some_rejects_or_a_while_the_metadata_is_wanted_again),
        cmocka_unit_test(it_stands_while_it_is_doubted_or_does_not_fit),
        cmocka_unit_test(a_refusal_names_the_table_and_the_column_that_it_speaks_of),
        cmocka_unit_test(what_the_table_lacks_or_shortened_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
