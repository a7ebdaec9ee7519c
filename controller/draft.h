/* A document that is to be written into `workflows`: its key there, and whether it may follow what
 * has been written meanwhile. Transparent to the store; loop thread only. */
#ifndef FERRY_DRAFT_H
#define FERRY_DRAFT_H

#include "controller/documents.h"

enum ferry_draft_kind {
    FERRY_DRAFT_SAVED,    /* <workflow>/saved/<revision> */
    FERRY_DRAFT_ORDER,    /* <workflow>/run */
    FERRY_DRAFT_REPLAY,   /* <workflow>/replay/<table> */
    FERRY_DRAFT_DECISION, /* <workflow>/deletes/<table> */
};

struct ferry_draft {
    enum ferry_draft_kind kind;
    char *key;
    char *workflow;
    char *table; /* of a replay or a decision */
    json_t *document;
};

/* Keeps a reference to the document. `table`: "" where there is none. NULL: out of memory. */
struct ferry_draft *ferry_draft_new(enum ferry_draft_kind kind, const char *workflow,
                                    const char *table, json_t *document);
void ferry_draft_free(struct ferry_draft *draft);

/* FERRY_INVALID: it was made for documents that have moved on; the sentence says how. */
enum ferry_status ferry_draft_fits(const struct ferry_draft *draft,
                                   const struct ferry_documents *documents,
                                   struct ferry_error *error) FERRY_MUST_CHECK;

#endif
