/* Health, counters, settings, clock, faults. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"

void sandbox_admin_health(struct sandbox_order *order)
{
    struct sandbox_world *world = order->world;
    json_t *tables = json_object(), *resources = json_object();

    for (size_t i = 0; i < world->dynamics.table_count; i++)
        json_object_set_new(
            tables, world->dynamics.tables[i].plan->name,
            json_integer((json_int_t)sandbox_table_rows(&world->dynamics.tables[i])));
    for (size_t i = 0; i < SANDBOX_RESOURCES; i++)
        json_object_set_new(resources, world->campaign.resources[i].name,
                            json_integer((json_int_t)world->campaign.resources[i].rows));
    sandbox_reply_json(
        order->request, 200,
        json_pack("{s:s,s:o,s:o}", "status", "ok", "dynamics", tables, "campaign", resources));
}

static json_t *writes_json(const struct sandbox_dynamics *dynamics)
{
    json_t *tables = json_object();

    for (size_t i = 0; i < dynamics->table_count; i++) {
        const struct sandbox_table *table = &dynamics->tables[i];
        json_object_set_new(tables, table->plan->name,
                            json_pack("{s:I,s:I,s:I}", "created", (json_int_t)table->writes.created,
                                      "repeated", (json_int_t)table->writes.repeated, "refused",
                                      (json_int_t)table->writes.refused));
    }
    return tables;
}

void sandbox_admin_stats(struct sandbox_order *order)
{
    json_t *dynamics = sandbox_stats_json(&order->world->dynamics.service.stats);

    json_object_set_new(dynamics, "tables", writes_json(&order->world->dynamics));
    sandbox_reply_json(order->request, 200,
                       json_pack("{s:o,s:o}", "dynamics", dynamics, "campaign",
                                 sandbox_stats_json(&order->world->campaign.service.stats)));
}

void sandbox_admin_stats_reset(struct sandbox_order *order)
{
    struct sandbox_dynamics *dynamics = &order->world->dynamics;

    for (size_t i = 0; i < dynamics->table_count; i++)
        memset(&dynamics->tables[i].writes, 0, sizeof dynamics->tables[i].writes);
    sandbox_stats_reset(&dynamics->service.stats);
    sandbox_stats_reset(&order->world->campaign.service.stats);
    sandbox_reply_json(order->request, 200, json_object());
}

#define AT(field) offsetof(struct sandbox_world, field)

static const struct {
    const char *name;
    size_t offset;
    enum { UNSIGNED, SIGNED, BOOLEAN } type;
} settings[] = {
    {"dynamicsLatencyMs", AT(dynamics.service.latency_ms), UNSIGNED},
    {"campaignLatencyMs", AT(campaign.service.latency_ms), UNSIGNED},
    {"campaignAdmit", AT(campaign.settings.admit), UNSIGNED},
    {"campaignRps", AT(campaign.settings.rps), UNSIGNED},
    {"limitRequests", AT(dynamics.settings.limits.requests), UNSIGNED},
    {"limitExecMs", AT(dynamics.settings.limits.exec_ms), UNSIGNED},
    {"limitConcurrent", AT(dynamics.settings.limits.concurrent), UNSIGNED},
    {"dopHint", AT(dynamics.settings.dop_hint), UNSIGNED},
    {"operationUs", AT(dynamics.settings.operation_us), UNSIGNED},
    {"limitWindow", AT(dynamics.settings.limits.window), UNSIGNED},
    {"retentionDays", AT(dynamics.settings.retention_days), UNSIGNED},
    {"dynamicsTokenTtl", AT(dynamics.settings.token_ttl), UNSIGNED},
    {"campaignTokenTtl", AT(campaign.settings.token_ttl), UNSIGNED},
    {"metadataLagMs", AT(dynamics.settings.metadata_lag_ms), UNSIGNED},
    {"noCustomizer", AT(dynamics.settings.no_customizer), BOOLEAN},
    {"record", AT(dynamics.settings.record), BOOLEAN},
    {"foreign", AT(dynamics.settings.foreign), BOOLEAN},
    {"dynamicsClockMs", AT(dynamics.settings.clock_ms), SIGNED},
    {"campaignClockMs", AT(campaign.settings.clock_ms), SIGNED},
};

#define SETTINGS (sizeof settings / sizeof settings[0])

static bool apply_setting(struct sandbox_order *order, const char *name, const json_t *value)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        char *at = (char *)order->world + settings[i].offset;
        if (strcmp(settings[i].name, name) != 0)
            continue;
        bool boolean = settings[i].type == BOOLEAN;
        if (boolean ? !json_is_boolean(value) : !json_is_integer(value))
            break;
        int number = (int)json_integer_value(value); /* an unsigned one has the same bits */
        if (boolean)
            *(bool *)at = json_is_true(value);
        else
            memcpy(at, &number, sizeof number);
        return true;
    }
    sandbox_admin_error(order, 400, "no such setting, or not of this type: %s", name);
    return false;
}

