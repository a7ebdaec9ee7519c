/* Campaign's exports as a source: what blocks (the server, the disk, the parser) runs in a thread
 * of the pool, one job at a time, and what came of it is told on the loop. Loop thread only. */
#ifndef FERRY_EXPORTS_H
#define FERRY_EXPORTS_H

#include "producers/sources/copy.h"
#include "producers/sources/logfile.h"

#include <uv.h>

struct ferry_exports;

/* What a job came to. Called once for each, never from inside a call. `listing` and `copy` are the
 * exports' own, until the next job; a harvest is, until the next but one. */
struct ferry_exports_calls {
    void (*on_listed)(void *context, enum ferry_status status, const struct ferry_listing *listing,
                      const struct ferry_error *error);
    /* `copy` NULL although FERRY_OK: the file did not stand still. With FERRY_RETRY it is what came
     * before the connection was cut, if anything; to copy the same file next goes on behind that.
     */
    void (*on_copied)(void *context, enum ferry_status status, const struct ferry_copy *copy,
                      const struct ferry_error *error);
    void (*on_opened)(void *context, enum ferry_status status, const struct ferry_error *error);
    void (*on_filled)(void *context, enum ferry_status status, struct ferry_harvest *harvest,
                      const struct ferry_error *error);
    /* FERRY_OK and not `moved`: it is another file by now. */
    void (*on_moved)(void *context, enum ferry_status status, bool moved,
                     const struct ferry_error *error);
};

struct ferry_exports_options { /* all borrowed, but the crop */
    uv_loop_t *loop;
    const struct ferry_sftp_settings *settings;
    const char *state_dir;
    const struct ferry_crop *crop;
    const struct ferry_exports_calls *calls;
    void *context;
};

enum ferry_status ferry_exports_new(const struct ferry_exports_options *options,
                                    struct ferry_exports **ret_exports,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
/* At any moment; the job under way is cut short, and nobody is called any more. */
void ferry_exports_free(struct ferry_exports *exports);
bool ferry_exports_busy(const struct ferry_exports *exports);

/* Only while it is not busy. */
void ferry_exports_list(struct ferry_exports *exports);
void ferry_exports_copy(struct ferry_exports *exports, const struct ferry_listing_file *file);
/* The copy, from where `mark` says. */
void ferry_exports_open(struct ferry_exports *exports, const struct ferry_filemark *mark,
                        struct ferry_wire wire);
/* The next rows of what is open, into the one of two harvests that was not filled last: while that
 * is sent, this one is filled. */
void ferry_exports_fill(struct ferry_exports *exports);
/* A finished file, to the folder of those, with its hash in the name. */
void ferry_exports_move(struct ferry_exports *exports, const struct ferry_listing_file *file,
                        const char *sha256);
/* Throws the copy away, with the next job. */
void ferry_exports_drop(struct ferry_exports *exports);

#endif
