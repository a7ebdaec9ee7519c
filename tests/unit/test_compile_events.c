/* Dynamics 365 is played by this test: it defines what compile calls of it, and answers when it
 * likes. */
#include "controller/compile.h"

#include "source_record.h"

#include <stdio.h>
#include <stdlib.h>

#define QUESTIONS_MAX 64

struct ferry_dataverse {
    int unused;
};
struct ferry_campaign {
    int unused;
};

enum about { TABLE, REGARDING, MULTIPLE };

struct question {
    enum about about;
    char path[1024];
    void *context;
    ferry_dataverse_table_callback on_table;
    ferry_remote_callback on_done;
};

static struct question questions[QUESTIONS_MAX];
static size_t asked;
static size_t answered;

static enum ferry_status ask(const struct question *question)
{
    assert_true(asked < QUESTIONS_MAX);
    questions[asked++] = *question;
    return FERRY_OK;
}

enum ferry_status ferry_dataverse_describe(struct ferry_dataverse *dataverse, const char *table,
                                           ferry_dataverse_table_callback callback, void *context,
                                           struct ferry_error *error)
{
    struct question question = {.about = TABLE, .on_table = callback, .context = context};
    (void)dataverse;
    (void)error;
    snprintf(question.path, sizeof question.path, "%s", table);
    return ask(&question);
}

enum ferry_status ferry_dataverse_send(struct ferry_dataverse *dataverse,
                                       const struct ferry_dataverse_request *request,
                                       struct ferry_dataverse_call **ret_call,
                                       struct ferry_error *error)
{
    struct question question = {.on_done = request->on_done, .context = request->context};
    (void)dataverse;
    (void)ret_call;
    (void)error;
    assert_null(request->method);
    assert_true(request->fresh);
    question.about = strstr(request->path, "sdkmessagefilters") ? MULTIPLE : REGARDING;
    snprintf(question.path, sizeof question.path, "%s", request->path);
    return ask(&question);
}

void ferry_dataverse_forget(struct ferry_dataverse *dataverse, const void *context)
{
    (void)dataverse;
    (void)context;
}

enum ferry_status ferry_campaign_describe(struct ferry_campaign *campaign, const char *api,
                                          const char *resource,
                                          ferry_campaign_resource_callback callback, void *context,
                                          struct ferry_error *error)
{
    (void)campaign;
    (void)api;
    (void)callback;
    (void)context;
    fail_msg("asked Campaign for %s", resource);
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG, "not expected");
}

enum ferry_status ferry_campaign_send(struct ferry_campaign *campaign,
                                      const struct ferry_campaign_request *request,
                                      struct ferry_campaign_call **ret_call,
                                      struct ferry_error *error)
{
    (void)campaign;
    (void)ret_call;
    fail_msg("asked Campaign for %s", request->resource);
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG, "not expected");
}

void ferry_campaign_forget(struct ferry_campaign *campaign, const void *context)
{
    (void)campaign;
    (void)context;
}

const struct ferry_campaign_field *
ferry_campaign_optout(const struct ferry_campaign_resource *resource, const char *name)
{
    (void)resource;
    (void)name;
    return NULL;
}

/* --- what Dynamics 365 says --- */

#define PROPERTY  "regardingobjectid_contact_Acme_Sent"
#define REGARDS   "{\"value\":[{\"ReferencingEntityNavigationPropertyName\":\"" PROPERTY "\"}]}"
#define SUPPORTED "{\"value\":[{\"sdkmessagefilterid\":\"x\"}]}"
#define NOTHING   "{\"value\":[]}"

struct said {
    enum ferry_verdict table, regarding, multiple; /* OK, or how it failed */
    const char *regarding_body, *multiple_body;
    bool no_activity;
    const char *odd_column; /* is an Integer, that nobody may write when read_only */
    bool read_only;
};

static struct ferry_remote_answer failure(enum ferry_verdict verdict)
{
    struct ferry_remote_answer answer = {.verdict = verdict, .body = ""};
    ferry_fail(&answer.error, FERRY_INVALID,
               verdict == FERRY_VERDICT_CREDENTIALS ? FERRY_CLASS_CREDENTIALS
                                                    : FERRY_CLASS_PERMISSION,
               "verdict %d", (int)verdict);
    return answer;
}

