/* Both systems are played by this test: it defines what compile calls of them, and answers when it
 * likes. */
#include "controller/compile.h"

#include "core/control/consent.h"

#include "source_record.h"

#include <stdio.h>
#include <stdlib.h>

#define QUESTIONS_MAX 16

struct ferry_dataverse {
    int unused;
};
struct ferry_campaign {
    int unused;
};

enum about { TABLE, RESOURCE, KEY, FILTER };

struct question {
    enum about about;
    char name[256];
    char query[256];
    void *context;
    ferry_dataverse_table_callback on_table;
    ferry_campaign_resource_callback on_resource;
    ferry_remote_callback on_done;
};

static struct question questions[QUESTIONS_MAX];
static size_t asked;
static size_t answered;

static enum ferry_status ask(struct question question, const char *name)
{
    assert_true(asked < QUESTIONS_MAX);
    snprintf(question.name, sizeof question.name, "%s", name ? name : "");
    questions[asked++] = question;
    return FERRY_OK;
}

enum ferry_status ferry_dataverse_describe(struct ferry_dataverse *dataverse, const char *table,
                                           ferry_dataverse_table_callback callback, void *context,
                                           struct ferry_error *error)
{
    (void)dataverse;
    (void)error;
    return ask((struct question){.about = TABLE, .on_table = callback, .context = context}, table);
}

enum ferry_status ferry_campaign_describe(struct ferry_campaign *campaign, const char *api,
                                          const char *resource,
                                          ferry_campaign_resource_callback callback, void *context,
                                          struct ferry_error *error)
{
    (void)campaign;
    (void)error;
    assert_string_equal(api, "profileAndServicesExt");
    return ask((struct question){.about = RESOURCE, .on_resource = callback, .context = context},
               resource);
}

enum ferry_status ferry_campaign_send(struct ferry_campaign *campaign,
                                      const struct ferry_campaign_request *request,
                                      struct ferry_campaign_call **ret_call,
                                      struct ferry_error *error)
{
    struct question question = {.about = request->query ? FILTER : KEY,
                                .on_done = request->on_done,
                                .context = request->context};
    (void)campaign;
    (void)ret_call;
    (void)error;
    assert_string_equal(request->method, "GET");
    assert_string_equal(request->resource, "profile");
    snprintf(question.query, sizeof question.query, "%s", request->query ? request->query : "");
    return ask(question, request->key);
}

void ferry_dataverse_forget(struct ferry_dataverse *dataverse, const void *context)
{
    (void)dataverse;
    (void)context;
}

void ferry_campaign_forget(struct ferry_campaign *campaign, const void *context)
{
    (void)campaign;
    (void)context;
}

enum ferry_status ferry_dataverse_send(struct ferry_dataverse *dataverse,
                                       const struct ferry_dataverse_request *request,
                                       struct ferry_dataverse_call **ret_call,
                                       struct ferry_error *error)
{
    (void)dataverse;
    (void)ret_call;
    fail_msg("asked Dynamics 365 for %s", request->path);
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG, "not expected");
}

const struct ferry_campaign_field *
ferry_campaign_optout(const struct ferry_campaign_resource *resource, const char *name)
{
    char black[64];
    snprintf(black, sizeof black, "blackList%s", name + strlen("denyList"));
    for (size_t i = 0; i < resource->count; i++)
        if (strcmp(resource->fields[i].name, black) == 0 ||
            strcmp(resource->fields[i].name, name) == 0)
            return &resource->fields[i];
    return NULL;
}

const char *ferry_campaign_field_type(const struct ferry_campaign_field *field)
{
    return field->type;
}

/* --- what the systems say --- */

#define NOTHING "{\"content\":[]}"

struct said {
    bool untracked;
    bool number;     /* donotphone is an Integer */
    bool unwritable; /* and donotbulkemail cannot be written */
    bool short_key;
    bool key_unknown; /* by Campaign, as a key */
    int filter_status;
    enum ferry_verdict filter;
};

