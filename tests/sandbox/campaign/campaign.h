/* The imitated Campaign instance with its gateway and IMS: what its parts share. */
#ifndef SANDBOX_CAMPAIGN_H
#define SANDBOX_CAMPAIGN_H

#include "base/body.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/http.h"
#include "base/token.h"
#include "base/watch.h"
#include "campaign/journal.h"
#include "campaign/pkey.h"
#include "campaign/resource.h"
#include "campaign/settings.h"

#define SANDBOX_TEXT_TYPE "text/plain;charset=utf-8"
#define SANDBOX_RST       "RST-360011 An error has occurred - please contact your administrator."

struct sandbox_campaign {
    struct sandbox_service service;
    struct sandbox_campaign_settings settings;
    const struct sandbox_clock *clock;
    struct sandbox_faults *faults;
    struct sandbox_tokens tokens;
    struct sandbox_pkeys pkeys;
    struct sandbox_resource resources[SANDBOX_RESOURCES];
    struct sandbox_journal journal;
    const struct sandbox_watch *watch;
    struct sandbox_body body; /* of the request being served */
    struct sandbox_buf texts; /* of the row being written */
    uint64_t rps_second;
    unsigned rps_count;
    unsigned variants; /* makes PKeys of one row differ as texts */
};

/* A request for a resource, taken apart. */
struct sandbox_operation {
    struct sandbox_campaign *campaign;
    struct sandbox_request *request;
    struct sandbox_resource *resource;
    const char *api;          /* "profileAndServicesExt" */
    bool extended;            /* extension fields exist here */
    const char *const *parts; /* after the resource */
    size_t part_count;
};

void sandbox_campaign_init(struct sandbox_campaign *campaign,
                           const struct sandbox_campaign_settings *settings,
                           const struct sandbox_clock *clock, struct sandbox_faults *faults);
void sandbox_campaign_done(struct sandbox_campaign *campaign);

/* The time on Campaign's clock, which the rows get. */
int64_t sandbox_campaign_now(const struct sandbox_campaign *campaign);

struct sandbox_resource *sandbox_campaign_resource(struct sandbox_campaign *campaign,
                                                   const char *name);
unsigned sandbox_campaign_index(const struct sandbox_campaign *campaign,
                                const struct sandbox_resource *resource);

/* Its 1-cardinality parent is missing. */
bool sandbox_campaign_hidden(struct sandbox_campaign *campaign,
                             const struct sandbox_resource *resource,
                             const struct sandbox_entry *entry);
/* The parent that the link of an entry leads to; NULL: none. */
struct sandbox_entry *sandbox_campaign_parent(struct sandbox_campaign *campaign,
                                              const struct sandbox_resource *resource,
                                              const struct sandbox_entry *entry,
                                              struct sandbox_resource **ret_resource);
/* Every change of a row goes this way. The first takes `row` and gives NULL when there is none;
 * `entry` NULL: a new one; `columns`: what was written, changed or not, or NULL. */
struct sandbox_entry *sandbox_campaign_store(struct sandbox_campaign *campaign,
                                             struct sandbox_resource *resource,
                                             struct sandbox_entry *entry, struct sandbox_row *row,
                                             const struct sandbox_columns *columns, bool admin);
void sandbox_campaign_drop(struct sandbox_campaign *campaign, struct sandbox_resource *resource,
                           struct sandbox_entry *entry, bool admin);
/* Applies what the links say, then deletes. */
void sandbox_campaign_delete(struct sandbox_campaign *campaign, struct sandbox_resource *resource,
                             struct sandbox_entry *entry);

/* The text errors; `refuse` counts a breach. */
void sandbox_campaign_error(struct sandbox_request *request, unsigned status, const char *format,
                            ...) __attribute__((format(printf, 3, 4)));
void sandbox_campaign_refuse(struct sandbox_request *request, unsigned status, const char *format,
                             ...) __attribute__((format(printf, 3, 4)));
/* 404: `mark` is ":0" for a key of the URI. */
void sandbox_campaign_not_found(struct sandbox_request *request,
                                const struct sandbox_resource *resource, const char *key,
                                const char *mark);
void sandbox_campaign_bad_pkey(struct sandbox_request *request,
                               const struct sandbox_resource *resource, const char *text);

/* The row that a PKey or key names and that is visible; NULL: answered. `mark` as above. */
struct sandbox_entry *sandbox_campaign_find(struct sandbox_campaign *campaign,
                                            struct sandbox_request *request,
                                            struct sandbox_resource *resource, const char *name,
                                            const char *mark);

bool sandbox_ims_serve(struct sandbox_campaign *campaign, struct sandbox_request *request);

/* Parses the body: it is judged before the resource is. False: answered. */
bool sandbox_campaign_body(struct sandbox_campaign *campaign, struct sandbox_request *request);

/* Route handlers. */
void sandbox_campaign_post(struct sandbox_operation *operation);
void sandbox_campaign_patch(struct sandbox_operation *operation);
void sandbox_campaign_remove(struct sandbox_operation *operation);
void sandbox_campaign_get(struct sandbox_operation *operation);  /* one row */
void sandbox_campaign_list(struct sandbox_operation *operation); /* lists, filters, counts */
void sandbox_campaign_metadata(struct sandbox_operation *operation);
void sandbox_campaign_catalogue(struct sandbox_operation *operation); /* resources of an API */

/* One row as the API shows it. */
void sandbox_campaign_render(struct sandbox_operation *operation, const struct sandbox_entry *entry,
                             struct sandbox_buf *buf);
/* One field's value. */
void sandbox_campaign_value(struct sandbox_operation *operation, const struct sandbox_entry *entry,
                            size_t field, struct sandbox_buf *buf);

#endif
