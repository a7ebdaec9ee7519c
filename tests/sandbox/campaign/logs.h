/* Delivery logs (nms:broadLogRcp) and tracking logs (nms:trackingLogRcp): who was sent what, and
 * what came of it. */
#ifndef SANDBOX_CAMPAIGN_LOGS_H
#define SANDBOX_CAMPAIGN_LOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SANDBOX_FIRST_DELIVERY_LOG 812001
#define SANDBOX_FIRST_TRACKING_LOG 5400001

struct sandbox_delivery {
    char name[65], label[129], campaign[65], campaign_label[129];
};

enum sandbox_log_status { SANDBOX_LOG_SENT = 1, SANDBOX_LOG_FAILED = 2, SANDBOX_LOG_PENDING = 6 };
enum sandbox_failure { SANDBOX_FAILURE_NONE, SANDBOX_FAILURE_SOFT, SANDBOX_FAILURE_HARD };
enum sandbox_tracking_type {
    SANDBOX_TRACK_CLICK = 1,
    SANDBOX_TRACK_OPEN = 2,
    SANDBOX_TRACK_OPT_OUT = 3,
    SANDBOX_TRACK_MIRROR = 6,
    SANDBOX_TRACK_CLICK_TOO = 10,
    SANDBOX_TRACK_CLICK_AS_WELL = 11
};

/* What externalId says. */
enum sandbox_recipient {
    SANDBOX_RECIPIENT_CONTACT,
    SANDBOX_RECIPIENT_EMPTY,
    SANDBOX_RECIPIENT_OTHER
};

/* What files have told of a row: events are expected of that and of nothing else. */
enum sandbox_told { SANDBOX_TOLD_FIRST = 1, SANDBOX_TOLD_BOUNCE = 2 };

struct sandbox_delivery_log { /* its id: its place and SANDBOX_FIRST_DELIVERY_LOG */
    int64_t event_ms, modified_ms;
    uint8_t contact[16];
    uint32_t delivery;
    uint8_t status, failure, reason;
    uint8_t recipient;
    uint8_t told;
    bool fresh; /* new, or modified since it was exported */
};

struct sandbox_tracking_log {
    int64_t at_ms;
    uint32_t log; /* place of the delivery log */
    uint8_t type;
    uint8_t url;
    uint8_t told;
    bool fresh;
};

#define SANDBOX_TAIL 1000

/* The last rows of the latest export, which the next repeats. */
struct sandbox_tail {
    uint32_t rows[SANDBOX_TAIL];
    size_t count;
};

struct sandbox_logs {
    struct sandbox_delivery *deliveries;
    size_t delivery_count, delivery_size;
    struct sandbox_delivery_log *logs;
    size_t log_count, log_size;
    struct sandbox_tracking_log *tracks;
    size_t track_count, track_size;
    struct sandbox_tail log_tail, track_tail;
};

/* A sending: shares are of 1. */
struct sandbox_sending {
    const char *campaign, *delivery, *label;
    int64_t now_ms;
    unsigned spread_s; /* it all happened within so many seconds up to now */
    uint64_t random;
    double without_contact, soft, hard, pending, open, click, mirror, opt_out;
};

void sandbox_logs_done(struct sandbox_logs *logs);

/* Both give the place of what is new; -1 when memory is short. */
int64_t sandbox_logs_deliver(struct sandbox_logs *logs, const struct sandbox_sending *sending);
/* One mail of the delivery, with what its reader does. */
int64_t sandbox_logs_send(struct sandbox_logs *logs, struct sandbox_sending *sending,
                          uint32_t delivery, const uint8_t contact[static 16]);
/* Mails that were sent turn out to be undeliverable; how many. */
size_t sandbox_logs_bounce(struct sandbox_logs *logs, size_t count, uint64_t random,
                           int64_t now_ms);

/* Of a mail, and of one of the links in it. */
int sandbox_logs_mirror(size_t log, char *to, size_t room);
const char *sandbox_logs_url(unsigned url, const char **ret_label);

#endif
