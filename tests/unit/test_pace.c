#include "consumers/pace.h"

#include "cmocka_all.h"

#define CALL_MS       50
#define RETRY_AFTER   1000
#define MAX_IN_FLIGHT 256

/* A destination that takes 50 ms a call and admits so many at once, in simulated time. */
struct destination {
    int admits;
    int in_flight;
    long accepted;
    long refused;
    struct {
        struct ferry_pace_ticket ticket;
        int64_t answer_at;
        bool ok;
    } calls[MAX_IN_FLIGHT];
    int count;
};

static void send_one(struct ferry_pace *pace, struct destination *destination, int64_t now)
{
    int at = destination->count++;
    bool ok = destination->in_flight < destination->admits;
    destination->calls[at].ticket = ferry_pace_send(pace);
    destination->calls[at].ok = ok;
    destination->calls[at].answer_at = now + (ok ? CALL_MS : 1);
    destination->in_flight += ok;
}

static void send_all(struct ferry_pace *pace, struct destination *destination, int64_t now)
{
    while (ferry_pace_admits(pace, now) && destination->count < MAX_IN_FLIGHT)
        send_one(pace, destination, now);
}

static void answer_due(struct ferry_pace *pace, struct destination *destination, int64_t now)
{
    for (int i = 0; i < destination->count;) {
        if (destination->calls[i].answer_at > now) {
            i++;
            continue;
        }
        bool ok = destination->calls[i].ok;
        struct ferry_pace_ticket ticket = destination->calls[i].ticket;
        destination->calls[i] = destination->calls[--destination->count];
        destination->in_flight -= ok;
        *(ok ? &destination->accepted : &destination->refused) += 1;
        ferry_pace_answer(pace, ticket, ok ? FERRY_PACE_OK : FERRY_PACE_REFUSED,
                          ok ? -1 : RETRY_AFTER, now);
    }
}

static void run(struct ferry_pace *pace, struct destination *destination, int64_t from, int64_t to)
{
    for (int64_t now = from; now < to; now++) {
        answer_due(pace, destination, now);
        send_all(pace, destination, now);
    }
}

static void an_unlimited_destination_gets_the_ceiling(void **state)
{
    (void)state;
    struct ferry_pace pace;
    struct destination destination = {.admits = 1000};
    ferry_pace_init(&pace, 64);
    run(&pace, &destination, 0, 1000);
    assert_int_equal(pace.limit, 64);
    assert_int_equal(destination.refused, 0);
}

/* The goal of the bench: at least 90 % of what it admits, less than 1 % refused, in the steady
 * state. */
static void a_hidden_admission_limit_is_found_and_respected(void **state)
{
    (void)state;
    static const int limits[] = {3, 10, 40, 63, 64};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct ferry_pace pace;
        struct destination destination = {.admits = limits[i]};
        ferry_pace_init(&pace, 64);
        run(&pace, &destination, 0, 30000);
        destination.accepted = destination.refused = 0;
        run(&pace, &destination, 30000, 150000);
        long possible = (long)limits[i] * 120000 / CALL_MS;
        assert_true(destination.accepted * 10 >= possible * 9);
        assert_true(destination.refused * 100 < destination.accepted);
    }
}

static void a_destination_that_grows_is_followed(void **state)
{
    (void)state;
    struct ferry_pace pace;
    struct destination destination = {.admits = 10};
    ferry_pace_init(&pace, 64);
    run(&pace, &destination, 0, 30000);
    assert_in_range(pace.limit, 8, 10);
    destination.admits = 1000;
    run(&pace, &destination, 30000, 240000);
    assert_int_equal(pace.limit, 64);
}

/* The urgent one wants `wanted` in flight, bulk as many as it may. */
static void run_both(struct ferry_pace *urgent, struct destination *of_urgent,
                     struct ferry_pace *bulk, struct destination *of_bulk, int wanted, int64_t from,
                     int64_t to)
{
    int admits = of_bulk->admits;
    for (int64_t now = from; now < to; now++) {
        answer_due(urgent, of_urgent, now);
        of_urgent->admits = admits - of_bulk->in_flight;
        while (of_urgent->count < wanted && ferry_pace_admits(urgent, now))
            send_one(urgent, of_urgent, now);
        answer_due(bulk, of_bulk, now);
        of_bulk->admits = admits - of_urgent->in_flight;
        send_all(bulk, of_bulk, now);
    }
    of_bulk->admits = admits;
}

