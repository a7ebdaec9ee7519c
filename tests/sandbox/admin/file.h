/* Orders for files that Campaign's export workflows write: their options, and how they appear. */
#ifndef SANDBOX_ADMIN_FILE_H
#define SANDBOX_ADMIN_FILE_H

#include "admin/admin.h"
#include "campaign/export.h"

/* A member of the order, or what stands for it when it is not there. */
const char *sandbox_order_text(const struct sandbox_order *order, const char *name);
double sandbox_order_share(const struct sandbox_order *order, const char *name, double otherwise);
json_int_t sandbox_order_number(const struct sandbox_order *order, const char *name,
                                json_int_t otherwise);
bool sandbox_order_flag(const struct sandbox_order *order, const char *name, bool otherwise);
/* Which of the names (NULL ends them), by default the first; -1: none of them. */
int sandbox_order_choice(const struct sandbox_order *order, const char *name,
                         const char *const *names);

/* False: an option that there is not. */
bool sandbox_order_extract(const struct sandbox_order *order, struct sandbox_extract *ret_extract);

struct sandbox_file {
    const char *folder;
    const char *name; /* NULL: the stem, the time, and what is fitting */
    const char *stem;
    bool gzip;
    bool (*write)(void *context, const char *path, json_t *report);
    void *context;
};

/* Adds the file's name to `report`. All at once under a name that nobody looks for and then
 * renamed; in place; or growing in place. False with errno. */
bool sandbox_file_deliver(struct sandbox_order *order, const struct sandbox_file *file,
                          json_t *report);

#endif
