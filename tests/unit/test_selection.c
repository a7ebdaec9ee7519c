#include "controller/selection.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#define ID "60c4e274-0d87-e711-80e5-00155db19e6d"

/* Dynamics 365, as far as a selection sees it. */
static struct {
    ferry_dataverse_table_callback on_described;
    ferry_remote_callback on_done;
    void *context;
    char path[2048];
    char prefer[256];
    bool has_time;
    int forgotten;
} service;

static struct {
    int calls;
    struct ferry_selection_result result;
    char where[1024];
} got;

enum ferry_status ferry_dataverse_describe(struct ferry_dataverse *dataverse, const char *table,
                                           ferry_dataverse_table_callback callback, void *context,
                                           struct ferry_error *error)
{
    (void)dataverse;
    (void)error;
    assert_string_equal(table, "contact");
    service.on_described = callback;
    service.context = context;
    return FERRY_OK;
}

const struct ferry_dataverse_column *
ferry_dataverse_column(const struct ferry_dataverse_table *table, const char *name)
{
    static const struct ferry_dataverse_column column;
    (void)table;
    assert_string_equal(name, "modifiedon");
    return service.has_time ? &column : NULL;
}

enum ferry_status ferry_dataverse_send(struct ferry_dataverse *dataverse,
                                       const struct ferry_dataverse_request *request,
                                       struct ferry_dataverse_call **ret_call,
                                       struct ferry_error *error)
{
    (void)dataverse;
    (void)ret_call;
    (void)error;
    snprintf(service.path, sizeof service.path, "%s", request->path);
    snprintf(service.prefer, sizeof service.prefer, "%s", request->prefer);
    service.on_done = request->on_done;
    return FERRY_OK;
}

void ferry_dataverse_forget(struct ferry_dataverse *dataverse, const void *context)
{
    (void)dataverse;
    (void)context;
    service.forgotten++;
}

static void on_selected(void *context, const struct ferry_selection_result *result)
{
    (void)context;
    got.calls++;
    got.result = *result;
    snprintf(got.where, sizeof got.where, "%s", result->where ? result->where : "");
}

static int setup(void **state)
{
    (void)state;
    memset(&service, 0, sizeof service);
    memset(&got, 0, sizeof got);
    service.has_time = true;
    return 0;
}

static struct ferry_selection *start(const char *text)
{
    struct ferry_selection *selection = NULL;
    struct ferry_error error;
    json_t *body = json_loads(text, 0, NULL);
    assert_non_null(body);
    assert_int_equal(ferry_selection_check(body, &error), FERRY_OK);
    assert_int_equal(ferry_selection_start(NULL, body, on_selected, NULL, &selection, &error),
                     FERRY_OK);
    json_decref(body);
    return selection;
}

static void describe(void)
{
    char name[] = "contact";
    char set[] = "contacts";
    char id[] = "contactid";
    const struct ferry_dataverse_table table = {
        .name = name, .entity_set = set, .primary_id = id, .change_tracking = true};
    const struct ferry_remote_answer answer = {.verdict = FERRY_VERDICT_OK};
    service.on_described(service.context, &table, &answer);
}

static void answer(enum ferry_verdict verdict, const char *body)
{
    const struct ferry_remote_answer answer = {.verdict = verdict,
                                               .body = body,
                                               .length = strlen(body),
                                               .error = {.message = "what it said"}};
    service.on_done(service.context, &answer);
}

static void all_that_is_given_must_hold(void **state)
{
    (void)state;
    start("{\"table\":\"contact\",\"ids\":[\"" ID "\"],\"filter\":\"a eq 1 or b eq 2\","
          "\"since\":\"2026-04-07T23:59:01.5+02:00\"}");
    describe();
    answer(FERRY_VERDICT_OK, "{\"@odata.count\":12,"
                             "\"@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded\":false}");
    assert_int_equal(got.calls, 1);
    assert_int_equal(got.result.status, FERRY_OK);
    assert_int_equal(got.result.records, 12);
    assert_false(got.result.more);
    assert_string_equal(got.where,
                        "Microsoft.Dynamics.CRM.In(PropertyName='contactid',PropertyValues=[\"" ID
                        "\"]) and (a eq 1 or b eq 2) and modifiedon ge 2026-04-07T21:59:01Z");
}

