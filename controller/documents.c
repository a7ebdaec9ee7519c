#include "controller/documents.h"

#include "controller/workflow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE 128

struct shelf {
    json_t *saved; /* object: revision as text -> document */
    int64_t latest;
    json_t *order;
    json_t *replays;   /* object: table -> document */
    json_t *decisions; /* the same, about deletes that wait */
};

struct ferry_documents {
    struct shelf shelves[FERRY_WORKFLOW_COUNT]; /* as ferry_workflows */
};

struct ferry_documents *ferry_documents_new(void)
{
    struct ferry_documents *documents = calloc(1, sizeof *documents);

    for (int i = 0; documents && i < FERRY_WORKFLOW_COUNT; i++) {
        documents->shelves[i].saved = json_object();
        documents->shelves[i].replays = json_object();
        documents->shelves[i].decisions = json_object();
        if (!documents->shelves[i].saved || !documents->shelves[i].replays ||
            !documents->shelves[i].decisions) {
            ferry_documents_free(documents);
            return NULL;
        }
    }
    return documents;
}

void ferry_documents_free(struct ferry_documents *documents)
{
    if (!documents)
        return;
    for (int i = 0; i < FERRY_WORKFLOW_COUNT; i++) {
        json_decref(documents->shelves[i].saved);
        json_decref(documents->shelves[i].order);
        json_decref(documents->shelves[i].replays);
        json_decref(documents->shelves[i].decisions);
    }
    free(documents);
}

static const struct shelf *find(const struct ferry_documents *documents, const char *workflow)
{
    const struct ferry_workflow *found = ferry_workflow_find(workflow);

    return found ? &documents->shelves[found - ferry_workflows] : NULL;
}

enum ferry_phase ferry_order_phase(const json_t *order)
{
    const char *name = json_string_value(json_object_get(order, "phase"));

    for (int i = FERRY_PHASE_PREPARE; name && i <= FERRY_PHASE_STOP; i++)
        if (strcmp(name, ferry_phase_name((enum ferry_phase)i)) == 0)
            return (enum ferry_phase)i;
    return FERRY_PHASE_NONE;
}

int64_t ferry_order_generation(const json_t *order)
{
    return json_integer_value(json_object_get(order, "generation"));
}

static bool is_later(const json_t *order, const json_t *than)
{
    int64_t generation = ferry_order_generation(order);
    int64_t before = ferry_order_generation(than);

    if (generation != before)
        return generation > before;
    return ferry_order_phase(order) > ferry_order_phase(than);
}

static void take_order(struct shelf *shelf, json_t *order)
{
    if (shelf->order && !is_later(order, shelf->order))
        return;
    json_decref(shelf->order);
    shelf->order = json_incref(order);
}

static void take_saved(struct shelf *shelf, int64_t revision, json_t *document)
{
    char name[24];

    snprintf(name, sizeof name, "%" PRId64, revision);
    if (json_object_set(shelf->saved, name, document) == 0 && revision > shelf->latest)
        shelf->latest = revision;
}

int64_t ferry_replay_number(const json_t *replays, const char *table)
{
    return json_integer_value(json_object_get(json_object_get(replays, table), "replay"));
}

static bool is_cancelled(const json_t *document)
{
    return json_is_true(json_object_get(document, "cancelled"));
}

json_t *ferry_replay_wanted(const json_t *replays, const char *table)
{
    json_t *latest = json_object_get(replays, table);

    return is_cancelled(latest) ? json_object_get(latest, "before") : latest;
}

bool ferry_replay_is_pending(const json_t *replays, const json_t *mapping)
{
    const char *table = json_string_value(json_object_get(mapping, "table"));
    const json_t *wanted = table ? ferry_replay_wanted(replays, table) : NULL;

    return table && json_integer_value(json_object_get(wanted, "replay")) !=
                        json_integer_value(json_object_get(mapping, "replay"));
}

/* A cancellation keeps the number of what it cancels. */
static bool is_later_replay(const json_t *replays, const char *table, const json_t *document)
{
    int64_t number = json_integer_value(json_object_get(document, "replay"));
    int64_t latest = ferry_replay_number(replays, table);

    return number > latest || (number == latest && is_cancelled(document) &&
                               !is_cancelled(json_object_get(replays, table)));
}

bool ferry_replay_follows(const json_t *replays, const char *table, const json_t *document)
{
    return is_later_replay(replays, table, document) &&
           json_integer_value(json_object_get(document, "replay")) <=
               ferry_replay_number(replays, table) + 1;
}

static void take_replay(struct shelf *shelf, const char *table, json_t *document)
{
    if (is_later_replay(shelf->replays, table, document))
        json_object_set(shelf->replays, table, document);
}

int64_t ferry_decision_number(const json_t *decisions, const char *table)
{
    return json_integer_value(json_object_get(json_object_get(decisions, table), "decision"));
}

static void take_decision(struct shelf *shelf, const char *table, json_t *document)
{
    if (json_integer_value(json_object_get(document, "decision")) >
        ferry_decision_number(shelf->decisions, table))
        json_object_set(shelf->decisions, table, document);
}

/* What a key asks for: "<workflow>/run", "<workflow>/saved/<revision>",
 * "<workflow>/replay/<table>" or "<workflow>/deletes/<table>". */