static void what_is_urgent_is_not_refused_while_bulk_takes_all_that_it_may(void **state)
{
    (void)state;
    static const int limits[] = {40, 64};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct ferry_pace_pair pair = {NULL, NULL};
        struct ferry_pace urgent, bulk;
        struct destination of_urgent = {0}, of_bulk = {.admits = limits[i]};
        ferry_pace_init(&bulk, 64);
        ferry_pace_follow(&bulk, &pair);
        ferry_pace_init(&urgent, 16);
        ferry_pace_lead(&urgent, &pair);
        run_both(&urgent, &of_urgent, &bulk, &of_bulk, 0, 0, 20000); /* bulk finds the limit */
        for (int64_t now = 20000; now < 28000; now += 1000) {
            run_both(&urgent, &of_urgent, &bulk, &of_bulk, 16, now, now + 500);
            run_both(&urgent, &of_urgent, &bulk, &of_bulk, 0, now + 500, now + 1000);
        }
        assert_int_equal(of_urgent.refused, 0);
        assert_true(of_urgent.accepted > 8 * 40);
        assert_true(of_bulk.accepted > 8 * 20 * limits[i] / 2);
    }
}

static void bulk_gives_way_to_what_is_urgent_and_comes_back(void **state)
{
    (void)state;
    struct ferry_pace_pair pair = {NULL, NULL};
    struct ferry_pace urgent, bulk;
    struct destination of_urgent = {0}, of_bulk = {.admits = 1000};
    ferry_pace_init(&bulk, 64);
    ferry_pace_follow(&bulk, &pair);
    run(&bulk, &of_bulk, 0, 5000);
    assert_int_equal(bulk.in_flight, 63); /* one is left for other processes */
    ferry_pace_init(&urgent, 16);
    ferry_pace_lead(&urgent, &pair);
    run_both(&urgent, &of_urgent, &bulk, &of_bulk, 0, 5000, 6000);
    assert_int_equal(bulk.in_flight, 59);
    run_both(&urgent, &of_urgent, &bulk, &of_bulk, 16, 6000, 7000);
    assert_int_equal(urgent.in_flight, 15);
    assert_int_equal(bulk.in_flight, 48); /* three quarters, never less */
    run_both(&urgent, &of_urgent, &bulk, &of_bulk, 0, 7000, 8000);
    ferry_pace_leave(&urgent, &pair);
    run(&bulk, &of_bulk, 8000, 9000);
    assert_int_equal(bulk.in_flight, 63);
    ferry_pace_leave(&bulk, &pair);
    assert_null(pair.bulk);
    assert_null(pair.urgent);
}

static void bulk_learns_what_both_may_have_together(void **state)
{
    (void)state;
    struct ferry_pace_pair pair = {NULL, NULL};
    struct ferry_pace urgent, bulk;
    struct destination of_urgent = {0}, of_bulk = {.admits = 40};
    ferry_pace_init(&bulk, 64);
    ferry_pace_follow(&bulk, &pair);
    ferry_pace_init(&urgent, 16);
    ferry_pace_lead(&urgent, &pair);
    run_both(&urgent, &of_urgent, &bulk, &of_bulk, 8, 0, 20000);
    assert_in_range(bulk.refused, 39, 41);
    of_urgent.refused = 0;
    run_both(&urgent, &of_urgent, &bulk, &of_bulk, 0, 20000, 25000);
    assert_in_range(bulk.in_flight, 34, 36); /* all but the room for what is urgent */
}

static void one_round_trip_halves_once(void **state)
{
    (void)state;
    struct ferry_pace pace;
    struct ferry_pace_ticket tickets[32];
    ferry_pace_init(&pace, 64);
    pace.limit = 32;
    for (int i = 0; i < 32; i++)
        tickets[i] = ferry_pace_send(&pace);
    assert_false(ferry_pace_admits(&pace, 0));
    for (int i = 0; i < 32; i++)
        ferry_pace_answer(&pace, tickets[i], FERRY_PACE_FAILED, -1, 0);
    assert_int_equal(pace.limit, 16);
    assert_int_equal(pace.in_flight, 0);
}

