/* The work of the task that reads Campaign's exports. Loop thread only. */
#ifndef FERRY_EXPORTWORK_H
#define FERRY_EXPORTWORK_H

#include "producers/intake.h"
#include "producers/task.h"

/* The subject of such a task; settings and folder are borrowed while it lives. */
struct ferry_export_subject {
    const struct ferry_sftp_settings *settings;
    const char *state_dir; /* NULL: not set, and then the task fails and says so */
    const struct ferry_crop_type *crop;
    json_t *json; /* of the order: what the crop is made of */
};

extern const struct ferry_work_type ferry_export_work;

#endif
