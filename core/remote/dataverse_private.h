/* Between the sources of dataverse. */
#ifndef FERRY_DATAVERSE_PRIVATE_H
#define FERRY_DATAVERSE_PRIVATE_H

#include "core/remote/dataverse.h"

/* A description of a table under way: several questions, one callback. */
struct ferry_dataverse_description;

struct ferry_dataverse_description **
ferry_dataverse_descriptions(struct ferry_dataverse *dataverse);
/* Cancels its questions; the callback does not come. */
void ferry_dataverse_description_free(struct ferry_dataverse_description *description);
void ferry_dataverse_descriptions_forget(struct ferry_dataverse *dataverse, const void *context);

#endif
