/* A copy of one exported file in state.dir, with its hash. It has no name there: it is gone with
 * the process. One thread at a time. */
#ifndef FERRY_COPY_H
#define FERRY_COPY_H

#include "producers/sources/listing.h"

#include <stdatomic.h>

struct ferry_copy {
    int fd; /* -1: none */
    char sha256[FERRY_SHA256_SIZE];
    bool unended; /* a text that ends within a line: perhaps there is more to come */
    struct ferry_listing_file file;
};

void ferry_copy_done(struct ferry_copy *copy);
/* In place of what it held. *ret_still false: the file changed meanwhile, or is gone; then there is
 * none. FERRY_FULL: state_dir has no room for it. Ends with FERRY_RETRY soon after *cancelled is
 * set. */
enum ferry_status ferry_copy_make(struct ferry_copy *copy, struct ferry_sftp *sftp,
                                  const char *folder, const struct ferry_listing_file *file,
                                  const char *state_dir, const atomic_bool *cancelled,
                                  bool *ret_still, struct ferry_error *error) FERRY_MUST_CHECK;
/* "<folder>/<name>" */
#define FERRY_PATH_SIZE 1024
void ferry_copy_path(const char *folder, const char *name, char out[FERRY_PATH_SIZE]);

#endif
