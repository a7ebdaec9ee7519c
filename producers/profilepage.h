/* A page of profiles of Campaign's REST API, and what each of them says about opt-outs. A row is
 * never at fault: what cannot be read of it is not said. Loop thread only. */
#ifndef FERRY_PROFILEPAGE_H
#define FERRY_PROFILEPAGE_H

#include "core/control/consent.h"
#include "core/record/guid.h"

struct ferry_profile {
    char contact[FERRY_GUID_SIZE]; /* lower case; empty: its key is no GUID, so it has none */
    struct ferry_optouts said;
    int64_t changed_at; /* ms, the newest time of what is mapped; 0: none, or one is no time */
    int64_t newest;     /* ms, of all opt-outs, mapped or not; 0: none */
    bool bad_time;      /* a time of what is mapped cannot be read */
    uint64_t hash;      /* of all this, and of who it is */
};

struct ferry_profilepage {
    struct ferry_profile *rows;
    size_t count, capacity;
    char *next; /* the link as it came; NULL: this is the last page */
};

/* FERRY_RETRY: this is no page (HTML, another shape, cut); *page is empty then. */
enum ferry_status ferry_profilepage_parse(const struct ferry_consent *consent, const char *data,
                                          size_t length, struct ferry_profilepage *page,
                                          struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_profilepage_done(struct ferry_profilepage *page);

#endif
