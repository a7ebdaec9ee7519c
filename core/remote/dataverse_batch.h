/* A $batch of creations, each on its own: no change sets, continue on error. Values only. */
#ifndef FERRY_DATAVERSE_BATCH_H
#define FERRY_DATAVERSE_BATCH_H

#include "core/base/buffer.h"
#include "core/remote/multipart.h"
#include "core/remote/remote.h"

#define FERRY_BATCH_PATH   "$batch"
#define FERRY_BATCH_PREFER "odata.continue-on-error"
#define FERRY_BATCH_TYPE   "Content-Type: multipart/mixed; boundary=\"batch_ferry\""

/* What all parts that create a row of this entity set begin with. */
enum ferry_status ferry_batch_head(const char *entity_set,
                                   struct ferry_buffer *ret_head) FERRY_MUST_CHECK;

/* A part begins, with its W3C traceparent; its JSON is to be appended, and then: the next part, or
 * the end. FERRY_FULL of the first leaves the body as it was; of the second, that part must be
 * taken back. A body whose parts fitted has room for its end. */
enum ferry_status ferry_batch_begin_part(struct ferry_buffer *body, const struct ferry_buffer *head,
                                         const char *trace) FERRY_MUST_CHECK;
enum ferry_status ferry_batch_end_part(struct ferry_buffer *body) FERRY_MUST_CHECK;
enum ferry_status ferry_batch_end(struct ferry_buffer *body) FERRY_MUST_CHECK;

/* What a part of the answer means, as if it were an answer of its own. The answer borrows from the
 * part. */
void ferry_batch_judge(const struct ferry_multipart_part *part, struct ferry_remote_answer *answer);

#endif
