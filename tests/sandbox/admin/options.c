#include "admin/options.h"

#include <argp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { NUMBER, SIGNED, TEXT, SWITCH, CHOICE };

struct option_row {
    const char *name;
    const char *otherwise; /* default; NULL for switches */
    const char *help;      /* for choices begins with them: "a|b|c: …" */
    size_t offset;
    enum kind kind;
    bool boolean; /* a choice of two kept in a bool: the second is true */
};

#define AT(field)     offsetof(struct sandbox_options, field)
#define LIMIT(field)  AT(dynamics.limits.field)
#define DYNAMICS(one) AT(dynamics.one)
#define CAMPAIGN(one) AT(campaign.one)

static const struct option_row rows[] = {
    {"dynamics-port", "0", "port; 0: a free one", AT(ports[0]), NUMBER, false},
    {"campaign-port", "0", "port", AT(ports[1]), NUMBER, false},
    {"admin-port", "0", "port", AT(ports[2]), NUMBER, false},
    {"contacts", "0", "seeded contacts", AT(rows[0]), NUMBER, false},
    {"accounts", "0", "seeded accounts", AT(rows[1]), NUMBER, false},
    {"purchases", "0", "seeded purchases", AT(rows[2]), NUMBER, false},
    {"lines", "0", "seeded purchase lines", AT(rows[3]), NUMBER, false},
    {"seed", "1", "the same seed gives the same rows", AT(seed), NUMBER, false},
    {"tenant", "11111111-aaaa-4bbb-8ccc-000000000001", "Entra tenant", DYNAMICS(tenant), TEXT,
     false},
    {"dynamics-client", "ferry-dynamics", "client id", DYNAMICS(client), TEXT, false},
    {"dynamics-secret", "dynamics-secret", "client secret", DYNAMICS(secret), TEXT, false},
    {"org", "acme", "Campaign organisation", CAMPAIGN(org), TEXT, false},
    {"campaign-client", "ferry-campaign", "client id and X-Api-Key", CAMPAIGN(client), TEXT, false},
    {"campaign-secret", "campaign-secret", "client secret", CAMPAIGN(secret), TEXT, false},
    {"dynamics-token-ttl", "3599", "seconds", DYNAMICS(token_ttl), NUMBER, false},
    {"campaign-token-ttl", "86399", "seconds", CAMPAIGN(token_ttl), NUMBER, false},
    {"dynamics-latency-ms", "0", "each request waits so long", AT(dynamics_latency_ms), NUMBER,
     false},
    {"campaign-latency-ms", "0", "each request waits so long", AT(campaign_latency_ms), NUMBER,
     false},
    {"record", NULL, "keep the logs of served pages and accepted writes", AT(record), SWITCH,
     false},
    {"foreign", NULL, "accept clients that leave out headers", AT(foreign), SWITCH, false},
    {"tls-cert", "", "PEM file: serve both systems by TLS", AT(tls_cert), TEXT, false},
    {"tls-key", "", "PEM file", AT(tls_key), TEXT, false},
    {"retention-days", "7", "ExpireChangeTrackingInDays", DYNAMICS(retention_days), NUMBER, false},
    {"expired-status", "400", "400 or 410: status of 0x80044352", DYNAMICS(expired_status), NUMBER,
     false},
    {"limit-requests", "6000", "service protection; 0: off", LIMIT(requests), NUMBER, false},
    {"limit-exec-ms", "1200000", "service protection; 0: off", LIMIT(exec_ms), NUMBER, false},
    {"limit-concurrent", "52", "service protection; 0: off", LIMIT(concurrent), NUMBER, false},
    {"limit-window", "300", "seconds", LIMIT(window), NUMBER, false},
    {"dop-hint", "16", "x-ms-dop-hint; 0: none", DYNAMICS(dop_hint), NUMBER, false},
    {"operation-us", "0", "each operation of a $batch or a bulk message takes so long",
     DYNAMICS(operation_us), NUMBER, false},
    {"empty-delta", "link", "link|nolink: deltaLink of a delta without changes",
     DYNAMICS(empty_delta_nolink), CHOICE, true},
    {"bug-439", NULL, "no deltaLink with formatted values", DYNAMICS(bug_439), SWITCH, false},
    {"unauthorized-body", "empty", "empty|json|html: body of a 401", DYNAMICS(unauthorized_body),
     CHOICE, false},
    {"escape-unicode", NULL, "non-ASCII as \\uXXXX", DYNAMICS(escape_unicode), SWITCH, false},
    {"inactive-readonly", NULL, "no PATCH of inactive rows", DYNAMICS(inactive_readonly), SWITCH,
     false},
    {"activities", "off", "off|on: the four tables of e-mail events are there",
     DYNAMICS(activities), CHOICE, true},
    {"activity-bulk", "off", "off|on: activity tables have CreateMultiple", DYNAMICS(activity_bulk),
     CHOICE, true},
    {"regarding-names", "logical",
     "logical|schema: what navigation properties of activities end with",
     DYNAMICS(regarding_schema), CHOICE, true},
    {"metadata-lag-ms", "0", "new metadata show so late, but to Consistency: Strong",
     DYNAMICS(metadata_lag_ms), NUMBER, false},
    {"no-customizer", NULL, "the user may not create tables and columns", DYNAMICS(no_customizer),
     SWITCH, false},
    {"batch-crlf", "strict", "lenient|strict: a bare LF in $batch", DYNAMICS(batch_crlf_strict),
     CHOICE, true},
    {"optout-names", "blackList", "blackList|denyList|both: attribute names",
     CAMPAIGN(optout_names), CHOICE, false},
    {"no-profile-key", NULL, "externalId is no identification key", CAMPAIGN(no_profile_key),
     SWITCH, false},
    {"key-patch-strict", NULL, "any key in the body of a PATCH by key is refused",
     CAMPAIGN(key_patch_strict), SWITCH, false},
    {"collection-patch", NULL, "PATCH of a collection with the key in the body updates",
     CAMPAIGN(collection_patch), SWITCH, false},
    {"delete-status", "200", "200 or 204", CAMPAIGN(delete_status), NUMBER, false},
    {"too-long", "error", "error|truncate: a text that is too long", CAMPAIGN(truncate), CHOICE,
     true},
    {"pkey-fixed", NULL, "PKeys survive a restart", CAMPAIGN(pkey_fixed), SWITCH, false},
    {"list-default", "25", "rows of a list", CAMPAIGN(list_default), NUMBER, false},
    {"list-cap", "10000", "rows of a list at most", CAMPAIGN(list_cap), NUMBER, false},
    {"big-table", "100000", "XtkBigTableThreshold", CAMPAIGN(big_table), NUMBER, false},
    {"link-cardinality", "1", "1|0-1: of links to a parent", CAMPAIGN(links_optional), CHOICE,
     true},
    {"link-delete", "cascade", "cascade|nullify|keep: children of a deleted parent",
     CAMPAIGN(link_delete), CHOICE, false},
    {"attribute-times", "on", "on|off: set *LastModified", CAMPAIGN(attribute_times_off), CHOICE,
     true},
    {"same-value-modifies", "on", "on|off: an idle PATCH sets lastModified",
     CAMPAIGN(same_value_quiet), CHOICE, true},
    {"smart-case", NULL, "data policy smartCase on profile names", CAMPAIGN(smart_case), SWITCH,
     false},
    {"null-value", "clear", "clear|ignore: JSON null", CAMPAIGN(null_ignored), CHOICE, true},
    {"empty-patch", "200", "200 or 204: status of PATCH {}", CAMPAIGN(empty_patch), NUMBER, false},
    {"optout-filter", "byOptOutsSince", "custom filter over the times of opt-outs",
     CAMPAIGN(optout_filter), TEXT, false},
    {"optout-filter-times", "attributes", "attributes|all: the eight times, or the latest of all",
     CAMPAIGN(optout_filter_all), CHOICE, true},
    {"no-optout-filter", NULL, "nobody has defined that filter", CAMPAIGN(no_optout_filter), SWITCH,
     false},
    {"dynamics-clock-ms", "0", "its rows' clock is so far ahead", DYNAMICS(clock_ms), SIGNED,
     false},
    {"campaign-clock-ms", "0", "its rows' clock is so far ahead", CAMPAIGN(clock_ms), SIGNED,
     false},
    {"campaign-admit", "0", "requests in flight at most; 0: off", CAMPAIGN(admit), NUMBER, false},
    {"campaign-rps", "0", "requests a second at most; 0: off", CAMPAIGN(rps), NUMBER, false},
};

