/* Campaign sends mails, mails bounce, and the export workflow writes what came of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/upload.h"
#include "base/ndjson.h"
#include "campaign/export.h"

static const char *text_of(const struct sandbox_order *order, const char *name)
{
    return json_string_value(json_object_get(order->json, name));
}

static double share_of(const struct sandbox_order *order, const char *name, double otherwise)
{
    const json_t *value = json_object_get(order->json, name);

    return json_is_number(value) ? json_number_value(value) : otherwise;
}

static json_int_t number_of(const struct sandbox_order *order, const char *name,
                            json_int_t otherwise)
{
    const json_t *value = json_object_get(order->json, name);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static bool flag_of(const struct sandbox_order *order, const char *name, bool otherwise)
{
    const json_t *value = json_object_get(order->json, name);

    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

/* A profile with the externalId of a contact, or the contact itself; false if that place is empty.
 */
static bool recipient_at(const struct sandbox_world *world, bool profiles, size_t at,
                         uint8_t ret_contact[static 16])
{
    const struct sandbox_resource *resource = &world->campaign.resources[SANDBOX_PROFILE];
    const struct sandbox_table *table = &world->dynamics.tables[SANDBOX_CONTACT];

    if (!profiles) {
        const struct sandbox_record *record = table->slots[at % table->slot_count];
        if (record)
            memcpy(ret_contact, record->id, 16);
        return record;
    }
    const struct sandbox_entry *entry = resource->slots[at % resource->slot_count];
    return entry && sandbox_guid_parse(entry->key, strlen(entry->key), ret_contact);
}

static struct sandbox_sending read_sending(const struct sandbox_order *order)
{
    return (struct sandbox_sending){.campaign = text_of(order, "campaign"),
                                    .delivery = text_of(order, "delivery"),
                                    .label = text_of(order, "label"),
                                    .now_ms = sandbox_clock_ms(&order->world->clock),
                                    .spread_s = (unsigned)number_of(order, "spreadSeconds", 60),
                                    .random = (uint64_t)number_of(order, "seed", 1) * 7727 + 1,
                                    .without_contact = share_of(order, "withoutContact", 0.05),
                                    .soft = share_of(order, "softBounces", 0.05),
                                    .hard = share_of(order, "hardBounces", 0.05),
                                    .pending = share_of(order, "pending", 0.02),
                                    .open = share_of(order, "opens", 0.5),
                                    .click = share_of(order, "clicks", 0.25),
                                    .mirror = share_of(order, "mirrorPages", 0.1),
                                    .opt_out = share_of(order, "optOuts", 0.02)};
}

/* Each recipient once, and again from the first when there are too few. */
void sandbox_admin_send(struct sandbox_order *order)
{
    struct sandbox_world *world = order->world;
    struct sandbox_logs *logs = &world->logs;
    struct sandbox_sending sending = read_sending(order);
    const char *from = text_of(order, "from");
    bool profiles = from && strcmp(from, "profiles") == 0;
    size_t places = profiles ? world->campaign.resources[SANDBOX_PROFILE].slot_count
                             : world->dynamics.tables[SANDBOX_CONTACT].slot_count;
    size_t count = (size_t)number_of(order, "count", 0), before = logs->track_count, empty = 0;
    int64_t delivery = places ? sandbox_logs_deliver(logs, &sending) : -1;
    size_t at = places ? sandbox_random(&sending.random) % places : 0, sent = 0;
    uint8_t contact[16];

    while (delivery >= 0 && sent < count && empty < places) {
        bool found = recipient_at(world, profiles, at++, contact);
        empty = found ? 0 : empty + 1;
        if (!found)
            continue;
        if (sandbox_logs_send(logs, &sending, (uint32_t)delivery, contact) < 0)
            break;
        sent++;
    }
    if (delivery < 0 || sent < count)
        sandbox_admin_error(order, 400, "nobody is there to be sent to");
    else
        sandbox_reply_json(order->request, 200,
                           json_pack("{s:s,s:I,s:I}", "delivery", logs->deliveries[delivery].name,
                                     "deliveryLogs", (json_int_t)sent, "trackingLogs",
                                     (json_int_t)(logs->track_count - before)));
}

void sandbox_admin_bounce(struct sandbox_order *order)
{
    size_t done = sandbox_logs_bounce(&order->world->logs, (size_t)number_of(order, "count", 0),
                                      (uint64_t)number_of(order, "seed", 1),
                                      sandbox_clock_ms(&order->world->clock));

    sandbox_reply_json(order->request, 200, json_pack("{s:I}", "bounced", (json_int_t)done));
}

static int choice(const struct sandbox_order *order, const char *name, const char *const *names)
{
    const char *text = text_of(order, name);

    for (int i = 0; text && names[i]; i++)
        if (strcmp(names[i], text) == 0)
            return i;
    return text ? -1 : 0;
}

static bool read_format(const struct sandbox_order *order, struct sandbox_csv_format *format)
{
    static const char *const encodings[] = {"UTF-8", "ISO-8859-1", "windows-1252", NULL};
    const char *delimiter = text_of(order, "delimiter"), *quote = text_of(order, "quote");
    int encoding = choice(order, "encoding", encodings);

    *format = (struct sandbox_csv_format){.delimiter = delimiter ? *delimiter : ',',
                                          .quote = quote ? *quote : '"',
                                          .crlf = flag_of(order, "crlf", false),
                                          .bom = flag_of(order, "bom", false),
                                          .gzip = flag_of(order, "gzip", false),
                                          .encoding = encoding > 0 ? encodings[encoding] : NULL};
    return encoding >= 0 && format->delimiter && (!quote || strlen(quote) < 2);
}

