/* Whatever lies in a topic: decoding must refuse it or give back what encodes to something equal.
 */
#include "fuzz_target.h"

#include "core/record/written.h"

#include <stdlib.h>

static void decode_again(const struct ferry_change *change)
{
    struct ferry_buffer out;
    struct ferry_change again;
    struct ferry_error error;
    ferry_buffer_init(&out, 1 << 20);
    ferry_change_init(&again);
    if (ferry_change_encode(change, NULL, &out, &error) != FERRY_OK ||
        ferry_change_decode(out.data, out.length, &again, &error) != FERRY_OK ||
        again.count != change->count || again.version != change->version)
        abort();
    ferry_change_done(&again);
    ferry_buffer_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ferry_change change;
    struct ferry_written written;
    struct ferry_error error;
    if (size == 0)
        return 0;
    ferry_change_init(&change);
    if (ferry_change_decode(data, size, &change, &error) == FERRY_OK)
        decode_again(&change);
    if (ferry_written_decode(data, size, &written, &error) == FERRY_OK && written.id.length > size)
        abort();
    ferry_change_done(&change);
    return 0;
}
