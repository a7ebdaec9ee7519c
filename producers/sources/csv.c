#include "producers/sources/csv.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK  ((size_t)64 << 10)
#define WINDOW (2 * FERRY_CSV_ROW_CEILING + CHUNK)
/* Slices are made when the row is whole: until then the buffer may move. */
#define UNPLACED ((const char *)NULL)

/* CR is taken for a blank, so that one before LF goes away as blanks around a field do, and one
 * within quotes stays. */
static int is_blank(unsigned char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static int is_end(unsigned char byte)
{
    return byte == '\n';
}

static enum ferry_status start_parser(struct ferry_csv *csv, bool forgiving,
                                      struct ferry_error *error)
{
    struct csv_parser *parser = &csv->parser;
    if (csv_init(parser, forgiving ? CSV_APPEND_NULL : CSV_APPEND_NULL | CSV_STRICT) != 0)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    csv_set_delim(parser, (unsigned char)csv->options.delimiter);
    csv_set_quote(parser, (unsigned char)csv->options.quote);
    csv_set_space_func(parser, is_blank);
    csv_set_term_func(parser, is_end);
    csv->forgiving = forgiving;
    return FERRY_OK;
}

enum ferry_status ferry_csv_init(struct ferry_csv *csv, const struct ferry_csv_options *options,
                                 struct ferry_error *error)
{
    memset(csv, 0, sizeof *csv);
    csv->options = *options;
    csv->position = options->position;
    csv->line = csv->next_line = options->line;
    ferry_buffer_init(&csv->text, 2 * FERRY_CSV_ROW_CEILING);
    enum ferry_status status = start_parser(csv, false, error);
    if (status != FERRY_OK)
        return status;
    csv->window = malloc(WINDOW);
    if (csv->window)
        return FERRY_OK;
    ferry_csv_done(csv);
    return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
}

void ferry_csv_done(struct ferry_csv *csv)
{
    csv_free(&csv->parser);
    free(csv->window);
    csv->window = NULL;
    ferry_buffer_done(&csv->text);
}

int64_t ferry_csv_position(const struct ferry_csv *csv)
{
    return csv->position;
}

int64_t ferry_csv_line(const struct ferry_csv *csv)
{
    return csv->line;
}

/* ---- what libcsv says ---- */

static void on_field(void *data, size_t length, void *context)
{
    struct ferry_csv *csv = context;
    if (csv->count == FERRY_CSV_COLUMNS) {
        csv->too_many = true;
        return;
    }
    csv->fields[csv->count++] = (struct ferry_slice){UNPLACED, length};
    if (ferry_buffer_append(&csv->text, data, length) != FERRY_OK)
        csv->out_of_memory = true;
}

static void on_row(int end, void *context)
{
    struct ferry_csv *csv = context;
    (void)end;
    csv->done = true;
}

static void forget_fields(struct ferry_csv *csv)
{
    csv->count = 0;
    csv->done = csv->too_many = false;
    ferry_buffer_clear(&csv->text);
}

/* With the row under way, from its begin. */
static enum ferry_status start_again(struct ferry_csv *csv, bool forgiving,
                                     struct ferry_error *error)
{
    forget_fields(csv);
    csv_free(&csv->parser);
    return start_parser(csv, forgiving, error);
}

static enum ferry_status feed(struct ferry_csv *csv, const char *data, size_t length,
                              struct ferry_error *error)
{
    if (csv_parse(&csv->parser, data, length, on_field, on_row, csv) == length &&
        !csv->out_of_memory)
        return FERRY_OK;
    if (!csv->out_of_memory && csv_error(&csv->parser) == CSV_EPARSE)
        return FERRY_BAD_RECORD;
    return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
}

/* ---- the window ---- */

static enum ferry_status read_more(struct ferry_csv *csv, struct ferry_error *error)
{
    size_t length = 0;
    memmove(csv->window, csv->window + csv->row, csv->end - csv->row);
    csv->at -= csv->row;
    csv->end -= csv->row;
    csv->first_line -= csv->first_line ? csv->row : 0;
    csv->row = 0;
    size_t room = WINDOW - csv->end;
    enum ferry_status status = csv->options.read(csv->options.context, csv->window + csv->end,
                                                 room < CHUNK ? room : CHUNK, &length, error);
    csv->end += length;
    csv->ended = status == FERRY_OK && length == 0;
    return status;
}

/* The next row begins at `to`. */
static void go_to(struct ferry_csv *csv, size_t to)
{
    csv->position += (int64_t)(to - csv->row);
    csv->row = csv->at = to;
    csv->line = csv->next_line;
    csv->first_line = 0;
}

static struct ferry_slice line_between(const struct ferry_csv *csv, size_t from, size_t to)
{
    while (to > from && (csv->window[to - 1] == '\n' || csv->window[to - 1] == '\r'))
        to--;
    return (struct ferry_slice){csv->window + from, to - from};
}

/* ---- rows ---- */

static bool is_blank_text(struct ferry_slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!is_blank((unsigned char)text.data[i]))
            return false;
    return true;
}

static const char *flaw_of(const struct ferry_csv *csv, struct ferry_slice raw)
{
    if (csv->too_many)
        return "the row has more than 1000 columns";
    if (memchr(raw.data, '\0', raw.length))
        return "the row has a NUL byte";
    return NULL;
}

static void place_fields(struct ferry_csv *csv)
{
    const char *at = csv->text.data ? csv->text.data : "";
    for (size_t i = 0; i < csv->count; i++) {
        csv->fields[i].data = at;
        at += csv->fields[i].length;
    }
}

