/* The "events" of a run order. */
#include "core/control/orders.h"

#include "cmocka_all.h"

#include <string.h>

#define WORKFLOW "campaign-to-dynamics"

static const char order_text[] =
    "{\"generation\":3,\"phase\":\"PREPARE\",\"revision\":1,\"mappings\":[],"
    "\"events\":{\"source\":\"acme-prod\",\"kinds\":[\"SEND\",\"CLICK\"],\"since\":1780000000000,"
    "\"export\":{\"folder\":\"d365_loads/exports\",\"deliveryLogs\":\"acs_broadlog_*\","
    "\"trackingLogs\":\"acs_trackinglog_*\",\"finished\":\"move\","
    "\"processed\":\"d365_loads/processed\",\"delimiter\":\"\\t\",\"quote\":\"\","
    "\"encoding\":\"windows-1252\",\"timezone\":\"Europe/Paris\","
    "\"columns\":{\"externalId\":\"CRM id\"}},"
    "\"activities\":{\"SEND\":{\"table\":\"ferry_emailsend\",\"entitySet\":\"ferry_emailsends\","
    "\"regarding\":\"regardingobjectid_contact_ferry_emailsend\",\"createMultiple\":true,"
    "\"subjectLength\":200,\"columns\":{\"campaign\":{\"name\":\"ferry_campaign\",\"length\":100},"
    "\"date\":{\"name\":\"ferry_datesent\"}}},"
    "\"CLICK\":{\"table\":\"ferry_emailclick\",\"entitySet\":\"ferry_emailclicks\","
    "\"regarding\":\"r\",\"columns\":{\"url\":{\"name\":\"ferry_url\",\"length\":2000}}}}}}";

static struct ferry_order *parse(json_t *json)
{
    struct ferry_order *order = NULL;
    struct ferry_error error;
    char *text = json_dumps(json, 0);
    assert_int_equal(ferry_order_parse(WORKFLOW, text, strlen(text), &order, &error), FERRY_OK);
    free(text);
    return order;
}

static void an_order_carries_its_export_and_its_activities(void **state)
{
    json_t *json = json_loads(order_text, 0, NULL);
    struct ferry_order *order = parse(json);
    const struct ferry_events *events = order->events;
    (void)state;
    assert_string_equal(events->source, "acme-prod");
    assert_true(events->since == 1780000000000);
    assert_true(events->kinds[FERRY_EVENT_SEND] && events->kinds[FERRY_EVENT_CLICK]);
    assert_false(events->kinds[FERRY_EVENT_OPEN] || events->kinds[FERRY_EVENT_BOUNCE]);
    assert_string_equal(events->export.files[FERRY_FILE_TRACKING], "acs_trackinglog_*");
    assert_true(events->export.move);
    assert_int_equal(events->export.delimiter, '\t');
    assert_int_equal(events->export.quote, '\0');
    assert_int_equal(events->export.encoding, FERRY_ENCODING_WINDOWS1252);
    assert_string_equal(json_string_value(json_object_get(events->export.columns, "externalId")),
                        "CRM id");
    const struct ferry_activity *send = &events->activities[FERRY_EVENT_SEND];
    assert_string_equal(send->entity_set, "ferry_emailsends");
    assert_true(send->create_multiple);
    assert_true(send->subject_length == 200);
    assert_string_equal(send->campaign.name, "ferry_campaign");
    assert_true(send->campaign.length == 100);
    assert_null(send->url.name);
    assert_string_equal(events->activities[FERRY_EVENT_CLICK].url.name, "ferry_url");
    assert_null(events->activities[FERRY_EVENT_OPEN].table);
    ferry_order_free(order);
    json_decref(json);
}

static void an_order_without_events_has_none(void **state)
{
    json_t *json = json_loads(order_text, 0, NULL);
    (void)state;
    json_object_del(json, "events");
    struct ferry_order *order = parse(json);
    assert_null(order->events);
    ferry_order_free(order);
    json_decref(json);
}

/* Takes `value` as the member `path` of the events, two steps at most; NULL deletes it. */
static void assert_refused(const char *parent, const char *key, const char *value)
{
    json_t *json = json_loads(order_text, 0, NULL);
    json_t *object = json_object_get(json, "events");
    struct ferry_order *order = NULL;
    struct ferry_error error;
    char quoted[64];
    if (parent)
        object = json_object_get(object, parent);
    if (value)
        json_object_set_new(object, key, json_loads(value, JSON_DECODE_ANY, NULL));
    else
        json_object_del(object, key);
    char *text = json_dumps(json, 0);
    assert_int_equal(ferry_order_parse(WORKFLOW, text, strlen(text), &order, &error),
                     FERRY_INVALID);
    snprintf(quoted, sizeof quoted, "\"%s\"",
             parent && strcmp(parent, "activities") == 0 ? parent : key);
    assert_non_null(strstr(error.message, quoted));
    free(text);
    json_decref(json);
}

static void what_is_missing_or_unusable_is_named(void **state)
{
    (void)state;
    assert_refused(NULL, "source", NULL);
    assert_refused(NULL, "since", "\"yesterday\"");
    assert_refused(NULL, "kinds", "[\"SEND\",\"UNSUBSCRIBE\"]");
    assert_refused("export", "folder", NULL);
    assert_refused("export", "finished", "\"delete\"");
    assert_refused("export", "delimiter", "\"\"");
    assert_refused("export", "delimiter", "\";;\"");
    assert_refused("export", "quote", "\"\\t\"");
    assert_refused("export", "encoding", "\"UTF-7\"");
    assert_refused("export", "columns", "{\"externalId\":1}");
    assert_refused("activities", "SEND", NULL);
    assert_refused("activities", "CLICK", "{\"table\":\"ferry_emailclick\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_carries_its_export_and_its_activities),
        cmocka_unit_test(an_order_without_events_has_none),
        cmocka_unit_test(what_is_missing_or_unusable_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
