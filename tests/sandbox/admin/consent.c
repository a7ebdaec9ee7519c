/* The truth about consent for the control API: counts, and who is behind them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"
#include "base/ndjson.h"

static const char *const sides[SANDBOX_SIDES] = {"dynamics", "campaign"};
static const char *const writers[2] = {"client", "admin"};
static const char *const values[] = {
    [SANDBOX_NO_ROW] = "null", [SANDBOX_FALSE] = "false", [SANDBOX_TRUE] = "true"};

static json_t *pairs_json(const struct sandbox_consent *consent)
{
    json_t *pairs = json_array();

    for (size_t i = 0; i < consent->pair_count; i++) {
        json_t *pair = json_object();
        for (size_t side = 0; side < SANDBOX_SIDES; side++)
            json_object_set_new(
                pair, sides[side],
                json_string(consent->flags[side][consent->pairs[i].flags[side]].name));
        json_array_append_new(pairs, pair);
    }
    return pairs;
}

static void reply_counts(struct sandbox_order *order)
{
    const struct sandbox_consent *consent = &order->world->consent;
    json_t *writes = json_object();

    for (size_t side = 0; side < SANDBOX_SIDES; side++)
        json_object_set_new(writes, sides[side],
                            json_pack("{s:I,s:I}", writers[0], (json_int_t)consent->writes[side][0],
                                      writers[1], (json_int_t)consent->writes[side][1]));
    sandbox_reply_json(order->request, 200,
                       json_pack("{s:o,s:I,s:I,s:I,s:I,s:o}", "pairs", pairs_json(consent),
                                 "mailableAtBirth", (json_int_t)consent->mailable_at_birth,
                                 "everMailable", (json_int_t)consent->ever_mailable, "mailable",
                                 (json_int_t)consent->mailable, "disagreements",
                                 (json_int_t)consent->disagreements, "writes", writes));
}

/* False with the pair that does not fit. */
static bool read_pairs(struct sandbox_consent *consent, const json_t *pairs, size_t *ret_at)
{
    for (*ret_at = 0; *ret_at < json_array_size(pairs); ++*ret_at) {
        const json_t *pair = json_array_get(pairs, *ret_at);
        const char *column = json_string_value(json_object_get(pair, sides[SANDBOX_IN_DYNAMICS]));
        const char *attribute =
            json_string_value(json_object_get(pair, sides[SANDBOX_IN_CAMPAIGN]));
        if (!column || !attribute || !sandbox_consent_add_pair(consent, column, attribute))
            return false;
    }
    return *ret_at;
}

/* POST begins anew, DELETE stops. */
void sandbox_admin_consent(struct sandbox_order *order)
{
    struct sandbox_consent *consent = &order->world->consent;
    size_t at;

    if (order->request->verb != SANDBOX_GET)
        sandbox_consent_stop(consent);
    if (order->request->verb == SANDBOX_POST) {
        if (!read_pairs(consent, json_object_get(order->json, "pairs"), &at)) {
            sandbox_consent_stop(consent);
            sandbox_admin_error(order, 400,
                                "pairs[%zu] is no Boolean column of contact (dynamics) and Boolean "
                                "field of profile (campaign)",
                                at);
            return;
        }
        sandbox_consent_start(consent);
    }
    reply_counts(order);
}

static void add_contact(struct sandbox_buf *buf, const uint8_t id[static 16])
{
    char text[SANDBOX_GUID_SIZE];

    sandbox_guid_format(id, text);
    sandbox_buf_addf(buf, "{\"contact\":\"%s\"", text);
}

static void write_exposure(const struct sandbox_consent *consent, const struct sandbox_case *one,
                           struct sandbox_buf *buf)
{
    const struct sandbox_exposure *exposure = &one->exposure;

    (void)consent;
    if (!exposure->periods)
        return;
    add_contact(buf, one->id);
    sandbox_buf_addf(
        buf, ",\"now\":%s,\"atBirth\":%s,\"periods\":%u,\"sinceMs\":%" PRId64 ",\"untilMs\":",
        exposure->until_ms ? "false" : "true", exposure->at_birth ? "true" : "false",
        exposure->periods, exposure->since_ms);
    if (exposure->until_ms)
        sandbox_buf_addf(buf, "%" PRId64 "}\n", exposure->until_ms);
    else
        sandbox_buf_adds(buf, "null}\n");
}

static void write_history(const struct sandbox_consent *consent, const struct sandbox_case *one,
                          struct sandbox_buf *buf)
{
    for (size_t i = 0; i < one->write_count; i++) {
        const struct sandbox_flag_write *write = &one->writes[i];
        add_contact(buf, one->id);
        sandbox_buf_addf(buf,
                         ",\"seq\":%" PRIu64 ",\"atMs\":%" PRId64
                         ",\"system\":\"%s\",\"name\":\"%s\",\"from\":%s,\"to\":%s,\"by\":\"%s\","
                         "\"time\":\"%s\"}\n",
                         write->number, write->at_ms, sides[write->side],
                         consent->flags[write->side][write->flag].name, values[write->from],
                         values[write->to], writers[write->admin], write->time);
    }
}