static void answer_table(const struct question *question, const struct said *said)
{
    static char mail[] = "donotbulkemail", phone[] = "donotphone", yes_no[] = "Boolean",
                number[] = "Integer", id[] = "contactid", set[] = "contacts", name[] = "contact";
    struct ferry_dataverse_column columns[] = {
        {.name = mail, .type = yes_no, .creatable = !said->unwritable},
        {.name = phone, .type = said->number ? number : yes_no, .creatable = true}};
    const struct ferry_dataverse_table table = {.name = name,
                                                .entity_set = set,
                                                .primary_id = id,
                                                .change_tracking = !said->untracked,
                                                .columns = columns,
                                                .count = 2};
    const struct ferry_remote_answer good = {.verdict = FERRY_VERDICT_OK};

    question->on_table(question->context, &table, &good);
}

static void answer_resource(const struct question *question, const struct said *said)
{
    static char key[] = "externalId", mail[] = "blackListEmail",
                push[] = "denyListPushnotification", time[] = "blackListEmailLastModified",
                text[] = "string", yes_no[] = "boolean", moment[] = "datetime", name[] = "profile",
                phone[] = "blackListPhone";
    struct ferry_campaign_field fields[] = {
        {.name = key, .type = text, .length = said->short_key ? 20 : 100},
        {.name = mail, .type = yes_no},
        {.name = phone, .type = yes_no},
        {.name = push, .type = yes_no},
        {.name = time, .type = moment, .read_only = true}};
    const struct ferry_campaign_resource resource = {.name = name, .fields = fields, .count = 5};
    const struct ferry_remote_answer good = {.verdict = FERRY_VERDICT_OK};

    question->on_resource(question->context, &resource, &good);
}

static void answer_key(const struct question *question, const struct said *said)
{
    struct ferry_remote_answer none = {.verdict = FERRY_VERDICT_ABSENT, .status = 404};

    if (!question->name[0]) {
        none = (struct ferry_remote_answer){.verdict = FERRY_VERDICT_OK, .status = 200};
        none.body = NOTHING;
    } else {
        none.body = said->key_unknown ? "XTK-170036" : "Unable to find document";
    }
    none.length = strlen(none.body);
    question->on_done(question->context, &none);
}

static void answer_filter(const struct question *question, const struct said *said)
{
    struct ferry_remote_answer answer = {
        .verdict = said->filter, .status = said->filter_status, .body = "", .length = 0};

    if (said->filter == FERRY_VERDICT_OK) {
        answer.body = NOTHING;
        answer.length = strlen(NOTHING);
    } else {
        ferry_fail(&answer.error, FERRY_RETRY, FERRY_CLASS_NETWORK, "the filter was not asked");
    }
    question->on_done(question->context, &answer);
}

static void answer(const struct question *question, const struct said *said)
{
    switch (question->about) {
    case TABLE:
        answer_table(question, said);
        break;
    case RESOURCE:
        answer_resource(question, said);
        break;
    case KEY:
        answer_key(question, said);
        break;
    case FILTER:
        answer_filter(question, said);
        break;
    }
}

/* --- the compile --- */

struct owner {
    uv_loop_t loop;
    struct ferry_compile *compile;
    enum ferry_status status;
    json_t *order;
    json_t *faults;
    json_t *warnings;
};

static void on_done(void *context, const struct ferry_compile_result *result)
{
    struct owner *owner = context;
    owner->compile = NULL;
    owner->status = result->status;
    owner->order = json_incref(result->order);
    owner->faults = json_incref(result->faults);
    owner->warnings = json_incref(result->warnings);
}

static struct ferry_dataverse dataverse;
static struct ferry_campaign campaign;

