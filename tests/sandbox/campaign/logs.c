#include "campaign/logs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const struct {
    const char *url, *label;
} links[] = {{"https://www.example.com/spring?utm_source=acs&utm_medium=email", "Spring offers"},
             {"https://www.example.com/search?q=tables,chairs", "Tables, chairs"},
             {"https://shop.example.com/caf%C3%A9?size=12%22", "Caf\xc3\xa9 \"12\" sizes"}};

#define LINKS (sizeof links / sizeof links[0])

const char *sandbox_logs_url(unsigned url, const char **ret_label)
{
    *ret_label = links[url % LINKS].label;
    return links[url % LINKS].url;
}

int sandbox_logs_mirror(size_t log, char *to, size_t room)
{
    return snprintf(to, room, "https://m.example.com/nl/jsp/m.jsp?c=%zx%%3D&l=en",
                    log * 2654435761u + 4711);
}

void sandbox_logs_done(struct sandbox_logs *logs)
{
    free(logs->deliveries);
    free(logs->logs);
    free(logs->tracks);
    *logs = (struct sandbox_logs){0};
}

/* The array with room for one more; NULL when memory is short. */
static void *room(void *array, size_t count, size_t *size, size_t element)
{
    if (count < *size)
        return array;
    size_t more = *size ? *size * 2 : 1024;
    void *grown = realloc(array, more * element);
    if (grown)
        *size = more;
    return grown;
}

int64_t sandbox_logs_deliver(struct sandbox_logs *logs, const struct sandbox_sending *sending)
{
    struct sandbox_delivery *deliveries =
        room(logs->deliveries, logs->delivery_count, &logs->delivery_size, sizeof *deliveries);

    if (!deliveries)
        return -1;
    logs->deliveries = deliveries;
    struct sandbox_delivery *one = &deliveries[logs->delivery_count];
    *one = (struct sandbox_delivery){0};
    if (sending->delivery)
        snprintf(one->name, sizeof one->name, "%s", sending->delivery);
    else
        snprintf(one->name, sizeof one->name, "DM%zu", 190 + logs->delivery_count);
    snprintf(one->campaign, sizeof one->campaign, "%s",
             sending->campaign ? sending->campaign : "2026Autumn");
    snprintf(one->label, sizeof one->label, "%s",
             sending->label ? sending->label : "Welcome, \"Ada\"\nand caf\xc3\xa9");
    snprintf(one->campaign_label, sizeof one->campaign_label, "Loyalty of %s", one->campaign);
    return (int64_t)logs->delivery_count++;
}

static double share(struct sandbox_sending *sending)
{
    return (double)(sandbox_random(&sending->random) >> 11) * 0x1p-53;
}

static int64_t moment(struct sandbox_sending *sending, int64_t from)
{
    uint64_t span = (uint64_t)(sending->now_ms - from) + 1;

    return from + (int64_t)(sandbox_random(&sending->random) % span);
}

static bool track(struct sandbox_logs *logs, struct sandbox_sending *sending, uint32_t log,
                  unsigned type)
{
    struct sandbox_tracking_log *tracks =
        room(logs->tracks, logs->track_count, &logs->track_size, sizeof *tracks);

    if (!tracks)
        return false;
    logs->tracks = tracks;
    tracks[logs->track_count++] =
        (struct sandbox_tracking_log){.at_ms = moment(sending, logs->logs[log].event_ms),
                                      .log = log,
                                      .type = (uint8_t)type,
                                      .url = (uint8_t)(sandbox_random(&sending->random) % LINKS),
                                      .fresh = true};
    return true;
}

/* Whoever clicks does it up to three times. */
static bool read_mail(struct sandbox_logs *logs, struct sandbox_sending *sending, uint32_t log)
{
    static const uint8_t clicks[] = {SANDBOX_TRACK_CLICK, SANDBOX_TRACK_CLICK_TOO,
                                     SANDBOX_TRACK_CLICK_AS_WELL};
    bool good = true;

    if (share(sending) < sending->open)
        good = track(logs, sending, log, SANDBOX_TRACK_OPEN);
    if (share(sending) < sending->click)
        for (uint64_t left = 1 + sandbox_random(&sending->random) % 3; left && good; left--)
            good = track(logs, sending, log, clicks[left - 1]);
    if (good && share(sending) < sending->mirror)
        good = track(logs, sending, log, SANDBOX_TRACK_MIRROR);
    if (good && share(sending) < sending->opt_out)
        good = track(logs, sending, log, SANDBOX_TRACK_OPT_OUT);
    return good;
}

static void decide(struct sandbox_sending *sending, struct sandbox_delivery_log *log)
{
    double fate = share(sending);

    log->status = SANDBOX_LOG_FAILED;
    if (fate < sending->hard) {
        log->failure = SANDBOX_FAILURE_HARD;
        log->reason = 1; /* user unknown */
    } else if ((fate -= sending->hard) < sending->soft) {
        log->failure = SANDBOX_FAILURE_SOFT;
        log->reason = 5; /* mailbox full */
    } else {
        log->status =
            fate - sending->soft < sending->pending ? SANDBOX_LOG_PENDING : SANDBOX_LOG_SENT;
    }
}

int64_t sandbox_logs_send(struct sandbox_logs *logs, struct sandbox_sending *sending,
                          uint32_t delivery, const uint8_t contact[static 16])
{
    struct sandbox_delivery_log *grown =
        room(logs->logs, logs->log_count, &logs->log_size, sizeof *grown);

    if (!grown || logs->log_count >= UINT32_MAX)
        return -1;
    logs->logs = grown;
    uint32_t at = (uint32_t)logs->log_count++;
    struct sandbox_delivery_log *log = &grown[at];
    *log = (struct sandbox_delivery_log){
        .event_ms = moment(sending, sending->now_ms - (int64_t)sending->spread_s * 1000),
        .modified_ms = sending->now_ms,
        .delivery = delivery,
        .fresh = true};
    memcpy(log->contact, contact, 16);
    if (share(sending) < sending->without_contact)
        log->recipient = at % 2 ? SANDBOX_RECIPIENT_EMPTY : SANDBOX_RECIPIENT_OTHER;
    decide(sending, log);
    if (log->status == SANDBOX_LOG_SENT && !read_mail(logs, sending, at))
        return -1;
    return at;
}

/* In a stride through the table, so that none is taken twice. */
size_t sandbox_logs_bounce(struct sandbox_logs *logs, size_t count, uint64_t random, int64_t now_ms)
{
    size_t start = logs->log_count ? random * 7919 % logs->log_count : 0, done = 0;

    for (size_t i = 0; i < logs->log_count && done < count; i++) {
        struct sandbox_delivery_log *log = &logs->logs[(start + i) % logs->log_count];
        if (log->status != SANDBOX_LOG_SENT)
            continue;
        log->status = SANDBOX_LOG_FAILED;
        log->failure = SANDBOX_FAILURE_HARD;
        log->reason = 1;
        log->modified_ms = now_ms;
        log->fresh = true;
        done++;
    }
    return done;
}
