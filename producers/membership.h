/* Membership in the group <instance>.reader: which partitions of `checkpoints` are ours. Nothing is
 * consumed. Loop thread only. */
#ifndef FERRY_MEMBERSHIP_H
#define FERRY_MEMBERSHIP_H

#include "core/base/settings.h"

#include <uv.h>

struct ferry_membership;

struct ferry_membership_calls {
    void (*on_assigned)(void *context, int partition); /* once for each */
    /* Give up all of them, then call ferry_membership_released: nobody gets them before. */
    void (*on_revoked)(void *context);
    void (*on_left)(void *context); /* after ferry_membership_leave; free it now or later */
};

enum ferry_status ferry_membership_new(uv_loop_t *loop, const struct ferry_common *common,
                                       const struct ferry_membership_calls *calls, void *context,
                                       struct ferry_membership **ret_membership,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_membership_released(struct ferry_membership *membership);
void ferry_membership_leave(struct ferry_membership *membership);
void ferry_membership_free(struct ferry_membership *membership);

#endif
