/* The two systems are played by this test: it defines what compile calls of them, and answers when
 * it likes. */
#include "controller/compile.h"

#include "source_record.h"

#include <stdio.h>
#include <stdlib.h>

#define QUESTIONS_MAX 1024

struct ferry_dataverse {
    int unused;
};
struct ferry_campaign {
    int unused;
};

enum kind { TABLE, RESOURCE, KEY };

struct question {
    enum kind kind;
    char name[64];
    char api[64];
    char key[64];
    void *context;
    ferry_dataverse_table_callback on_table;
    ferry_campaign_resource_callback on_resource;
    ferry_remote_callback on_key;
};

static struct question questions[QUESTIONS_MAX];
static size_t asked;
static size_t answered;
static size_t forgotten;
static enum ferry_status refusal; /* what asking returns */

static enum ferry_status ask(struct question question, struct ferry_error *error)
{
    if (refusal != FERRY_OK)
        return ferry_fail(error, refusal, FERRY_CLASS_CREDENTIALS, "no secret");
    assert_true(asked < QUESTIONS_MAX);
    questions[asked++] = question;
    return FERRY_OK;
}

enum ferry_status ferry_dataverse_describe(struct ferry_dataverse *dataverse, const char *table,
                                           ferry_dataverse_table_callback callback, void *context,
                                           struct ferry_error *error)
{
    (void)dataverse;
    struct question question = {.kind = TABLE, .on_table = callback, .context = context};
    snprintf(question.name, sizeof question.name, "%s", table);
    return ask(question, error);
}

enum ferry_status ferry_campaign_describe(struct ferry_campaign *campaign, const char *api,
                                          const char *resource,
                                          ferry_campaign_resource_callback callback, void *context,
                                          struct ferry_error *error)
{
    (void)campaign;
    struct question question = {.kind = RESOURCE, .on_resource = callback, .context = context};
    snprintf(question.name, sizeof question.name, "%s", resource);
    snprintf(question.api, sizeof question.api, "%s", api);
    return ask(question, error);
}

enum ferry_status ferry_campaign_send(struct ferry_campaign *campaign,
                                      const struct ferry_campaign_request *request,
                                      struct ferry_campaign_call **ret_call,
                                      struct ferry_error *error)
{
    (void)campaign;
    (void)ret_call;
    struct question question = {
        .kind = KEY, .on_key = request->on_done, .context = request->context};
    assert_string_equal(request->method, "GET");
    assert_null(request->body);
    snprintf(question.name, sizeof question.name, "%s", request->resource);
    snprintf(question.key, sizeof question.key, "%s", request->key ? request->key : "");
    return ask(question, error);
}

/* Mappings ask for descriptions only. */
enum ferry_status ferry_dataverse_send(struct ferry_dataverse *dataverse,
                                       const struct ferry_dataverse_request *request,
                                       struct ferry_dataverse_call **ret_call,
                                       struct ferry_error *error)
{
    (void)dataverse;
    (void)ret_call;
    fail_msg("asked for %s", request->path);
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG, "not expected");
}

void ferry_dataverse_forget(struct ferry_dataverse *dataverse, const void *context)
{
    (void)dataverse;
    (void)context;
    forgotten++;
}

void ferry_campaign_forget(struct ferry_campaign *campaign, const void *context)
{
    (void)campaign;
    (void)context;
    forgotten++;
}

const struct ferry_campaign_field *
ferry_campaign_optout(const struct ferry_campaign_resource *resource, const char *name)
{
    (void)resource;
    (void)name;
    return NULL;
}

/* --- what the systems say --- */

#define NOT_FOUND                                                                                  \
    "RST-360011 An error has occurred - please contact your administrator.\n"                      \
    "Unable to find document with path 'X' from key 'x:0' (document with schema 'x' and name 'x')"

static char first[] = "name";
static char text_type[] = "String";
static char string_type[] = "string";
static char key_name[] = "crmId";
static char label_name[] = "label";
static char entity_set[] = "sets";
static char primary_id[] = "id";

static struct ferry_remote_answer failure(enum ferry_verdict verdict, enum ferry_class class,
                                          const char *message)
{
    struct ferry_remote_answer answer = {.verdict = verdict, .body = ""};
    ferry_fail(&answer.error, FERRY_INVALID, class, "%s", message);
    return answer;
}

