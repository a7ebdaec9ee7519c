#include "core/base/status.h"

#include <stdio.h>
#include <string.h>

static const char *const class_names[] = {
    [FERRY_CLASS_NONE] = "none",
    [FERRY_CLASS_CREDENTIALS] = "credentials",
    [FERRY_CLASS_PERMISSION] = "permission",
    [FERRY_CLASS_MAPPING] = "mapping",
    [FERRY_CLASS_SCHEMA] = "schema",
    [FERRY_CLASS_QUOTA] = "quota",
    [FERRY_CLASS_NETWORK] = "network",
    [FERRY_CLASS_BUG] = "bug",
};
#define CLASS_COUNT (sizeof class_names / sizeof class_names[0])

static const char *const status_names[] = {
    [FERRY_OK] = "ok",           [FERRY_NOMEM] = "out of memory",
    [FERRY_INVALID] = "invalid", [FERRY_BAD_RECORD] = "bad record",
    [FERRY_RETRY] = "retry",     [FERRY_FULL] = "full",
    [FERRY_FATAL] = "fatal",
};

enum ferry_status ferry_fail(struct ferry_error *error, enum ferry_status status,
                             enum ferry_class class, const char *format, ...)
{
    if (!error)
        return status;
    error->status = status;
    error->class = class;
    error->action[0] = '\0';
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return status;
}

void ferry_advise(struct ferry_error *error, const char *format, ...)
{
    if (!error)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->action, sizeof error->action, format, arguments);
    va_end(arguments);
}

void ferry_error_clear(struct ferry_error *error)
{
    if (!error)
        return;
    error->status = FERRY_OK;
    error->class = FERRY_CLASS_NONE;
    error->message[0] = '\0';
    error->action[0] = '\0';
}

const char *ferry_class_name(enum ferry_class class)
{
    return (size_t) class < CLASS_COUNT ? class_names[class] : "unknown";
}

enum ferry_class ferry_class_from_name(const char *name)
{
    for (size_t i = 0; name && i < CLASS_COUNT; i++)
        if (strcmp(class_names[i], name) == 0)
            return (enum ferry_class)i;
    return FERRY_CLASS_NONE;
}

const char *ferry_status_name(enum ferry_status status)
{
    return (size_t)status < sizeof status_names / sizeof status_names[0] ? status_names[status]
                                                                         : "unknown";
}
