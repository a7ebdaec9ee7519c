#include "controller/shape.h"

#include "controller/fault.h"
#include "core/base/buffer.h"

#include <regex.h>
#include <stdarg.h>
#include <string.h>

/* No document that the API takes can name a longer path. */
#define PATH_LIMIT  (4U << 20)
#define NAMES_LIMIT 4096

/* A name in a JSON pointer: ~ and / are escaped. */
static enum ferry_status append_escaped(struct ferry_buffer *out, const char *name)
{
    enum ferry_status status = ferry_buffer_append(out, "/", 1);
    for (; status == FERRY_OK && *name; name++) {
        if (*name == '~')
            status = ferry_buffer_append(out, "~0", 2);
        else if (*name == '/')
            status = ferry_buffer_append(out, "~1", 2);
        else
            status = ferry_buffer_append(out, name, 1);
    }
    return status;
}

static enum ferry_status append_path(struct ferry_buffer *out, const struct ferry_place *place)
{
    if (!place)
        return FERRY_OK;
    enum ferry_status status = append_path(out, place->parent);
    if (status != FERRY_OK)
        return status;
    if (place->name)
        return append_escaped(out, place->name);
    return ferry_buffer_printf(out, "/%zu", place->index);
}

FERRY_PRINTF(4, 0)
static void add_fault(struct ferry_shape *shape, enum ferry_class class,
                      const struct ferry_place *place, const char *format, va_list arguments)
{
    struct ferry_buffer path;
    json_t *reason = json_vsprintf(format, arguments);
    ferry_buffer_init(&path, PATH_LIMIT);
    if (!reason || append_path(&path, place) != FERRY_OK ||
        !ferry_fault_add(shape->faults, class, path.data ? path.data : "", "%s",
                         json_string_value(reason)))
        shape->out_of_memory = true;
    ferry_buffer_done(&path);
    json_decref(reason);
}

void ferry_shape_fault(struct ferry_shape *shape, const struct ferry_place *place,
                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_fault(shape, FERRY_CLASS_MAPPING, place, format, arguments);
    va_end(arguments);
}

void ferry_shape_fault_of(struct ferry_shape *shape, enum ferry_class class,
                          const struct ferry_place *place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_fault(shape, class, place, format, arguments);
    va_end(arguments);
}

static const struct ferry_shape_member *find_member(const struct ferry_shape_member *members,
                                                    const char *name)
{
    for (; members->name; members++)
        if (strcmp(members->name, name) == 0)
            return members;
    return NULL;
}

static void refuse_unknown(struct ferry_shape *shape, const struct ferry_place *place,
                           const struct ferry_shape_member *members)
{
    struct ferry_buffer list;
    ferry_buffer_init(&list, NAMES_LIMIT);
    enum ferry_status status = FERRY_OK;
    for (size_t i = 0; status == FERRY_OK && members[i].name; i++)
        status = ferry_buffer_printf(&list, "%s%s", i ? ", " : "", members[i].name);
    ferry_shape_fault(shape, place, "is not known here; known are %s", list.data ? list.data : "");
    ferry_buffer_done(&list);
}

void ferry_shape_object(struct ferry_shape *shape, json_t *value, const struct ferry_place *place,
                        const struct ferry_shape_member *members)
{
    const char *name;
    json_t *member;
    if (!json_is_object(value)) {
        ferry_shape_fault(shape, place, "must be an object");
        return;
    }
    json_object_foreach (value, name, member) {
        const struct ferry_place inner = {place, name, 0};
        const struct ferry_shape_member *known = find_member(members, name);
        if (known)
            known->check(shape, member, &inner);
        else
            refuse_unknown(shape, &inner, members);
    }
    for (; members->name; members++)
        if (members->required && !json_object_get(value, members->name))
            ferry_shape_fault(shape, place, "\"%s\" is missing", members->name);
}

void ferry_shape_array(struct ferry_shape *shape, json_t *value, const struct ferry_place *place,
                       size_t minimum, size_t maximum, ferry_shape_checker check)
{
    if (!json_is_array(value)) {
        ferry_shape_fault(shape, place, "must be a list");
        return;
    }
    if (json_array_size(value) < minimum)
        ferry_shape_fault(shape, place, "must not be empty");
    if (json_array_size(value) > maximum) {
        ferry_shape_fault(shape, place, "must not have more than %zu entries", maximum);
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const struct ferry_place inner = {place, NULL, i};
        check(shape, json_array_get(value, i), &inner);
    }
}

void ferry_shape_text(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    if (!json_is_string(value))
        ferry_shape_fault(shape, place, "must be a text");
}

void ferry_shape_boolean(struct ferry_shape *shape, json_t *value, const struct ferry_place *place)
{
    if (!json_is_boolean(value))
        ferry_shape_fault(shape, place, "must be true or false");
}

static bool matches(const char *text, const char *pattern)
{
    regex_t regex;
    if (!text || regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool match = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return match;
}

void ferry_shape_pattern(struct ferry_shape *shape, json_t *value, const struct ferry_place *place,
                         const char *pattern, const char *reason)
{
    if (!matches(json_string_value(value), pattern))
        ferry_shape_fault(shape, place, "%s", reason);
}

void ferry_shape_choice(struct ferry_shape *shape, json_t *value, const struct ferry_place *place,
                        const char *const *names)
{
    struct ferry_buffer list;
    ferry_buffer_init(&list, NAMES_LIMIT);
    enum ferry_status status = FERRY_OK;
    for (size_t i = 0; status == FERRY_OK && names[i]; i++) {
        if (json_is_string(value) && strcmp(json_string_value(value), names[i]) == 0) {
            ferry_buffer_done(&list);
            return;
        }
        status = ferry_buffer_printf(&list, "%s%s", i ? ", " : "", names[i]);
    }
    ferry_shape_fault(shape, place, "must be one of %s", list.data ? list.data : "");
    ferry_buffer_done(&list);
}

enum ferry_status ferry_shape_document(json_t *document, const struct ferry_shape_member *members,
                                       void (*whole)(struct ferry_shape *shape,
                                                     const json_t *document),
                                       json_t *faults)
{
    struct ferry_shape shape = {.faults = faults};
    size_t before = json_array_size(faults);
    ferry_shape_object(&shape, document, NULL, members);
    if (whole && json_array_size(faults) == before)
        whole(&shape, document);
    if (shape.out_of_memory)
        return FERRY_NOMEM;
    return json_array_size(faults) == before ? FERRY_OK : FERRY_INVALID;
}
