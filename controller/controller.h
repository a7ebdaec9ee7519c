/* The parts of ferry-controller, made in order and taken apart in the opposite one. Loop thread
 * only. */
#ifndef FERRY_CONTROLLER_H
#define FERRY_CONTROLLER_H

#include "core/base/settings.h"

#include <uv.h>

struct ferry_controller_settings {
    char *api_listen;
};

extern const struct ferry_setting ferry_controller_settings[];
extern const size_t ferry_controller_settings_count;

struct ferry_controller_options {
    const struct ferry_common *common;
    const struct ferry_dynamics_settings *dynamics;
    const struct ferry_campaign_settings *campaign;
    const struct ferry_sftp_settings *sftp; /* for check only; may have no host */
    const struct ferry_controller_settings *own;
};

struct ferry_controller;

enum ferry_status ferry_controller_new(uv_loop_t *loop,
                                       const struct ferry_controller_options *options,
                                       struct ferry_controller **ret_controller,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
/* Run the loop until it has no more to do. */
void ferry_controller_free(struct ferry_controller *controller);

#endif