/* [row, at) is a whole row. */
static void give_row(struct ferry_csv *csv, struct ferry_csv_row *row)
{
    struct ferry_slice raw = line_between(csv, csv->row, csv->at);
    place_fields(csv);
    *row = (struct ferry_csv_row){
        .raw = raw,
        .line = csv->line,
        .fields = csv->fields,
        .count = csv->count,
        .flaw = flaw_of(csv, raw),
    };
    go_to(csv, csv->at);
}

/* Only the first line is given up: what its quote seemed to swallow are rows again. */
static enum ferry_status give_first_line(struct ferry_csv *csv, const char *flaw,
                                         struct ferry_csv_row *row, struct ferry_error *error)
{
    *row = (struct ferry_csv_row){
        .raw = line_between(csv, csv->row, csv->first_line),
        .line = csv->line,
        .flaw = flaw,
    };
    csv->next_line = csv->line + 1;
    go_to(csv, csv->first_line);
    return start_again(csv, false, error);
}

/* The window moves on to the end of the line, so what is shown of it is kept apart. */
static enum ferry_status give_too_long(struct ferry_csv *csv, struct ferry_csv_row *row,
                                       struct ferry_error *error)
{
    enum ferry_status status =
        ferry_buffer_append(&csv->text, csv->window + csv->row, FERRY_CSV_ROW_CEILING);
    const char *end = NULL;
    if (status != FERRY_OK)
        return ferry_fail(error, status, FERRY_CLASS_BUG, "out of memory");
    *row = (struct ferry_csv_row){
        .raw = {csv->text.data, FERRY_CSV_ROW_CEILING},
        .line = csv->line,
        .flaw = "the line is longer than 64 KiB",
    };
    while (!(end = memchr(csv->window + csv->at, '\n', csv->end - csv->at)) && !csv->ended) {
        go_to(csv, csv->end);
        if (read_more(csv, error) != FERRY_OK)
            return error->status;
    }
    csv->next_line++;
    go_to(csv, end ? (size_t)(end - csv->window) + 1 : csv->end);
    return FERRY_OK;
}

/* One that libcsv must not see: NUL is what stands for "no quote" there. */
static bool is_unfit(const struct ferry_csv *csv, size_t line_end)
{
    return csv->options.quote == '\0' &&
           memchr(csv->window + csv->at, '\0', line_end - csv->at) != NULL;
}

/* libcsv forgives a quote within a text when it is told to, and then takes all to the next one for
 * the same field. So it is told only where it stumbled, and the row counts only if it is a line. */
static enum ferry_status feed_line(struct ferry_csv *csv, size_t line_end,
                                   struct ferry_error *error)
{
    enum ferry_status status = feed(csv, csv->window + csv->at, line_end - csv->at, error);
    if (status != FERRY_BAD_RECORD)
        return status;
    status = start_again(csv, true, error);
    return status == FERRY_OK ? feed(csv, csv->window + csv->row, line_end - csv->row, error)
                              : status;
}

/* libcsv sees the line that ends at `line_end`; at the end of the text its LF may be missing. */
static enum ferry_status take_line(struct ferry_csv *csv, size_t line_end,
                                   struct ferry_error *error)
{
    enum ferry_status status = FERRY_OK;
    if (is_unfit(csv, line_end)) {
        csv->done = true;
    } else {
        status = feed_line(csv, line_end, error);
        if (status == FERRY_OK && csv->window[line_end - 1] != '\n')
            status = feed(csv, "\n", 1, error);
    }
    csv->at = line_end;
    csv->next_line++;
    if (!csv->first_line)
        csv->first_line = line_end;
    return status;
}

static enum ferry_status end_row(struct ferry_csv *csv, struct ferry_csv_row *row,
                                 struct ferry_error *error)
{
    if (csv->forgiving && csv->first_line < csv->at)
        return give_first_line(csv, "a quote is not closed, or stands within a text", row, error);
    give_row(csv, row);
    return FERRY_OK;
}

/* True: a row is given, or the text has ended. */
static bool step(struct ferry_csv *csv, struct ferry_csv_row *row, bool *ret_more,
                 enum ferry_status *status, struct ferry_error *error)
{
    const char *end = memchr(csv->window + csv->at, '\n', csv->end - csv->at);
    size_t line_end = end ? (size_t)(end - csv->window) + 1 : csv->end;
    bool too_long = line_end - csv->row > FERRY_CSV_ROW_CEILING;
    bool over = csv->ended && csv->at == csv->end;
    if (csv->first_line && (too_long || over)) {
        *status = give_first_line(csv, "a quote is opened and not closed", row, error);
        return true;
    }
    if (too_long) {
        *status = give_too_long(csv, row, error);
        return true;
    }
    if (over) {
        *ret_more = false;
        return true;
    }
    if (!end && !csv->ended) {
        *status = read_more(csv, error);
        return *status != FERRY_OK;
    }
    *status = take_line(csv, line_end, error);
    if (*status == FERRY_OK && csv->done) {
        *status = end_row(csv, row, error);
        return true;
    }
    if (*status == FERRY_OK && is_blank_text(line_between(csv, csv->row, csv->at)))
        go_to(csv, csv->at);
    return *status != FERRY_OK;
}

enum ferry_status ferry_csv_next(struct ferry_csv *csv, struct ferry_csv_row *ret_row,
                                 bool *ret_more, struct ferry_error *error)
{
    enum ferry_status status = FERRY_OK;
    *ret_more = true;
    if (csv->forgiving)
        status = start_again(csv, false, error);
    else
        forget_fields(csv);
    while (status == FERRY_OK && !step(csv, ret_row, ret_more, &status, error))
        continue;
    return status;
}
