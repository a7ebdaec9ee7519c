/* multipart/mixed taken apart, as far as $batch needs it. Everything borrows from the text. */
#ifndef SANDBOX_DYNAMICS_MIME_H
#define SANDBOX_DYNAMICS_MIME_H

#include <stdbool.h>

#include "base/text.h"

/* The boundary of a Content-Type: cut out of quotes; false if there is none. */
bool sandbox_mime_boundary(const char *type, char boundary[static 80]);

/* Walks through the parts: true with the next one; `at` begins at the text and moves on.
 * False at the closing delimiter, or with `ret_broken` when it is missing. */
bool sandbox_mime_next(struct sandbox_slice *at, const char *boundary,
                       struct sandbox_slice *ret_part, bool *ret_broken);

/* Takes the first line off (without its line break). */
struct sandbox_slice sandbox_mime_line(struct sandbox_slice *text);

/* Takes header lines off up to the blank one, or the end; the value of one of them into `value`. */
void sandbox_mime_headers(struct sandbox_slice *text,
                          void (*header)(void *argument, const char *name, const char *value),
                          void *argument);

#endif