static void retry_after_gates_everyone(void **state)
{
    (void)state;
    struct ferry_pace pace;
    ferry_pace_init(&pace, 64);
    struct ferry_pace_ticket ticket = ferry_pace_send(&pace);
    ferry_pace_answer(&pace, ticket, FERRY_PACE_REFUSED, 2000, 100);
    assert_false(ferry_pace_admits(&pace, 2099));
    assert_int_equal(ferry_pace_wait_ms(&pace, 1100), 1000);
    assert_true(ferry_pace_admits(&pace, 2100));
}

static void a_dead_destination_is_probed_one_at_a_time_and_ever_more_rarely(void **state)
{
    (void)state;
    struct ferry_pace pace;
    ferry_pace_init(&pace, 64);
    int64_t now = 0;
    int64_t waited = 0;
    for (int i = 0; i < 20; i++) {
        now += waited;
        assert_true(ferry_pace_admits(&pace, now));
        ferry_pace_answer(&pace, ferry_pace_send(&pace), FERRY_PACE_FAILED, -1, now);
        waited = ferry_pace_wait_ms(&pace, now);
    }
    assert_int_equal(pace.limit, 1);
    assert_in_range(waited, 7500, 15000);
}

static void it_recovers_at_once_after_an_outage(void **state)
{
    (void)state;
    struct ferry_pace pace;
    struct destination destination = {.admits = 1000};
    ferry_pace_init(&pace, 64);
    for (int i = 0; i < 5; i++)
        ferry_pace_answer(&pace, ferry_pace_send(&pace), FERRY_PACE_FAILED, -1, 0);
    assert_int_equal(pace.limit, 1);
    int64_t from = ferry_pace_wait_ms(&pace, 0);
    run(&pace, &destination, from, from + 2000);
    assert_int_equal(pace.limit, 64);
}

static void another_ceiling_lowers_the_limit_at_once_and_lets_it_rise_again(void **state)
{
    (void)state;
    struct ferry_pace pace;
    ferry_pace_init(&pace, 8);
    assert_int_equal(pace.limit, 4);
    ferry_pace_cap(&pace, 2);
    assert_int_equal(pace.limit, 2);
    ferry_pace_cap(&pace, 0);
    assert_int_equal(pace.limit, 1);
    ferry_pace_cap(&pace, 8);
    for (int i = 0; i < 100; i++)
        ferry_pace_answer(&pace, ferry_pace_send(&pace), FERRY_PACE_OK, -1, 0);
    assert_int_equal(pace.limit, 2); /* one at a time fills no more */
}

static void a_hold_keeps_the_gate_closed_for_so_long_and_shortens_nothing(void **state)
{
    (void)state;
    struct ferry_pace pace;
    ferry_pace_init(&pace, 8);
    ferry_pace_hold(&pace, 500, 1000);
    assert_false(ferry_pace_admits(&pace, 1499));
    assert_true(ferry_pace_admits(&pace, 1500));
    ferry_pace_hold(&pace, 100, 1000);
    assert_int_equal(ferry_pace_wait_ms(&pace, 1000), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_ceiling_lowers_the_limit_at_once_and_lets_it_rise_again),
        cmocka_unit_test(a_hold_keeps_the_gate_closed_for_so_long_and_shortens_nothing),
        cmocka_unit_test(an_unlimited_destination_gets_the_ceiling),
        cmocka_unit_test(a_hidden_admission_limit_is_found_and_respected),
        cmocka_unit_test(a_destination_that_grows_is_followed),
        cmocka_unit_test(what_is_urgent_is_not_refused_while_bulk_takes_all_that_it_may),
        cmocka_unit_test(bulk_gives_way_to_what_is_urgent_and_comes_back),
        cmocka_unit_test(bulk_learns_what_both_may_have_together),
        cmocka_unit_test(one_round_trip_halves_once),
        cmocka_unit_test(retry_after_gates_everyone),
        cmocka_unit_test(a_dead_destination_is_probed_one_at_a_time_and_ever_more_rarely),
        cmocka_unit_test(it_recovers_at_once_after_an_outage),
    };
    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
