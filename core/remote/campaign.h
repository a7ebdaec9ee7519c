/* An Adobe Campaign Standard instance: token, headers, verdicts, metadata. Loop thread only. */
#ifndef FERRY_CAMPAIGN_H
#define FERRY_CAMPAIGN_H

#include "core/base/settings.h"
#include "core/remote/remote.h"

#include <jansson.h>

struct ferry_campaign;
struct ferry_campaign_call;

enum ferry_status ferry_campaign_new(struct ferry_http *http,
                                     const struct ferry_campaign_settings *settings,
                                     struct ferry_campaign **ret_campaign,
                                     struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_campaign_free(struct ferry_campaign *campaign);

struct ferry_campaign_request {
    const char *method;   /* GET, POST, PATCH, DELETE */
    const char *api;      /* profileAndServicesExt, customResources, ... */
    const char *resource; /* profile, cusPurchase, ... */
    const char *key;      /* business key or PKey, not yet encoded; NULL for the collection */
    const char *filter;   /* of the collection, in place of a key: byOptOutsSince; NULL for none */
    const char *query;    /* what stands behind the ?, encoded; NULL for none */
    const char *link;     /* in place of key, filter and query: followed as the server gave it; one
                             that leads elsewhere is answered FERRY_VERDICT_FOREIGN and not sent */
    const char *body;     /* JSON, or NULL */
    size_t length;
    size_t max_answer_bytes;       /* 0: 1 MiB */
    const char *trace;             /* W3C traceparent to send along; NULL or "" for none */
    ferry_remote_callback on_done; /* exactly once, later, unless cancelled */
    void *context;
};
enum ferry_status ferry_campaign_send(struct ferry_campaign *campaign,
                                      const struct ferry_campaign_request *request,
                                      struct ferry_campaign_call **ret_call,
                                      struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_campaign_cancel(struct ferry_campaign_call *call);
/* A link leads to this instance and may be followed; else FERRY_INVALID says why not. */
enum ferry_status ferry_campaign_owns(const struct ferry_campaign *campaign, const char *link,
                                      struct ferry_error *error) FERRY_MUST_CHECK;

struct ferry_campaign_field {
    char *name;     /* nested items as "location.city" */
    char *type;     /* resType: string, byte, short, long, int64, float, double, boolean, date,
                       datetime, link, ... */
    char *kind;     /* type: string, number, boolean, date, enumeration, link, collection, item */
    int64_t length; /* characters; 0 unknown */
    bool read_only;
    bool mandatory;
    json_t *values; /* ["male","female"] of an enumeration; or NULL */
    char *target;   /* resource of a link; or NULL */
};
struct ferry_campaign_resource {
    char *name;
    struct ferry_campaign_field *fields;
    size_t count;
};
typedef void (*ferry_campaign_resource_callback)(void *context,
                                                 const struct ferry_campaign_resource *resource,
                                                 const struct ferry_remote_answer *answer);
enum ferry_status ferry_campaign_describe(struct ferry_campaign *campaign, const char *api,
                                          const char *resource,
                                          ferry_campaign_resource_callback callback, void *context,
                                          struct ferry_error *error) FERRY_MUST_CHECK;
/* What a mapping calls its type: the kind of an enumeration, a link, a collection or an item, else
 * the type. */
const char *ferry_campaign_field_type(const struct ferry_campaign_field *field);
const struct ferry_campaign_field *
ferry_campaign_field(const struct ferry_campaign_resource *resource, const char *name);
/* The wire name of an opt-out attribute: denyListEmail is blackListEmail on most instances. `name`
 * itself when it is there. */
const struct ferry_campaign_field *
ferry_campaign_optout(const struct ferry_campaign_resource *resource, const char *name);
void ferry_campaign_forget(struct ferry_campaign *campaign, const void *context);

#endif