#define MAIL "{\"dynamics\":\"donotbulkemail\",\"campaign\":\"denyListEmail\"}"
#define PUSH "{\"dynamics\":\"donotphone\",\"campaign\":\"blackListPushnotification\"}"
#define BOTH "{\"direction\":\"both\",\"attributes\":[" MAIL "," PUSH "],\"export\":{}}"

static void compile_beside(struct owner *owner, const char *mappings, const char *configuration,
                           const struct said *said)
{
    json_t *json = from_json(configuration);
    json_t *beside = mappings ? from_json(mappings) : NULL;
    const struct ferry_compile_options options = {
        &ferry_kind_optinout, json, &dataverse, &campaign, NULL, beside, on_done, owner};
    struct ferry_error error;

    *owner = (struct owner){.status = FERRY_FULL};
    uv_loop_init(&owner->loop);
    asked = answered = 0;
    assert_int_equal(ferry_compile_start(&owner->loop, &options, &owner->compile, &error),
                     FERRY_OK);
    json_decref(json);
    json_decref(beside);
    while (answered < asked)
        answer(&questions[answered++], said);
    uv_run(&owner->loop, UV_RUN_DEFAULT);
    assert_null(owner->compile);
}

static void compile(struct owner *owner, const char *configuration, const struct said *said)
{
    compile_beside(owner, NULL, configuration, said);
}

static void done(struct owner *owner)
{
    assert_int_equal(uv_loop_close(&owner->loop), 0);
    json_decref(owner->order);
    json_decref(owner->faults);
    json_decref(owner->warnings);
}

static void check_fault(const struct owner *owner, const char *path, const char *reason)
{
    const json_t *fault = json_array_get(owner->faults, 0);
    assert_int_equal(owner->status, FERRY_INVALID);
    assert_int_equal(json_array_size(owner->faults), 1);
    if (strcmp(json_string_value(json_object_get(fault, "path")), path) != 0 ||
        !strstr(json_string_value(json_object_get(fault, "reason")), reason))
        fail_msg("%s", json_dumps(fault, 0));
}

static void the_order_says_what_the_metadata_said(void **state)
{
    (void)state;
    struct owner owner;
    const struct said said = {.filter_status = 200};
    compile(&owner, BOTH, &said);
    assert_int_equal(owner.status, FERRY_OK);
    json_t *expected = from_json(
        "{\"direction\":\"both\",\"rule\":\"original\",\"clockToleranceMs\":60000,"
        "\"table\":\"contact\",\"entitySet\":\"contacts\",\"primaryId\":\"contactid\","
        "\"api\":\"profileAndServicesExt\",\"resource\":\"profile\",\"key\":\"externalId\","
        "\"filter\":{\"name\":\"byOptOutsSince\",\"parameter\":\"since_parameter\"},"
        "\"attributes\":[{\"name\":\"denyListEmail\",\"dynamics\":\"donotbulkemail\","
        "\"campaign\":\"blackListEmail\",\"time\":\"blackListEmailLastModified\"},"
        "{\"name\":\"denyListPushnotification\",\"dynamics\":\"donotphone\",\"campaign\":"
        "\"denyListPushnotification\",\"time\":null}],"
        "\"export\":{\"folder\":\"d365_loads/exports\",\"files\":\"optout_*\",\"finished\":"
        "\"move\",\"processed\":\"d365_loads/processed\",\"delimiter\":\",\",\"quote\":\"\\\"\","
        "\"encoding\":\"UTF-8\",\"timezone\":\"UTC\",\"columns\":{}}}");
    if (!json_equal(json_object_get(owner.order, "optOuts"), expected))
        fail_msg("%s", json_dumps(owner.order, JSON_INDENT(1)));
    assert_int_equal(json_array_size(json_object_get(owner.order, "mappings")), 0);
    assert_int_equal(json_array_size(owner.warnings), 0);
    json_decref(expected);
    done(&owner);
}

