/* Does the destination still take what the mappings write? Reads the metadata of each table's
 * resource, compares, and goes on trying while there is no answer. Loop thread only. */
#ifndef FERRY_INSPECTION_H
#define FERRY_INSPECTION_H

#include "consumers/table.h"
#include "core/remote/campaign.h"

#include <uv.h>

struct ferry_inspection;

struct ferry_inspection_options {
    struct ferry_campaign *campaign;
    struct ferry_table *const *tables;
    size_t table_count;
    int64_t retry_ms;
    /* error NULL: it fits. FERRY_INVALID: a human is needed (class schema, mapping, credentials,
     * permission); FERRY_RETRY: it will be asked again at retry_at (wall ms). After FERRY_INVALID
     * it is asked again too, as it may be mended there. */
    void (*on_result)(void *context, struct ferry_table *table, const struct ferry_error *error,
                      int64_t retry_at);
    void *context;
};

enum ferry_status ferry_inspection_new(uv_loop_t *loop,
                                       const struct ferry_inspection_options *options,
                                       struct ferry_inspection **ret_inspection,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_inspection_free(struct ferry_inspection *inspection);
/* Asks for this table again, now. */
void ferry_inspection_repeat(struct ferry_inspection *inspection, const struct ferry_table *table);
/* The same, but as late as after a misfit. */
void ferry_inspection_postpone(struct ferry_inspection *inspection,
                               const struct ferry_table *table);

/* The comparison alone. FERRY_INVALID, class schema, names table and field. */
enum ferry_status ferry_inspection_compare(const struct ferry_mapping *mapping,
                                           const struct ferry_campaign_resource *resource,
                                           struct ferry_error *error) FERRY_MUST_CHECK;

#endif
