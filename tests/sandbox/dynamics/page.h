/* Writing one page of a tracked read. */
#ifndef SANDBOX_DYNAMICS_PAGE_H
#define SANDBOX_DYNAMICS_PAGE_H

#include "dynamics/cookie.h"
#include "dynamics/dynamics.h"

struct sandbox_page {
    struct sandbox_call_context *call;
    struct sandbox_read *read;
    size_t read_number;
    struct sandbox_cookie at; /* where it starts; moves on while rows are written */
    size_t rows;
    uint64_t served;
    bool spoil_tried;
    bool more;
};

/* Answers the request with the page. */
void sandbox_page_serve(struct sandbox_page *page);

#endif