static void the_order_is_what_a_worker_reads(void **state)
{
    (void)state;
    struct owner owner;
    struct ferry_consent *consent;
    struct ferry_error error;
    const struct said said = {.filter_status = 404, .filter = FERRY_VERDICT_ABSENT};
    compile(&owner, BOTH, &said);
    if (ferry_consent_new(json_object_get(owner.order, "optOuts"), &consent, &error) != FERRY_OK)
        fail_msg("%s", error.message);
    assert_int_equal(consent->direction, FERRY_BOTH_WAYS);
    assert_int_equal(consent->tolerance_ms, 60000);
    assert_null(consent->filter);
    assert_string_equal(consent->attributes[FERRY_DENY_LIST_EMAIL].field, "blackListEmail");
    assert_null(consent->attributes[FERRY_DENY_LIST_PUSH].time);
    assert_null(consent->attributes[FERRY_DENY_LIST].column);
    ferry_consent_free(consent);
    done(&owner);
}

static void an_instance_without_the_filter_is_warned_about(void **state)
{
    (void)state;
    struct owner owner;
    const struct said said = {.filter_status = 404, .filter = FERRY_VERDICT_ABSENT};
    compile(&owner, BOTH, &said);
    assert_int_equal(owner.status, FERRY_OK);
    assert_true(json_is_null(json_object_get(json_object_get(owner.order, "optOuts"), "filter")));
    assert_int_equal(json_array_size(owner.warnings), 1);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(owner.warnings, 0), "path")), "/filter");
    done(&owner);
    compile(&owner, "{\"direction\":\"dynamics-to-campaign\",\"attributes\":[" MAIL "]}", &said);
    assert_int_equal(owner.status, FERRY_OK);
    assert_int_equal(json_array_size(owner.warnings), 0); /* nothing comes from there */
    done(&owner);
}

static void without_the_filter_and_without_an_export_nobody_would_hear_of_campaign(void **state)
{
    static const char *const directions[] = {"both", "campaign-to-dynamics"};
    (void)state;
    struct owner owner;
    const struct said said = {.filter_status = 404, .filter = FERRY_VERDICT_ABSENT};
    for (size_t i = 0; i < sizeof directions / sizeof directions[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"direction\":\"%s\",\"attributes\":[" MAIL "]}",
                 directions[i]);
        compile(&owner, text, &said);
        assert_int_equal(owner.status, FERRY_INVALID);
        const json_t *fault = json_array_get(owner.faults, 0);
        assert_string_equal(json_string_value(json_object_get(fault, "path")), "/filter");
        assert_non_null(strstr(json_string_value(json_object_get(fault, "reason")), "\"export\""));
        done(&owner);
    }
}

static void the_filter_is_asked_for_the_way_it_will_be_read(void **state)
{
    (void)state;
    struct owner owner;
    const struct said said = {.filter_status = 200};
    compile(&owner,
            "{\"direction\":\"both\",\"attributes\":[" MAIL "],\"filter\":{\"name\":\"byX\","
            "\"parameter\":\"x_parameter\"}}",
            &said);
    bool found = false;
    for (size_t i = 0; i < asked; i++)
        if (questions[i].about == FILTER) {
            assert_string_equal(questions[i].name, "byX");
            assert_int_equal(strncmp(questions[i].query, "x_parameter=2999-12-31%20", 24), 0);
            assert_null(strchr(questions[i].query, ' '));
            found = true;
        }
    assert_true(found);
    done(&owner);
}

static void a_filter_that_could_not_be_asked_for_is_asked_for_again(void **state)
{
    (void)state;
    struct owner owner;
    const struct said said = {.filter_status = 503, .filter = FERRY_VERDICT_UNAVAILABLE};
    compile(&owner, BOTH, &said);
    assert_int_equal(owner.status, FERRY_RETRY);
    assert_null(owner.order);
    assert_int_equal(json_array_size(owner.faults), 0);
    done(&owner);
}

