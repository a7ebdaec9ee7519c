#include "cmocka_all.h"

#include "core/remote/dataverse_batch.h"

#include <string.h>

static const char trace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

static void the_body_is_that_of_the_reference_byte_for_byte(void **state)
{
    (void)state;
    struct ferry_buffer body;
    struct ferry_buffer head;
    ferry_buffer_init(&body, 4096);
    ferry_buffer_init(&head, 4096);
    assert_int_equal(ferry_batch_head("ferry_emailsends", &head), FERRY_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ferry_batch_begin_part(&body, &head, trace), FERRY_OK);
        assert_int_equal(ferry_buffer_append_text(&body, i == 0 ? "{\"a\":1}" : "{}"), FERRY_OK);
        assert_int_equal(ferry_batch_end_part(&body), FERRY_OK);
    }
    assert_int_equal(ferry_batch_end(&body), FERRY_OK);
    assert_string_equal(body.data, "--batch_ferry\r\n"
                                   "Content-Type: application/http\r\n"
                                   "Content-Transfer-Encoding: binary\r\n"
                                   "\r\n"
                                   "POST /api/data/v9.2/ferry_emailsends HTTP/1.1\r\n"
                                   "Content-Type: application/json; type=entry\r\n"
                                   "traceparent: "
                                   "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00\r\n"
                                   "\r\n"
                                   "{\"a\":1}\r\n"
                                   "--batch_ferry\r\n"
                                   "Content-Type: application/http\r\n"
                                   "Content-Transfer-Encoding: binary\r\n"
                                   "\r\n"
                                   "POST /api/data/v9.2/ferry_emailsends HTTP/1.1\r\n"
                                   "Content-Type: application/json; type=entry\r\n"
                                   "traceparent: "
                                   "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00\r\n"
                                   "\r\n"
                                   "{}\r\n"
                                   "--batch_ferry--\r\n");
    assert_non_null(strstr(FERRY_BATCH_TYPE, "boundary=\"batch_ferry\""));
    ferry_buffer_done(&head);
    ferry_buffer_done(&body);
}

#define SAID(code, text) "{\"error\":{\"code\":\"" code "\",\"message\":\"" text "\"}}"
#define FAULT(code)      SAID(code, "said")

static void a_full_body_can_always_be_ended(void **state)
{
    (void)state;
    struct ferry_buffer head;
    ferry_buffer_init(&head, 4096);
    assert_int_equal(ferry_batch_head("ferry_emailsends", &head), FERRY_OK);
    for (size_t ceiling = 280; ceiling < 560; ceiling++) {
        struct ferry_buffer body;
        ferry_buffer_init(&body, ceiling);
        size_t parts = 0;
        for (enum ferry_status status = FERRY_OK; status == FERRY_OK;) {
            size_t before = body.length;
            status = ferry_batch_begin_part(&body, &head, trace);
            if (status == FERRY_OK)
                status = ferry_batch_end_part(&body);
            if (status == FERRY_OK)
                parts++;
            else
                body.length = before;
        }
        assert_true(parts > 0);
        assert_int_equal(ferry_batch_end(&body), FERRY_OK);
        ferry_buffer_done(&body);
    }
    ferry_buffer_done(&head);
}

static void a_part_is_judged_as_if_it_were_an_answer_of_its_own(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        enum ferry_verdict verdict;
        enum ferry_class class;
    } cases[] = {
        {204, "", FERRY_VERDICT_OK, FERRY_CLASS_NONE},
        {201, "{}", FERRY_VERDICT_OK, FERRY_CLASS_NONE},
        {412, FAULT("0x80040237"), FERRY_VERDICT_DUPLICATE, FERRY_CLASS_NONE},
        {412, SAID("", "Cannot insert duplicate key."), FERRY_VERDICT_DUPLICATE, FERRY_CLASS_NONE},
        {412, "{\"error\":{\"message\":\"A record with matching key values already exists.\"}}",
         FERRY_VERDICT_DUPLICATE, FERRY_CLASS_NONE},
        {412, SAID("", "said"), FERRY_VERDICT_REFUSED, FERRY_CLASS_BUG},
        {412, SAID("0x80060882", "Cannot insert duplicate key."), FERRY_VERDICT_REFUSED,
         FERRY_CLASS_BUG},
        {400, SAID("", "Cannot insert duplicate key."), FERRY_VERDICT_REFUSED, FERRY_CLASS_SCHEMA},
        {412, FAULT("0x80040333"), FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING},
        {412, FAULT("0x80060892"), FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING},
        {404, FAULT("0x80040217"), FERRY_VERDICT_ABSENT, FERRY_CLASS_MAPPING},
        {404, FAULT("0x8006088a"), FERRY_VERDICT_REFUSED, FERRY_CLASS_SCHEMA},
        {404, FAULT(""), FERRY_VERDICT_ABSENT, FERRY_CLASS_SCHEMA},
        {400, FAULT("0x80044331"), FERRY_VERDICT_BAD_RECORD, FERRY_CLASS_MAPPING},
        {400, FAULT("0x80048d19"), FERRY_VERDICT_REFUSED, FERRY_CLASS_SCHEMA},
        {403, FAULT("0x80040220"), FERRY_VERDICT_PERMISSION, FERRY_CLASS_PERMISSION},
        {429, FAULT("0x80072322"), FERRY_VERDICT_THROTTLED, FERRY_CLASS_QUOTA},
        {503, "", FERRY_VERDICT_THROTTLED, FERRY_CLASS_NETWORK},
        {500, FAULT("0x80044150"), FERRY_VERDICT_UNAVAILABLE, FERRY_CLASS_NETWORK},
        {500, FAULT("0x80040216"), FERRY_VERDICT_ILL, FERRY_CLASS_NETWORK},
        {502, "<html>", FERRY_VERDICT_UNKNOWN, FERRY_CLASS_NETWORK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct ferry_multipart_part part = {.status = cases[i].status,
                                                  .retry_after_ms = 3000,
                                                  .content_type = "application/json",
                                                  .body = cases[i].body,
                                                  .length = strlen(cases[i].body)};
        struct ferry_remote_answer answer;
        ferry_batch_judge(&part, &answer);
        if (answer.verdict != cases[i].verdict || answer.error.class != cases[i].class ||
            answer.status != cases[i].status || answer.retry_after_ms != 3000)
            fail_msg("case %zu: %s, %s: %s", i, ferry_verdict_name(answer.verdict),
                     ferry_class_name(answer.error.class), answer.error.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_body_can_always_be_ended),
        cmocka_unit_test(the_body_is_that_of_the_reference_byte_for_byte),
        cmocka_unit_test(a_part_is_judged_as_if_it_were_an_answer_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
