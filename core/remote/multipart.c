#include "core/remote/multipart.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PART_BYTES     ((size_t)1 << 20)
#define PIECE_BYTES    ((size_t)64 << 10)
#define BOUNDARY_BYTES 256
#define USUAL_BYTES    1024
#define RETRY_SECONDS  86400L /* nobody means more */
#define NO_CONTENT     204

struct slice {
    const char *data;
    size_t length;
};

static void begin_part(struct ferry_multipart *multipart, size_t start)
{
    multipart->part = multipart->line = start;
    multipart->head = (struct ferry_multipart_head){.retry_after_ms = -1};
}

void ferry_multipart_init(struct ferry_multipart *multipart, ferry_multipart_callback on_part,
                          void *context)
{
    *multipart = (struct ferry_multipart){.on_part = on_part, .context = context};
    ferry_buffer_init(&multipart->boundary, BOUNDARY_BYTES);
    ferry_buffer_init(&multipart->text, PART_BYTES);
    ferry_buffer_init(&multipart->usual, USUAL_BYTES);
}

void ferry_multipart_clear(struct ferry_multipart *multipart)
{
    ferry_buffer_clear(&multipart->boundary);
    ferry_buffer_clear(&multipart->text);
    ferry_buffer_clear(&multipart->usual);
    begin_part(multipart, 0);
    multipart->over = false;
}

void ferry_multipart_done(struct ferry_multipart *multipart)
{
    ferry_buffer_done(&multipart->boundary);
    ferry_buffer_done(&multipart->text);
    ferry_buffer_done(&multipart->usual);
}

bool ferry_multipart_over(const struct ferry_multipart *multipart)
{
    return multipart->over;
}

/* --- one part --- */

static bool is_header(struct slice line, const char *name, struct slice *ret_value)
{
    size_t length = strlen(name);
    if (line.length <= length || line.data[length] != ':' ||
        strncasecmp(line.data, name, length) != 0)
        return false;
    *ret_value = (struct slice){line.data + length + 1, line.length - length - 1};
    while (ret_value->length > 0 && *ret_value->data == ' ') {
        ret_value->data++;
        ret_value->length--;
    }
    return true;
}

static int64_t read_seconds(struct slice value)
{
    if (value.length == 0 || !isdigit((unsigned char)*value.data))
        return -1;
    long seconds = strtol(value.data, NULL, 10); /* it stops at the line's end at the latest */
    return (seconds > RETRY_SECONDS ? RETRY_SECONDS : seconds) * 1000;
}

/* "HTTP/1.1 204 No Content"; 0 when it is none. */
static int read_status(struct slice line)
{
    static const char protocol[] = "HTTP/1.";
    size_t at = sizeof protocol + 1; /* behind the minor version and a space */
    if (line.length < at + 3 || memcmp(line.data, protocol, sizeof protocol - 1) != 0 ||
        line.data[at - 1] != ' ')
        return 0;
    int status = 0;
    size_t end = at;
    for (; end < line.length && isdigit((unsigned char)line.data[end]) && status <= 599; end++)
        status = status * 10 + (line.data[end] - '0');
    return end == at + 3 && status >= 100 && status <= 599 ? status : 0;
}

static void read_header(struct ferry_multipart *multipart, struct slice line)
{
    struct ferry_multipart_head *head = &multipart->head;
    struct slice value;
    if (is_header(line, "Retry-After", &value)) {
        head->retry_after_ms = read_seconds(value);
    } else if (is_header(line, "Content-Type", &value)) {
        head->type = (size_t)(value.data - multipart->text.data) - multipart->part;
        head->type_length = value.length;
    }
}

/* Up to its status, most parts are alike. */
static void remember_beginning(struct ferry_multipart *multipart, size_t end)
{
    const char *start = multipart->text.data + multipart->part;
    ferry_buffer_clear(&multipart->usual);
    if (ferry_buffer_append(&multipart->usual, start, end - multipart->part) != FERRY_OK)
        ferry_buffer_clear(&multipart->usual); /* every part is read by its lines then */
}

/* What was read by its lines once need not be again. */
static void skip_usual_beginning(struct ferry_multipart *multipart)
{
    const struct ferry_buffer *usual = &multipart->usual;
    const struct ferry_buffer *text = &multipart->text;
    if (usual->length == 0 || text->length - multipart->part < usual->length ||
        memcmp(text->data + multipart->part, usual->data, usual->length) != 0)
        return;
    multipart->line = multipart->part + usual->length;
    multipart->head.status = NO_CONTENT;
    multipart->head.stage = FERRY_MULTIPART_REST;
}

/* `end`: where the next line begins. Nearly every part says no more than that it has no content:
 * its headers only repeat what was asked. */
static void read_line(struct ferry_multipart *multipart, struct slice line, size_t end)
{
    struct ferry_multipart_head *head = &multipart->head;
    bool blank = line.length == 0;
    switch (head->stage) {
    case FERRY_MULTIPART_OWN:
        if (blank)
            head->stage = FERRY_MULTIPART_STATUS;
        break;
    case FERRY_MULTIPART_STATUS:
        head->status = read_status(line);
        head->stage = head->status == 0 || head->status == NO_CONTENT ? FERRY_MULTIPART_REST
                                                                      : FERRY_MULTIPART_HEADERS;
        if (head->status == NO_CONTENT)
            remember_beginning(multipart, end);
        break;
    case FERRY_MULTIPART_HEADERS:
        if (!blank) {
            read_header(multipart, line);
            break;
        }
        head->stage = FERRY_MULTIPART_REST;
        head->body = end - multipart->part;
        break;
    case FERRY_MULTIPART_REST:
        break;
    }
}