static void answer_table(const struct question *question, const struct said *said)
{
    static char subject[] = "subject", campaign[] = "ferry_campaign", delivery[] = "ferry_delivery",
                date[] = "ferry_datesent", page[] = "ferry_mirrorpage", text[] = "String",
                memo[] = "Memo", moment[] = "DateTime", number[] = "Integer", id[] = "activityid",
                set[] = "acme_sentset";
    char name[1024];
    struct ferry_dataverse_column columns[] = {
        {.name = subject, .type = text, .length = 200, .creatable = true},
        {.name = campaign, .type = text, .length = 64, .creatable = true},
        {.name = delivery, .type = memo, .creatable = true},
        {.name = date, .type = moment, .creatable = true},
        {.name = page, .type = text, .length = 2000, .creatable = true}};
    struct ferry_dataverse_table table = {.name = name,
                                          .entity_set = set,
                                          .primary_id = id,
                                          .activity = !said->no_activity,
                                          .columns = columns,
                                          .count = sizeof columns / sizeof columns[0]};
    const struct ferry_remote_answer bad = failure(said->table);
    const struct ferry_remote_answer good = {.verdict = FERRY_VERDICT_OK};

    snprintf(name, sizeof name, "%s", question->path);
    for (size_t i = 0; said->odd_column && i < table.count; i++) {
        if (strcmp(columns[i].name, said->odd_column) != 0)
            continue;
        columns[i].creatable = !said->read_only;
        columns[i].type = said->read_only ? columns[i].type : number;
    }
    if (said->table == FERRY_VERDICT_OK)
        question->on_table(question->context, &table, &good);
    else
        question->on_table(question->context, NULL, &bad);
}

static void answer(const struct question *question, const struct said *said)
{
    bool multiple = question->about == MULTIPLE;
    enum ferry_verdict verdict = multiple ? said->multiple : said->regarding;
    struct ferry_remote_answer result = failure(verdict);

    if (question->about == TABLE) {
        answer_table(question, said);
        return;
    }
    if (verdict == FERRY_VERDICT_OK) {
        result = (struct ferry_remote_answer){.verdict = FERRY_VERDICT_OK};
        result.body = multiple ? said->multiple_body : said->regarding_body;
        result.body = result.body ? result.body : multiple ? NOTHING : REGARDS;
        result.length = strlen(result.body);
    }
    question->on_done(question->context, &result);
}

/* --- the compile --- */

struct owner {
    uv_loop_t loop;
    struct ferry_compile *compile;
    enum ferry_status status;
    json_t *order;
    json_t *faults;
};

static void on_done(void *context, const struct ferry_compile_result *result)
{
    struct owner *owner = context;
    owner->compile = NULL;
    owner->status = result->status;
    owner->order = json_incref(result->order);
    owner->faults = json_incref(result->faults);
}

static struct ferry_dataverse dataverse;
static struct ferry_campaign campaign;

#define SEND_ONLY                                                                                  \
    "{\"events\":{\"open\":false,\"click\":false,\"bounce\":false},"                               \
    "\"activities\":{\"send\":{\"table\":\"acme_sent\"}}}"

static void compile_after(struct owner *owner, const char *before, const char *configuration,
                          const struct said *said)
{
    json_t *json = from_json(configuration);
    json_t *order = before ? from_json(before) : NULL;
    const struct ferry_compile_options options = {
        &ferry_kind_events, json, &dataverse, &campaign, order, NULL, on_done, owner};
    struct ferry_error error;

    *owner = (struct owner){.status = FERRY_FULL};
    uv_loop_init(&owner->loop);
    asked = answered = 0;
    assert_int_equal(ferry_compile_start(&owner->loop, &options, &owner->compile, &error),
                     FERRY_OK);
    json_decref(json);
    json_decref(order);
    while (answered < asked)
        answer(&questions[answered++], said);
    uv_run(&owner->loop, UV_RUN_DEFAULT);
    assert_null(owner->compile);
}

static void compile(struct owner *owner, const char *configuration, const struct said *said)
{
    compile_after(owner, NULL, configuration, said);
}

static void done(struct owner *owner)
{
    assert_int_equal(uv_loop_close(&owner->loop), 0);
    json_decref(owner->order);
    json_decref(owner->faults);
}

static void check_fault(const struct owner *owner, const char *path, const char *reason)
{
    const json_t *fault = json_array_get(owner->faults, 0);
    assert_int_equal(owner->status, FERRY_INVALID);
    assert_int_equal(json_array_size(owner->faults), 1);
    assert_string_equal(json_string_value(json_object_get(fault, "path")), path);
    if (!strstr(json_string_value(json_object_get(fault, "reason")), reason))
        fail_msg("%s", json_string_value(json_object_get(fault, "reason")));
}

