#include "consumers/feed.h"

#include "core/io/kafka.h"
#include "core/io/topics.h"
#include "core/record/guid.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct ferry_feed *ferry_feed_new(const char *topic, const char *log, bool bulk,
                                  const struct ferry_group_part *part)
{
    struct ferry_feed *feed = calloc(1, sizeof *feed);
    if (!feed)
        return NULL;
    feed->topic = topic;
    feed->log = log;
    feed->bulk = bulk;
    feed->partition = part->partition;
    feed->position = (struct ferry_position){.log = log, .partition = part->partition, .told = -1};
    ferry_window_init(&feed->window, part->committed);
    return feed;
}

void ferry_feed_free(struct ferry_feed *feed)
{
    if (!feed)
        return;
    ferry_window_done(&feed->window);
    free(feed);
}

/* In lower case, as it is a key; and where its lane is. */
static enum ferry_status check_contact(const struct ferry_reason *reason, struct ferry_error *error)
{
    struct ferry_slice contact = reason->change.contact;
    if (!ferry_guid_valid(contact.data, contact.length))
        return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_MAPPING,
                          "the contact of the opt-outs is no GUID");
    for (size_t i = 0; i < contact.length; i++)
        if (isupper((unsigned char)contact.data[i]))
            return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_BUG,
                              "the contact of the opt-outs is not in lower case");
    if (ferry_kafka_partition(contact.data, contact.length, FERRY_DATA_PARTITIONS) !=
        reason->feed->partition)
        return ferry_fail(error, FERRY_BAD_RECORD, FERRY_CLASS_BUG,
                          "the opt-outs are not in the partition of their contact");
    return FERRY_OK;
}

enum ferry_status ferry_feed_take(struct ferry_feed *feed, int64_t offset, const void *value,
                                  size_t length, struct ferry_reason **ret_reason,
                                  struct ferry_error *error)
{
    struct ferry_window_entry *entry;
    *ret_reason = NULL;
    struct ferry_reason *reason = calloc(1, sizeof *reason + length);
    enum ferry_status status =
        reason ? ferry_window_add(&feed->window, offset, 0, &entry) : FERRY_NOMEM;
    if (status != FERRY_OK) {
        free(reason);
        return status == FERRY_INVALID ? FERRY_OK : status;
    }
    feed->at_end = false;
    reason->feed = feed;
    reason->entry = entry;
    reason->length = length;
    if (length > 0)
        memcpy(reason->value, value, length);
    *ret_reason = reason;
    status = ferry_optout_decode(reason->value, length, &reason->change, error);
    entry->read_at = status == FERRY_OK ? reason->change.read_at : 0;
    return status == FERRY_OK ? check_contact(reason, error) : status;
}

void ferry_reason_settle(struct ferry_reason *reason)
{
    ferry_window_know(&reason->feed->window, reason->entry);
    free(reason);
}