static void a_filter_cannot_leave_its_place_in_the_address(void **state)
{
    (void)state;
    start("{\"table\":\"contact\",\"filter\":\"a eq 'x&$top=1#?'\"}");
    describe();
    assert_string_equal(service.path, "contacts?$select=contactid&$count=true&$filter="
                                      "%28a%20eq%20%27x%26%24top%3D1%23%3F%27%29");
    assert_non_null(strstr(service.prefer, "odata.maxpagesize=1"));
    answer(FERRY_VERDICT_REFUSED, "{}");
    assert_int_equal(got.result.status, FERRY_INVALID);
    assert_string_equal(got.result.error.message, "what it said");
    assert_non_null(strstr(got.result.error.action, "Correct the filter"));
}

static void the_whole_table_is_counted_up_to_what_the_service_counts(void **state)
{
    (void)state;
    start("{\"table\":\"contact\"}");
    describe();
    assert_string_equal(service.path, "contacts?$select=contactid&$count=true");
    answer(FERRY_VERDICT_OK, "{\"@odata.count\":5000}");
    assert_true(got.result.more);
    assert_null(got.result.where);
}

static void what_cannot_be_asked_now_is_asked_later(void **state)
{
    (void)state;
    start("{\"table\":\"contact\",\"filter\":\"a eq 1\"}");
    describe();
    answer(FERRY_VERDICT_UNAVAILABLE, "");
    assert_int_equal(got.result.status, FERRY_RETRY);
    start("{\"table\":\"contact\",\"filter\":\"a eq 1\"}");
    describe();
    answer(FERRY_VERDICT_OK, "<html>");
    assert_int_equal(got.result.status, FERRY_RETRY);
}

static void a_table_without_a_time_has_no_since(void **state)
{
    (void)state;
    service.has_time = false;
    start("{\"table\":\"contact\",\"since\":\"2026-04-07\"}");
    describe();
    assert_int_equal(got.result.status, FERRY_INVALID);
    assert_non_null(strstr(got.result.error.message, "modifiedon"));
}

static void a_cancelled_one_says_nothing(void **state)
{
    (void)state;
    ferry_selection_cancel(start("{\"table\":\"contact\",\"filter\":\"a eq 1\"}"));
    ferry_selection_cancel(NULL);
    assert_int_equal(service.forgotten, 1);
    assert_int_equal(got.calls, 0);
}

static void what_is_not_as_it_should_be_is_refused_with_its_name(void **state)
{
    static const char *const bad[][2] = {
        {"{\"ids\":[]}", "ids"},         {"{\"ids\":\"" ID "\"}", "ids"},
        {"{\"ids\":[7]}", "is no id"},   {"{\"ids\":[\"" ID "\",\"x\"]}", "'x' is no id"},
        {"{\"filter\":\"\"}", "filter"}, {"{\"filter\":7}", "filter"},
        {"{\"since\":7}", "since"},      {"{\"since\":\"2026-04-07T21:59:01\"}", "since"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ferry_error error;
        json_t *body = json_loads(bad[i][0], 0, NULL);
        assert_int_equal(ferry_selection_check(body, &error), FERRY_INVALID);
        assert_non_null(strstr(error.message, bad[i][1]));
        assert_true(ferry_selection_is_part(body));
        json_decref(body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_that_is_given_must_hold, setup),
        cmocka_unit_test_setup(a_filter_cannot_leave_its_place_in_the_address, setup),
        cmocka_unit_test_setup(the_whole_table_is_counted_up_to_what_the_service_counts, setup),
        cmocka_unit_test_setup(what_cannot_be_asked_now_is_asked_later, setup),
        cmocka_unit_test_setup(a_table_without_a_time_has_no_since, setup),
        cmocka_unit_test_setup(a_cancelled_one_says_nothing, setup),
        cmocka_unit_test_setup(what_is_not_as_it_should_be_is_refused_with_its_name, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
