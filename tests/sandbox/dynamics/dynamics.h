/* The imitated Dataverse organisation with its Entra ID: what its parts share. */
#ifndef SANDBOX_DYNAMICS_H
#define SANDBOX_DYNAMICS_H

#include "base/body.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/http.h"
#include "base/token.h"
#include "base/watch.h"
#include "dynamics/limit.h"
#include "dynamics/read.h"
#include "dynamics/table.h"
#include "dynamics/undo.h"

#define SANDBOX_API       "/api/data/v9.2/"
#define SANDBOX_PAGE_SIZE 5000
#define SANDBOX_TABLES    24 /* at most */

enum sandbox_unauthorized { SANDBOX_401_EMPTY, SANDBOX_401_JSON, SANDBOX_401_HTML };

struct sandbox_dynamics_settings {
    const char *tenant;
    const char *client;
    const char *secret;
    unsigned token_ttl;
    unsigned retention_days;
    unsigned expired_status;
    unsigned unauthorized_body; /* enum sandbox_unauthorized */
    bool empty_delta_nolink;
    bool bug_439;
    bool escape_unicode;
    bool inactive_readonly;
    bool batch_crlf_strict;
    bool foreign;
    bool record;
    unsigned dop_hint;        /* x-ms-dop-hint; 0: none */
    unsigned operation_us;    /* each operation of a $batch or a bulk message takes so long */
    unsigned metadata_lag_ms; /* so long new metadata show only to `Consistency: Strong` */
    bool no_customizer;       /* the user may not create tables and columns */
    bool activities;          /* the four tables of e-mail events are there */
    bool activity_bulk;       /* activity tables have CreateMultiple */
    int clock_ms;             /* the clock of the rows is so far ahead */
    bool regarding_schema;    /* their navigation properties end with the schema name */
    struct sandbox_limits limits;
};

struct sandbox_dynamics {
    struct sandbox_service service;
    struct sandbox_dynamics_settings settings;
    const struct sandbox_clock *clock;
    struct sandbox_faults *faults;
    struct sandbox_tokens tokens;
    struct sandbox_table tables[SANDBOX_TABLES];
    size_t table_count;
    uint64_t version; /* of the organisation: the last one given */
    struct sandbox_reads reads;
    struct sandbox_limiter limiter;
    struct sandbox_body body; /* of the request being served */
    const struct sandbox_watch *watch;
    struct sandbox_undo **undo; /* where a change set keeps its way back; NULL outside */
    uint64_t random;
    uint8_t user[16];
    uint8_t currency[16];
};

/* A request taken apart. */
struct sandbox_call_context {
    struct sandbox_dynamics *dynamics;
    struct sandbox_request *request;
    struct sandbox_table *table;
    const char *segments[SANDBOX_SEGMENTS]; /* decoded, after /api/data/v9.2/ */
    size_t segment_count;
    const char *key; /* inside the first segment's parentheses, or NULL */
    struct {
        bool track;
        bool representation;
        bool continue_on_error;
        bool formatted; /* FormattedValue annotations */
        bool lookups;   /* lookuplogicalname, associatednavigationproperty */
        long page_size; /* 0: not asked for */
        char annotations[256];
    } prefer;
};

void sandbox_dynamics_init(struct sandbox_dynamics *dynamics,
                           const struct sandbox_dynamics_settings *settings,
                           const struct sandbox_clock *clock, struct sandbox_faults *faults);
void sandbox_dynamics_done(struct sandbox_dynamics *dynamics);

/* The time on Dynamics' clock, which the rows get. */
int64_t sandbox_dynamics_now(const struct sandbox_dynamics *dynamics);

struct sandbox_table *sandbox_dynamics_table(struct sandbox_dynamics *dynamics, const char *name);
/* A row of the table has the id; or one of another activity, for they share their ids. */
bool sandbox_dynamics_taken(struct sandbox_dynamics *dynamics, const struct sandbox_table *table,
                            const uint8_t id[static 16]);
struct sandbox_table *sandbox_dynamics_set(struct sandbox_dynamics *dynamics, const char *set);

/* Serves a request that carries a good token (also the parts of a $batch). */
void sandbox_dynamics_dispatch(struct sandbox_dynamics *dynamics, struct sandbox_request *request);

/* The error body of the Web API. */
void sandbox_dynamics_error(struct sandbox_request *request, unsigned status, const char *code,
                            const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The same, and the breach is counted. */
void sandbox_dynamics_refuse(struct sandbox_request *request, unsigned status, const char *code,
                             const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Known to Dataverse, not imitated: 501, so that it reads neither like a fault of the caller nor
 * like something that is missing. */
void sandbox_dynamics_missing(struct sandbox_request *request, const char *what);
/* Headers that every answer of the Web API has. */
void sandbox_dynamics_headers(struct sandbox_request *request);

/* Entra ID; true when the path was its own. */
bool sandbox_entra_serve(struct sandbox_dynamics *dynamics, struct sandbox_request *request);

/* Route handlers. */
void sandbox_dynamics_page(struct sandbox_call_context *call);     /* tracked.c */
void sandbox_dynamics_list(struct sandbox_call_context *call);     /* list.c: untracked */
void sandbox_dynamics_count(struct sandbox_call_context *call);    /* tracked.c: $count */
void sandbox_dynamics_get(struct sandbox_call_context *call);      /* list.c */
void sandbox_dynamics_post(struct sandbox_call_context *call);     /* write.c */
void sandbox_dynamics_patch(struct sandbox_call_context *call);    /* write.c */
void sandbox_dynamics_remove(struct sandbox_call_context *call);   /* write.c */
void sandbox_dynamics_entities(struct sandbox_call_context *call); /* metadata.c */
void sandbox_dynamics_relations(struct sandbox_call_context *call);
/* multiple.c: false when the path is no such action */
bool sandbox_dynamics_multiple(struct sandbox_call_context *call);
void sandbox_dynamics_batch(struct sandbox_call_context *call); /* batch.c */
/* How many requests the body of a $batch holds. */
size_t sandbox_batch_operations(const struct sandbox_buf *body);

#endif
