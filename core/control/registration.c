#include "core/control/registration.h"

#include "core/base/clock.h"

#include <ferry_schemas.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS     1000
#define RETRY_CAP_MS 5000

static const struct {
    const char *text;
    uint64_t fingerprint;
} schemas[] = {
    [FERRY_SCHEMA_CHANGE] = {ferry_change_record_avsc, FERRY_CHANGE_FINGERPRINT},
    [FERRY_SCHEMA_WRITTEN] = {ferry_written_record_avsc, FERRY_WRITTEN_FINGERPRINT},
    [FERRY_SCHEMA_EVENT] = {ferry_email_event_avsc, FERRY_EVENT_FINGERPRINT},
    [FERRY_SCHEMA_OPTOUT] = {ferry_opt_out_change_avsc, FERRY_OPTOUT_FINGERPRINT},
    [FERRY_SCHEMA_DECISION] = {ferry_opt_out_decision_avsc, FERRY_DECISION_FINGERPRINT},
};

struct ferry_registration {
    struct ferry_registration_options options;
    struct ferry_registration_entry *entries;
    size_t at; /* the one under way */
    unsigned tries;
    uv_timer_t timer;
};

static void ask_in(struct ferry_registration *registration, int64_t delay_ms);

static enum ferry_status keep(const struct ferry_registration_entry *entry, uint32_t schema_id,
                              struct ferry_error *error)
{
    if (ferry_wire_know(schemas[entry->schema].fingerprint, schema_id) != FERRY_OK)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                          "the schema registry gave too many ids for one schema, the last for "
                          "topic %.200s",
                          entry->topic);
    if (entry->wire)
        *entry->wire = (struct ferry_wire){.registered = true, .schema_id = schema_id};
    return FERRY_OK;
}

static void fail(struct ferry_registration *registration, const struct ferry_error *error)
{
    int64_t retry_at = 0;
    if (error->status != FERRY_INVALID) {
        int64_t delay = ferry_backoff_ms(registration->tries++, RETRY_MS, RETRY_CAP_MS);
        retry_at = ferry_wall_ms() + delay;
        ask_in(registration, delay);
    }
    registration->options.on_trouble(registration->options.context, error, retry_at);
}

static void on_answer(void *context, uint32_t schema_id, const struct ferry_error *error)
{
    struct ferry_registration *registration = context;
    struct ferry_error trouble;
    if (!error && keep(&registration->entries[registration->at], schema_id, &trouble) != FERRY_OK)
        error = &trouble;
    if (error) {
        fail(registration, error);
        return;
    }
    registration->tries = 0;
    registration->at++;
    ask_in(registration, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct ferry_registration *registration = timer->data;
    const struct ferry_registration_options *options = &registration->options;
    const struct ferry_registration_entry *entry = &registration->entries[registration->at];
    struct ferry_error error;
    if (!options->registry || registration->at == options->count)
        options->on_done(options->context);
    else if (ferry_registry_register(options->registry, entry->topic, schemas[entry->schema].text,
                                     on_answer, registration, &error) != FERRY_OK)
        fail(registration, &error);
}

static void ask_in(struct ferry_registration *registration, int64_t delay_ms)
{
    uv_timer_start(&registration->timer, on_timer, (uint64_t)delay_ms, 0);
}

enum ferry_status ferry_registration_new(const struct ferry_registration_options *options,
                                         struct ferry_registration **ret_registration,
                                         struct ferry_error *error)
{
    struct ferry_registration *registration = calloc(1, sizeof *registration);
    if (registration)
        registration->entries = calloc(options->count + 1, sizeof *registration->entries);
    if (!registration || !registration->entries) {
        free(registration);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    registration->options = *options;
    memcpy(registration->entries, options->entries, options->count * sizeof *registration->entries);
    uv_timer_init(options->loop, &registration->timer);
    registration->timer.data = registration;
    ask_in(registration, 0);
    *ret_registration = registration;
    return FERRY_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct ferry_registration *registration = handle->data;
    free(registration->entries);
    free(registration);
}

void ferry_registration_free(struct ferry_registration *registration)
{
    if (!registration)
        return;
    ferry_registry_forget(registration->options.registry, registration);
    uv_close((uv_handle_t *)&registration->timer, on_closed);
}
