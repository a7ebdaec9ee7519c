#include "producers/sources/exports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIXES     100
#define MOVED_ADVICE "look at both files by hand; what was read is not lost"

struct job {
    enum ferry_status (*run)(struct ferry_exports *exports); /* in the thread */
    void (*tell)(struct ferry_exports *exports);             /* on the loop */
};

struct ferry_exports {
    struct ferry_exports_options options;
    struct ferry_crop crop; /* the thread's own */
    uv_work_t work;
    bool busy, freed;
    bool dropped; /* the copy is closed with the next job */
    atomic_bool cancelled;
    const struct job *job;
    enum ferry_status status;
    struct ferry_error error;

    struct ferry_sftp *sftp;
    struct ferry_listing listing;
    struct ferry_copy copy;
    struct ferry_logfile *logfile;
    struct ferry_harvest harvests[2];
    unsigned filling;                     /* which of them is the job's */
    struct ferry_listing_file file;       /* the job's */
    char sha256[FERRY_SHA256_SIZE];       /* the job's */
    struct ferry_logfile_options opening; /* the job's */
    bool still, moved;
    /* A rename whose result nobody has looked at yet; it outlives its job. */
    bool unverified;
    struct ferry_listing_file renamed;
    char from[FERRY_PATH_SIZE], to[FERRY_PATH_SIZE];
};

/* ---- a job ---- */

static void close_copy(struct ferry_exports *exports)
{
    ferry_logfile_close(exports->logfile);
    exports->logfile = NULL;
    ferry_copy_done(&exports->copy);
}

static void release(struct ferry_exports *exports)
{
    close_copy(exports);
    ferry_listing_done(&exports->listing);
    ferry_harvest_done(&exports->harvests[0]);
    ferry_harvest_done(&exports->harvests[1]);
    ferry_sftp_free(exports->sftp);
    ferry_crop_done(&exports->crop);
    free(exports);
}

static void run_job(uv_work_t *work)
{
    struct ferry_exports *exports = work->data;
    if (exports->dropped)
        close_copy(exports);
    exports->dropped = false;
    exports->status = exports->job->run(exports);
}

static void after_job(uv_work_t *work, int cancelled)
{
    struct ferry_exports *exports = work->data;
    (void)cancelled; /* nobody cancels */
    exports->busy = false;
    if (exports->freed)
        release(exports);
    else
        exports->job->tell(exports);
}

static void begin(struct ferry_exports *exports, const struct job *job)
{
    exports->job = job;
    exports->busy = true;
    ferry_error_clear(&exports->error);
    uv_queue_work(exports->options.loop, &exports->work, run_job, after_job);
}

bool ferry_exports_busy(const struct ferry_exports *exports)
{
    return exports->busy;
}

static enum ferry_status verify_moved(struct ferry_exports *exports);

/* A server that hung up while nothing was asked of it is no fault: then once more. */
static enum ferry_status with_connection(struct ferry_exports *exports,
                                         enum ferry_status (*ask)(struct ferry_exports *exports))
{
    bool fresh = !ferry_sftp_connected(exports->sftp);
    enum ferry_status status = FERRY_OK;
    for (;;) {
        status = ferry_sftp_connect(exports->sftp, &exports->error);
        if (status == FERRY_OK)
            status = verify_moved(exports);
        if (status == FERRY_OK)
            status = ask(exports);
        if (status != FERRY_RETRY || fresh || atomic_load(&exports->cancelled))
            return status;
        fresh = true;
    }
}

/* ---- the jobs ---- */

static enum ferry_status list(struct ferry_exports *exports)
{
    return ferry_listing_read(&exports->listing, exports->sftp, exports->crop.export,
                              &exports->error);
}

static enum ferry_status run_list(struct ferry_exports *exports)
{
    return with_connection(exports, list);
}

static void tell_list(struct ferry_exports *exports)
{
    exports->options.calls->on_listed(exports->options.context, exports->status, &exports->listing,
                                      &exports->error);
}

