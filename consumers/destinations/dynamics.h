/* The way of one e-mail event to Dynamics 365: the custom activity that it becomes (ADR 4).
 * One thread. */
#ifndef FERRY_DESTINATION_DYNAMICS_H
#define FERRY_DESTINATION_DYNAMICS_H

#include "core/base/buffer.h"
#include "core/control/events.h"

/* What the activities of an order have in common, written once, and what those of one delivery
 * have, written once in a row: only the rest is new in each. */
struct ferry_activity_forms;

/* `events` is borrowed. FERRY_NOMEM is the only failure. */
enum ferry_status ferry_activity_forms_new(const struct ferry_events *events,
                                           struct ferry_activity_forms **ret_forms,
                                           struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_activity_forms_free(struct ferry_activity_forms *forms);

/* Appends the JSON of a POST to the activity's table. `id`: ferry_event_activity's; `typed` for
 * CreateMultiple, where each says what it is. The kind must be switched on. FERRY_BAD_RECORD:
 * reject it; then, and when there is no room, `out` may hold a part of it. */
enum ferry_status ferry_activity_write(struct ferry_activity_forms *forms,
                                       const struct ferry_event *event, const char *id, bool typed,
                                       struct ferry_buffer *out,
                                       struct ferry_error *error) FERRY_MUST_CHECK;

#endif
