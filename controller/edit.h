/* PUT of a configuration: checked alone, checked against both systems as they are now, then saved
 * as the next revision. Loop thread only. */
#ifndef FERRY_EDIT_H
#define FERRY_EDIT_H

#include "controller/launch.h"
#include "core/io/server.h"

struct ferry_edits; /* all that are under way */

enum ferry_status ferry_edits_new(const struct ferry_launch_parts *parts,
                                  struct ferry_edits **ret_edits,
                                  struct ferry_error *error) FERRY_MUST_CHECK;
/* Before the server: whoever still waits gets his 503 from it. */
void ferry_edits_free(struct ferry_edits *edits);
/* Answers the exchange, now or later. */
void ferry_edits_put(struct ferry_edits *edits, const struct ferry_workflow *workflow,
                     struct ferry_server_exchange *exchange);

#endif