static void count_writes(const struct sandbox_case *one, unsigned side, size_t flag,
                         unsigned counts[static 2])
{
    counts[0] = counts[1] = 0;
    for (size_t i = 0; i < one->write_count; i++) {
        const struct sandbox_flag_write *write = &one->writes[i];
        if (write->side == side && write->flag == flag && write->to != SANDBOX_NO_ROW)
            counts[write->admin]++;
    }
}

static void write_counts(const struct sandbox_consent *consent, const struct sandbox_case *one,
                         struct sandbox_buf *buf)
{
    unsigned counts[2];

    if (!one->write_count)
        return;
    add_contact(buf, one->id);
    for (unsigned side = 0; side < SANDBOX_SIDES; side++) {
        sandbox_buf_addf(buf, ",\"%s\":{", sides[side]);
        for (size_t flag = 0; flag < consent->flag_count[side]; flag++) {
            count_writes(one, side, flag, counts);
            sandbox_buf_addf(buf, "%s\"%s\":{\"%s\":%u,\"%s\":%u}", flag ? "," : "",
                             consent->flags[side][flag].name, writers[0], counts[0], writers[1],
                             counts[1]);
        }
        sandbox_buf_addc(buf, '}');
    }
    sandbox_buf_adds(buf, "}\n");
}

struct cases_context {
    const struct sandbox_consent *consent;
    void (*write)(const struct sandbox_consent *consent, const struct sandbox_case *one,
                  struct sandbox_buf *buf);
    bool one; /* only of this contact */
    uint8_t id[16];
};

static bool next_case(struct sandbox_ndjson *lines, struct sandbox_buf *buf)
{
    struct cases_context context;
    memcpy(&context, lines->text, sizeof context);
    const struct sandbox_cases *cases = &context.consent->cases;
    const struct sandbox_case *one = NULL;

    if (!context.one && lines->position < cases->count)
        one = cases->all[lines->position];
    if (context.one && !lines->position)
        one = sandbox_case_find(cases, context.id);
    lines->position++;
    if (one)
        context.write(context.consent, one, buf);
    return one;
}

void sandbox_admin_consent_cases(struct sandbox_order *order)
{
    const char *contact = sandbox_request_param(order->request, "contact");
    struct cases_context context = {.consent = &order->world->consent, .one = contact};

    if (contact && !sandbox_guid_parse(contact, strlen(contact), context.id)) {
        sandbox_admin_error(order, 400, "%s is no id of a contact", contact);
        return;
    }
    context.write = strcmp(order->parts[1], "mailable") == 0 ? write_exposure
                    : strcmp(order->parts[1], "writes") == 0 ? write_counts
                                                             : write_history;
    struct sandbox_ndjson *lines = calloc(1, sizeof *lines);
    if (!lines)
        return;
    memcpy(lines->text, &context, sizeof context);
    lines->next = next_case;
    sandbox_ndjson_reply(order->request, lines);
}

static void write_disagreements(const struct sandbox_consent *consent,
                                const struct sandbox_row *profile, struct sandbox_buf *buf)
{
    const struct sandbox_record *record = sandbox_consent_contact(consent, profile);
    bool differing[SANDBOX_SIDES];

    for (size_t i = 0; record && i < consent->pair_count; i++) {
        if (!sandbox_consent_differs(consent, i, record->row, profile, differing))
            continue;
        const size_t *flags = consent->pairs[i].flags;
        add_contact(buf, record->id);
        for (size_t side = 0; side < SANDBOX_SIDES; side++)
            sandbox_buf_addf(buf, ",\"%s\":{\"%s\":%s}", sides[side],
                             consent->flags[side][flags[side]].name,
                             differing[side] ? "true" : "false");
        sandbox_buf_adds(buf, "}\n");
    }
}

static bool next_disagreement(struct sandbox_ndjson *lines, struct sandbox_buf *buf)
{
    const struct sandbox_consent *consent = lines->context;
    const struct sandbox_resource *profiles = &consent->campaign->resources[SANDBOX_PROFILE];

    if (lines->position >= profiles->slot_count)
        return false;
    const struct sandbox_entry *entry = profiles->slots[lines->position++];
    if (entry)
        write_disagreements(consent, entry->row, buf);
    return true;
}

void sandbox_admin_disagreements(struct sandbox_order *order)
{
    struct sandbox_ndjson *lines = calloc(1, sizeof *lines);

    if (!lines)
        return;
    lines->context = &order->world->consent;
    lines->next = next_disagreement;
    sandbox_ndjson_reply(order->request, lines);
}