static void nobody_is_asked_about_what_is_disabled(void **state)
{
    (void)state;
    struct owner owner;
    const struct said said = {.filter_status = 200};
    compile(&owner, "{\"attributes\":[" MAIL "]}", &said);
    assert_int_equal(asked, 0);
    assert_int_equal(owner.status, FERRY_OK);
    assert_null(json_object_get(owner.order, "optOuts"));
    done(&owner);
}

static void what_the_systems_have_against_it_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *configuration;
        struct said said;
        const char *path, *reason;
    } rows[] = {
        {BOTH, {.number = true}, "/attributes/1/dynamics", "donotphone is of the type Integer"},
        {BOTH, {.unwritable = true}, "/attributes/0/dynamics", "cannot be written"},
        {BOTH, {.untracked = true}, "", "change tracking is off for the table contact"},
        {BOTH, {.short_key = true}, "/key", "externalId takes 20 characters, and an id has 36"},
        {BOTH, {.key_unknown = true}, "/key", "is no identification key of profile"},
        {"{\"direction\":\"both\",\"key\":\"cusCrm\",\"attributes\":[" MAIL "]}",
         {.number = false},
         "/key",
         "has no field cusCrm"},
        {"{\"direction\":\"both\",\"attributes\":[{\"dynamics\":\"donotbulkemail\",\"campaign\":"
         "\"denyListFax\"}]}",
         {.number = false},
         "/attributes/0/campaign",
         "has no attribute denyListFax"},
        {"{\"direction\":\"both\",\"attributes\":[{\"dynamics\":\"donotwave\",\"campaign\":"
         "\"denyListEmail\"}]}",
         {.number = false},
         "/attributes/0/dynamics",
         "has no column donotwave"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct owner owner;
        struct said said = rows[i].said;
        said.filter_status = 200;
        compile(&owner, rows[i].configuration, &said);
        check_fault(&owner, rows[i].path, rows[i].reason);
        done(&owner);
    }
}

static void a_column_that_nobody_writes_serves_one_way(void **state)
{
    (void)state;
    struct owner owner;
    const struct said said = {.filter_status = 200, .unwritable = true};
    compile(&owner, "{\"direction\":\"dynamics-to-campaign\",\"attributes\":[" MAIL "]}", &said);
    assert_int_equal(owner.status, FERRY_OK);
    done(&owner);
}

static void a_field_that_a_mapping_writes_is_refused(void **state)
{
    (void)state;
    struct owner owner;
    const struct said said = {.filter_status = 200};
    compile_beside(&owner,
                   "{\"mappings\":[{\"table\":\"contact\",\"resource\":\"profile\",\"key\":"
                   "\"externalId\",\"fields\":[{\"source\":\"donotemail\",\"destination\":"
                   "\"blackListEmail\"}]}]}",
                   BOTH, &said);
    check_fault(&owner, "/attributes/0/campaign",
                "mappings[0].fields[0] writes blackListEmail, which Opt-In/Out keeps");
    done(&owner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_says_what_the_metadata_said),
        cmocka_unit_test(the_order_is_what_a_worker_reads),
        cmocka_unit_test(an_instance_without_the_filter_is_warned_about),
        cmocka_unit_test(without_the_filter_and_without_an_export_nobody_would_hear_of_campaign),
        cmocka_unit_test(the_filter_is_asked_for_the_way_it_will_be_read),
        cmocka_unit_test(a_filter_that_could_not_be_asked_for_is_asked_for_again),
        cmocka_unit_test(nobody_is_asked_about_what_is_disabled),
        cmocka_unit_test(what_the_systems_have_against_it_is_named),
        cmocka_unit_test(a_column_that_nobody_writes_serves_one_way),
        cmocka_unit_test(a_field_that_a_mapping_writes_is_refused),
    };
    return cmocka_run_group_tests_name("compile_optinout", tests, NULL, NULL);
}