#define ROWS      (sizeof rows / sizeof rows[0])
#define FIRST_KEY 1000

static unsigned choice_of(const struct option_row *row, const char *value)
{
    const char *at = row->help;

    for (unsigned i = 0;; i++) {
        size_t length = strcspn(at, "|:");
        if (strlen(value) == length && strncmp(at, value, length) == 0)
            return i;
        if (at[length] != '|')
            return (unsigned)-1;
        at += length + 1;
    }
}

static bool store(struct sandbox_options *options, const struct option_row *row, const char *value)
{
    char *to = (char *)options + row->offset, *end = NULL;
    unsigned number = 0;

    if (row->kind == TEXT) {
        memcpy(to, &value, sizeof value);
        return true;
    }
    if (row->kind == SIGNED) {
        long read = strtol(value, &end, 10);
        int offset = (int)read;
        memcpy(to, &offset, sizeof offset);
        return end != value && !*end && read == offset;
    }
    if (row->kind == NUMBER) {
        unsigned long read = strtoul(value, &end, 10);
        number = (unsigned)read;
        if (end == value || *end || read > 0xffffffff)
            return false;
    } else if (row->kind == CHOICE) {
        number = choice_of(row, value);
    }
    if (number == (unsigned)-1)
        return false;
    if (row->kind == SWITCH || row->boolean)
        *(bool *)to = row->kind == SWITCH || number == 1;
    else
        memcpy(to, &number, sizeof number);
    return true;
}

