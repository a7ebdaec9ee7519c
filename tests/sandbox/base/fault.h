/* Faults on order. A rule belongs to one system; the first that matches a request fires. */
#ifndef SANDBOX_FAULT_H
#define SANDBOX_FAULT_H

#include "base/http.h"

enum sandbox_link_variant {
    SANDBOX_LINK_HOST,
    SANDBOX_LINK_PORT,
    SANDBOX_LINK_PATH,
    SANDBOX_LINK_USERINFO,
    SANDBOX_LINK_SCHEME,
    SANDBOX_LINK_VARIANTS
};

enum sandbox_storm {
    SANDBOX_STORM_REQUESTS,
    SANDBOX_STORM_EXECUTION,
    SANDBOX_STORM_CONCURRENCY,
    SANDBOX_STORM_ANY, /* one after the other */
    SANDBOX_STORMS
};

struct sandbox_fault {
    unsigned id;
    const struct sandbox_service *service;
    enum sandbox_fault_kind kind;
    uint64_t count; /* fires at most so often; 0: no limit */
    uint64_t after; /* matches to let pass first */
    uint64_t fired;
    double probability;
    int verb; /* -1: any */
    char *path;
    char *text;
    char *code;               /* of the error of a part */
    unsigned parts;           /* of a lost $batch that are carried out; 0: all */
    long bytes;               /* of an answer that is cut; -1: half of it */
    enum sandbox_storm storm; /* which limit a 429 is said to be of */
    unsigned lasts_ms;        /* from its first firing on; 0: as long as it is wanted */
    uint64_t ends_ms;
    unsigned ms;
    unsigned status;
    int retry_after; /* -1: no header */
    enum sandbox_link_variant variant;
    struct sandbox_fault *next;
};

struct sandbox_faults {
    struct sandbox_fault *rules;
    unsigned last_id;
    uint64_t random;
};

void sandbox_faults_done(struct sandbox_faults *faults);

/* NULL with a text in `error` when the order is malformed. */
const struct sandbox_fault *sandbox_fault_add(struct sandbox_faults *faults,
                                              const struct sandbox_service *service,
                                              const json_t *order, char error[static 160]);
/* id 0: all. */
void sandbox_fault_remove(struct sandbox_faults *faults, unsigned id);
json_t *sandbox_faults_json(const struct sandbox_faults *faults);

/* The rule of one of the kinds (bits) that fires for this request, counted, or NULL. */
const struct sandbox_fault *sandbox_fault_take(struct sandbox_faults *faults,
                                               struct sandbox_request *request, unsigned kinds);

/* Applies what happens on arrival: answers, cuts, stalls, slow bodies, lost replies.
 * Returns a rule that the system itself must carry out (status429, tokenRevoked), or NULL. */
const struct sandbox_fault *sandbox_fault_arrive(struct sandbox_faults *faults,
                                                 struct sandbox_request *request);

/* Bends a link that starts with the request's base. */
void sandbox_fault_bend(const struct sandbox_fault *fault, const struct sandbox_request *request,
                        struct sandbox_buf *link);

#endif
