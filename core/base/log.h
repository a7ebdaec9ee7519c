/* One line an event on stderr: logfmt, or JSON by option. Any thread. Programs log; core returns
 * errors instead. Values are ids, classes, codes and names, never the content of a record. */
#ifndef FERRY_LOG_H
#define FERRY_LOG_H

#include <stdint.h>

enum ferry_log_level { FERRY_LOG_DEBUG, FERRY_LOG_INFO, FERRY_LOG_WARN, FERRY_LOG_ERROR };
enum ferry_log_format { FERRY_LOG_LOGFMT, FERRY_LOG_JSON };

struct ferry_field {
    const char *key;
    const char *text; /* NULL: the number counts */
    int64_t number;
};

#define FERRY_STR(key, value) ((struct ferry_field){(key), (value), 0})
#define FERRY_INT(key, value) ((struct ferry_field){(key), 0, (int64_t)(value)})

void ferry_log_configure(const char *program, enum ferry_log_level level,
                         enum ferry_log_format format);
void ferry_log_fields(enum ferry_log_level level, const char *event,
                      const struct ferry_field *fields, int count);

#define FERRY_LOG_COUNT(...)                                                                       \
    ((int)(sizeof((struct ferry_field[]){__VA_ARGS__}) / sizeof(struct ferry_field)))
/* ferry_log(FERRY_LOG_INFO, "page_committed", FERRY_STR("table", table), FERRY_INT("records", n))
 */
#define ferry_log(level, event, ...)                                                               \
    ferry_log_fields((level), (event), (struct ferry_field[]){__VA_ARGS__},                        \
                     FERRY_LOG_COUNT(__VA_ARGS__))

#endif