static error_t on_option(int key, char *value, struct argp_state *state)
{
    if (key == ARGP_KEY_ARG)
        argp_error(state, "unexpected argument '%s'", value);
    if (key < FIRST_KEY || key >= FIRST_KEY + (int)ROWS)
        return ARGP_ERR_UNKNOWN;
    const struct option_row *row = &rows[key - FIRST_KEY];
    if (!store(state->input, row, value))
        argp_error(state, "--%s: '%s' is not possible (%s)", row->name, value, row->help);
    return 0;
}

void sandbox_options_parse(struct sandbox_options *options, int argc, char **argv)
{
    struct argp_option table[ROWS + 1] = {0};
    char help[ROWS][160];
    struct argp argp = {
        table, on_option,
        NULL,  "An imitation of Dataverse and Adobe Campaign Standard on 127.0.0.1.",
        NULL,  NULL,
        NULL};

    *options = (struct sandbox_options){0};
    for (size_t i = 0; i < ROWS; i++) {
        const char *otherwise = rows[i].otherwise;
        bool shown = otherwise && *otherwise;
        snprintf(help[i], sizeof help[i], "%s%s%s%s", rows[i].help, shown ? " [" : "",
                 shown ? otherwise : "", shown ? "]" : "");
        table[i] = (struct argp_option){.name = rows[i].name,
                                        .key = FIRST_KEY + (int)i,
                                        .arg = rows[i].kind == SWITCH ? NULL : "VALUE",
                                        .doc = help[i]};
        if (otherwise)
            store(options, &rows[i], otherwise);
    }
    argp_parse(&argp, argc, argv, 0, NULL, options);
    options->dynamics.record = options->campaign.record = options->record;
    options->dynamics.foreign = options->campaign.foreign = options->foreign;
}