static enum ferry_status run_copy(struct ferry_exports *exports)
{
    enum ferry_status status = ferry_sftp_connect(exports->sftp, &exports->error);
    if (status != FERRY_OK)
        return status;
    ferry_logfile_close(exports->logfile);
    exports->logfile = NULL;
    return ferry_copy_make(&exports->copy, exports->sftp, exports->crop.export->folder,
                           &exports->file, exports->options.state_dir, &exports->cancelled,
                           &exports->still, &exports->error);
}

static void tell_copy(struct ferry_exports *exports)
{
    exports->options.calls->on_copied(exports->options.context, exports->status,
                                      exports->copy.fd >= 0 ? &exports->copy : NULL,
                                      &exports->error);
}

static enum ferry_status run_open(struct ferry_exports *exports)
{
    ferry_logfile_close(exports->logfile);
    exports->logfile = NULL;
    return ferry_logfile_open(&exports->opening, &exports->logfile, &exports->error);
}

static void tell_open(struct ferry_exports *exports)
{
    exports->options.calls->on_opened(exports->options.context, exports->status, &exports->error);
}

static enum ferry_status run_fill(struct ferry_exports *exports)
{
    struct ferry_harvest *harvest = &exports->harvests[exports->filling];
    ferry_harvest_clear(harvest);
    return ferry_logfile_fill(exports->logfile, harvest, &exports->error);
}

static void tell_fill(struct ferry_exports *exports)
{
    exports->options.calls->on_filled(exports->options.context, exports->status,
                                      &exports->harvests[exports->filling], &exports->error);
}

/* ---- moving ---- */

static bool is_it(const struct ferry_listing_file *file,
                  const struct ferry_sftp_attributes *attributes, bool there)
{
    return there && attributes->size == file->size &&
           attributes->modified_at * 1000 == file->modified_at;
}

/* A rename does not overwrite, so a name that is taken (the same file was finished before) is
 * passed over. */
static enum ferry_status choose_target(struct ferry_exports *exports, char out[FERRY_PATH_SIZE])
{
    const char *folder = exports->crop.export->processed;
    char name[FERRY_FILE_NAME_SIZE + 2 * FERRY_SHA256_SHOWN];
    for (int i = 1; i <= SUFFIXES; i++) {
        struct ferry_sftp_attributes attributes;
        char number[16] = "";
        bool there = false;
        if (i > 1)
            snprintf(number, sizeof number, ".%d", i);
        snprintf(name, sizeof name, "%s.%.*s%s", exports->file.name, FERRY_SHA256_SHOWN,
                 exports->sha256, number);
        ferry_copy_path(folder, name, out);
        enum ferry_status status =
            ferry_sftp_stat(exports->sftp, out, &attributes, &there, &exports->error);
        if (status != FERRY_OK || !there)
            return status;
    }
    return ferry_fail(&exports->error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                      "the folder %.200s holds %.200s %d times already", folder, exports->file.name,
                      SUFFIXES);
}

static enum ferry_status put_back(struct ferry_exports *exports)
{
    struct ferry_sftp_attributes attributes;
    bool taken = false;
    enum ferry_status status =
        ferry_sftp_stat(exports->sftp, exports->from, &attributes, &taken, &exports->error);
    if (status == FERRY_OK && taken)
        status = ferry_fail(&exports->error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                            "%.200s is not the file that was read, and cannot go back: %.200s is "
                            "there again",
                            exports->to, exports->from);
    else if (status == FERRY_OK)
        status = ferry_sftp_rename(exports->sftp, exports->to, exports->from, &exports->error);
    if (status != FERRY_OK)
        ferry_advise(&exports->error, MOVED_ADVICE);
    return status;
}

/* Between the look and the rename somebody may have put another file there: that one is not read
 * yet, and belongs where it was. Of a connection that is cut meanwhile the next one is asked. */
static enum ferry_status verify_moved(struct ferry_exports *exports)
{
    struct ferry_sftp_attributes attributes;
    bool there = false;
    if (!exports->unverified)
        return FERRY_OK;
    enum ferry_status status =
        ferry_sftp_stat(exports->sftp, exports->to, &attributes, &there, &exports->error);
    if (status == FERRY_OK)
        exports->moved = is_it(&exports->renamed, &attributes, there);
    if (status == FERRY_OK && there && !exports->moved)
        status = put_back(exports);
    exports->unverified = status == FERRY_RETRY;
    return status;
}

