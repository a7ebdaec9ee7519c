/* GET of all prerequisites in Kafka, around it and in both systems: what is there, what is missing,
 * what to do. Loop thread only. */
#ifndef FERRY_CHECK_H
#define FERRY_CHECK_H

#include "controller/launch.h"
#include "core/io/server.h"

struct ferry_checks; /* all that are under way */

struct ferry_checks *ferry_checks_new(const struct ferry_launch_parts *parts);
/* Before the server: whoever still waits gets his 503 from it. */
void ferry_checks_free(struct ferry_checks *checks);
/* Answers the exchange later: of what is saved for each workflow, or of contact -> profile when
 * nothing is. */
void ferry_checks_get(struct ferry_checks *checks, struct ferry_server_exchange *exchange);

#endif
