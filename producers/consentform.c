#include "producers/consentform.h"

#include "core/record/moment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define MODIFIED "modifiedon"
#define COLUMNS  (FERRY_OPTOUT_ATTRIBUTES + 1)

/* ---- what is read ---- */

static int compare(const void *one, const void *other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* Sorted; a column may feed several attributes. */
static json_t *list_columns(const struct ferry_consent *consent)
{
    const char *names[COLUMNS] = {MODIFIED};
    size_t count = 1;
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++)
        if (consent->attributes[i].column)
            names[count++] = consent->attributes[i].column;
    qsort(names, count, sizeof names[0], compare);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
            json_array_append_new(list, json_string(names[i]));
    return list;
}

static json_t *list_fields(const struct ferry_consent *consent)
{
    json_t *list = json_array();
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        const struct ferry_consent_attribute *attribute = &consent->attributes[i];
        if (attribute->column)
            json_array_append_new(list, json_pack("{ss ss ss ss}", "source", attribute->column,
                                                  "sourceType", "Boolean", "destination",
                                                  attribute->field, "destinationType", "boolean"));
    }
    return list;
}

/* An attribute that is mapped anew needs every row, also where its column was read before. */
static void print_hash(const struct ferry_consent *consent, char out[20])
{
    XXH3_state_t *state = XXH3_createState();
    XXH3_64bits_reset(state);
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        const char *column = consent->attributes[i].column;
        const char *name = ferry_optout_name((enum ferry_optout_attribute)i);
        if (!column)
            continue;
        XXH3_64bits_update(state, name, strlen(name) + 1);
        XXH3_64bits_update(state, column, strlen(column) + 1);
    }
    snprintf(out, 20, "%016" PRIx64, (uint64_t)XXH3_64bits_digest(state));
    XXH3_freeState(state);
}

enum ferry_status ferry_consentform_mapping(const struct ferry_consent *consent,
                                            struct ferry_mapping **ret_mapping,
                                            struct ferry_error *error)
{
    char hash[20];
    print_hash(consent, hash);
    json_t *json =
        json_pack("{ss ss ss ss ss ss ss ss so so}", "id", consent->table, "table", consent->table,
                  "entitySet", consent->entity_set, "primaryId", consent->primary_id, "api",
                  consent->api, "resource", consent->resource, "key", consent->key, "columnsHash",
                  hash, "columns", list_columns(consent), "fields", list_fields(consent));
    if (!json)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    enum ferry_status status = ferry_mapping_new(json, ret_mapping, error);
    json_decref(json);
    return status;
}

enum ferry_status ferry_consentform_check(const struct ferry_consent *consent,
                                          const struct ferry_mapping *mapping,
                                          const struct ferry_row_column *columns,
                                          struct ferry_error *error)
{
    for (size_t i = 0; i < mapping->column_count; i++) {
        const char *name = mapping->columns[i];
        if (strcmp(name, MODIFIED) == 0 || columns[i].number == FERRY_ROW_BOOLEAN)
            continue;
        ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA,
                   "Column %s of table %s of Dynamics 365 is no Boolean, so it cannot hold an "
                   "opt-out.",
                   name, consent->table);
        ferry_advise(error, "Map a Boolean column in the configuration of opt-in-out, then start "
                            "the workflow again.");
        return FERRY_INVALID;
    }
    return FERRY_OK;
}

/* ---- what comes of a row ---- */

static const struct ferry_value *find(const struct ferry_change *change, const char *column)
{
    size_t length = strlen(column);
    for (size_t i = 0; i < change->count; i++) {
        struct ferry_slice name = change->fields[i].name;
        if (name.length == length && memcmp(name.data, column, length) == 0)
            return &change->fields[i].value;
    }
    return NULL;
}

/* A column without a value says nothing; that the row changed is still a reason to look. */
static void read_values(const struct ferry_consent *consent, const struct ferry_change *change,
                        struct ferry_optouts *said)
{
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        const char *column = consent->attributes[i].column;
        const struct ferry_value *value = column ? find(change, column) : NULL;
        said->known[i] = value && value->type == FERRY_BOOLEAN;
        said->out[i] = said->known[i] && value->boolean;
    }
}

/* 0: it cannot be read. */
static int64_t modified_at(const struct ferry_change *change)
{
    const struct ferry_value *value = find(change, MODIFIED);
    struct ferry_moment moment;
    const char *reason;
    if (!value || value->type != FERRY_STRING ||
        !ferry_moment_parse(value->string, &moment, &reason))
        return 0;
    return moment.seconds * 1000 + moment.milliseconds;
}

static enum ferry_status encode(const void *context, const struct ferry_change *change,
                                const struct ferry_wire *wire, struct ferry_outlet_tally *tally,
                                struct ferry_buffer *out, struct ferry_error *error)
{
    const struct ferry_consentform *form = context;
    if (change->op == FERRY_OP_DELETE) { /* who is gone has nothing to decide */
        ferry_sayings_forget(form->sayings, change->id);
        tally->dropped++;
        return FERRY_OK;
    }
    struct ferry_optout_change seen = {
        .contact = change->id,
        .side = FERRY_SIDE_DYNAMICS,
        .source = change->origin == FERRY_ORIGIN_DELTA ? FERRY_OPTOUT_DELTA : FERRY_OPTOUT_LOAD,
        .changed_at = modified_at(change),
        .place = {"", 0},
        .read_at = change->read_at,
    };
    read_values(form->consent, change, &seen.said);
    if (ferry_sayings_same(form->sayings, change->id, &seen.said) &&
        change->origin == FERRY_ORIGIN_DELTA) {
        tally->unchanged++;
        return FERRY_OK;
    }
    tally->undated += seen.changed_at == 0;
    return ferry_optout_encode(&seen, wire, out, error);
}

struct ferry_outlet_form ferry_consentform(const struct ferry_consentform *form)
{
    return (struct ferry_outlet_form){
        .name = "contact/opt-outs",
        .load = {FERRY_TOPIC_OPTOUTS, "load"},
        .news = {FERRY_TOPIC_OPTOUTS, "dynamics"},
        .encode = encode,
        .context = form,
    };
}
