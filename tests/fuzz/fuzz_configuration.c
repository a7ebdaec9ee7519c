/* What somebody may PUT as a configuration. A refusal must come with at least one fault. */
#include "fuzz_target.h"

#include "controller/configuration.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *configuration = json_loadb((const char *)data, size, 0, NULL);
    if (!configuration)
        return 0;
    json_t *faults = json_array();
    enum ferry_status status = ferry_configuration_check(configuration, faults);
    if ((status == FERRY_INVALID) != (json_array_size(faults) > 0))
        abort();
    json_decref(faults);
    json_decref(configuration);
    return 0;
}
