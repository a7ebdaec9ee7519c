/* Files that somebody is still uploading: they grow before the eyes of whoever lists the folder. */
#ifndef SANDBOX_UPLOAD_H
#define SANDBOX_UPLOAD_H

#include "admin/world.h"

struct sandbox_upload_plan {
    const char *whole;  /* a complete copy elsewhere, removed at the end */
    const char *target; /* grows */
    unsigned grow_ms;   /* takes so long */
    double stop_at;     /* stands still at this share until it is completed; 1: never */
};

bool sandbox_upload_start(struct sandbox_world *world, const struct sandbox_upload_plan *plan);
/* At shutdown: what is half there stays so. */
void sandbox_uploads_stop(struct sandbox_world *world);

#endif