static void the_order_says_what_the_metadata_said(void **state)
{
    (void)state;
    struct owner owner;
    const struct said said = {.multiple_body = SUPPORTED};
    compile(&owner, SEND_ONLY, &said);
    assert_int_equal(owner.status, FERRY_OK);
    assert_int_equal(asked, 3);
    json_t *expected = from_json(
        "{\"table\":\"acme_sent\",\"entitySet\":\"acme_sentset\",\"regarding\":\"" PROPERTY "\","
        "\"createMultiple\":true,\"subjectLength\":200,\"columns\":{"
        "\"campaign\":{\"name\":\"ferry_campaign\",\"length\":64},"
        "\"delivery\":{\"name\":\"ferry_delivery\"},\"date\":{\"name\":\"ferry_datesent\"},"
        "\"mirrorPage\":{\"name\":\"ferry_mirrorpage\",\"length\":2000}}}");
    const json_t *events = json_object_get(owner.order, "events");
    assert_true(
        json_equal(json_object_get(json_object_get(events, "activities"), "SEND"), expected));
    assert_int_equal(json_array_size(json_object_get(events, "kinds")), 1);
    assert_null(json_object_get(events, "since")); /* the launch knows it */
    assert_int_equal(json_array_size(json_object_get(owner.order, "mappings")), 0);
    json_decref(expected);
    done(&owner);
}

/* The epoch asks for everything; a first start would else take now for it. */
static void since_at_the_epoch_is_a_since(void **state)
{
    (void)state;
    struct owner owner;
    const struct said said = {.table = FERRY_VERDICT_OK};
    compile(&owner,
            "{\"since\":\"1970-01-01T00:00:00Z\","
            "\"events\":{\"open\":false,\"click\":false,\"bounce\":false}}",
            &said);
    assert_int_equal(owner.status, FERRY_OK);
    json_t *since = json_object_get(json_object_get(owner.order, "events"), "since");
    assert_true(json_is_integer(since));
    assert_int_equal(json_integer_value(since), 0);
    done(&owner);
}

static void questions_name_the_table_and_are_encoded(void **state)
{
    (void)state;
    struct owner owner;
    const struct said said = {.table = FERRY_VERDICT_OK};
    compile(&owner, SEND_ONLY, &said);
    for (size_t i = 0; i < asked; i++) {
        assert_non_null(strstr(questions[i].path, "acme_sent"));
        assert_null(strchr(questions[i].path, ' '));
    }
    assert_non_null(strstr(questions[1].path, "ReferencedEntity%20eq%20'contact'"));
    assert_non_null(strstr(questions[2].path, "&@m='CreateMultiple'&@t='acme_sent'"));
    done(&owner);
}

