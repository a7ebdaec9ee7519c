/* What a server answers and what is in the files of a login, without a server. */
#include "core/io/sftp_private.h"

#include "core/base/buffer.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#define BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----\n"
#define END   "-----END OPENSSH PRIVATE KEY-----\n"

static void a_damaged_key_is_named_as_such(void **state)
{
    static const char *const keys[] = {
        "----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n" END, /* a dash is missing */
        BEGIN "AAAA\n",
        BEGIN END,
        BEGIN "!!!!\n" END,
        END BEGIN,
    };
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        assert_string_equal(ferry_sftp_key_flaw(keys[i]), "it is damaged");
}

static void a_key_longer_than_any_is_damaged(void **state)
{
    struct ferry_buffer text;
    (void)state;
    ferry_buffer_init(&text, 1 << 20);
    assert_int_equal(ferry_buffer_append_text(&text, BEGIN), FERRY_OK);
    for (int i = 0; i < 6000; i++)
        assert_int_equal(ferry_buffer_append_text(&text, "AAAAAAA\n"), FERRY_OK);
    assert_int_equal(ferry_buffer_append_text(&text, END), FERRY_OK);
    assert_string_equal(ferry_sftp_key_flaw(text.data), "it is damaged");
    ferry_buffer_done(&text);
}

static void what_is_no_private_key_is_told(void **state)
{
    (void)state;
    assert_non_null(strstr(ferry_sftp_key_flaw("ssh-ed25519 AAAA"), "public half"));
    assert_non_null(strstr(ferry_sftp_key_flaw(""), "no private key"));
    assert_null(ferry_sftp_key_flaw("-----BEGIN EC PRIVATE KEY-----\n"));
}

static enum ferry_status answer(unsigned long code, struct ferry_error *error)
{
    char host[] = "h";
    const struct ferry_sftp_settings settings = {.host = host, .port = 22};
    struct ferry_sftp *sftp = NULL;
    assert_int_equal(ferry_sftp_new(&settings, &sftp, error), FERRY_OK);
    enum ferry_status status = ferry_sftp_fail_path(sftp, code, "list", "a/b", error);
    ferry_sftp_free(sftp);
    return status;
}

static void what_a_server_refuses_is_for_somebody_and_what_it_fails_at_may_pass(void **state)
{
    static const unsigned long passing[] = {
        LIBSSH2_FX_OK,          LIBSSH2_FX_EOF,           LIBSSH2_FX_FAILURE,
        LIBSSH2_FX_BAD_MESSAGE, LIBSSH2_FX_NO_CONNECTION, LIBSSH2_FX_CONNECTION_LOST};
    static const unsigned long refused[] = {LIBSSH2_FX_NO_SUCH_FILE, LIBSSH2_FX_PERMISSION_DENIED,
                                            LIBSSH2_FX_OP_UNSUPPORTED, LIBSSH2_FX_QUOTA_EXCEEDED};
    struct ferry_error error;
    (void)state;
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        assert_int_equal(answer(passing[i], &error), FERRY_RETRY);
        assert_non_null(strstr(error.message, "sftp://h:22: cannot list a/b: the server failed"));
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(answer(refused[i], &error), FERRY_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_key_is_named_as_such),
        cmocka_unit_test(a_key_longer_than_any_is_damaged),
        cmocka_unit_test(what_is_no_private_key_is_told),
        cmocka_unit_test(what_a_server_refuses_is_for_somebody_and_what_it_fails_at_may_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
