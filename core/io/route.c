#include "core/io/route.h"

#include <string.h>

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

/* The byte at `text`, or -1; *ret_used is how many characters stood for it. */
static int decode_byte(const char *text, size_t left, size_t *ret_used)
{
    *ret_used = 1;
    if (*text != '%')
        return (unsigned char)*text;
    if (left < 3 || hex_digit(text[1]) < 0 || hex_digit(text[2]) < 0)
        return -1;
    *ret_used = 3;
    return hex_digit(text[1]) * 16 + hex_digit(text[2]);
}

static bool decode_segment(const char *text, size_t length, char out[FERRY_ROUTE_VALUE_SIZE])
{
    size_t size = 0;
    size_t used;

    for (size_t i = 0; i < length; i += used) {
        int byte = decode_byte(text + i, length - i, &used);

        if (byte <= 0 || size + 1 >= FERRY_ROUTE_VALUE_SIZE)
            return false;
        out[size++] = (char)byte;
    }
    out[size] = '\0';
    return size > 0;
}

static bool take_parameter(struct ferry_route *route, const char *pattern, size_t pattern_length,
                           const char *segment, size_t length)
{
    struct ferry_route_parameter *parameter;
    size_t name_length = pattern_length - 2;

    if (route->count == FERRY_ROUTE_PARAMETERS || name_length >= FERRY_ROUTE_NAME_SIZE)
        return false;
    parameter = &route->parameters[route->count++];
    memcpy(parameter->name, pattern + 1, name_length);
    parameter->name[name_length] = '\0';
    return decode_segment(segment, length, parameter->value);
}

static bool match_segment(struct ferry_route *route, const char *pattern, size_t pattern_length,
                          const char *segment, size_t length)
{
    if (pattern_length > 2 && pattern[0] == '{' && pattern[pattern_length - 1] == '}')
        return take_parameter(route, pattern, pattern_length, segment, length);
    return pattern_length == length && memcmp(pattern, segment, length) == 0;
}

bool ferry_route_match(const char *pattern, const char *path, struct ferry_route *ret_route)
{
    struct ferry_route route = {.count = 0};

    while (*pattern == '/' && *path == '/') {
        size_t pattern_length = strcspn(++pattern, "/");
        size_t length = strcspn(++path, "/");

        if (!match_segment(&route, pattern, pattern_length, path, length))
            return false;
        pattern += pattern_length;
        path += length;
    }
    if (*pattern || *path)
        return false;
    *ret_route = route;
    return true;
}

const char *ferry_route_parameter(const struct ferry_route *route, const char *name)
{
    for (unsigned i = 0; i < route->count; i++)
        if (strcmp(route->parameters[i].name, name) == 0)
            return route->parameters[i].value;
    return "";
}