static void answer_table(const struct question *question)
{
    struct ferry_dataverse_column columns[] = {{.name = first, .type = text_type, .length = 50}};
    char name[64];
    snprintf(name, sizeof name, "%s", question->name);
    struct ferry_dataverse_table table = {.name = name,
                                          .entity_set = entity_set,
                                          .primary_id = primary_id,
                                          .change_tracking = true,
                                          .columns = columns,
                                          .count = 1};
    const struct ferry_remote_answer good = {.verdict = FERRY_VERDICT_OK};
    question->on_table(question->context, &table, &good);
}

static void answer_resource(const struct question *question)
{
    struct ferry_campaign_field fields[] = {
        {.name = key_name, .type = string_type, .kind = string_type, .length = 100},
        {.name = label_name, .type = string_type, .kind = string_type, .length = 100},
    };
    char name[64];
    snprintf(name, sizeof name, "%s", question->name);
    struct ferry_campaign_resource resource = {.name = name, .fields = fields, .count = 2};
    const struct ferry_remote_answer good = {.verdict = FERRY_VERDICT_OK};
    question->on_resource(question->context, &resource, &good);
}

static void answer_rows(const struct question *question, const char *rows)
{
    const struct ferry_remote_answer good = {
        .verdict = FERRY_VERDICT_OK, .status = 200, .body = rows, .length = strlen(rows)};
    question->on_key(question->context, &good);
}

static void answer_key(const struct question *question, int status, enum ferry_verdict verdict,
                       const char *body)
{
    struct ferry_remote_answer answer = failure(verdict, FERRY_CLASS_NONE, "key");
    answer.status = status;
    answer.body = body;
    answer.length = strlen(body);
    question->on_key(question->context, &answer);
}

static void answer(const struct question *question)
{
    if (question->kind == TABLE)
        answer_table(question);
    else if (question->kind == RESOURCE)
        answer_resource(question);
    else if (question->key[0])
        answer_key(question, 404, FERRY_VERDICT_ABSENT, NOT_FOUND);
    else
        answer_rows(question, "{\"content\":[]}");
}

static void answer_with(const struct question *question, const struct ferry_remote_answer *failed)
{
    if (question->kind == TABLE)
        question->on_table(question->context, NULL, failed);
    else if (question->kind == RESOURCE)
        question->on_resource(question->context, NULL, failed);
    else
        question->on_key(question->context, failed);
}

/* --- the owner --- */

struct owner {
    uv_loop_t loop;
    struct ferry_compile *compile;
    int calls;
    enum ferry_status status;
    struct ferry_error error;
    json_t *mappings;
    json_t *faults;
    json_t *warnings;
};

static void on_done(void *context, const struct ferry_compile_result *result)
{
    struct owner *owner = context;
    owner->calls++;
    owner->compile = NULL;
    owner->status = result->status;
    owner->error = result->error;
    owner->mappings = json_incref(json_object_get(result->order, "mappings"));
    owner->faults = json_incref(result->faults);
    owner->warnings = json_incref(result->warnings);
}

static struct ferry_dataverse dataverse;
static struct ferry_campaign campaign;

static int setup(void **state)
{
    struct owner *owner = calloc(1, sizeof *owner);
    uv_loop_init(&owner->loop);
    asked = answered = forgotten = 0;
    refusal = FERRY_OK;
    *state = owner;
    return owner ? 0 : -1;
}

static int teardown(void **state)
{
    struct owner *owner = *state;
    uv_run(&owner->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&owner->loop), 0);
    json_decref(owner->mappings);
    json_decref(owner->faults);
    json_decref(owner->warnings);
    free(owner);
    return 0;
}

static void start(struct owner *owner, json_t *configuration)
{
    const struct ferry_compile_options options = {
        &ferry_kind_mappings, configuration, &dataverse, &campaign, NULL, NULL, on_done, owner};
    struct ferry_error error;
    assert_int_equal(ferry_compile_start(&owner->loop, &options, &owner->compile, &error),
                     FERRY_OK);
    assert_int_equal(owner->calls, 0); /* never from inside start */
    json_decref(configuration);
}

/* t0 into r0, t1 into r1, … */
static json_t *configuration_of(int count)
{
    json_t *mappings = json_array();
    for (int i = 0; i < count; i++) {
        char item[512];
        snprintf(
            item, sizeof item,
            "{\"table\":\"t%d\",\"resource\":\"r%d\",\"key\":\"crmId\",\"api\":\"customResources\","
            "\"fields\":[{\"source\":\"name\",\"destination\":\"label\"}]}",
            i, i);
        json_array_append_new(mappings, from_json(item));
    }
    return json_pack("{s:o}", "mappings", mappings);
}

