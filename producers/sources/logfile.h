/* One exported file, read from its copy: unpacked where it is packed, from where it was left. One
 * thread at a time. */
#ifndef FERRY_LOGFILE_H
#define FERRY_LOGFILE_H

#include "producers/sources/crop.h"

#include <stdatomic.h>

struct ferry_logfile;

struct ferry_logfile_options {
    int fd; /* of the copy; borrowed, and may be opened again afterwards */
    enum ferry_file_kind kind;
    const struct ferry_crop *crop; /* borrowed */
    struct ferry_wire wire;
    struct ferry_filemark mark;   /* where to go on; position 0: at the beginning */
    int rows;                     /* at once; 0: as many as a transaction likes */
    const atomic_bool *cancelled; /* reading ends with FERRY_RETRY soon after it is set */
};

/* Reads the header. FERRY_INVALID is the file's fault and names it. */
enum ferry_status ferry_logfile_open(const struct ferry_logfile_options *options,
                                     struct ferry_logfile **ret_file,
                                     struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_logfile_close(struct ferry_logfile *file);
/* The next rows, into a harvest that was cleared; its mark is `done` when these were the last. */
enum ferry_status ferry_logfile_fill(struct ferry_logfile *file, struct ferry_harvest *harvest,
                                     struct ferry_error *error) FERRY_MUST_CHECK;

#endif
