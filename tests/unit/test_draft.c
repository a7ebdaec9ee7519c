/* Which documents may be written, when others were written meanwhile. */
#include "controller/draft.h"

#include "tests/unit/documents.h"

#include <stdio.h>
#include <string.h>

#define ID "dynamics-to-campaign"

static void apply(const char *key, const char *value)
{
    struct ferry_error error;

    assert_int_equal(
        ferry_documents_apply(documents, key, strlen(key), value, strlen(value), &error), FERRY_OK);
}

static struct ferry_draft *draft_of(enum ferry_draft_kind kind, const char *table, const char *text)
{
    json_t *document = json_loads(text, 0, NULL);
    struct ferry_draft *draft = ferry_draft_new(kind, ID, table, document);

    assert_non_null(draft);
    json_decref(document);
    return draft;
}

static void assert_key(enum ferry_draft_kind kind, const char *table, const char *text,
                       const char *key)
{
    struct ferry_draft *draft = draft_of(kind, table, text);

    assert_string_equal(draft->key, key);
    ferry_draft_free(draft);
}

static void assert_fits(enum ferry_draft_kind kind, const char *table, const char *text)
{
    struct ferry_draft *draft = draft_of(kind, table, text);
    struct ferry_error error;

    assert_int_equal(ferry_draft_fits(draft, documents, &error), FERRY_OK);
    ferry_draft_free(draft);
}

static void assert_late(enum ferry_draft_kind kind, const char *table, const char *text,
                        const char *words)
{
    struct ferry_draft *draft = draft_of(kind, table, text);
    struct ferry_error error;

    assert_int_equal(ferry_draft_fits(draft, documents, &error), FERRY_INVALID);
    assert_non_null(strstr(error.message, words));
    ferry_draft_free(draft);
}

static void each_kind_has_its_key(void **state)
{
    char table[129];
    char key[256];

    (void)state;
    assert_key(FERRY_DRAFT_SAVED, "", "{\"revision\":12}", ID "/saved/12");
    assert_key(FERRY_DRAFT_ORDER, "", "{\"generation\":3}", ID "/run");
    assert_key(FERRY_DRAFT_REPLAY, "contact", "{\"replay\":1}", ID "/replay/contact");
    assert_key(FERRY_DRAFT_DECISION, "account", "{\"decision\":1}", ID "/deletes/account");
    memset(table, 't', 128);
    table[128] = '\0';
    snprintf(key, sizeof key, ID "/deletes/%s", table);
    assert_key(FERRY_DRAFT_DECISION, table, "{\"decision\":1}", key);
}

static void a_draft_keeps_its_document(void **state)
{
    struct ferry_draft *draft = draft_of(FERRY_DRAFT_SAVED, "", "{\"revision\":1}");

    (void)state;
    assert_int_equal(json_integer_value(json_object_get(draft->document, "revision")), 1);
    ferry_draft_free(draft);
    ferry_draft_free(NULL);
}

static void a_revision_fits_behind_the_latest_one_only(void **state)
{
    (void)state;
    assert_fits(FERRY_DRAFT_SAVED, "", "{\"revision\":1}");
    apply(ID "/saved/1", "{\"revision\":1,\"configuration\":{}}");
    assert_late(FERRY_DRAFT_SAVED, "", "{\"revision\":1}",
                "is at revision 1 meanwhile, this is an edit of revision 0");
    assert_fits(FERRY_DRAFT_SAVED, "", "{\"revision\":2}");
    assert_late(FERRY_DRAFT_SAVED, "", "{\"revision\":3}", "this is an edit of revision 2");
}

static void an_order_fits_if_nobody_started_or_stopped_meanwhile(void **state)
{
    (void)state;
    assert_fits(FERRY_DRAFT_ORDER, "", "{\"generation\":1,\"phase\":\"PREPARE\"}");
    apply(ID "/run", "{\"generation\":2,\"phase\":\"STOP\",\"revision\":1}");
    assert_late(FERRY_DRAFT_ORDER, "", "{\"generation\":2,\"phase\":\"GO\"}",
                ID " was started or stopped");
    assert_fits(FERRY_DRAFT_ORDER, "", "{\"generation\":3,\"phase\":\"PREPARE\"}");
}

static void a_replay_fits_behind_the_latest_one_of_its_table(void **state)
{
    (void)state;
    apply(ID "/replay/contact", "{\"replay\":1}");
    assert_late(FERRY_DRAFT_REPLAY, "contact", "{\"replay\":1}", "a replay of contact");
    assert_fits(FERRY_DRAFT_REPLAY, "contact", "{\"replay\":2}");
    assert_fits(FERRY_DRAFT_REPLAY, "account", "{\"replay\":1}");
}

static void a_decision_fits_behind_the_latest_one_of_its_table(void **state)
{
    (void)state;
    apply(ID "/deletes/contact", "{\"decision\":1,\"verdict\":\"drop\"}");
    assert_late(FERRY_DRAFT_DECISION, "contact", "{\"decision\":1}", "the deletes of contact");
    assert_late(FERRY_DRAFT_DECISION, "contact", "{\"decision\":3}", "the deletes of contact");
    assert_fits(FERRY_DRAFT_DECISION, "contact", "{\"decision\":2}");
    assert_fits(FERRY_DRAFT_DECISION, "account", "{\"decision\":1}");
}

#define WITH_DOCUMENTS(test) cmocka_unit_test_setup_teardown(test, open_documents, close_documents)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DOCUMENTS(each_kind_has_its_key),
        WITH_DOCUMENTS(a_draft_keeps_its_document),
        WITH_DOCUMENTS(a_revision_fits_behind_the_latest_one_only),
        WITH_DOCUMENTS(an_order_fits_if_nobody_started_or_stopped_meanwhile),
        WITH_DOCUMENTS(a_replay_fits_behind_the_latest_one_of_its_table),
        WITH_DOCUMENTS(a_decision_fits_behind_the_latest_one_of_its_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
