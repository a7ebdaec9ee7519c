/* What libFuzzer calls. */
#ifndef FERRY_FUZZ_TARGET_H
#define FERRY_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
