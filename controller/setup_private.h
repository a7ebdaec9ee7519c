/* What the sources of setup share. */
#ifndef FERRY_SETUP_PRIVATE_H
#define FERRY_SETUP_PRIVATE_H

#include "controller/setup.h"

struct ferry_setup {
    struct ferry_launch_parts parts;
    json_t *report;  /* {"running","dryRun","ok","items"}; NULL: nobody has asked yet */
    json_t *items;   /* of the report */
    json_t *settled; /* the configuration with its defaults */
    int language;
    size_t kind;       /* the next one to look at */
    const char *table; /* the present one; in settled */
    json_t *todo;      /* [{"path","body","item"}] of the present table, in their order */
    json_t *made;      /* names of tables that were made or got columns */
};

/* An item of the report, about the present table; column NULL: about the table itself. Borrowed. */
json_t *ferry_setup_add_item(struct ferry_setup *setup, const char *column, const char *result);
void ferry_setup_set_error(json_t *item, const char *result, const struct ferry_error *error);

/* Looks at the next table; after the last one, publishes. */
void ferry_setup_next_table(struct ferry_setup *setup);
/* Makes what is to do for the present table, then goes on to the next one. */
void ferry_setup_make_next(struct ferry_setup *setup);
/* Publishes the tables that were made, and finishes. */
void ferry_setup_publish(struct ferry_setup *setup);
void ferry_setup_finish(struct ferry_setup *setup);

#endif
