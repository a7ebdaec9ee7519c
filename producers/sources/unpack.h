/* The text of a file that may be packed with gzip, which its first bytes tell. One thread at a
 * time. */
#ifndef FERRY_UNPACK_H
#define FERRY_UNPACK_H

#include "core/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ferry_unpack;

/* `fd` is borrowed, and is read by its position in the file only. */
enum ferry_status ferry_unpack_new(int fd, struct ferry_unpack **ret_unpack,
                                   struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_unpack_free(struct ferry_unpack *unpack);
/* Up to `size` bytes; *ret_length 0: the end. FERRY_INVALID is the file's fault, a few words of why
 * in the error; FERRY_RETRY this machine's. */
enum ferry_status ferry_unpack_read(struct ferry_unpack *unpack, char *data, size_t size,
                                    size_t *ret_length, struct ferry_error *error) FERRY_MUST_CHECK;
/* The next byte that is read is this one of the text, or the end. */
enum ferry_status ferry_unpack_seek(struct ferry_unpack *unpack, int64_t position,
                                    struct ferry_error *error) FERRY_MUST_CHECK;

#endif
