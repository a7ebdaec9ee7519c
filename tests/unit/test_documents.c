#include "controller/documents.h"

#include "tests/unit/documents.h"

#include <stdio.h>
#include <string.h>

#define ID "dynamics-to-campaign"

static enum ferry_status apply(const char *key, const char *value)
{
    struct ferry_error error = {.message = ""};
    enum ferry_status status = ferry_documents_apply(documents, key, strlen(key), value,
                                                     value ? strlen(value) : 0, &error);

    if (status != FERRY_OK)
        assert_non_null(strstr(error.message, key));
    return status;
}

static enum ferry_status apply_order(int generation, const char *phase)
{
    char text[128];

    snprintf(text, sizeof text, "{\"generation\":%d,\"phase\":\"%s\",\"revision\":1}", generation,
             phase);
    return apply(ID "/run", text);
}

static void assert_order(int64_t generation, enum ferry_phase phase)
{
    const json_t *order = ferry_documents_order(documents, ID);

    assert_int_equal(ferry_order_generation(order), generation);
    assert_int_equal(ferry_order_phase(order), phase);
}

static void a_workflow_without_documents_has_none(void **state)
{
    json_t *revisions = ferry_documents_revisions(documents, ID);

    (void)state;
    assert_null(ferry_documents_saved(documents, ID, 0));
    assert_null(ferry_documents_order(documents, ID));
    assert_int_equal(ferry_documents_revision(documents, ID), 0);
    assert_int_equal(json_array_size(revisions), 0);
    json_decref(revisions);
    assert_null(ferry_documents_order(documents, "nonsense"));
}

static void the_latest_revision_is_the_highest_whatever_came_last(void **state)
{
    json_t *revisions;

    (void)state;
    assert_int_equal(apply(ID "/saved/2", "{\"revision\":2,\"configuration\":{\"a\":2}}"),
                     FERRY_OK);
    assert_int_equal(apply(ID "/saved/1", "{\"revision\":1,\"configuration\":{\"a\":1}}"),
                     FERRY_OK);
    assert_int_equal(ferry_documents_revision(documents, ID), 2);
    assert_ptr_equal(ferry_documents_saved(documents, ID, 0),
                     ferry_documents_saved(documents, ID, 2));
    assert_non_null(ferry_documents_saved(documents, ID, 1));
    revisions = ferry_documents_revisions(documents, ID);
    assert_int_equal(json_array_size(revisions), 2);
    assert_ptr_equal(json_array_get(revisions, 0), ferry_documents_saved(documents, ID, 2));
    json_decref(revisions);
}

static void a_removed_revision_keeps_its_number(void **state)
{
    (void)state;
    assert_int_equal(apply(ID "/saved/2", "{\"revision\":2,\"configuration\":{}}"), FERRY_OK);
    assert_int_equal(apply(ID "/saved/2", NULL), FERRY_OK);
    assert_null(ferry_documents_saved(documents, ID, 2));
    assert_int_equal(ferry_documents_revision(documents, ID), 2);
}

static void an_older_order_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(apply_order(2, "PREPARE"), FERRY_OK);
    assert_int_equal(apply_order(2, "GO"), FERRY_OK);
    assert_int_equal(apply_order(2, "PREPARE"), FERRY_OK);
    assert_order(2, FERRY_PHASE_GO);
    assert_int_equal(apply_order(1, "STOP"), FERRY_OK);
    assert_order(2, FERRY_PHASE_GO);
    assert_int_equal(apply_order(2, "STOP"), FERRY_OK);
    assert_int_equal(apply_order(3, "PREPARE"), FERRY_OK);
    assert_order(3, FERRY_PHASE_PREPARE);
}

static void replays_count_up_for_each_table(void **state)
{
    const json_t *replays = ferry_documents_replays(documents, ID);

    (void)state;
    assert_int_equal(ferry_replay_number(replays, "contact"), 0);
    assert_int_equal(apply(ID "/replay/contact", "{\"replay\":2}"), FERRY_OK);
    assert_int_equal(apply(ID "/replay/contact", "{\"replay\":1}"), FERRY_OK);
    assert_int_equal(apply(ID "/replay/account", "{\"replay\":1}"), FERRY_OK);
    assert_int_equal(ferry_replay_number(replays, "contact"), 2);
    assert_int_equal(ferry_replay_number(replays, "account"), 1);
    assert_int_equal(apply(ID "/replay/contact", NULL), FERRY_OK);
    assert_int_equal(ferry_replay_number(replays, "contact"), 0);
}

