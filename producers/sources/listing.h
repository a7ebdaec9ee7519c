/* What lies in the folder of the exports: the files whose names match, in the order of their names.
 * One thread at a time. */
#ifndef FERRY_LISTING_H
#define FERRY_LISTING_H

#include "core/control/export.h"
#include "core/io/sftp.h"
#include "producers/filemark.h"

struct ferry_listing_file {
    char name[FERRY_FILE_NAME_SIZE];
    enum ferry_file_kind kind;
    int64_t size;
    int64_t modified_at; /* ms */
};

struct ferry_listing {
    struct ferry_listing_file *files;
    size_t count, capacity;
    size_t unfit; /* left out: names that cannot be carried */
};

void ferry_listing_done(struct ferry_listing *listing);
/* In place of what it held. */
enum ferry_status ferry_listing_read(struct ferry_listing *listing, struct ferry_sftp *sftp,
                                     const struct ferry_export *export,
                                     struct ferry_error *error) FERRY_MUST_CHECK;
/* One more of what a folder holds; sorted later. A name that matches no pattern is passed over
 * silently. */
enum ferry_status
ferry_listing_add(struct ferry_listing *listing, const struct ferry_export *export,
                  const char *name,
                  const struct ferry_sftp_attributes *attributes) FERRY_MUST_CHECK;
void ferry_listing_sort(struct ferry_listing *listing);
/* The same name, size and time. */
bool ferry_listing_same(const struct ferry_listing_file *a, const struct ferry_listing_file *b);

#endif