static enum ferry_status rename_file(struct ferry_exports *exports)
{
    exports->renamed = exports->file;
    enum ferry_status status =
        ferry_sftp_rename(exports->sftp, exports->from, exports->to, &exports->error);
    exports->unverified = status == FERRY_OK || status == FERRY_RETRY;
    return status == FERRY_OK ? verify_moved(exports) : status;
}

static enum ferry_status move(struct ferry_exports *exports)
{
    struct ferry_sftp_attributes attributes;
    bool there = false;
    ferry_copy_path(exports->crop.export->folder, exports->file.name, exports->from);
    enum ferry_status status =
        ferry_sftp_stat(exports->sftp, exports->from, &attributes, &there, &exports->error);
    if (status != FERRY_OK || !is_it(&exports->file, &attributes, there))
        return status;
    status =
        ferry_sftp_make_folder(exports->sftp, exports->crop.export->processed, &exports->error);
    if (status == FERRY_OK)
        status = choose_target(exports, exports->to);
    return status == FERRY_OK ? rename_file(exports) : status;
}

static enum ferry_status run_move(struct ferry_exports *exports)
{
    exports->moved = false;
    return with_connection(exports, move);
}

static void tell_move(struct ferry_exports *exports)
{
    exports->options.calls->on_moved(exports->options.context, exports->status, exports->moved,
                                     &exports->error);
}

/* ---- asked for ---- */

void ferry_exports_list(struct ferry_exports *exports)
{
    static const struct job job = {run_list, tell_list};
    begin(exports, &job);
}

void ferry_exports_copy(struct ferry_exports *exports, const struct ferry_listing_file *file)
{
    static const struct job job = {run_copy, tell_copy};
    exports->file = *file;
    begin(exports, &job);
}

void ferry_exports_open(struct ferry_exports *exports, const struct ferry_filemark *mark,
                        struct ferry_wire wire)
{
    static const struct job job = {run_open, tell_open};
    exports->opening = (struct ferry_logfile_options){
        .fd = exports->copy.fd,
        .kind = exports->copy.file.kind,
        .crop = &exports->crop,
        .wire = wire,
        .mark = *mark,
        .cancelled = &exports->cancelled,
    };
    begin(exports, &job);
}

void ferry_exports_fill(struct ferry_exports *exports)
{
    static const struct job job = {run_fill, tell_fill};
    exports->filling ^= 1;
    begin(exports, &job);
}

void ferry_exports_move(struct ferry_exports *exports, const struct ferry_listing_file *file,
                        const char *sha256)
{
    static const struct job job = {run_move, tell_move};
    exports->file = *file;
    snprintf(exports->sha256, sizeof exports->sha256, "%s", sha256);
    begin(exports, &job);
}

/* To close a file of a gigabyte that has no name takes the disk its time. */
void ferry_exports_drop(struct ferry_exports *exports)
{
    exports->dropped = true;
}

/* ---- life ---- */

enum ferry_status ferry_exports_new(const struct ferry_exports_options *options,
                                    struct ferry_exports **ret_exports, struct ferry_error *error)
{
    struct ferry_exports *exports = calloc(1, sizeof *exports);
    if (!exports)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    exports->options = *options;
    ferry_copy_init(&exports->copy);
    ferry_harvest_init(&exports->harvests[0]);
    ferry_harvest_init(&exports->harvests[1]);
    exports->work.data = exports;
    atomic_init(&exports->cancelled, false);
    enum ferry_status status =
        ferry_crop_init(&exports->crop, options->crop->type, options->crop->json, error);
    if (status == FERRY_OK)
        status = ferry_sftp_new(options->settings, &exports->sftp, error);
    if (status != FERRY_OK) {
        release(exports);
        return status;
    }
    *ret_exports = exports;
    return FERRY_OK;
}

void ferry_exports_free(struct ferry_exports *exports)
{
    if (!exports)
        return;
    exports->freed = true;
    atomic_store(&exports->cancelled, true);
    ferry_sftp_interrupt(exports->sftp);
    if (!exports->busy)
        release(exports);
}
