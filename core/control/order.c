/* One run order, parsed. */
#include "core/control/orders.h"

#include <stdlib.h>
#include <string.h>

static const char *const phase_names[] = {"NONE", "PREPARE", "GO", "STOP"};
#define PHASES (sizeof phase_names / sizeof phase_names[0])

const char *ferry_phase_name(enum ferry_phase phase)
{
    return (size_t)phase < PHASES ? phase_names[phase] : "?";
}

static enum ferry_phase phase_from_name(const char *name)
{
    for (size_t i = 1; name && i < PHASES; i++)
        if (strcmp(name, phase_names[i]) == 0)
            return (enum ferry_phase)i;
    return FERRY_PHASE_NONE;
}

void ferry_order_free(struct ferry_order *order)
{
    if (!order)
        return;
    for (size_t i = 0; i < order->mapping_count; i++)
        ferry_mapping_free(order->mappings[i]);
    free(order->mappings);
    ferry_events_free(order->events);
    ferry_consent_free(order->consent);
    free(order->workflow);
    free(order);
}

static enum ferry_status read_mappings(struct ferry_order *order, const json_t *list,
                                       struct ferry_error *error)
{
    size_t count = json_array_size(list);
    if (count == 0)
        return FERRY_OK;
    order->mappings = calloc(count, sizeof *order->mappings);
    if (!order->mappings)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    for (size_t i = 0; i < count; i++) {
        enum ferry_status status =
            ferry_mapping_new(json_array_get(list, i), &order->mappings[i], error);
        if (status != FERRY_OK)
            return status;
        order->mapping_count++;
    }
    return FERRY_OK;
}

static enum ferry_status read_order(struct ferry_order *order, const json_t *json,
                                    struct ferry_error *error)
{
    order->generation = json_integer_value(json_object_get(json, "generation"));
    order->revision = json_integer_value(json_object_get(json, "revision"));
    order->phase = phase_from_name(json_string_value(json_object_get(json, "phase")));
    if (order->generation <= 0 || order->phase == FERRY_PHASE_NONE)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                          "the run order of %s has no usable generation or phase", order->workflow);
    json_t *events = json_object_get(json, "events");
    enum ferry_status status = FERRY_OK;
    if (events && !json_is_null(events))
        status = ferry_events_new(events, &order->events, error);
    json_t *consent = json_object_get(json, "optOuts");
    if (status == FERRY_OK && consent && !json_is_null(consent))
        status = ferry_consent_new(consent, &order->consent, error);
    return status == FERRY_OK ? read_mappings(order, json_object_get(json, "mappings"), error)
                              : status;
}

enum ferry_status ferry_order_parse(const char *workflow, const char *text, size_t length,
                                    struct ferry_order **ret_order, struct ferry_error *error)
{
    json_error_t fault;
    json_t *json = json_loadb(text, length, 0, &fault);
    if (!json)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                          "the run order of %s is no JSON: %s", workflow, fault.text);
    struct ferry_order *order = calloc(1, sizeof *order);
    enum ferry_status status = FERRY_NOMEM;
    if (order)
        order->workflow = strdup(workflow);
    if (order && order->workflow)
        status = read_order(order, json, error);
    json_decref(json);
    if (status == FERRY_NOMEM)
        ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    if (status != FERRY_OK) {
        ferry_order_free(order);
        return status;
    }
    *ret_order = order;
    return FERRY_OK;
}
