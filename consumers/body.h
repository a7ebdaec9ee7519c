/* The JSON body of a write to Campaign, from a change and its mapping's outline. Loop thread only.
 */
#ifndef FERRY_BODY_H
#define FERRY_BODY_H

#include "consumers/outline.h"
#include "core/base/buffer.h"

enum ferry_body_kind {
    FERRY_BODY_CREATE,       /* the key field with the record's id, and every field */
    FERRY_BODY_CREATE_ALONE, /* the same without mutual links: each would wait for the other */
    FERRY_BODY_UPDATE, /* the fields with apply_updates, without the key: this is what `written`
                          hashes */
    FERRY_BODY_REPLAY, /* every field, without the key and what is for creations only */
};

/* Appends one JSON object; on failure `out` is as before. A column that the change does not carry
 * is left out; a null clears. The same change and mapping give the same bytes. "{}" when there is
 * nothing to write.
 *
 * FERRY_BAD_RECORD: reject; the sentence names field and reason, never the value. A body beyond
 * out's ceiling is one too. */
enum ferry_status ferry_body_write(struct ferry_outline *outline, const struct ferry_change *change,
                                   enum ferry_body_kind kind, struct ferry_buffer *out,
                                   struct ferry_error *error) FERRY_MUST_CHECK;

/* The change was read before its opt-outs were asked for: a record must not be created from it. The
 * reader that was told to ask for them reads every row again. */
bool ferry_body_lacks_opt_outs(const struct ferry_mapping *mapping,
                               const struct ferry_change *change);

#endif
