/* Makes the activity tables and columns in Dynamics 365 that a configuration of
 * campaign-to-dynamics names and that are not there: one run at a time, asked about while it goes
 * on. What exists is left alone. Loop thread only. */
#ifndef FERRY_SETUP_H
#define FERRY_SETUP_H

#include "controller/launch.h"
#include "core/io/server.h"

struct ferry_setup;

struct ferry_setup *ferry_setup_new(const struct ferry_launch_parts *parts); /* NULL: no memory */
/* What is under way ends unseen; running it again goes on. */
void ferry_setup_free(struct ferry_setup *setup);

/* {"dryRun":true} only looks; "configuration" says for which one, else it is the saved one, which
 * cannot name what is not there yet. Answers at once, and goes on. */
void ferry_setup_post(struct ferry_setup *setup, struct ferry_server_exchange *exchange);
/* How far the last run has come. */
void ferry_setup_get(const struct ferry_setup *setup, struct ferry_server_exchange *exchange);

#endif
