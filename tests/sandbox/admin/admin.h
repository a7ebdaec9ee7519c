/* The control API. README.md is its contract. */
#ifndef SANDBOX_ADMIN_H
#define SANDBOX_ADMIN_H

#include "admin/world.h"

struct sandbox_order {
    struct sandbox_world *world;
    struct sandbox_request *request;
    const char *parts[SANDBOX_SEGMENTS]; /* after /sandbox */
    size_t count;
    json_t *json; /* the body; an empty object without one */
};

void sandbox_admin_init(struct sandbox_world *world);

/* {"error":"text"} */
void sandbox_admin_error(struct sandbox_order *order, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* state.c */
void sandbox_admin_health(struct sandbox_order *order);
void sandbox_admin_stats(struct sandbox_order *order);
void sandbox_admin_stats_reset(struct sandbox_order *order);
void sandbox_admin_settings(struct sandbox_order *order);
void sandbox_admin_clock(struct sandbox_order *order);
void sandbox_admin_faults(struct sandbox_order *order);
void sandbox_admin_fault(struct sandbox_order *order);

/* records.c: /sandbox/dynamics/… */
void sandbox_admin_records(struct sandbox_order *order);
void sandbox_admin_record(struct sandbox_order *order);
void sandbox_admin_record_count(struct sandbox_order *order);
void sandbox_admin_bulk(struct sandbox_order *order);
void sandbox_admin_served(struct sandbox_order *order);
void sandbox_admin_dynamics_publish(struct sandbox_order *order);

/* entries.c: /sandbox/campaign/… */
void sandbox_admin_entries(struct sandbox_order *order);
void sandbox_admin_entry(struct sandbox_order *order);
void sandbox_admin_entry_count(struct sandbox_order *order);
void sandbox_admin_spoil(struct sandbox_order *order);
void sandbox_admin_journal(struct sandbox_order *order);
void sandbox_admin_created(struct sandbox_order *order);
void sandbox_admin_campaign_publish(struct sandbox_order *order);

/* events.c: mails, and the files that tell of them */
void sandbox_admin_send(struct sandbox_order *order);
void sandbox_admin_bounce(struct sandbox_order *order);
void sandbox_admin_export(struct sandbox_order *order);
void sandbox_admin_events(struct sandbox_order *order);

/* consent.c: the truth about consent */
void sandbox_admin_consent(struct sandbox_order *order);
void sandbox_admin_consent_cases(struct sandbox_order *order); /* mailable, writes, history */
void sandbox_admin_disagreements(struct sandbox_order *order);

/* optouts.c: the file that tells of them */
void sandbox_admin_export_optouts(struct sandbox_order *order);
void sandbox_admin_optouts(struct sandbox_order *order);

/* users.c */
void sandbox_admin_edit(struct sandbox_order *order);

/* upload.c */
void sandbox_admin_uploads(struct sandbox_order *order);

/* script.c */
void sandbox_admin_scripts(struct sandbox_order *order);

#endif
