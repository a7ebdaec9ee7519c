#include "core/base/log.h"

#include "core/base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 4096

static struct {
    const char *program;
    enum ferry_log_level level;
    enum ferry_log_format format;
} config = {"ferry", FERRY_LOG_INFO, FERRY_LOG_LOGFMT};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct line {
    char text[LINE_SIZE];
    size_t length;
};

void ferry_log_configure(const char *program, enum ferry_log_level level,
                         enum ferry_log_format format)
{
    config.program = program;
    config.level = level;
    config.format = format;
}

/* Leaves room for the end of the line, so a long line is cut and still ends. */
static void put(struct line *line, const char *text, size_t length)
{
    size_t room = LINE_SIZE - 4 - line->length;
    if (length > room)
        length = room;
    memcpy(line->text + line->length, text, length);
    line->length += length;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* Both formats quote as JSON does: nothing in a value can end the line or forge a field. */
static void put_quoted(struct line *line, const char *text)
{
    put_text(line, "\"");
    for (const char *c = text; *c; c++) {
        char escaped[8];
        if (*c == '"' || *c == '\\')
            snprintf(escaped, sizeof escaped, "\\%c", *c);
        else if (*c == '\n')
            snprintf(escaped, sizeof escaped, "\\n");
        else if ((unsigned char)*c < 0x20 || *c == 0x7f)
            snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)(unsigned char)*c);
        else
            snprintf(escaped, sizeof escaped, "%c", *c);
        put_text(line, escaped);
    }
    put_text(line, "\"");
}

static bool is_plain(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-_./:@+%,";
    return *text && strspn(text, allowed) == strlen(text);
}

static void put_field(struct line *line, const struct ferry_field *field)
{
    bool json = config.format == FERRY_LOG_JSON;
    put_text(line, json ? ",\"" : " ");
    put_text(line, field->key);
    put_text(line, json ? "\":" : "=");
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)field->number);
    if (!field->text)
        put_text(line, number);
    else if (!json && is_plain(field->text))
        put_text(line, field->text);
    else
        put_quoted(line, field->text);
}

static void put_head(struct line *line, enum ferry_log_level level, const char *event)
{
    char now[FERRY_TIME_SIZE];
    ferry_time_format(ferry_wall_ms(), now);
    bool json = config.format == FERRY_LOG_JSON;
    char head[256];
    snprintf(head, sizeof head,
             json ? "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\",\"event\":\"%s\""
                  : "time=%s level=%s program=%s event=%s",
             now, level_names[level], config.program, event);
    put_text(line, head);
}

void ferry_log_fields(enum ferry_log_level level, const char *event,
                      const struct ferry_field *fields, int count)
{
    if (level < config.level)
        return;
    struct line line = {.length = 0};
    put_head(&line, level, event);
    for (int i = 0; i < count; i++)
        put_field(&line, &fields[i]);
    const char *end = config.format == FERRY_LOG_JSON ? "}\n" : "\n";
    memcpy(line.text + line.length, end, strlen(end));
    line.length += strlen(end);
    /* One write a line, so that lines of threads and of processes do not mix. */
    if (write(STDERR_FILENO, line.text, line.length) < 0)
        return;
}
