#include "consumers/destinations/dynamics.h"

#include "cmocka_all.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define CONTACT "60c4e274-0d87-e711-80e5-00155db19e6d"
#define TEXT(text)                                                                                 \
    {                                                                                              \
        text, sizeof text - 1                                                                      \
    }

static struct ferry_events events = {
    .source = "",
    .kinds = {[FERRY_EVENT_CLICK] = true},
    .activities = {[FERRY_EVENT_CLICK] = {.table = "ferry_emailclick",
                                          .entity_set = "ferry_emailclicks",
                                          .regarding = "regardingobjectid_contact_ferry_emailclick",
                                          .subject_length = 10,
                                          .campaign = {"ferry_campaign", 4},
                                          .delivery = {"ferry_delivery", 100},
                                          .date = {"ferry_dateclicked", 0},
                                          .mirror_page = {NULL, 0},
                                          .url = {"ferry_url", 0}}},
};

static struct ferry_event click(void)
{
    return (struct ferry_event){.id = TEXT("click:98765"),
                                .kind = FERRY_EVENT_CLICK,
                                .contact = TEXT(CONTACT),
                                .occurred_at = 1780000000999,
                                .campaign = TEXT("C42-x"),
                                .delivery = TEXT("DM\"190"),
                                .mirror_page = TEXT("https://m"),
                                .url = TEXT("https://x?a=1&b=\xc3\xa9"),
                                .file = TEXT("a.csv")};
}

static enum ferry_status try(const struct ferry_event *event, bool typed, size_t room,
                             struct ferry_buffer *out, struct ferry_error *error)
{
    struct ferry_activity_forms *forms;
    ferry_buffer_init(out, room);
    assert_int_equal(ferry_activity_forms_new(&events, &forms, error), FERRY_OK);
    char id[FERRY_GUID_SIZE];
    ferry_event_activity(events.source, event->id, id);
    enum ferry_status status = ferry_activity_write(forms, event, id, typed, out, error);
    ferry_activity_forms_free(forms);
    return status;
}

static json_t *write(const struct ferry_event *event, bool typed)
{
    struct ferry_buffer out;
    struct ferry_error error;
    assert_int_equal(try(event, typed, 1 << 20, &out, &error), FERRY_OK);
    json_t *json = json_loadb(out.data, out.length, 0, NULL);
    assert_non_null(json);
    ferry_buffer_done(&out);
    return json;
}

static void expect(const json_t *json, const char *key, const char *wanted)
{
    const json_t *value = json_object_get(json, key);
    if (!wanted)
        assert_null(value);
    else
        assert_string_equal(json_string_value(value), wanted);
}

static void an_event_becomes_the_activity_of_its_kind(void **state)
{
    (void)state;
    const struct ferry_event event = click();
    json_t *json = write(&event, false);
    expect(json, "activityid", "9f74e5f4-b6b2-580a-b467-36351dba3641");
    expect(json, "subject", "C42-x DM\"1");
    expect(json, "ferry_campaign", "C42-");
    expect(json, "ferry_delivery", "DM\"190");
    expect(json, "ferry_dateclicked", "2026-05-28T20:26:40Z");
    expect(json, "ferry_url", "https://x?a=1&b=\xc3\xa9");
    expect(json, "regardingobjectid_contact_ferry_emailclick@odata.bind", "/contacts(" CONTACT ")");
    expect(json, "@odata.type", NULL);
    assert_int_equal(json_object_size(json), 7);
    json_decref(json);
}

static void the_source_is_part_of_the_id_and_a_bulk_message_names_the_type(void **state)
{
    (void)state;
    const struct ferry_event event = click();
    events.source = "acme-prod";
    json_t *json = write(&event, true);
    events.source = "";
    expect(json, "activityid", "dd2d65ce-d76e-51bf-a1e0-2984c7012677");
    expect(json, "@odata.type", "Microsoft.Dynamics.CRM.ferry_emailclick");
    json_decref(json);
}

static void a_subject_is_made_of_what_is_there(void **state)
{
    (void)state;
    struct ferry_event event = click();
    event.campaign = (struct ferry_slice){NULL, 0};
    json_t *json = write(&event, false);
    expect(json, "subject", "DM\"190");
    expect(json, "ferry_campaign", NULL);
    json_decref(json);
    event.delivery = (struct ferry_slice){"", 0};
    json = write(&event, false);
    expect(json, "subject", "click:9876");
    json_decref(json);
    event = click();
    event.delivery = (struct ferry_slice){NULL, 0};
    json = write(&event, false);
    expect(json, "subject", "C42-x");
    json_decref(json);
}