static bool read_extract(const struct sandbox_order *order, struct sandbox_extract *extract)
{
    static const char *const values[] = {"codes", "names", "labels", NULL};
    static const char *const dates[] = {"space", "xml", "plain", NULL};
    int values_as = choice(order, "values", values), dates_as = choice(order, "dates", dates);

    *extract = (struct sandbox_extract){.all = flag_of(order, "all", false),
                                        .header = flag_of(order, "header", true),
                                        .repeat = (size_t)number_of(order, "repeat", 2),
                                        .bad = (size_t)number_of(order, "bad", 0),
                                        .columns = json_object_get(order->json, "columns"),
                                        .without = json_object_get(order->json, "without"),
                                        .extra = json_object_get(order->json, "extra")};
    if (values_as < 0 || dates_as < 0 || !read_format(order, &extract->format))
        return false;
    extract->values = (enum sandbox_values_as)values_as;
    extract->dates = (enum sandbox_dates_as)dates_as;
    return true;
}

/* "acs_broadlog_20261121_060000.csv"; a name that is taken gets the next second. */
static void make_name(const struct sandbox_order *order, const struct sandbox_extract *extract,
                      const char *folder, char path[static 600])
{
    const char *given = text_of(order, extract->tracking ? "trackingName" : "deliveryName");
    time_t now = (time_t)(sandbox_clock_ms(&order->world->clock) / 1000);
    char stamp[32];
    struct tm at;

    if (given) {
        snprintf(path, 600, "%.400s/%.150s", folder, given);
        return;
    }
    do {
        gmtime_r(&now, &at);
        strftime(stamp, sizeof stamp, "%Y%m%d_%H%M%S", &at);
        snprintf(path, 600, "%.400s/acs_%s_%s.csv%s", folder,
                 extract->tracking ? "trackinglog" : "broadlog", stamp,
                 extract->format.gzip ? ".gz" : "");
        now++;
    } while (access(path, F_OK) == 0);
}

/* All at once under a name that nobody looks for and then renamed; in place; or growing in place.
 */
static bool deliver(struct sandbox_order *order, const struct sandbox_extract *extract,
                    const char *folder, json_t *report)
{
    double stop_at = share_of(order, "stopAt", 1);
    unsigned grow_ms = (unsigned)number_of(order, "growMs", 0);
    bool whole = flag_of(order, "atomic", true) && !grow_ms && stop_at >= 1;
    bool in_place = !whole && !grow_ms && stop_at >= 1;
    char path[600], hidden[600];

    make_name(order, extract, folder, path);
    json_object_set_new(report, "file", json_string(strrchr(path, '/') + 1));
    json_object_set_new(report, "logs", json_string(extract->tracking ? "tracking" : "delivery"));
    snprintf(hidden, sizeof hidden, "%.400s/.%s", folder, strrchr(path, '/') + 1);
    if (!sandbox_extract_write(&order->world->logs, extract, in_place ? path : hidden, report))
        return false;
    struct sandbox_upload_plan plan = {
        .whole = hidden, .target = path, .grow_ms = grow_ms, .stop_at = stop_at};
    return in_place ||
           (whole ? rename(hidden, path) == 0 : sandbox_upload_start(order->world, &plan));
}

void sandbox_admin_export(struct sandbox_order *order)
{
    static const char *const kinds[] = {"both", "delivery", "tracking", NULL};
    const char *folder = text_of(order, "folder");
    int kind = choice(order, "logs", kinds);
    struct sandbox_extract extract;
    json_t *files = json_array();
    bool good = true;

    if (!folder || kind < 0 || !read_extract(order, &extract)) {
        sandbox_admin_error(order, 400, "no folder, or an option that there is not");
        json_decref(files);
        return;
    }
    for (int tracking = 0; tracking < 2 && good; tracking++) {
        if (kind == 2 - tracking)
            continue;
        json_t *report = json_object();
        extract.tracking = tracking;
        good = deliver(order, &extract, folder, report);
        json_array_append_new(files, report);
    }
    if (good)
        sandbox_reply_json(order->request, 200, json_pack("{s:O}", "files", files));
    else
        sandbox_admin_error(order, 400, "cannot write into %s: %s", folder, strerror(errno));
    json_decref(files);
}

static bool next_event(struct sandbox_ndjson *lines, struct sandbox_buf *buf)
{
    const struct sandbox_logs *logs = lines->context;
    size_t at = lines->position++;

    if (at < logs->log_count)
        sandbox_extract_delivery_events(logs, at, buf);
    else if (at - logs->log_count < logs->track_count)
        sandbox_extract_tracking_event(logs, at - logs->log_count, buf);
    else
        return false;
    return true;
}

void sandbox_admin_events(struct sandbox_order *order)
{
    if (order->request->verb == SANDBOX_DELETE) {
        sandbox_logs_done(&order->world->logs);
        sandbox_reply_json(order->request, 200, json_object());
        return;
    }
    struct sandbox_ndjson *lines = calloc(1, sizeof *lines);
    if (!lines)
        return;
    lines->next = next_event;
    lines->context = &order->world->logs;
    sandbox_ndjson_reply(order->request, lines);
}