static void what_is_missing_is_refused_with_the_way_out(void **state)
{
    (void)state;
    static const struct {
        struct said said;
        const char *path, *reason;
    } rows[] = {
        {{.table = FERRY_VERDICT_ABSENT}, "/activities/send/table", "ferryctl setup dynamics"},
        {{.no_activity = true}, "/activities/send/table", "is no activity table"},
        {{.regarding_body = NOTHING}, "/activities/send/table", "cannot regard a contact"},
        {{.regarding_body = "[]"}, "/activities/send/table", "cannot regard a contact"},
        {{.odd_column = "ferry_campaign"}, "/activities/send/columns/campaign", "must be a text"},
        {{.odd_column = "ferry_datesent"}, "/activities/send/columns/date", "a date with a time"},
        {{.odd_column = "ferry_mirrorpage", .read_only = true},
         "/activities/send/columns/mirrorPage",
         "cannot be written"},
        {{.table = FERRY_VERDICT_PERMISSION}, "/activities/send/table", "verdict"},
        {{.regarding = FERRY_VERDICT_PERMISSION}, "/activities/send/table", "verdict"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct owner owner;
        compile(&owner, SEND_ONLY, &rows[i].said);
        check_fault(&owner, rows[i].path, rows[i].reason);
        done(&owner);
    }
}

static void wrong_credentials_are_told_once(void **state)
{
    (void)state;
    struct owner owner;
    const struct said said = {.table = FERRY_VERDICT_CREDENTIALS,
                              .regarding = FERRY_VERDICT_CREDENTIALS,
                              .multiple = FERRY_VERDICT_CREDENTIALS};
    compile(&owner, "{}", &said);
    assert_int_equal(asked, 12);
    check_fault(&owner, "", "verdict");
    done(&owner);
}

static void what_passes_is_asked_again_later(void **state)
{
    (void)state;
    static const struct said rows[] = {{.table = FERRY_VERDICT_UNAVAILABLE},
                                       {.regarding = FERRY_VERDICT_THROTTLED}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct owner owner;
        compile(&owner, SEND_ONLY, &rows[i]);
        assert_int_equal(owner.status, FERRY_RETRY);
        assert_null(owner.order);
        done(&owner);
    }
}

/* Batches serve as well. */
static void who_cannot_look_up_bulk_messages_does_without(void **state)
{
    (void)state;
    static const struct said rows[] = {{.multiple = FERRY_VERDICT_PERMISSION},
                                       {.multiple = FERRY_VERDICT_UNKNOWN},
                                       {.multiple = FERRY_VERDICT_ILL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct owner owner;
        compile(&owner, SEND_ONLY, &rows[i]);
        assert_int_equal(owner.status, FERRY_OK);
        const json_t *activities =
            json_object_get(json_object_get(owner.order, "events"), "activities");
        assert_true(
            json_is_false(json_object_get(json_object_get(activities, "SEND"), "createMultiple")));
        done(&owner);
    }
}

static void a_fault_of_the_configuration_is_told_without_asking(void **state)
{
    (void)state;
    struct owner owner;
    const struct said said = {.table = FERRY_VERDICT_OK};
    compile(&owner, "{\"source\":\"a/b\"}", &said);
    assert_int_equal(asked, 0);
    check_fault(&owner, "/source", "must be at most");
    done(&owner);
}

/* It is a part of every activity's id. */
static void another_source_than_that_of_the_last_order_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *before, *configuration;
        bool good;
    } rows[] = {
        {"{\"events\":{\"source\":\"\"}}", "{}", true},
        {"{\"events\":{\"source\":\"acme\"}}", "{\"source\":\"acme\"}", true},
        {"{\"mappings\":[]}", "{\"source\":\"acme\"}", true},
        {"{\"events\":{\"source\":\"\"}}", "{\"source\":\"acme\"}", false},
        {"{\"events\":{\"source\":\"acme\"}}", "{}", false},
        {"{\"events\":{\"source\":\"acme\"}}", "{\"source\":\"Acme\"}", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct owner owner;
        const struct said said = {.table = FERRY_VERDICT_OK};
        json_t *configuration = from_json(rows[i].configuration);
        json_t *send = from_json(SEND_ONLY);
        json_object_update(configuration, send);
        char *text = json_dumps(configuration, 0);
        compile_after(&owner, rows[i].before, text, &said);
        if (rows[i].good)
            assert_int_equal(owner.status, FERRY_OK);
        else
            check_fault(&owner, "/source", "twice");
        free(text);
        json_decref(send);
        json_decref(configuration);
        done(&owner);
    }
}

/* --- what only the launch knows --- */

static void since_is_said_or_kept_or_now(void **state)
{
    (void)state;
    static const struct {
        const char *order, *before;
        json_int_t since;
    } rows[] = {
        {"{\"orderedAt\":7,\"events\":{\"since\":5}}", "{\"events\":{\"since\":3}}", 5},
        {"{\"orderedAt\":7,\"events\":{}}", "{\"events\":{\"since\":3}}", 3},
        {"{\"orderedAt\":7,\"events\":{}}", "{\"mappings\":[]}", 7},
        {"{\"orderedAt\":7,\"events\":{}}", NULL, 7},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *order = from_json(rows[i].order);
        json_t *before = rows[i].before ? from_json(rows[i].before) : NULL;
        ferry_kind_events.follow(order, before, NULL);
        assert_int_equal(
            json_integer_value(json_object_get(json_object_get(order, "events"), "since")),
            rows[i].since);
        json_decref(order);
        json_decref(before);
    }
}

static void an_order_of_events_is_one_stream(void **state)
{
    (void)state;
    struct ferry_stream stream;
    json_t *order = from_json("{\"mappings\":[],\"events\":{}}");
    json_t *none = from_json("{\"mappings\":[]}");
    assert_true(ferry_kind_events.stream(order, 0, &stream));
    assert_string_equal(stream.readers[0], "exports");
    assert_string_equal(stream.name, "email");
    assert_int_equal(stream.topic_count, 1);
    assert_int_equal(stream.topics[0].kind, FERRY_TOPIC_EVENTS);
    assert_false(ferry_kind_events.stream(order, 1, &stream));
    assert_false(ferry_kind_events.stream(none, 0, &stream));
    json_decref(order);
    json_decref(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_says_what_the_metadata_said),
        cmocka_unit_test(since_at_the_epoch_is_a_since),
        cmocka_unit_test(questions_name_the_table_and_are_encoded),
        cmocka_unit_test(what_is_missing_is_refused_with_the_way_out),
        cmocka_unit_test(wrong_credentials_are_told_once),
        cmocka_unit_test(what_passes_is_asked_again_later),
        cmocka_unit_test(who_cannot_look_up_bulk_messages_does_without),
        cmocka_unit_test(a_fault_of_the_configuration_is_told_without_asking),
        cmocka_unit_test(another_source_than_that_of_the_last_order_is_refused),
        cmocka_unit_test(since_is_said_or_kept_or_now),
        cmocka_unit_test(an_order_of_events_is_one_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
