#include "consumers/pace.h"

#include "core/base/clock.h"

#define START_LIMIT       4
#define PROBE_WAIT_MS     INT64_C(30000)
#define PROBE_WAIT_MAX_MS INT64_C(600000)
#define PROBE_ROUNDS      4
#define FAILURE_BASE_MS   INT64_C(250)
#define FAILURE_CAP_MS    INT64_C(15000)
#define URGENT_ROOM       4  /* that bulk leaves free for what is urgent to begin with */
#define ROOM_PART         4  /* of what the destination bears: bulk never leaves more than that */
#define MANY              16 /* from so many on bulk leaves one for other processes, too */

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

void ferry_pace_init(struct ferry_pace *pace, int ceiling)
{
    *pace = (struct ferry_pace){
        .ceiling = ceiling, .limit = smaller(START_LIMIT, ceiling), .probe_wait = PROBE_WAIT_MS};
}

void ferry_pace_lead(struct ferry_pace *pace, struct ferry_pace_pair *pair)
{
    pace->pair = pair;
    pair->urgent = pace;
}

void ferry_pace_follow(struct ferry_pace *pace, struct ferry_pace_pair *pair)
{
    pace->pair = pair;
    pair->bulk = pace;
}

void ferry_pace_leave(const struct ferry_pace *pace, struct ferry_pace_pair *pair)
{
    if (pair->urgent == pace)
        pair->urgent = NULL;
    if (pair->bulk == pace)
        pair->bulk = NULL;
}

/* In flight to the same destination. */
static int others(const struct ferry_pace *pace)
{
    const struct ferry_pace *other = NULL;
    if (pace->pair)
        other = pace->pair->urgent == pace ? pace->pair->bulk : pace->pair->urgent;
    return other ? other->in_flight : 0;
}

static bool is_probing(const struct ferry_pace *pace)
{
    return pace->refused && pace->limit >= pace->refused;
}

/* What bulk may have in flight when nothing is urgent. Of what the destination admits one is left
 * to other processes, who would else be turned away for ever; the ceiling may be all that it
 * admits. */
static int bearable(const struct ferry_pace *bulk)
{
    int most = bulk->refused ? bulk->refused - 1 : bulk->ceiling;
    return most < MANY ? most : most - 1;
}

/* A probe fills the room too: it asks what both may have together. */
static int allowed_to_bulk(const struct ferry_pace *pace)
{
    const struct ferry_pace *urgent = pace->pair->urgent;
    int most = bearable(pace);
    if (is_probing(pace))
        return larger(1, pace->limit - others(pace));
    if (urgent)
        most -= smaller(URGENT_ROOM + urgent->in_flight, most / ROOM_PART);
    return smaller(pace->limit, larger(1, most));
}

/* As far as bulk has given way; a few requests in any case. */
static int allowed_to_urgent(const struct ferry_pace *pace)
{
    const struct ferry_pace *bulk = pace->pair->bulk;
    if (!bulk)
        return pace->limit;
    return smaller(pace->limit, larger(URGENT_ROOM, bearable(bulk) - others(pace)));
}

static int allowed(const struct ferry_pace *pace)
{
    if (!pace->pair)
        return pace->limit;
    return pace->pair->urgent == pace ? allowed_to_urgent(pace) : allowed_to_bulk(pace);
}

bool ferry_pace_admits(const struct ferry_pace *pace, int64_t now)
{
    return pace->in_flight < allowed(pace) && now >= pace->gate_until;
}

struct ferry_pace_ticket ferry_pace_send(struct ferry_pace *pace)
{
    pace->in_flight++;
    struct ferry_pace_ticket ticket = {.sequence = pace->sequence++,
                                       .level = pace->in_flight + others(pace)};
    if (pace->in_flight >= allowed(pace))
        pace->full = pace->sequence;
    return ticket;
}

static void set_limit(struct ferry_pace *pace, int limit)
{
    pace->limit = larger(1, smaller(limit, pace->ceiling));
    pace->credits = 0;
}

