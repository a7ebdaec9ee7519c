/* Campaign sends mails, mails bounce, and the export workflow writes what came of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin/file.h"
#include "base/ndjson.h"

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
    return (struct sandbox_sending){
        .campaign = sandbox_order_text(order, "campaign"),
        .delivery = sandbox_order_text(order, "delivery"),
        .label = sandbox_order_text(order, "label"),
        .now_ms = sandbox_clock_ms(&order->world->clock),
        .spread_s = (unsigned)sandbox_order_number(order, "spreadSeconds", 60),
        .random = (uint64_t)sandbox_order_number(order, "seed", 1) * 7727 + 1,
        .without_contact = sandbox_order_share(order, "withoutContact", 0.05),
        .soft = sandbox_order_share(order, "softBounces", 0.05),
        .hard = sandbox_order_share(order, "hardBounces", 0.05),
        .pending = sandbox_order_share(order, "pending", 0.02),
        .open = sandbox_order_share(order, "opens", 0.5),
        .click = sandbox_order_share(order, "clicks", 0.25),
        .mirror = sandbox_order_share(order, "mirrorPages", 0.1),
        .opt_out = sandbox_order_share(order, "optOuts", 0.02)};
}

/* Each recipient once, and again from the first when there are too few. */
void sandbox_admin_send(struct sandbox_order *order)
{
    struct sandbox_world *world = order->world;
    struct sandbox_logs *logs = &world->logs;
    struct sandbox_sending sending = read_sending(order);
    const char *from = sandbox_order_text(order, "from");
    bool profiles = from && strcmp(from, "profiles") == 0;
    size_t places = profiles ? world->campaign.resources[SANDBOX_PROFILE].slot_count
                             : world->dynamics.tables[SANDBOX_CONTACT].slot_count;
    size_t count = (size_t)sandbox_order_number(order, "count", 0), before = logs->track_count,
           empty = 0;
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
    size_t done = sandbox_logs_bounce(
        &order->world->logs, (size_t)sandbox_order_number(order, "count", 0),
        (uint64_t)sandbox_order_number(order, "seed", 1), sandbox_clock_ms(&order->world->clock));

    sandbox_reply_json(order->request, 200, json_pack("{s:I}", "bounced", (json_int_t)done));
}

struct events_file {
    struct sandbox_logs *logs;
    struct sandbox_extract extract;
};

static bool write_events(void *context, const char *path, json_t *report)
{
    const struct events_file *file = context;

    json_object_set_new(report, "logs",
                        json_string(file->extract.tracking ? "tracking" : "delivery"));
    return sandbox_extract_write(file->logs, &file->extract, path, report);
}

static bool deliver(struct sandbox_order *order, struct events_file *events, const char *folder,
                    bool tracking, json_t *report)
{
    events->extract.tracking = tracking;
    return sandbox_file_deliver(
        order,
        &(struct sandbox_file){
            .folder = folder,
            .name = sandbox_order_text(order, tracking ? "trackingName" : "deliveryName"),
            .stem = tracking ? "acs_trackinglog" : "acs_broadlog",
            .gzip = events->extract.format.gzip,
            .write = write_events,
            .context = events},
        report);
}

void sandbox_admin_export(struct sandbox_order *order)
{
    static const char *const kinds[] = {"both", "delivery", "tracking", NULL};
    struct events_file events = {.logs = &order->world->logs};
    const char *folder = sandbox_order_text(order, "folder");
    int kind = sandbox_order_choice(order, "logs", kinds);
    json_t *files = json_array();
    bool good = true;

    if (!folder || kind < 0 || !sandbox_order_extract(order, &events.extract)) {
        sandbox_admin_error(order, 400, "no folder, or an option that there is not");
        json_decref(files);
        return;
    }
    for (int tracking = 0; tracking < 2 && good; tracking++) {
        if (kind == 2 - tracking)
            continue;
        json_t *report = json_object();
        good = deliver(order, &events, folder, tracking, report);
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