static void answer_all(void)
{
    while (answered < asked)
        answer(&questions[answered++]);
}

static void finish(struct owner *owner)
{
    answer_all();
    uv_run(&owner->loop, UV_RUN_DEFAULT);
    assert_int_equal(owner->calls, 1);
}

/* For another run by the same owner. */
static void reset(struct owner *owner)
{
    json_decref(owner->mappings);
    json_decref(owner->faults);
    json_decref(owner->warnings);
    owner->mappings = owner->faults = owner->warnings = NULL;
    owner->calls = 0;
    asked = answered = 0;
}

static const struct question *find(enum kind kind, const char *name)
{
    for (size_t i = 0; i < asked; i++)
        if (questions[i].kind == kind && strcmp(questions[i].name, name) == 0)
            return &questions[i];
    fail_msg("%s was not asked for", name);
    return NULL;
}

/* Answers all but one question well. */
static void finish_with(struct owner *owner, const struct question *bad,
                        const struct ferry_remote_answer *failed)
{
    for (; answered < asked; answered++) {
        if (&questions[answered] == bad)
            answer_with(bad, failed);
        else
            answer(&questions[answered]);
    }
    finish(owner);
}

static void expect_fault(const struct owner *owner, const char *path, const char *class,
                         const char *reason)
{
    char *shown = json_dumps(owner->faults, 0);
    const json_t *fault = json_array_get(owner->faults, 0);
    if (owner->status != FERRY_INVALID || json_array_size(owner->faults) != 1 ||
        strcmp(json_string_value(json_object_get(fault, "path")), path) != 0 ||
        strcmp(json_string_value(json_object_get(fault, "class")), class) != 0 ||
        !strstr(json_string_value(json_object_get(fault, "reason")), reason))
        fail_msg("status %d: %s", (int)owner->status, shown);
    assert_null(owner->mappings);
    free(shown);
}

static void every_mapping_is_compiled_in_its_order(void **state)
{
    struct owner *owner = *state;
    start(owner, configuration_of(3));
    assert_string_equal(find(RESOURCE, "r1")->api, "customResources");
    finish(owner);
    assert_int_equal(owner->status, FERRY_OK);
    assert_int_equal(json_array_size(owner->mappings), 3);
    for (size_t i = 0; i < 3; i++) {
        char table[8];
        snprintf(table, sizeof table, "t%zu", i);
        assert_string_equal(
            json_string_value(json_object_get(json_array_get(owner->mappings, i), "table")), table);
    }
    assert_int_equal(json_array_size(owner->faults), 0);
}

static void the_order_of_the_answers_does_not_matter(void **state)
{
    struct owner *owner = *state;
    start(owner, configuration_of(2));
    answered = asked;
    for (size_t i = answered; i > 0; i--)
        answer(&questions[i - 1]);
    finish(owner);
    assert_int_equal(owner->status, FERRY_OK);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(owner->mappings, 0), "table")), "t0");
}

static void nothing_to_compile_is_done_later_all_the_same(void **state)
{
    struct owner *owner = *state;
    start(owner, configuration_of(0));
    finish(owner);
    assert_int_equal(owner->status, FERRY_OK);
    assert_int_equal(json_array_size(owner->mappings), 0);
}

static void faults_of_the_configuration_itself_are_told_without_asking(void **state)
{
    struct owner *owner = *state;
    start(owner, from_json("{\"mappings\":{}}"));
    assert_int_equal(asked, 0);
    finish(owner);
    expect_fault(owner, "/mappings", "mapping", "must be a list");
}

static void few_tables_are_asked_about_at_once(void **state)
{
    struct owner *owner = *state;
    start(owner, configuration_of(200));
    assert_int_equal(asked, 3 * 8);
    finish(owner);
    assert_int_equal(asked, 4 * 200); /* the rows behind a key that exists for nobody */
    assert_int_equal(json_array_size(owner->mappings), 200);
}

static void the_key_is_asked_for_by_random_ids(void **state)
{
    struct owner *owner = *state;
    start(owner, configuration_of(2));
    const char *a = find(KEY, "r0")->key;
    const char *b = find(KEY, "r1")->key;
    assert_int_equal(strlen(a), 36);
    assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
    assert_string_not_equal(a, b);
    finish(owner);
}

