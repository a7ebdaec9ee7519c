/* What somebody may PUT as a configuration. A refusal must come with at least one fault. */
#include "fuzz_target.h"

#include "controller/configuration.h"
#include "controller/email.h"
#include "controller/optinout.h"

#include <stdlib.h>

static void check(json_t *configuration,
                  enum ferry_status (*checker)(json_t *configuration, json_t *faults))
{
    json_t *faults = json_array();
    enum ferry_status status = checker(configuration, faults);
    if ((status == FERRY_INVALID) != (json_array_size(faults) > 0))
        abort();
    json_decref(faults);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *configuration = json_loadb((const char *)data, size, 0, NULL);
    if (!configuration)
        return 0;
    check(configuration, ferry_configuration_check);
    check(configuration, ferry_email_check);
    check(configuration, ferry_optinout_check);
    json_decref(configuration);
    return 0;
}
