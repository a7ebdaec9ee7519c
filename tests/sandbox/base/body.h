/* A JSON object taken apart in one pass: members in order, nested objects flattened with dots
 * ("location.city"). */
#ifndef SANDBOX_BODY_H
#define SANDBOX_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/text.h"

#define SANDBOX_MEMBERS 256

enum sandbox_json {
    SANDBOX_JSON_NULL,
    SANDBOX_JSON_TRUE,
    SANDBOX_JSON_FALSE,
    SANDBOX_JSON_NUMBER, /* text: as sent */
    SANDBOX_JSON_STRING, /* text: decoded */
    SANDBOX_JSON_OBJECT, /* an empty one, or the head of those that follow */
    SANDBOX_JSON_ARRAY,  /* contents are skipped */
};

struct sandbox_member {
    const char *name; /* NUL-terminated */
    enum sandbox_json type;
    const char *text; /* NUL-terminated; "" for the others */
    size_t length;
    bool nested; /* belongs to an object member before it */
};

struct sandbox_body {
    struct sandbox_member members[SANDBOX_MEMBERS];
    size_t count;
    struct sandbox_buf texts;
    char error[160]; /* why parsing failed */
};

void sandbox_body_done(struct sandbox_body *body);

/* The body may be used again and again. */
bool sandbox_body_parse(struct sandbox_body *body, const char *json, size_t length);

const struct sandbox_member *sandbox_body_find(const struct sandbox_body *body, const char *name);

#endif
