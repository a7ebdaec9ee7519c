/* A copy of one exported file in state.dir, with its hash. It has no name there: it is gone with
 * the process. One thread at a time. */
#ifndef FERRY_COPY_H
#define FERRY_COPY_H

#include "producers/sources/listing.h"

#include <openssl/evp.h>
#include <stdatomic.h>

struct ferry_copy {
    int fd; /* -1: none */
    struct ferry_listing_file file;
    int64_t length; /* bytes of it that are here */
    EVP_MD_CTX *digest;
    unsigned char first[2], last;   /* of its bytes */
    bool whole;                     /* else it was cut, and the next making of it goes on there */
    char sha256[FERRY_SHA256_SIZE]; /* of a whole one */
    bool unended; /* a text that ends within a line: perhaps there is more to come */
};

void ferry_copy_init(struct ferry_copy *copy);
/* It holds none then. */
void ferry_copy_done(struct ferry_copy *copy);
/* In place of what it held, unless that is the beginning of the same file. *ret_still false: the
 * file changed meanwhile, or is gone; then there is none. FERRY_FULL: state_dir has no room for it.
 * FERRY_RETRY: what came of it before the connection was cut is kept. That comes soon after
 * *cancelled is set, too. */
enum ferry_status ferry_copy_make(struct ferry_copy *copy, struct ferry_sftp *sftp,
                                  const char *folder, const struct ferry_listing_file *file,
                                  const char *state_dir, const atomic_bool *cancelled,
                                  bool *ret_still, struct ferry_error *error) FERRY_MUST_CHECK;
/* "<folder>/<name>" */
#define FERRY_PATH_SIZE 1024
void ferry_copy_path(const char *folder, const char *name, char out[FERRY_PATH_SIZE]);

#endif