static void an_unknown_table_or_resource_is_a_fault(void **state)
{
    struct owner *owner = *state;
    struct ferry_remote_answer absent =
        failure(FERRY_VERDICT_ABSENT, FERRY_CLASS_MAPPING, "Dynamics 365 has no table \"t1\"");
    ferry_advise(&absent.error, "use the logical name");
    start(owner, configuration_of(2));
    finish_with(owner, find(TABLE, "t1"), &absent);
    expect_fault(owner, "/mappings/1/table", "mapping",
                 "Dynamics 365 has no table \"t1\": use the logical name");
}

static void a_resource_that_is_refused_is_told_with_its_class(void **state)
{
    struct owner *owner = *state;
    const struct ferry_remote_answer refused =
        failure(FERRY_VERDICT_REFUSED, FERRY_CLASS_SCHEMA, "does not know the resource r0");
    start(owner, configuration_of(1));
    finish_with(owner, find(RESOURCE, "r0"), &refused);
    expect_fault(owner, "/mappings/0/resource", "schema", "does not know the resource r0");
}

static void a_key_that_is_found_by_nothing_is_refused(void **state)
{
    struct owner *owner = *state;
    static const struct {
        int status;
        enum ferry_verdict verdict;
        const char *body;
    } answers[] = {
        {500, FERRY_VERDICT_REFUSED, "'x' attribute unknown\nXTK-170036 Unable to parse"},
        {500, FERRY_VERDICT_ILL, "XTK-170036 Unable to parse expression '@id = @x'."},
        {200, FERRY_VERDICT_OK, "{}"},
        {404, FERRY_VERDICT_REFUSED, "RST-360011\nError rc=-2003"},
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct ferry_remote_answer failed = failure(answers[i].verdict, FERRY_CLASS_BUG, "x");
        failed.status = answers[i].status;
        failed.body = answers[i].body;
        start(owner, configuration_of(1));
        finish_with(owner, find(KEY, "r0"), &failed);
        expect_fault(owner, "/mappings/0/key", "schema", "crmId is no identification key of r0");
        reset(owner);
    }
}

static void any_document_that_cannot_be_found_proves_the_key(void **state)
{
    struct owner *owner = *state;
    struct ferry_remote_answer parent = failure(FERRY_VERDICT_NO_PARENT, FERRY_CLASS_NONE, "x");
    parent.status = 404;
    parent.body = NOT_FOUND;
    start(owner, configuration_of(1));
    finish_with(owner, find(KEY, "r0"), &parent);
    assert_int_equal(owner->status, FERRY_OK);
}

/* Answers up to the question for the rows with these, and gives the question that follows. */
static const struct question *ask_for_sample(struct owner *owner, const char *rows)
{
    start(owner, configuration_of(1));
    while (answered < 3)
        answer(&questions[answered++]);
    assert_int_equal(asked, 4);
    assert_string_equal(questions[3].key, "");
    answer_rows(&questions[answered++], rows);
    return asked > answered ? &questions[answered] : NULL;
}

