/* What the sources of profiles share; nobody else includes it. */
#ifndef FERRY_PROFILES_PRIVATE_H
#define FERRY_PROFILES_PRIVATE_H

#include "core/io/topics.h"
#include "core/record/trace.h"
#include "producers/alarm.h"
#include "producers/profilemark.h"
#include "producers/profilepage.h"
#include "producers/profiles.h"
#include "producers/recall.h"

enum ferry_profiles_turn {
    FERRY_PROFILES_TURN_NONE,
    FERRY_PROFILES_TURN_WAITING,
    FERRY_PROFILES_TURN_HELD,
    FERRY_PROFILES_TURN_ENDING,
};

struct ferry_profiles {
    struct ferry_profiles_options options;
    struct ferry_seat_user user;
    struct ferry_alarm *alarm; /* the next look, or the next try */
    struct ferry_campaign_inquiry *inquiry;
    struct ferry_wire load_wire, news_wire;
    struct ferry_tracer tracer;
    struct ferry_buffer buffer;
    char load[FERRY_TOPIC_SIZE];
    char news[FERRY_TOPIC_SIZE];
    char attributes[FERRY_PROFILEMARK_HASH_SIZE]; /* of the order */

    struct ferry_profilemark at;   /* what is committed */
    struct ferry_profilemark next; /* what the transaction under way commits */
    struct ferry_error trouble;    /* with the stored checkpoint */
    struct ferry_recall recall;
    enum ferry_profiles_turn turn;
    bool seated, going, stopping;
    bool delayed; /* the alarm is set */
    unsigned tries;
    unsigned restarts; /* because a link was refused, in a row */

    /* Of the round under way: */
    int64_t began_at; /* wall ms; 0: none is */
    int64_t newest;   /* ms */
    char *link;       /* the page that comes next; NULL: the first */

    /* Of the page under way: */
    struct ferry_profilepage page; /* without what is not to be told */
    bool has_page;
    size_t cursor;    /* in it */
    int64_t asked_at; /* wall ms */
    struct ferry_profiles_tally found;

    struct ferry_profiles_tally tally;
    int64_t looked_at;
    struct ferry_metric *records, *pages, *looks;
};

/* Nothing of the page under way is kept; it is tried again, where a transaction is open after its
 * abort. */
void ferry_profiles_fail(struct ferry_profiles *profiles, const struct ferry_error *error);
void ferry_profiles_retry(struct ferry_profiles *profiles, const struct ferry_error *error);
void ferry_profiles_drop(struct ferry_profiles *profiles);
/* What was asked and told in this round counts no more. */
void ferry_profiles_forget_round(struct ferry_profiles *profiles);
void ferry_profiles_delay(struct ferry_profiles *profiles, int64_t delay_ms);

void ferry_profiles_ask(struct ferry_profiles *profiles);     /* for the next page */
void ferry_profiles_send(struct ferry_profiles *profiles);    /* within the turn */
void ferry_profiles_advance(struct ferry_profiles *profiles); /* what was told is committed */

#endif
