/* The answer to a $batch, read as it comes: a part is told as soon as the line that ends it was
 * seen, so that what came before a cut counts. The boundary is that of the first line that can be
 * one. Transparent so that it lives in its owner; any thread. */
#ifndef FERRY_MULTIPART_H
#define FERRY_MULTIPART_H

#include "core/base/buffer.h"

#include <stdint.h>

/* Borrowed, NUL-terminated; valid during the callback. */
struct ferry_multipart_part {
    int status;
    int64_t retry_after_ms; /* -1 when it does not say */
    const char *content_type;
    const char *body;
    size_t length;
};

/* What was read of a part so far. */
struct ferry_multipart_head {
    enum {
        FERRY_MULTIPART_OWN,     /* the part's own headers say nothing that we want to know */
        FERRY_MULTIPART_STATUS,  /* the line with it comes next */
        FERRY_MULTIPART_HEADERS, /* of the answer */
        FERRY_MULTIPART_REST,    /* nothing in it matters but where it ends */
    } stage;
    int status; /* 0: not seen, or it is none */
    int64_t retry_after_ms;
    size_t type, type_length; /* from the part's beginning */
    size_t body;              /* likewise; 0: none */
};

typedef void (*ferry_multipart_callback)(void *context, const struct ferry_multipart_part *part);

struct ferry_multipart {
    ferry_multipart_callback on_part;
    void *context;
    struct ferry_buffer boundary; /* with its two hyphens; empty: not yet seen */
    struct ferry_buffer text;     /* what was fed and not yet told */
    struct ferry_buffer usual;    /* what the last part without content began with */
    size_t part;                  /* where the part begins in it */
    size_t line;                  /* where the line that is not complete begins */
    struct ferry_multipart_head head;
    bool over;
};

void ferry_multipart_init(struct ferry_multipart *multipart, ferry_multipart_callback on_part,
                          void *context);
/* Another answer is to come; the memory serves it too. */
void ferry_multipart_clear(struct ferry_multipart *multipart);
void ferry_multipart_done(struct ferry_multipart *multipart);
/* FERRY_INVALID: this is not the answer to a $batch, or a part of it is beyond all measure; what
 * was told counts nevertheless, and nothing more may be fed. FERRY_NOMEM likewise. */
enum ferry_status ferry_multipart_feed(struct ferry_multipart *multipart, const char *data,
                                       size_t length) FERRY_MUST_CHECK;
/* The line that ends the whole was seen. */
bool ferry_multipart_over(const struct ferry_multipart *multipart);

#endif