/* The refused level held for some round trips: the destination has grown. */
static void accept_probe(struct ferry_pace *pace)
{
    pace->refused++;
    pace->probe_wait = PROBE_WAIT_MS;
    set_limit(pace, pace->refused);
    if (pace->limit < pace->refused)
        pace->refused = 0; /* at the ceiling: nothing is left to be refused */
}

static void rise(struct ferry_pace *pace, int64_t now)
{
    if (is_probing(pace)) {
        if (pace->credits >= PROBE_ROUNDS * pace->limit)
            accept_probe(pace);
    } else if (!pace->refused) {
        set_limit(pace, pace->limit + 1);
    } else if (pace->limit < pace->refused - 1) {
        if (pace->credits >= pace->limit)
            set_limit(pace, pace->limit + 1);
    } else if (now >= pace->probe_at) {
        set_limit(pace, pace->refused);
    }
}

static void succeed(struct ferry_pace *pace, struct ferry_pace_ticket ticket, int64_t now)
{
    pace->failures = 0;
    /* Below the limit nothing was tried, so nothing was learnt. */
    if (ticket.sequence < pace->recovery || ticket.sequence >= pace->full)
        return;
    pace->credits++;
    rise(pace, now);
}

static void remember_refusal(struct ferry_pace *pace, int level, int64_t now)
{
    level = larger(2, level);
    if (!pace->refused || level < pace->refused)
        pace->refused = level;
    pace->probe_at = now + pace->probe_wait;
}

static void fall(struct ferry_pace *pace, bool refused, int64_t now)
{
    if (refused && is_probing(pace)) {
        pace->probe_wait =
            pace->probe_wait * 2 > PROBE_WAIT_MAX_MS ? PROBE_WAIT_MAX_MS : pace->probe_wait * 2;
        pace->probe_at = now + pace->probe_wait;
        set_limit(pace, pace->refused - 1);
    } else {
        set_limit(pace, pace->limit / 2);
    }
    pace->recovery = pace->sequence;
    pace->failures++;
}

static void close_gate(struct ferry_pace *pace, int64_t until)
{
    if (until > pace->gate_until)
        pace->gate_until = until;
}

static void fail(struct ferry_pace *pace, struct ferry_pace_ticket ticket, bool refused,
                 int64_t retry_after_ms, int64_t now)
{
    bool news = ticket.sequence >= pace->recovery;
    if (news)
        fall(pace, refused, now);
    if (refused)
        remember_refusal(pace, ticket.level, now);
    if (pace->refused && pace->limit >= pace->refused)
        set_limit(pace, pace->refused - 1);
    if (retry_after_ms >= 0)
        close_gate(pace, now + retry_after_ms);
    else if (news && pace->failures > 1)
        close_gate(pace,
                   now + ferry_backoff_ms(pace->failures - 2, FAILURE_BASE_MS, FAILURE_CAP_MS));
}

void ferry_pace_answer(struct ferry_pace *pace, struct ferry_pace_ticket ticket,
                       enum ferry_pace_answer answer, int64_t retry_after_ms, int64_t now)
{
    pace->in_flight--;
    switch (answer) {
    case FERRY_PACE_OK:
        succeed(pace, ticket, now);
        break;
    case FERRY_PACE_REFUSED:
    case FERRY_PACE_FAILED:
        fail(pace, ticket, answer == FERRY_PACE_REFUSED, retry_after_ms, now);
        break;
    case FERRY_PACE_NEUTRAL:
        break;
    }
}

void ferry_pace_cancel(struct ferry_pace *pace)
{
    pace->in_flight--;
}

void ferry_pace_cap(struct ferry_pace *pace, int ceiling)
{
    pace->ceiling = larger(1, ceiling);
    pace->limit = smaller(pace->limit, pace->ceiling);
}

void ferry_pace_hold(struct ferry_pace *pace, int64_t wait_ms, int64_t now)
{
    close_gate(pace, now + wait_ms);
}

int64_t ferry_pace_wait_ms(const struct ferry_pace *pace, int64_t now)
{
    return now < pace->gate_until ? pace->gate_until - now : 0;
}
