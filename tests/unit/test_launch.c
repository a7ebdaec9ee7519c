/* When GO is ordered. The store is the test's: it writes down an order, and the test says what
 * became of it. */
#include "controller/launch.h"

#include "core/base/clock.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/documents.h"

#include <stdio.h>
#include <string.h>

#define WORKFLOW "dynamics-to-campaign"
#define ORDERED  INT64_C(1780000000000)
#define AGAIN_MS 1000 /* until an order that failed is repeated */

static struct {
    struct ferry_task *tasks;
    json_t *order; /* asked for and not yet answered */
    ferry_store_callback callback;
    void *context;
} seen;

const struct ferry_documents *ferry_store_documents(const struct ferry_store *store)
{
    (void)store;
    return documents;
}

const struct ferry_task *ferry_store_tasks(const struct ferry_store *store)
{
    (void)store;
    return seen.tasks;
}

int64_t ferry_store_heard_ms(const struct ferry_store *store)
{
    (void)store;
    return ferry_boot_ms();
}

int64_t ferry_store_silence_ms(const struct ferry_store *store)
{
    (void)store;
    return 0;
}

enum ferry_status ferry_store_readable(const struct ferry_store *store, struct ferry_error *error)
{
    (void)store, (void)error;
    return FERRY_OK;
}

enum ferry_status ferry_store_claim(struct ferry_store *store, struct ferry_error *error)
{
    (void)store, (void)error;
    return FERRY_OK;
}

void ferry_store_order(struct ferry_store *store, const char *workflow, json_t *order,
                       ferry_store_callback callback, void *context)
{
    (void)store;
    assert_string_equal(workflow, WORKFLOW);
    assert_null(seen.order);
    seen.order = json_incref(order);
    seen.callback = callback;
    seen.context = context;
}

void ferry_store_forget(struct ferry_store *store, const void *context)
{
    (void)store, (void)context;
}

static void write_document(const char *key, const json_t *document)
{
    char *text = json_dumps(document, JSON_COMPACT);
    struct ferry_error error;

    assert_int_equal(ferry_documents_apply(documents, key, strlen(key), text, strlen(text), &error),
                     FERRY_OK);
    free(text);
}

/* The answer to what was asked for: NULL for an order that is in Kafka now. */
static void answer(const struct ferry_error *error)
{
    json_t *order = seen.order;

    assert_non_null(order);
    seen.order = NULL;
    if (!error)
        write_document(WORKFLOW "/run", order);
    json_decref(order);
    seen.callback(seen.context, error);
}

static void prepare(int generation)
{
    json_t *order = json_pack("{s:i, s:s, s:i, s:I, s:[{s:s, s:s}]}", "generation", generation,
                              "phase", "PREPARE", "revision", 3, "orderedAt", (json_int_t)ORDERED,
                              "mappings", "id", "contact", "table", "contact");

    write_document(WORKFLOW "/run", order);
    json_decref(order);
}

static void forget_tasks(void)
{
    while (seen.tasks) {
        struct ferry_task *next = seen.tasks->next;

        ferry_task_free(seen.tasks);
        seen.tasks = next;
    }
}

static void add_ready(const char *role, int generation)
{
    char text[512];
    struct ferry_task *task = NULL;
    struct ferry_error error;

    snprintf(text, sizeof text,
             "{\"task\":\"" WORKFLOW "/%s\",\"workflow\":\"" WORKFLOW
             "\",\"role\":\"%.6s\",\"worker\":\"host-1\",\"generation\":%d,\"state\":\"READY\","
             "\"partitions\":{\"contact\":[0,1,2,3,4,5,6,7]},\"error\":null,\"warning\":null}",
             role, role, generation);
    assert_int_equal(ferry_task_parse(text, strlen(text), ferry_boot_ms(), &task, &error),
                     FERRY_OK);
    task->next = seen.tasks;
    seen.tasks = task;
}

static void all_are_ready(int generation)
{
    forget_tasks();
    add_ready("reader/contact", generation);
    add_ready("writer/w1", generation);
}

struct fixture {
    uv_loop_t loop;
    struct ferry_launch *launch;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const struct ferry_launch_parts parts = {.loop = &fixture->loop};
    struct ferry_error error;

    uv_loop_init(&fixture->loop);
    *state = fixture;
    return open_documents(state) == 0 && ferry_launch_new(&parts, ferry_workflow_find(WORKFLOW),
                                                          &fixture->launch, &error) == FERRY_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    ferry_launch_free(fixture->launch);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    free(fixture);
    forget_tasks();
    json_decref(seen.order);
    seen.order = NULL;
    return close_documents(state);
}

static void check_gone(int generation)
{
    assert_non_null(seen.order);
    assert_int_equal(ferry_order_generation(seen.order), generation);
    assert_int_equal(ferry_order_phase(seen.order), FERRY_PHASE_GO);
}

static void go_is_not_ordered_before_all_are_ready(void **state)
{
    struct fixture *fixture = *state;

    prepare(1);
    add_ready("reader/contact", 1);
    ferry_launch_tick(fixture->launch);
    assert_null(seen.order);
    add_ready("writer/w1", 1);
    ferry_launch_tick(fixture->launch);
    check_gone(1);
}

static void go_is_ordered_once(void **state)
{
    struct fixture *fixture = *state;

    prepare(1);
    all_are_ready(1);
    ferry_launch_tick(fixture->launch);
    check_gone(1);
    ferry_launch_tick(fixture->launch); /* the order is on its way: no second one */
    answer(NULL);
    ferry_launch_tick(fixture->launch);
    assert_null(seen.order);
}

static void a_start_right_after_another_waits_for_nothing_but_its_tasks(void **state)
{
    struct fixture *fixture = *state;

    prepare(1);
    all_are_ready(1);
    ferry_launch_tick(fixture->launch);
    answer(NULL);
    prepare(2);
    all_are_ready(2);
    ferry_launch_tick(fixture->launch);
    check_gone(2);
}

static void an_order_that_failed_is_repeated_after_a_moment(void **state)
{
    struct fixture *fixture = *state;
    struct ferry_error error;
    int64_t failed;

    prepare(1);
    all_are_ready(1);
    ferry_launch_tick(fixture->launch);
    ferry_fail(&error, FERRY_RETRY, FERRY_CLASS_NETWORK, "Kafka is away");
    failed = ferry_boot_ms();
    answer(&error);
    while (!seen.order && ferry_boot_ms() - failed < 60 * AGAIN_MS) {
        uv_sleep(10);
        ferry_launch_tick(fixture->launch);
    }
    check_gone(1);
    assert_true(ferry_boot_ms() - failed >= AGAIN_MS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(go_is_not_ordered_before_all_are_ready),
        TEST(go_is_ordered_once),
        TEST(a_start_right_after_another_waits_for_nothing_but_its_tasks),
        TEST(an_order_that_failed_is_repeated_after_a_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