static int64_t wanted(const json_t *replays)
{
    return json_integer_value(json_object_get(ferry_replay_wanted(replays, "contact"), "replay"));
}

static bool follows(const json_t *replays, const char *text)
{
    json_t *document = json_loads(text, 0, NULL);
    bool result = ferry_replay_follows(replays, "contact", document);
    json_decref(document);
    return result;
}

static void a_cancelled_replay_gives_way_to_the_one_before(void **state)
{
    static const char cancelled[] = "{\"replay\":3,\"cancelled\":true,\"before\":{\"replay\":2}}";
    (void)state;
    const json_t *replays = ferry_documents_replays(documents, ID);
    json_t *mapping = json_pack("{s:s, s:i}", "table", "contact", "replay", 2);
    assert_int_equal(apply(ID "/replay/contact", "{\"replay\":3,\"before\":{\"replay\":2}}"),
                     FERRY_OK);
    assert_int_equal(wanted(replays), 3);
    assert_true(ferry_replay_is_pending(replays, mapping));
    assert_true(follows(replays, cancelled));
    assert_int_equal(apply(ID "/replay/contact", cancelled), FERRY_OK);
    assert_int_equal(wanted(replays), 2);
    assert_false(ferry_replay_is_pending(replays, mapping));
    assert_false(follows(replays, cancelled));
    /* What is cancelled does not come back. */
    assert_int_equal(apply(ID "/replay/contact", "{\"replay\":3}"), FERRY_OK);
    assert_int_equal(wanted(replays), 2);
    assert_false(follows(replays, "{\"replay\":3}"));
    assert_true(follows(replays, "{\"replay\":4}"));
    assert_false(follows(replays, "{\"replay\":5}"));
    /* The one that runs was cancelled: another start ends it. */
    json_object_set_new(mapping, "replay", json_integer(3));
    assert_true(ferry_replay_is_pending(replays, mapping));
    json_decref(mapping);
    assert_null(ferry_documents_order(documents, ID));
    assert_int_equal(ferry_documents_revision(documents, ID), 0);
}

static void what_does_not_fit_its_key_is_refused_and_named(void **state)
{
    static const char *const bad[][2] = {
        {"nonsense/run", "{\"generation\":1,\"phase\":\"GO\"}"},
        {ID, "{}"},
        {ID "/saved/", "{\"revision\":1,\"configuration\":{}}"},
        {ID "/saved/1x", "{\"revision\":1,\"configuration\":{}}"},
        {ID "/saved/2", "{\"revision\":1,\"configuration\":{}}"},
        {ID "/saved/1", "{\"revision\":1}"},
        {ID "/run", "{\"generation\":1,\"phase\":\"JUMP\"}"},
        {ID "/run", "{\"generation\":0,\"phase\":\"GO\"}"},
        {ID "/replay/", "{\"replay\":1}"},
        {ID "/replay/contact", "{\"replay\":0}"},
        {ID "/replay/contact", "{}"},
        {ID "/run", "not json"},
        {ID "/run", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(apply(bad[i][0], bad[i][1]), FERRY_INVALID);
    assert_null(ferry_documents_order(documents, ID));
    assert_null(ferry_documents_saved(documents, ID, 0));
}

static void a_key_that_is_too_long_is_refused(void **state)
{
    char key[4096];
    struct ferry_error error;

    (void)state;
    memset(key, 'k', sizeof key);
    assert_int_equal(ferry_documents_apply(documents, key, sizeof key, "{}", 2, &error),
                     FERRY_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_documents, close_documents)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_workflow_without_documents_has_none),
        TEST(the_latest_revision_is_the_highest_whatever_came_last),
        TEST(a_removed_revision_keeps_its_number),
        TEST(an_older_order_changes_nothing),
        TEST(replays_count_up_for_each_table),
        TEST(a_cancelled_replay_gives_way_to_the_one_before),
        TEST(what_does_not_fit_its_key_is_refused_and_named),
        TEST(a_key_that_is_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
