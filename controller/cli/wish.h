/* What a file holds that a person wrote: {"workflow","configuration"} and perhaps "revision", or a
 * bare configuration. */
#ifndef FERRY_WISH_H
#define FERRY_WISH_H

#include <jansson.h>

struct ferry_wish {
    json_t *file;
    const json_t *configuration; /* borrowed from file */
    const char *workflow;
    json_int_t revision; /* that was edited; 0: unknown */
};

/* "-" is stdin. An exit code; when it is not FERRY_EXIT_OK, stderr says why and there is nothing to
 * be done with. */
int ferry_wish_read(const char *path, struct ferry_wish *wish);
void ferry_wish_done(struct ferry_wish *wish);

/* What the first edit of a workflow begins with; a new reference. */
json_t *ferry_wish_draft(const char *workflow);

#endif
