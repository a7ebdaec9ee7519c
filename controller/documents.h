/* The content of the `workflows` topic: saved configurations, run orders, replays and
 * decisions about deletes (ADR 1). Loop
 * thread only.
 *
 * A document that is older than the one already here changes nothing, so what was just written and
 * what the topic says a moment later need no order between them. */
#ifndef FERRY_DOCUMENTS_H
#define FERRY_DOCUMENTS_H

#include "core/base/status.h"
#include "core/control/orders.h"

#include <jansson.h>
#include <stddef.h>

struct ferry_documents;

struct ferry_documents *ferry_documents_new(void); /* NULL: out of memory */
void ferry_documents_free(struct ferry_documents *documents);

/* One message of the topic; a NULL value takes the document away. FERRY_INVALID names the key: the
 * message is left out. */
enum ferry_status ferry_documents_apply(struct ferry_documents *documents, const char *key,
                                        size_t key_length, const char *value, size_t value_length,
                                        struct ferry_error *error) FERRY_MUST_CHECK;

/* Borrowed, NULL when there is none. Revision 0: the latest. */
json_t *ferry_documents_saved(const struct ferry_documents *documents, const char *workflow,
                              int64_t revision);
/* The latest one's configuration; NULL when nothing was saved, and for the workflow NULL. */
json_t *ferry_documents_configuration(const struct ferry_documents *documents,
                                      const char *workflow);
/* 0 when nothing was saved. */
int64_t ferry_documents_revision(const struct ferry_documents *documents, const char *workflow);
/* All that are still there, newest first; a new array of the documents themselves. */
json_t *ferry_documents_revisions(const struct ferry_documents *documents, const char *workflow);
json_t *ferry_documents_order(const struct ferry_documents *documents, const char *workflow);

/* What was asked for, by table; an object, empty when nothing ever was. Borrowed. */
json_t *ferry_documents_replays(const struct ferry_documents *documents, const char *workflow);
/* The same of what people decided about deletes that wait. */
json_t *ferry_documents_decisions(const struct ferry_documents *documents, const char *workflow);
/* The number of the latest one; 0: none ever was. */
int64_t ferry_decision_number(const json_t *decisions, const char *table);
/* The number of the latest replay of the table that was asked for, cancelled or not; 0: none ever
 * was. */
int64_t ferry_replay_number(const json_t *replays, const char *table);
/* The latest one that was not cancelled: its "replay" and, for some rows only, its "where".
 * Borrowed; NULL: there is none. */
json_t *ferry_replay_wanted(const json_t *replays, const char *table);
/* Whether `mapping`, of a run order, carries another one than the one that is wanted. */
bool ferry_replay_is_pending(const json_t *replays, const json_t *mapping);
/* Whether `document` may follow what is there: it is the next one, or cancels the latest. */
bool ferry_replay_follows(const json_t *replays, const char *table, const json_t *document);

/* Whether `order` may follow the one that is here: a later phase of its generation, or a later
 * generation. */
bool ferry_documents_follows(const struct ferry_documents *documents, const char *workflow,
                             const json_t *order);

enum ferry_phase ferry_order_phase(const json_t *order); /* NONE for NULL */
int64_t ferry_order_generation(const json_t *order);     /* 0 for NULL */

#endif