/* `start` is ours to write into: a NUL ends the type, as one ends the text. */
static enum ferry_status tell_part(const struct ferry_multipart *multipart, char *start,
                                   size_t length)
{
    const struct ferry_multipart_head *head = &multipart->head;
    struct ferry_multipart_part part = {.status = head->status,
                                        .retry_after_ms = head->retry_after_ms,
                                        .content_type = "",
                                        .body = start + length};
    if (head->status == 0)
        return FERRY_INVALID;
    if (head->type != 0) {
        start[head->type + head->type_length] = '\0';
        part.content_type = start + head->type;
    }
    if (head->body != 0 && head->body < length) {
        part.body = start + head->body;
        part.length = length - head->body;
    }
    multipart->on_part(multipart->context, &part);
    return FERRY_OK;
}

/* The line break before a delimiter belongs to the delimiter. */
static size_t without_break(const char *text, size_t length)
{
    if (length > 0 && text[length - 1] == '\n')
        length--;
    if (length > 0 && text[length - 1] == '\r')
        length--;
    return length;
}

static enum ferry_status end_part(struct ferry_multipart *multipart)
{
    char *start = multipart->text.data + multipart->part;
    size_t length = without_break(start, multipart->line - multipart->part);
    start[length] = '\0';
    return tell_part(multipart, start, length);
}

/* --- lines --- */

/* What was told goes, once for all that was fed. */
static void compact(struct ferry_multipart *multipart)
{
    struct ferry_buffer *text = &multipart->text;
    if (multipart->part == 0)
        return;
    memmove(text->data, text->data + multipart->part, text->length - multipart->part);
    text->length -= multipart->part;
    text->data[text->length] = '\0';
    multipart->line -= multipart->part;
    multipart->part = 0;
}

static size_t without_blanks(const char *line, size_t length)
{
    while (length > 0 && strchr(" \t\r\n", line[length - 1]))
        length--;
    return length;
}

/* What follows the last one on its line is of no interest: it is known before its line ends. */
enum delimiter { DELIMITER_NONE, DELIMITER_NEXT, DELIMITER_LAST };

static enum delimiter delimiter_of(const struct ferry_multipart *multipart, const char *line,
                                   size_t length)
{
    const struct ferry_buffer *boundary = &multipart->boundary;
    if (length < boundary->length || memcmp(line, boundary->data, boundary->length) != 0)
        return DELIMITER_NONE;
    if (without_blanks(line, length) == boundary->length)
        return DELIMITER_NEXT;
    bool last = length >= boundary->length + 2 && memcmp(line + boundary->length, "--", 2) == 0;
    return last ? DELIMITER_LAST : DELIMITER_NONE;
}

/* What stands before the first delimiter is for people with old mail programs. */
static enum ferry_status find_boundary(struct ferry_multipart *multipart, const char *line,
                                       size_t length, size_t end)
{
    begin_part(multipart, end);
    if (length <= 2 || memcmp(line, "--", 2) != 0)
        return FERRY_OK;
    enum ferry_status status = ferry_buffer_append(&multipart->boundary, line, length);
    return status == FERRY_FULL ? FERRY_INVALID : status;
}

/* `end`: where the next line begins. */
static enum ferry_status take_text_line(struct ferry_multipart *multipart, size_t end)
{
    const char *line = multipart->text.data + multipart->line;
    size_t length = end - multipart->line;
    if (multipart->boundary.length == 0)
        return find_boundary(multipart, line, without_blanks(line, length), end);
    enum delimiter delimiter = delimiter_of(multipart, line, length);
    if (delimiter == DELIMITER_NONE) {
        read_line(multipart, (struct slice){line, without_break(line, length)}, end);
        multipart->line = end;
        return FERRY_OK;
    }
    enum ferry_status status = end_part(multipart);
    multipart->over = delimiter == DELIMITER_LAST;
    begin_part(multipart, end);
    skip_usual_beginning(multipart);
    return status;
}

/* The last line need not be ended. */
static enum ferry_status take_last_line(struct ferry_multipart *multipart)
{
    const struct ferry_buffer *text = &multipart->text;
    const char *line = text->data + multipart->line;
    if (multipart->boundary.length == 0 ||
        delimiter_of(multipart, line, text->length - multipart->line) != DELIMITER_LAST)
        return FERRY_OK;
    multipart->over = true;
    return end_part(multipart);
}

static enum ferry_status take_lines(struct ferry_multipart *multipart)
{
    struct ferry_buffer *text = &multipart->text;
    enum ferry_status status = FERRY_OK;
    while (status == FERRY_OK && !multipart->over && multipart->line < text->length) {
        const char *line = text->data + multipart->line;
        const char *end = memchr(line, '\n', text->length - multipart->line);
        if (!end)
            return take_last_line(multipart);
        status = take_text_line(multipart, (size_t)(end - text->data) + 1);
    }
    return status;
}

static enum ferry_status feed_piece(struct ferry_multipart *multipart, const char *data,
                                    size_t length)
{
    enum ferry_status status = ferry_buffer_append(&multipart->text, data, length);
    if (status != FERRY_OK)
        return status == FERRY_FULL ? FERRY_INVALID : status;
    status = take_lines(multipart);
    compact(multipart);
    return status;
}

enum ferry_status ferry_multipart_feed(struct ferry_multipart *multipart, const char *data,
                                       size_t length)
{
    enum ferry_status status = FERRY_OK;
    while (status == FERRY_OK && !multipart->over && length > 0) {
        size_t piece = length < PIECE_BYTES ? length : PIECE_BYTES;
        status = feed_piece(multipart, data, piece);
        data += piece;
        length -= piece;
    }
    return status;
}
