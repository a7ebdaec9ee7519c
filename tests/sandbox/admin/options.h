/* The command line: one table. */
#ifndef SANDBOX_OPTIONS_H
#define SANDBOX_OPTIONS_H

#include "campaign/settings.h"
#include "dynamics/dynamics.h"

struct sandbox_options {
    unsigned ports[3]; /* dynamics, campaign, admin; 0: a free one */
    unsigned rows[4];  /* contacts, accounts, purchases, lines */
    unsigned seed;
    unsigned dynamics_latency_ms;
    unsigned campaign_latency_ms;
    const char *tls_cert;
    const char *tls_key;
    bool record;
    bool foreign;
    struct sandbox_dynamics_settings dynamics;
    struct sandbox_campaign_settings campaign;
};

/* Exits by itself on --help or a wrong option, as argp does. */
void sandbox_options_parse(struct sandbox_options *options, int argc, char **argv);

#endif
