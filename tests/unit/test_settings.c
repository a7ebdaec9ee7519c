#include "core/base/settings.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    struct ferry_common common;
    struct ferry_dynamics_settings dynamics;
    struct ferry_sftp_settings sftp;
    struct ferry_settings_group groups[3];
    struct ferry_program program;
    struct ferry_error error;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->groups[0] = (struct ferry_settings_group){
        ferry_common_settings, ferry_common_settings_count, &fixture->common};
    fixture->groups[1] = (struct ferry_settings_group){
        ferry_dynamics_settings, ferry_dynamics_settings_count, &fixture->dynamics};
    fixture->groups[2] = (struct ferry_settings_group){ferry_sftp_settings,
                                                       ferry_sftp_settings_count, &fixture->sftp};
    fixture->program = (struct ferry_program){.name = "ferry-test",
                                              .purpose = "tests",
                                              .common = &fixture->common,
                                              .groups = fixture->groups,
                                              .group_count = 3};
    *state = fixture;
    return (int)ferry_settings_defaults(&fixture->program, &fixture->error);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ferry_program_done(&fixture->program);
    free(fixture);
    return 0;
}

static enum ferry_status load(struct fixture *fixture, const char *text)
{
    char path[] = "/tmp/ferry-settings-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_true(write(file, text, strlen(text)) == (ssize_t)strlen(text));
    close(file);
    enum ferry_status status = ferry_settings_load(&fixture->program, path, &fixture->error);
    unlink(path);
    return status;
}

static void a_file_sets_what_it_names_and_leaves_the_defaults(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "# ours\n\n instance = stage \ndynamics.page.size=100\n"),
                     FERRY_OK);
    assert_string_equal(fixture->common.instance, "stage");
    assert_true(fixture->dynamics.page_size == 100);
    assert_true(fixture->dynamics.poll_interval_ms == 10000);
}

static void an_unknown_key_is_refused_with_its_line(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "instance=a\ninstanse=b\n"), FERRY_INVALID);
    assert_non_null(strstr(fixture->error.message, ":2: "));
    assert_non_null(strstr(fixture->error.message, "\"instanse\""));
}

static void a_line_without_equals_is_refused_with_its_line(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "instance\n"), FERRY_INVALID);
    assert_non_null(strstr(fixture->error.message, ":1: expected key=value"));
}

static void a_missing_file_is_named(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(
        ferry_settings_load(&fixture->program, "/nonexistent/ferry.conf", &fixture->error),
        FERRY_INVALID);
    assert_non_null(strstr(fixture->error.message, "/nonexistent/ferry.conf"));
}

static void numbers_are_checked_whole(void **state)
{
    static const char *const bad[] = {"", "x", "12x", "0", "5001", "99999999999999999999", "1.5"};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(
            ferry_settings_set(&fixture->program, "dynamics.page.size", bad[i], &fixture->error),
            FERRY_INVALID);
        assert_non_null(strstr(fixture->error.message, "dynamics.page.size"));
    }
    assert_true(fixture->dynamics.page_size == 5000);
}

static void booleans_are_true_or_false_only(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ferry_settings_set(&fixture->program, "topics.manage", "yes", &fixture->error),
                     FERRY_INVALID);
    assert_int_equal(
        ferry_settings_set(&fixture->program, "topics.manage", "false", &fixture->error), FERRY_OK);
    assert_false(fixture->common.topics_manage);
}

static void kafka_settings_pass_through_and_the_last_one_counts(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "kafka.bootstrap.servers=a:1\nkafka.security.protocol=SSL\n"
                                   "kafka.bootstrap.servers=b:2\n"),
                     FERRY_OK);
    assert_int_equal(fixture->common.kafka_count, 2);
    assert_string_equal(fixture->common.kafka[0].value, "b:2");
    assert_string_equal(fixture->common.kafka[1].key, "security.protocol");
}

static void what_is_required_is_named_when_missing(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ferry_settings_check(&fixture->program, &fixture->error), FERRY_INVALID);
    assert_non_null(strstr(fixture->error.message, "kafka.bootstrap.servers"));
    assert_int_equal(load(fixture, "kafka.bootstrap.servers=a:1\n"), FERRY_OK);
    assert_int_equal(ferry_settings_check(&fixture->program, &fixture->error), FERRY_INVALID);
    assert_non_null(strstr(fixture->error.message, "dynamics.url"));
}