static void a_record_that_is_there_must_be_found_by_its_key(void **state)
{
    struct owner *owner = *state;
    static const struct {
        int status;
        enum ferry_verdict verdict;
        const char *body;
        enum ferry_status result;
    } cases[] = {
        {200, FERRY_VERDICT_OK, "{\"crmId\":\"A 1\"}", FERRY_OK},
        {200, FERRY_VERDICT_OK, "{\"content\":[{\"crmId\":\"A 1\"}]}", FERRY_OK},
        {200, FERRY_VERDICT_OK, "{\"crmId\":\"other\"}", FERRY_INVALID},
        {404, FERRY_VERDICT_ABSENT, NOT_FOUND, FERRY_INVALID},
        {500, FERRY_VERDICT_REFUSED, "XTK-170036 Unable to parse", FERRY_INVALID},
        {503, FERRY_VERDICT_UNAVAILABLE, "", FERRY_RETRY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct question *question = ask_for_sample(
            owner, "{\"content\":[{\"crmId\":\"\"},{\"crmId\":\"a/b\"},{\"crmId\":\"A 1\"}]}");
        assert_non_null(question);
        assert_string_equal(question->key, "A 1");
        answered++;
        answer_key(question, cases[i].status, cases[i].verdict, cases[i].body);
        finish(owner);
        assert_int_equal(owner->status, cases[i].result);
        reset(owner);
    }
}

static void rows_without_a_fitting_key_prove_nothing_more(void **state)
{
    struct owner *owner = *state;
    static const char *const rows[] = {
        "{\"content\":[]}",
        "{\"content\":[{\"crmId\":\"\"},{\"crmId\":\"@Qx7\"},{\"crmId\":5}]}",
        "{}",
        "no JSON",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_null(ask_for_sample(owner, rows[i]));
        finish(owner);
        assert_int_equal(owner->status, FERRY_OK);
        reset(owner);
    }
}

static void a_system_that_is_away_is_to_be_asked_again(void **state)
{
    struct owner *owner = *state;
    static const enum ferry_verdict verdicts[] = {FERRY_VERDICT_THROTTLED,
                                                  FERRY_VERDICT_UNAVAILABLE, FERRY_VERDICT_UNKNOWN,
                                                  FERRY_VERDICT_ILL};
    for (size_t i = 0; i < 3 * sizeof verdicts / sizeof verdicts[0]; i++) {
        const struct ferry_remote_answer away =
            failure(verdicts[i / 3], FERRY_CLASS_NETWORK, "Dynamics 365 cannot be reached");
        start(owner, configuration_of(1));
        finish_with(owner, &questions[i % 3], &away);
        assert_int_equal(owner->status, FERRY_RETRY);
        assert_int_equal(owner->error.status, FERRY_RETRY);
        assert_string_equal(owner->error.message, "Dynamics 365 cannot be reached");
        assert_null(owner->mappings);
        reset(owner);
    }
}

static void a_fault_counts_more_than_a_system_that_is_away(void **state)
{
    struct owner *owner = *state;
    const struct ferry_remote_answer away =
        failure(FERRY_VERDICT_UNAVAILABLE, FERRY_CLASS_NETWORK, "x");
    const struct ferry_remote_answer absent =
        failure(FERRY_VERDICT_ABSENT, FERRY_CLASS_MAPPING, "no");
    start(owner, configuration_of(2));
    for (; answered < asked; answered++)
        answer_with(&questions[answered],
                    questions[answered].kind == TABLE && strcmp(questions[answered].name, "t0") == 0
                        ? &absent
                        : &away);
    finish(owner);
    expect_fault(owner, "/mappings/0/table", "mapping", "no");
}

static void wrong_credentials_are_told_once(void **state)
{
    struct owner *owner = *state;
    const struct ferry_remote_answer wrong =
        failure(FERRY_VERDICT_CREDENTIALS, FERRY_CLASS_CREDENTIALS, "wrong secret");
    start(owner, configuration_of(3));
    while (answered < asked)
        answer_with(&questions[answered++], &wrong);
    finish(owner);
    expect_fault(owner, "", "credentials", "wrong secret");
}

static void a_question_that_cannot_be_asked_is_told_too(void **state)
{
    struct owner *owner = *state;
    refusal = FERRY_INVALID;
    start(owner, configuration_of(20));
    finish(owner);
    expect_fault(owner, "", "credentials", "no secret");
}

static void cancelling_calls_nobody_and_forgets_the_questions(void **state)
{
    struct owner *owner = *state;
    start(owner, configuration_of(2));
    ferry_compile_cancel(owner->compile);
    assert_int_equal(forgotten, 4);
    uv_run(&owner->loop, UV_RUN_DEFAULT);
    assert_int_equal(owner->calls, 0);
    ferry_compile_cancel(NULL);
}

static void cancelling_between_the_last_answer_and_the_callback_is_in_time(void **state)
{
    struct owner *owner = *state;
    start(owner, configuration_of(1));
    answer_all();
    ferry_compile_cancel(owner->compile);
    uv_run(&owner->loop, UV_RUN_DEFAULT);
    assert_int_equal(owner->calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_mapping_is_compiled_in_its_order, setup, teardown),
        cmocka_unit_test_setup_teardown(the_order_of_the_answers_does_not_matter, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_to_compile_is_done_later_all_the_same, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(faults_of_the_configuration_itself_are_told_without_asking,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(few_tables_are_asked_about_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(the_key_is_asked_for_by_random_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_table_or_resource_is_a_fault, setup, teardown),
        cmocka_unit_test_setup_teardown(a_resource_that_is_refused_is_told_with_its_class, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_key_that_is_found_by_nothing_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(any_document_that_cannot_be_found_proves_the_key, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_record_that_is_there_must_be_found_by_its_key, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(rows_without_a_fitting_key_prove_nothing_more, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_system_that_is_away_is_to_be_asked_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_fault_counts_more_than_a_system_that_is_away, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(wrong_credentials_are_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_question_that_cannot_be_asked_is_told_too, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(cancelling_calls_nobody_and_forgets_the_questions, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            cancelling_between_the_last_answer_and_the_callback_is_in_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
