#include "controller/fault.h"

#include <stdarg.h>

/* Whole, however long: cut text might end inside a character, which jansson refuses. */
bool ferry_fault_add(json_t *faults, enum ferry_class class, const char *path, const char *format,
                     ...)
{
    va_list arguments;
    va_start(arguments, format);
    json_t *reason = json_vsprintf(format, arguments);
    va_end(arguments);
    json_t *fault = json_pack("{s:s, s:o, s:s}", "path", path, "reason", reason, "class",
                              ferry_class_name(class));
    return json_array_append_new(faults, fault) == 0;
}