static void what_goes_with_the_first_of_a_group_is_required_with_it_only(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "kafka.bootstrap.servers=a:1\ndynamics.url=https://d\n"
                                   "dynamics.tenant=t\ndynamics.client.id=c\n"
                                   "dynamics.client.secret.file=f\n"),
                     FERRY_OK);
    assert_int_equal(ferry_settings_check(&fixture->program, &fixture->error), FERRY_OK);
    assert_int_equal(load(fixture, "sftp.host=h\nsftp.user=u\nsftp.private.key.file=k\n"),
                     FERRY_OK);
    assert_int_equal(ferry_settings_check(&fixture->program, &fixture->error), FERRY_INVALID);
    assert_non_null(strstr(fixture->error.message, "sftp.known.hosts.file"));
    assert_non_null(strstr(fixture->error.message, "is required with sftp.host"));
    assert_int_equal(load(fixture, "sftp.known.hosts.file=n\n"), FERRY_OK);
    assert_int_equal(ferry_settings_check(&fixture->program, &fixture->error), FERRY_OK);
}

static void half_a_login_for_the_schema_registry_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "kafka.bootstrap.servers=a:1\nschema.registry.url=https://r/x\n"
                                   "schema.registry.user=u\n"),
                     FERRY_OK);
    assert_int_equal(ferry_settings_check(&fixture->program, &fixture->error), FERRY_INVALID);
    assert_non_null(strstr(fixture->error.message, "schema.registry.password.file"));
    assert_int_equal(load(fixture, "schema.registry.password.file=f\nschema.registry.url=\n"),
                     FERRY_OK);
    assert_int_equal(ferry_settings_check(&fixture->program, &fixture->error), FERRY_INVALID);
    assert_non_null(strstr(fixture->error.message, "schema.registry.url"));
}

static void a_worker_gets_a_name_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(load(fixture, "kafka.bootstrap.servers=a:1\ndynamics.url=https://x\n"
                                   "dynamics.tenant=t\ndynamics.client.id=i\n"
                                   "dynamics.client.secret.file=f\n"),
                     FERRY_OK);
    assert_int_equal(ferry_settings_check(&fixture->program, &fixture->error), FERRY_OK);
    assert_non_null(fixture->common.worker_name);
    assert_true(strlen(fixture->common.worker_name) > 9);
}

static void a_secret_loses_its_newline_and_an_empty_one_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char path[] = "/tmp/ferry-secret-XXXXXX";
    int file = mkstemp(path);
    char *secret = NULL;
    assert_int_equal(ferry_secret_read(path, &secret, &fixture->error), FERRY_INVALID);
    assert_non_null(strstr(fixture->error.message, "is empty"));
    assert_true(write(file, "s3cret\r\n", 8) == 8);
    assert_int_equal(ferry_secret_read(path, &secret, &fixture->error), FERRY_OK);
    assert_string_equal(secret, "s3cret");
    ferry_secret_free(secret);
    close(file);
    unlink(path);
}

static void set(struct fixture *fixture, const char *key, const char *value)
{
    assert_int_equal(ferry_settings_set(&fixture->program, key, value, &fixture->error), FERRY_OK);
}

static void a_group_that_may_be_left_out_is_there_as_a_whole_or_not_at_all(void **state)
{
    struct fixture *fixture = *state;
    const struct ferry_program *program = &fixture->program;
    set(fixture, "kafka.bootstrap.servers", "localhost:9092");
    assert_int_equal(ferry_settings_check(program, &fixture->error), FERRY_INVALID);
    fixture->program.optional = &fixture->dynamics;
    assert_int_equal(ferry_settings_check(program, &fixture->error), FERRY_OK);
    set(fixture, "dynamics.page.size", "100");
    assert_int_equal(ferry_settings_check(program, &fixture->error), FERRY_OK);
    set(fixture, "dynamics.url", "https://contoso.crm.dynamics.com");
    assert_int_equal(ferry_settings_check(program, &fixture->error), FERRY_INVALID);
    assert_non_null(strstr(fixture->error.message, "dynamics.tenant"));
    set(fixture, "dynamics.tenant", "contoso.example");
    set(fixture, "dynamics.client.id", "ferry");
    set(fixture, "dynamics.client.secret.file", "/run/secrets/dynamics");
    assert_int_equal(ferry_settings_check(program, &fixture->error), FERRY_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_sets_what_it_names_and_leaves_the_defaults, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_key_is_refused_with_its_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_without_equals_is_refused_with_its_line, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_missing_file_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_are_checked_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(booleans_are_true_or_false_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kafka_settings_pass_through_and_the_last_one_counts, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_required_is_named_when_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_goes_with_the_first_of_a_group_is_required_with_it_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(half_a_login_for_the_schema_registry_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_group_that_may_be_left_out_is_there_as_a_whole_or_not_at_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_worker_gets_a_name_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_secret_loses_its_newline_and_an_empty_one_is_refused,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
