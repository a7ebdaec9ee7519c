#include "producers/sources/logfile.h"

#include "core/base/clock.h"
#include "producers/sources/unpack.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_AT_ONCE 50000 /* also of those that leave nothing: the position is to move on */

struct ferry_logfile {
    struct ferry_logfile_options options;
    struct ferry_unpack *unpack;
    struct ferry_csv csv;
    void *rows;                 /* the crop's */
    struct ferry_filemark mark; /* behind the rows given so far */
    struct ferry_error trouble; /* comes after the rows before it */
    bool troubled;
};

/* ---- text ---- */

/* What unpacking says becomes a sentence; its status stays. */
static enum ferry_status refuse_data(const struct ferry_logfile *file, enum ferry_status status,
                                     struct ferry_error *error)
{
    const struct ferry_error why = *error;
    if (status == FERRY_RETRY)
        return ferry_fail(error, status, why.class,
                          "the copy of the file %.200s cannot be read: %s", file->mark.file,
                          why.message);
    if (status != FERRY_INVALID)
        return status;
    ferry_fail(error, status, why.class, "the file %.200s cannot be unpacked to its end: %.100s",
               file->mark.file, why.message);
    ferry_advise(error,
                 "export it again; what was read of it is kept, and the other files are read "
                 "meanwhile");
    return status;
}

static enum ferry_status read_text(void *context, char *data, size_t size, size_t *ret_length,
                                   struct ferry_error *error)
{
    const struct ferry_logfile *file = context;
    if (atomic_load(file->options.cancelled))
        return ferry_fail(error, FERRY_RETRY, FERRY_CLASS_NONE, "reading was stopped");
    enum ferry_status status = ferry_unpack_read(file->unpack, data, size, ret_length, error);
    return status == FERRY_OK ? FERRY_OK : refuse_data(file, status, error);
}

/* Passes over a byte order mark; *ret_length bytes of it. */
static enum ferry_status skip_mark(struct ferry_logfile *file, int64_t *ret_length,
                                   struct ferry_error *error)
{
    char begin[3] = {0};
    size_t length = 0;
    size_t more = 0;
    enum ferry_status status = FERRY_OK;
    do {
        status = read_text(file, begin + length, sizeof begin - length, &more, error);
        length += status == FERRY_OK ? more : 0;
    } while (status == FERRY_OK && more > 0 && length < sizeof begin);
    if (status != FERRY_OK)
        return status;
    *ret_length = length == 3 && memcmp(begin, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    if (length >= 2 && (memcmp(begin, "\xFF\xFE", 2) == 0 || memcmp(begin, "\xFE\xFF", 2) == 0)) {
        ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA, "the file %.200s is in UTF-16",
                   file->mark.file);
        ferry_advise(error, "export it as UTF-8");
        return FERRY_INVALID;
    }
    status = ferry_unpack_seek(file->unpack, *ret_length, error);
    return status == FERRY_OK ? FERRY_OK : refuse_data(file, status, error);
}

/* ---- the header ---- */

static enum ferry_status start_csv(struct ferry_logfile *file, int64_t position, int64_t line,
                                   struct ferry_error *error)
{
    const struct ferry_export *export = file->options.crop->export;
    const struct ferry_csv_options options = {
        .delimiter = export->delimiter,
        .quote = export->quote,
        .read = read_text,
        .context = file,
        .position = position,
        .line = line,
    };
    return ferry_csv_init(&file->csv, &options, error);
}

/* Else a whole file of old would be one header without rows. */
static enum ferry_status refuse_returns(const struct ferry_logfile *file, struct ferry_error *error)
{
    ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA,
               "the lines of the file %.200s end with carriage returns alone", file->mark.file);
    ferry_advise(error, "export it with line feeds");
    return FERRY_INVALID;
}

static enum ferry_status read_header(struct ferry_logfile *file, struct ferry_error *error)
{
    struct ferry_csv_row row;
    bool more = false;
    enum ferry_status status = ferry_csv_next(&file->csv, &row, &more, error);
    if (status != FERRY_OK || !more)
        return status; /* an empty file has none */
    if (row.flaw)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_SCHEMA,
                          "the first line of the file %.200s cannot be read: %s", file->mark.file,
                          row.flaw);
    if (memchr(row.raw.data, '\r', row.raw.length))
        return refuse_returns(file, error);
    return file->options.crop->type->head(file->rows, file->mark.file, row.fields, row.count,
                                          error);
}

