#include "core/remote/campaign.h"

#include <string.h>

const char *ferry_campaign_field_type(const struct ferry_campaign_field *field)
{
    static const char *const kinds[] = {"enumeration", "link", "collection", "item"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(field->kind, kinds[i]) == 0)
            return kinds[i];
    return field->type;
}
