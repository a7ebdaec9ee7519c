/* All that the controller knows, and all of it is in Kafka: the documents of `workflows`, which it
 * writes, and the tasks of `status`, which it follows. Loop thread only. */
#ifndef FERRY_STORE_H
#define FERRY_STORE_H

#include "controller/documents.h"
#include "controller/task.h"
#include "core/base/settings.h"

#include <uv.h>

struct ferry_store;

struct ferry_store_options {
    void (*on_change)(void *context); /* documents, tasks or being able to write have changed */
    void *context;
};

enum ferry_status ferry_store_new(uv_loop_t *loop, const struct ferry_common *common,
                                  const struct ferry_store_options *options,
                                  struct ferry_store **ret_store,
                                  struct ferry_error *error) FERRY_MUST_CHECK;
/* Callbacks of writes under way do not come any more. */
void ferry_store_free(struct ferry_store *store);

/* FERRY_OK when both topics have been read to their end at least once; else FERRY_RETRY and why. */
enum ferry_status ferry_store_readable(const struct ferry_store *store,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
/* FERRY_OK when a write would be tried now; else why not. */
enum ferry_status ferry_store_writable(const struct ferry_store *store,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
/* The same for somebody who wants to write now: fenced a while ago, it begins to take over again.
 * It never does so unasked, because two that live must not fight. */
enum ferry_status ferry_store_claim(struct ferry_store *store,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
/* Fenced by another controller. */
bool ferry_store_is_read_only(const struct ferry_store *store);

const struct ferry_documents *ferry_store_documents(const struct ferry_store *store);
const struct ferry_task *ferry_store_tasks(const struct ferry_store *store);
/* As those of the roster (controller/roster.h). */
int64_t ferry_store_heard_ms(const struct ferry_store *store);
int64_t ferry_store_silence_ms(const struct ferry_store *store);

/* error NULL: written. FERRY_INVALID: the documents have moved on meanwhile, nothing was written.
 * FERRY_RETRY: not written, or not known to be; the sentence says which. */
typedef void (*ferry_store_callback)(void *context, const struct ferry_error *error);

/* One of `<workflow>/saved/<revision>`, `<workflow>/run`, `<workflow>/replay/<table>` and
 * `<workflow>/deletes/<table>`; the document says which revision, generation, replay or decision it
 * is. Writes are done one after the other, and each is looked at again when its turn comes: an
 * order must follow the present one, everything else must be the next one. */
void ferry_store_save(struct ferry_store *store, const char *workflow, json_t *document,
                      ferry_store_callback callback, void *context);
void ferry_store_order(struct ferry_store *store, const char *workflow, json_t *order,
                       ferry_store_callback callback, void *context);
void ferry_store_replay(struct ferry_store *store, const char *workflow, const char *table,
                        json_t *document, ferry_store_callback callback, void *context);
void ferry_store_decide(struct ferry_store *store, const char *workflow, const char *table,
                        json_t *document, ferry_store_callback callback, void *context);
/* The callbacks of this context do not come any more; what they asked for may still be written. */
void ferry_store_forget(struct ferry_store *store, const void *context);

#endif
