#include "controller/draft.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t revision_of(const json_t *document)
{
    return json_integer_value(json_object_get(document, "revision"));
}

/* NULL: out of memory. */
static char *make_key(const struct ferry_draft *draft)
{
    const char *workflow = draft->workflow;
    char *key = NULL;
    int length = -1;

    switch (draft->kind) {
    case FERRY_DRAFT_SAVED:
        length = asprintf(&key, "%s/saved/%" PRId64, workflow, revision_of(draft->document));
        break;
    case FERRY_DRAFT_ORDER:
        length = asprintf(&key, "%s/run", workflow);
        break;
    case FERRY_DRAFT_REPLAY:
        length = asprintf(&key, "%s/replay/%s", workflow, draft->table);
        break;
    case FERRY_DRAFT_DECISION:
        length = asprintf(&key, "%s/deletes/%s", workflow, draft->table);
        break;
    }
    return length < 0 ? NULL : key;
}

struct ferry_draft *ferry_draft_new(enum ferry_draft_kind kind, const char *workflow,
                                    const char *table, json_t *document)
{
    struct ferry_draft *draft = calloc(1, sizeof *draft);

    if (!draft)
        return NULL;
    draft->kind = kind;
    draft->workflow = strdup(workflow);
    draft->table = strdup(table);
    draft->document = json_incref(document);
    if (draft->workflow && draft->table)
        draft->key = make_key(draft);
    if (draft->key)
        return draft;
    ferry_draft_free(draft);
    return NULL;
}

void ferry_draft_free(struct ferry_draft *draft)
{
    if (!draft)
        return;
    free(draft->key);
    free(draft->workflow);
    free(draft->table);
    json_decref(draft->document);
    free(draft);
}

static enum ferry_status replay_fits(const struct ferry_draft *draft,
                                     const struct ferry_documents *documents,
                                     struct ferry_error *error)
{
    const json_t *replays = ferry_documents_replays(documents, draft->workflow);

    if (ferry_replay_follows(replays, draft->table, draft->document))
        return FERRY_OK;
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_NONE,
                      "a replay of %s was asked for or cancelled by somebody else meanwhile",
                      draft->table);
}

static enum ferry_status decision_fits(const struct ferry_draft *draft,
                                       const struct ferry_documents *documents,
                                       struct ferry_error *error)
{
    const json_t *decisions = ferry_documents_decisions(documents, draft->workflow);
    int64_t number = json_integer_value(json_object_get(draft->document, "decision"));

    if (number == ferry_decision_number(decisions, draft->table) + 1)
        return FERRY_OK;
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_NONE,
                      "the deletes of %s were decided on by somebody else meanwhile", draft->table);
}

static enum ferry_status order_fits(const struct ferry_draft *draft,
                                    const struct ferry_documents *documents,
                                    struct ferry_error *error)
{
    if (ferry_documents_follows(documents, draft->workflow, draft->document))
        return FERRY_OK;
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_NONE,
                      "%s was started or stopped by somebody else meanwhile", draft->workflow);
}

static enum ferry_status saved_fits(const struct ferry_draft *draft,
                                    const struct ferry_documents *documents,
                                    struct ferry_error *error)
{
    int64_t revision = revision_of(draft->document);
    int64_t latest = ferry_documents_revision(documents, draft->workflow);

    if (revision == latest + 1)
        return FERRY_OK;
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_NONE,
                      "the configuration of %s is at revision %" PRId64
                      " meanwhile, this is an edit of revision %" PRId64,
                      draft->workflow, latest, revision - 1);
}

enum ferry_status ferry_draft_fits(const struct ferry_draft *draft,
                                   const struct ferry_documents *documents,
                                   struct ferry_error *error)
{
    switch (draft->kind) {
    case FERRY_DRAFT_SAVED:
        return saved_fits(draft, documents, error);
    case FERRY_DRAFT_ORDER:
        return order_fits(draft, documents, error);
    case FERRY_DRAFT_REPLAY:
        return replay_fits(draft, documents, error);
    case FERRY_DRAFT_DECISION:
        return decision_fits(draft, documents, error);
    }
    return FERRY_OK;
}
