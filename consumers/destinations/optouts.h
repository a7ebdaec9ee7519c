/* One person's opt-outs on the wire: how both systems are asked for them, what they answer, and
 * what is written (ADR 5). Any thread. */
#ifndef FERRY_DESTINATION_OPTOUTS_H
#define FERRY_DESTINATION_OPTOUTS_H

#include "consumers/hearing.h"

/* Appends the path to the row of a contact, with the columns that an answer is to hold. */
enum ferry_status ferry_optouts_path(const struct ferry_consent *consent, const char *contact,
                                     struct ferry_buffer *out) FERRY_MUST_CHECK;
/* Appends the JSON of a PATCH of that side. */
enum ferry_status ferry_optouts_write(const struct ferry_consent *consent, enum ferry_side side,
                                      const struct ferry_optouts *values,
                                      struct ferry_buffer *out) FERRY_MUST_CHECK;
/* An answer of that side. FERRY_INVALID, class schema: it lacks what was asked for, or that is no
 * boolean; *ret_view is untouched then. A time that cannot be read is none. */
enum ferry_status ferry_optouts_read(const struct ferry_consent *consent, enum ferry_side side,
                                     const char *body, size_t length, struct ferry_view *ret_view,
                                     struct ferry_error *error) FERRY_MUST_CHECK;

#endif