/* Behind the rows that are committed. */
static enum ferry_status go_on(struct ferry_logfile *file, struct ferry_error *error)
{
    if (file->mark.position <= ferry_csv_position(&file->csv)) {
        file->mark.position = ferry_csv_position(&file->csv);
        file->mark.line = ferry_csv_line(&file->csv);
        return FERRY_OK;
    }
    enum ferry_status status = ferry_unpack_seek(file->unpack, file->mark.position, error);
    if (status != FERRY_OK)
        return refuse_data(file, status, error);
    ferry_csv_done(&file->csv);
    return start_csv(file, file->mark.position, file->mark.line, error);
}

static enum ferry_status begin(struct ferry_logfile *file, struct ferry_error *error)
{
    int64_t mark_length = 0;
    enum ferry_status status = ferry_unpack_new(file->options.fd, &file->unpack, error);
    if (status == FERRY_OK)
        status = skip_mark(file, &mark_length, error);
    if (status == FERRY_OK)
        status = start_csv(file, mark_length, 1, error);
    if (status == FERRY_OK)
        status = read_header(file, error);
    return status == FERRY_OK ? go_on(file, error) : status;
}

enum ferry_status ferry_logfile_open(const struct ferry_logfile_options *options,
                                     struct ferry_logfile **ret_file, struct ferry_error *error)
{
    struct ferry_logfile *file = calloc(1, sizeof *file);
    if (!file)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    file->options = *options;
    file->mark = options->mark;
    enum ferry_status status =
        options->crop->type->begin(options->crop, options->kind, &file->rows, error);
    if (status == FERRY_OK)
        status = begin(file, error);
    if (status != FERRY_OK) {
        ferry_logfile_close(file);
        return status;
    }
    *ret_file = file;
    return FERRY_OK;
}

void ferry_logfile_close(struct ferry_logfile *file)
{
    if (!file)
        return;
    if (file->csv.window)
        ferry_csv_done(&file->csv);
    file->options.crop->type->end(file->rows);
    ferry_unpack_free(file->unpack);
    free(file);
}

/* ---- rows ---- */

static void finish(struct ferry_logfile *file, struct ferry_harvest *harvest, bool ended,
                   int64_t now)
{
    harvest->mark.position = ferry_csv_position(&file->csv);
    harvest->mark.line = ferry_csv_line(&file->csv);
    harvest->mark.done = ended;
    harvest->mark.done_at = ended ? now : 0;
    harvest->read_bytes = harvest->mark.position - file->mark.position;
    file->mark = harvest->mark;
}

static enum ferry_status fill(struct ferry_logfile *file, struct ferry_harvest *harvest,
                              bool *ret_ended, int64_t now, struct ferry_error *error)
{
    const struct ferry_crop_file from = {
        .name = file->mark.file, .wire = file->options.wire, .read_at = now};
    enum ferry_status status = FERRY_OK;
    int most = file->options.rows > 0 ? file->options.rows : ROWS_AT_ONCE;
    for (int rows = 0; rows < most && !ferry_harvest_full(harvest); rows++) {
        struct ferry_csv_row row;
        bool more = false;
        status = ferry_csv_next(&file->csv, &row, &more, error);
        *ret_ended = status == FERRY_OK && !more;
        if (status != FERRY_OK || *ret_ended)
            return status;
        status = file->options.crop->type->take(file->rows, &row, &from, harvest, error);
        if (status != FERRY_OK)
            return status;
    }
    return status;
}

enum ferry_status ferry_logfile_fill(struct ferry_logfile *file, struct ferry_harvest *harvest,
                                     struct ferry_error *error)
{
    int64_t now = ferry_wall_ms();
    bool ended = false;
    if (file->troubled) {
        *error = file->trouble;
        return error->status;
    }
    harvest->mark = file->mark;
    enum ferry_status status = fill(file, harvest, &ended, now, &file->trouble);
    /* The rows before the damage are good. */
    file->troubled = status == FERRY_INVALID;
    if (status != FERRY_OK && !file->troubled) {
        *error = file->trouble;
        return status;
    }
    finish(file, harvest, ended, now);
    return FERRY_OK;
}
