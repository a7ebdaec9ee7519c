/* Whatever lies in `workflows` under the key of a run order. */
#include "fuzz_target.h"

#include "core/control/orders.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ferry_order *order = NULL;
    struct ferry_error error;
    if (ferry_order_parse("dynamics-to-campaign", (const char *)data, size, &order, &error) ==
        FERRY_OK)
        ferry_order_free(order);
    return 0;
}
