/* Which rows of a table a replay reads, and how many they are: ids, a $filter and a time become one
 * $filter, which Dynamics 365 itself judges and counts. Loop thread only. */
#ifndef FERRY_SELECTION_H
#define FERRY_SELECTION_H

#include "core/remote/dataverse.h"

struct ferry_selection; /* one under way; valid until its callback returns or it is cancelled */

#define FERRY_SELECTION_IDS 100 /* at most; more would not fit into one address */

struct ferry_selection_result {
    /* FERRY_INVALID: no such rows can be read. FERRY_RETRY: Dynamics 365 cannot be asked now. */
    enum ferry_status status;
    const char *where; /* the $filter; NULL: the whole table */
    int64_t records;
    bool more; /* there are more than `records`: the service counts no further */
    struct ferry_error error;
};
typedef void (*ferry_selection_callback)(void *context,
                                         const struct ferry_selection_result *result);

/* FERRY_INVALID: "ids", "filter" or "since" of the body is not what it should be. */
enum ferry_status ferry_selection_check(const json_t *body,
                                        struct ferry_error *error) FERRY_MUST_CHECK;
/* Whether the body names rows at all. */
bool ferry_selection_is_part(const json_t *body);

/* `body` has passed the check; a reference is kept. The callback comes later. */
enum ferry_status ferry_selection_start(struct ferry_dataverse *dataverse, json_t *body,
                                        ferry_selection_callback callback, void *context,
                                        struct ferry_selection **ret_selection,
                                        struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_selection_cancel(struct ferry_selection *selection); /* NULL is accepted */

#endif
