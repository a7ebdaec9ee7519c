#include "producers/sources/crop.h"

enum ferry_status ferry_crop_init(struct ferry_crop *crop, const struct ferry_crop_type *type,
                                  json_t *json, struct ferry_error *error)
{
    *crop = (struct ferry_crop){.type = type};
    enum ferry_status status = type->open(json, crop, error);
    if (status == FERRY_OK)
        crop->json = json_incref(json);
    return status;
}

void ferry_crop_done(struct ferry_crop *crop)
{
    if (crop->subject)
        crop->type->close(crop->subject);
    json_decref(crop->json);
    *crop = (struct ferry_crop){.type = crop->type};
}