static json_t *setting_json(const struct sandbox_world *world, size_t setting)
{
    const char *at = (const char *)world + settings[setting].offset;
    int number;

    if (settings[setting].type == BOOLEAN)
        return json_boolean(*(const bool *)at);
    memcpy(&number, at, sizeof number);
    return json_integer(settings[setting].type == SIGNED ? number : (json_int_t)(unsigned)number);
}

static json_t *settings_json(const struct sandbox_world *world)
{
    json_t *json = json_object();

    for (size_t i = 0; i < SETTINGS; i++)
        json_object_set_new(json, settings[i].name, setting_json(world, i));
    return json;
}

void sandbox_admin_settings(struct sandbox_order *order)
{
    struct sandbox_world *world = order->world;
    const char *name;
    json_t *value;

    json_object_foreach (order->json, name, value) {
        if (!apply_setting(order, name, value))
            return;
    }
    world->campaign.settings.record = world->dynamics.settings.record;
    world->campaign.settings.foreign = world->dynamics.settings.foreign;
    sandbox_reply_json(order->request, 200, settings_json(world));
}

void sandbox_admin_clock(struct sandbox_order *order)
{
    const json_t *advance = json_object_get(order->json, "advanceSeconds");
    char now[SANDBOX_TIME_SIZE];

    if (order->request->verb == SANDBOX_POST && !json_is_integer(advance)) {
        sandbox_admin_error(order, 400, "advanceSeconds must be a number");
        return;
    }
    order->world->clock.ahead_ms += json_integer_value(advance) * 1000;
    sandbox_time_iso(sandbox_clock_ms(&order->world->clock), now);
    sandbox_reply_json(order->request, 200, json_pack("{s:s}", "now", now));
}

static void add_fault(struct sandbox_order *order)
{
    const char *system = json_string_value(json_object_get(order->json, "system"));
    char error[160] = "out of memory";
    struct sandbox_service *service = NULL;

    if (system && strcmp(system, "dynamics") == 0)
        service = &order->world->dynamics.service;
    if (system && strcmp(system, "campaign") == 0)
        service = &order->world->campaign.service;
    const struct sandbox_fault *fault =
        service ? sandbox_fault_add(&order->world->faults, service, order->json, error) : NULL;
    if (fault)
        sandbox_reply_json(order->request, 201, json_pack("{s:i}", "id", (int)fault->id));
    else
        sandbox_admin_error(order, 400, "%s", service ? error : "unknown system");
}

void sandbox_admin_faults(struct sandbox_order *order)
{
    if (order->request->verb == SANDBOX_POST) {
        add_fault(order);
        return;
    }
    if (order->request->verb == SANDBOX_DELETE)
        sandbox_fault_remove(&order->world->faults, 0);
    sandbox_reply_json(order->request, 200, sandbox_faults_json(&order->world->faults));
}

void sandbox_admin_fault(struct sandbox_order *order)
{
    unsigned id = (unsigned)strtoul(order->parts[1], NULL, 10);

    if (id)
        sandbox_fault_remove(&order->world->faults, id);
    sandbox_reply_json(order->request, 200, sandbox_faults_json(&order->world->faults));
}