struct address {
    struct shelf *shelf;
    int64_t revision;  /* 0: not a saved configuration */
    const char *table; /* NULL: neither a replay nor a decision */
    bool deletes;      /* a decision */
};

/* False: it is none. */
static bool parse_table(const char *rest, const char *kind, struct address *address)
{
    size_t length = strlen(kind);

    if (strncmp(rest, kind, length) != 0 || rest[length] == '\0')
        return false;
    address->table = rest + length;
    return true;
}

static bool parse_key(struct ferry_documents *documents, const char *key, struct address *address)
{
    char name[KEY_SIZE];
    size_t length = strcspn(key, "/");
    const struct ferry_workflow *workflow;
    char *end;

    memcpy(name, key, length);
    name[length] = '\0';
    workflow = ferry_workflow_find(name);
    if (!workflow)
        return false;
    address->shelf = &documents->shelves[workflow - ferry_workflows];
    address->revision = 0;
    address->table = NULL;
    address->deletes = strncmp(key + length, "/deletes/", 9) == 0;
    if (strcmp(key + length, "/run") == 0 || parse_table(key + length, "/replay/", address) ||
        parse_table(key + length, "/deletes/", address))
        return true;
    if (strncmp(key + length, "/saved/", 7) != 0)
        return false;
    address->revision = strtoll(key + length + 7, &end, 10);
    return address->revision > 0 && *end == '\0';
}

static bool fits(const struct address *address, const json_t *document)
{
    if (address->table)
        return json_integer_value(
                   json_object_get(document, address->deletes ? "decision" : "replay")) > 0;
    if (address->revision == 0)
        return ferry_order_generation(document) > 0 &&
               ferry_order_phase(document) != FERRY_PHASE_NONE;
    return json_integer_value(json_object_get(document, "revision")) == address->revision &&
           json_is_object(json_object_get(document, "configuration"));
}

static void take_away(const struct address *address)
{
    char name[24];

    if (address->table) {
        json_object_del(address->deletes ? address->shelf->decisions : address->shelf->replays,
                        address->table);
        return;
    }
    if (address->revision == 0) {
        json_decref(address->shelf->order);
        address->shelf->order = NULL;
        return;
    }
    /* The number itself is never given again, so `latest` stays. */
    snprintf(name, sizeof name, "%" PRId64, address->revision);
    json_object_del(address->shelf->saved, name);
}

enum ferry_status ferry_documents_apply(struct ferry_documents *documents, const char *key,
                                        size_t key_length, const char *value, size_t value_length,
                                        struct ferry_error *error)
{
    char name[KEY_SIZE] = "";
    struct address address;
    json_t *document;

    if (key_length < sizeof name)
        memcpy(name, key, key_length);
    if (!parse_key(documents, name, &address))
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                          "the workflows topic has an unknown key '%s'", name);
    if (!value) {
        take_away(&address);
        return FERRY_OK;
    }
    document = json_loadb(value, value_length, 0, NULL);
    if (!document || !fits(&address, document)) {
        json_decref(document);
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                          "the document '%s' of the workflows topic is not what its key says",
                          name);
    }
    if (address.table && address.deletes)
        take_decision(address.shelf, address.table, document);
    else if (address.table)
        take_replay(address.shelf, address.table, document);
    else if (address.revision == 0)
        take_order(address.shelf, document);
    else
        take_saved(address.shelf, address.revision, document);
    json_decref(document);
    return FERRY_OK;
}

json_t *ferry_documents_saved(const struct ferry_documents *documents, const char *workflow,
                              int64_t revision)
{
    const struct shelf *shelf = find(documents, workflow);
    char name[24];

    if (!shelf)
        return NULL;
    snprintf(name, sizeof name, "%" PRId64, revision ? revision : shelf->latest);
    return json_object_get(shelf->saved, name);
}

json_t *ferry_documents_configuration(const struct ferry_documents *documents, const char *workflow)
{
    return workflow
               ? json_object_get(ferry_documents_saved(documents, workflow, 0), "configuration")
               : NULL;
}

int64_t ferry_documents_revision(const struct ferry_documents *documents, const char *workflow)
{
    const struct shelf *shelf = find(documents, workflow);

    return shelf ? shelf->latest : 0;
}

json_t *ferry_documents_revisions(const struct ferry_documents *documents, const char *workflow)
{
    const struct shelf *shelf = find(documents, workflow);
    json_t *list = json_array();
    json_t *document;

    for (int64_t revision = shelf ? shelf->latest : 0; list && revision > 0; revision--)
        if ((document = ferry_documents_saved(documents, workflow, revision)))
            json_array_append(list, document);
    return list;
}

json_t *ferry_documents_order(const struct ferry_documents *documents, const char *workflow)
{
    const struct shelf *shelf = find(documents, workflow);

    return shelf ? shelf->order : NULL;
}

json_t *ferry_documents_replays(const struct ferry_documents *documents, const char *workflow)
{
    const struct shelf *shelf = find(documents, workflow);

    return shelf ? shelf->replays : NULL;
}

json_t *ferry_documents_decisions(const struct ferry_documents *documents, const char *workflow)
{
    const struct shelf *shelf = find(documents, workflow);

    return shelf ? shelf->decisions : NULL;
}

bool ferry_documents_follows(const struct ferry_documents *documents, const char *workflow,
                             const json_t *order)
{
    const json_t *current = ferry_documents_order(documents, workflow);

    return !current || is_later(order, current);
}