/* Ten units, of which a smiley takes two. */
static void a_subject_is_cut_as_a_whole(void **state)
{
    static const struct {
        struct ferry_slice campaign;
        struct ferry_slice delivery;
        const char *subject;
    } cases[] = {
        {TEXT("123456789"), TEXT("x"), "123456789 "},
        {TEXT("1234567890"), TEXT("x"), "1234567890"},
        {TEXT("12345678901"), TEXT("x"), "1234567890"},
        {TEXT("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"), TEXT("a\"345x"),
         "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9 a\"345"},
        {TEXT("123456\xf0\x9f\x98\x80"), TEXT("xy"), "123456\xf0\x9f\x98\x80 x"},
        {TEXT("123456789\xf0\x9f\x98\x80"), TEXT("x"), "123456789"},
        {TEXT("1234567"), TEXT("x\xf0\x9f\x98\x80"), "1234567 x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ferry_event event = click();
        event.campaign = cases[i].campaign;
        event.delivery = cases[i].delivery;
        json_t *json = write(&event, false);
        expect(json, "subject", cases[i].subject);
        json_decref(json);
    }
}

static void refuse(const struct ferry_event *event, const char *why)
{
    struct ferry_buffer out;
    struct ferry_error error;
    assert_int_equal(try(event, false, 1 << 20, &out, &error), FERRY_BAD_RECORD);
    assert_non_null(strstr(error.message, why));
    ferry_buffer_done(&out);
}

static void what_dynamics_cannot_hold_is_a_bad_record(void **state)
{
    (void)state;
    struct ferry_event event = click();
    event.contact = (struct ferry_slice)TEXT("60c4e274-0d87-e711-80e5-00155db19e6)");
    refuse(&event, "contact");
    event = click();
    event.occurred_at = INT64_MAX;
    refuse(&event, "date");
    event.occurred_at = INT64_MIN;
    refuse(&event, "date");
    event = click();
    event.url = (struct ferry_slice)TEXT("\xff");
    refuse(&event, "UTF-8");
    event = click();
    event.delivery = (struct ferry_slice)TEXT("DM\xff is not lost");
    refuse(&event, "UTF-8");
}

static void without_room_nothing_is_said_about_the_event(void **state)
{
    (void)state;
    const struct ferry_event event = click();
    struct ferry_buffer out;
    struct ferry_error error;
    assert_int_equal(try(&event, false, 1 << 20, &out, &error), FERRY_OK);
    size_t needed = out.length;
    ferry_buffer_done(&out);
    for (size_t room = 0; room < needed; room++) {
        assert_int_equal(try(&event, false, room, &out, &error), FERRY_FULL);
        ferry_buffer_done(&out);
    }
}

/* Names that join to the same text, none, one that is no UTF-8, and those before again. */
static void what_was_written_for_one_delivery_is_written_for_no_other(void **state)
{
    static const struct {
        struct ferry_slice campaign;
        struct ferry_slice delivery;
    } cases[] = {
        {TEXT("ab"), TEXT("c")},     {TEXT("ab"), TEXT("c")},  {TEXT("a"), TEXT("bc")},
        {{NULL, 0}, TEXT("abc")},    {TEXT("abc"), {NULL, 0}}, {{NULL, 0}, {NULL, 0}},
        {{NULL, 0}, {NULL, 0}},      {TEXT("abc"), {NULL, 0}}, {TEXT("abd"), {NULL, 0}},
        {TEXT("abd"), TEXT("\xff")}, {TEXT("abd"), TEXT("x")}, {TEXT("abd"), TEXT("x")},
    };
    (void)state;
    struct ferry_activity_forms *forms;
    struct ferry_error error;
    assert_int_equal(ferry_activity_forms_new(&events, &forms, &error), FERRY_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ferry_event event = click();
        struct ferry_buffer alone, out;
        char id[FERRY_GUID_SIZE];
        event.campaign = cases[i].campaign;
        event.delivery = cases[i].delivery;
        ferry_event_activity(events.source, event.id, id);
        ferry_buffer_init(&out, 1 << 20);
        enum ferry_status status = try(&event, false, 1 << 20, &alone, &error);
        assert_int_equal(ferry_activity_write(forms, &event, id, false, &out, &error), status);
        if (status == FERRY_OK)
            assert_string_equal(out.data, alone.data);
        ferry_buffer_done(&alone);
        ferry_buffer_done(&out);
    }
    ferry_activity_forms_free(forms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_becomes_the_activity_of_its_kind),
        cmocka_unit_test(the_source_is_part_of_the_id_and_a_bulk_message_names_the_type),
        cmocka_unit_test(a_subject_is_made_of_what_is_there),
        cmocka_unit_test(a_subject_is_cut_as_a_whole),
        cmocka_unit_test(what_dynamics_cannot_hold_is_a_bad_record),
        cmocka_unit_test(what_was_written_for_one_delivery_is_written_for_no_other),
        cmocka_unit_test(without_room_nothing_is_said_about_the_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
