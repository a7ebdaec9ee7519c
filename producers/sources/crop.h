/* What exported files are read for, e-mail events or opt-outs: which files, under which titles,
 * what becomes of a row, and how it is counted. A thread that reads has a crop of its own. */
#ifndef FERRY_CROP_H
#define FERRY_CROP_H

#include "core/control/export.h"
#include "core/control/registration.h"
#include "core/io/topics.h"
#include "producers/filemeter.h"
#include "producers/sources/harvest.h"

#include <jansson.h>

struct ferry_crop;

/* A file whose rows are taken. */
struct ferry_crop_file {
    const char *name;
    struct ferry_wire wire; /* of the records */
    int64_t read_at;        /* wall ms */
};

struct ferry_crop_type {
    struct ferry_topic topic; /* where the records go */
    enum ferry_schema schema; /* and of which kind they are */
    const struct ferry_filemeter_names *metrics;

    /* What an order says; fills subject, export and scope. */
    enum ferry_status (*open)(json_t *json, struct ferry_crop *crop, struct ferry_error *error);
    void (*close)(void *subject);
    /* Rows of one file. */
    enum ferry_status (*begin)(const struct ferry_crop *crop, enum ferry_file_kind kind,
                               void **ret_rows, struct ferry_error *error);
    void (*end)(void *rows); /* accepts NULL */
    /* The first one; FERRY_INVALID is the file's fault and names it. */
    enum ferry_status (*head)(void *rows, const char *file, const struct ferry_slice *titles,
                              size_t count, struct ferry_error *error);
    /* One of the others: a record, a reject, or counted as skipped. */
    enum ferry_status (*take)(void *rows, const struct ferry_csv_row *row,
                              const struct ferry_crop_file *file, struct ferry_harvest *harvest,
                              struct ferry_error *error);
    /* The name of the trace of a record with this value, a GUID; NULL: any name will do. */
    bool (*name_trace)(const struct ferry_crop *crop, struct ferry_slice value,
                       char out[FERRY_GUID_SIZE]);
    /* For the task's status; `waiting`: files that are not read yet. */
    json_t *(*count)(const struct ferry_filetally *tally, int64_t waiting);
};

struct ferry_crop {
    const struct ferry_crop_type *type;
    json_t *json; /* of the order */
    void *subject;
    const struct ferry_export *export; /* the subject's own */
    struct ferry_filescope scope;
};

extern const struct ferry_crop_type ferry_crop_events;
extern const struct ferry_crop_type ferry_crop_optouts;

/* A reference to `json` is kept: "events" or "optOuts" of a run order. FERRY_INVALID names the path
 * of what is missing or unusable. */
enum ferry_status ferry_crop_init(struct ferry_crop *crop, const struct ferry_crop_type *type,
                                  json_t *json, struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_crop_done(struct ferry_crop *crop);

#endif
