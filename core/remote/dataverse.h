/* A Dataverse environment: token, headers, links that stay at home, metadata. Loop thread only. */
#ifndef FERRY_DATAVERSE_H
#define FERRY_DATAVERSE_H

#include "core/base/settings.h"
#include "core/remote/remote.h"

#include <jansson.h>

struct ferry_dataverse;
struct ferry_dataverse_call;

enum ferry_status ferry_dataverse_new(struct ferry_http *http,
                                      const struct ferry_dynamics_settings *settings,
                                      struct ferry_dataverse **ret_dataverse,
                                      struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_dataverse_free(struct ferry_dataverse *dataverse);

struct ferry_dataverse_request {
    const char *method; /* NULL: GET */
    const char *link;   /* an absolute link that the server gave, used verbatim; or NULL and: */
    const char *path;   /* what follows /api/data/v9.2/, already encoded */
    const char *prefer; /* NULL for none */
    const char *match;  /* write only if the row still has this ETag; NULL: whatever it has */
    bool fresh;         /* metadata of this instant, not of half a minute ago; without prefer */
    const char *body;   /* JSON, or NULL */
    struct ferry_buffer *large_body; /* instead: its memory is taken, and other memory left */
    const char *type;                /* of the body, "Content-Type: ..."; NULL: JSON */
    enum ferry_http_flow (*on_body)(void *context, const char *data,
                                    size_t length); /* NULL: body in the answer */
    ferry_remote_callback on_done;
    void *context;
};
/* Gets a token, sends, renews the token once on 401. The callback comes exactly once, later, unless
 * cancelled. With on_body a retry after 401 cannot repeat bytes: nothing but 2xx is streamed. */
enum ferry_status ferry_dataverse_send(struct ferry_dataverse *dataverse,
                                       const struct ferry_dataverse_request *request,
                                       struct ferry_dataverse_call **ret_call,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
/* During on_done: gives the large body back that was taken, to be written anew in the same memory.
 * Empty where nothing came of sending it. */
void ferry_dataverse_return_body(struct ferry_dataverse_call *call,
                                 const struct ferry_remote_answer *answer,
                                 struct ferry_buffer *body);
void ferry_dataverse_resume(struct ferry_dataverse_call *call);
void ferry_dataverse_cancel(struct ferry_dataverse_call *call);
/* A link leads to this environment and may be followed; else FERRY_INVALID says why not. */
enum ferry_status ferry_dataverse_owns(const struct ferry_dataverse *dataverse, const char *link,
                                       struct ferry_error *error) FERRY_MUST_CHECK;

struct ferry_dataverse_column {
    char *name;     /* as selected: lookups are _<name>_value */
    char *type;     /* AttributeType: String, Boolean, Picklist, ... */
    int64_t length; /* characters of a string; 0 unknown */
    bool date_only;
    bool creatable;  /* a new row may carry it */
    json_t *labels;  /* {"1":"Any",...} of options, {"true":"Yes",...} of booleans; or NULL */
    json_t *targets; /* ["contact"] of lookups; or NULL */
};
struct ferry_dataverse_table {
    char *name;
    char *entity_set;
    char *primary_id;
    bool change_tracking;
    bool activity; /* its rows stand on timelines */
    struct ferry_dataverse_column *columns;
    size_t count;
};
/* `table` is borrowed during the call; NULL with answer->error set (an unknown table:
 * FERRY_VERDICT_ABSENT, class mapping). */
typedef void (*ferry_dataverse_table_callback)(void *context,
                                               const struct ferry_dataverse_table *table,
                                               const struct ferry_remote_answer *answer);
enum ferry_status ferry_dataverse_describe(struct ferry_dataverse *dataverse, const char *table,
                                           ferry_dataverse_table_callback callback, void *context,
                                           struct ferry_error *error) FERRY_MUST_CHECK;
const struct ferry_dataverse_column *
ferry_dataverse_column(const struct ferry_dataverse_table *table, const char *name);
/* Drops every call and description of this context without calling back. */
void ferry_dataverse_forget(struct ferry_dataverse *dataverse, const void *context);

#endif
