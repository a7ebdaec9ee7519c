/* Everything that runs in the process. */
#ifndef SANDBOX_WORLD_H
#define SANDBOX_WORLD_H

#include "admin/options.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/http.h"
#include "base/loop.h"
#include "campaign/campaign.h"
#include "campaign/logs.h"
#include "campaign/optout_file.h"
#include "consent/consent.h"
#include "dynamics/dynamics.h"

struct sandbox_script;
struct sandbox_upload;

struct sandbox_world {
    struct sandbox_options options;
    struct sandbox_loop *loop;
    struct sandbox_clock clock;
    struct sandbox_faults faults;
    struct sandbox_dynamics dynamics;
    struct sandbox_campaign campaign;
    struct sandbox_service admin;
    struct sandbox_logs logs;            /* of Campaign's deliveries */
    struct sandbox_optouts_told optouts; /* by files */
    struct sandbox_consent consent;
    struct sandbox_upload *uploads;
    struct sandbox_script *scripts;
    unsigned last_script;
    struct sandbox_http *http[3]; /* dynamics, campaign, admin */
    char *tls_cert, *tls_key;
};

/* False with a message on stderr. */
bool sandbox_world_open(struct sandbox_world *world);
void sandbox_world_ready(const struct sandbox_world *world); /* the line on stdout */
void sandbox_world_close(struct sandbox_world *world);

#endif
