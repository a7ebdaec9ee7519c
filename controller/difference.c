#include "controller/difference.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Where we are: a chain on the stack, written out only for what differs. */
struct step {
    const struct step *above;
    const char *key; /* NULL: an index */
    size_t index;
};

#define PATH_SIZE 1024

static void compare(json_t *changes, const struct step *step, json_t *from, json_t *to);

static size_t append(char *path, size_t used, const char *text)
{
    size_t length = strlen(text);

    if (used + length >= PATH_SIZE)
        return used;
    memcpy(path + used, text, length + 1);
    return used + length;
}

/* RFC 6901: ~ is ~0, / is ~1. */
static size_t append_key(char *path, size_t used, const char *key)
{
    char one[2] = "";

    for (; *key; key++) {
        one[0] = *key;
        used = append(path, used, *key == '~' ? "~0" : *key == '/' ? "~1" : one);
    }
    return used;
}

static size_t write_path(const struct step *step, char *path)
{
    char number[24];
    size_t used;

    if (!step)
        return 0;
    used = append(path, write_path(step->above, path), "/");
    if (step->key)
        return append_key(path, used, step->key);
    snprintf(number, sizeof number, "%zu", step->index);
    return append(path, used, number);
}

static void report(json_t *changes, const struct step *step, json_t *from, json_t *to)
{
    const char *op = !from ? "add" : !to ? "remove" : "replace";
    char path[PATH_SIZE] = "";

    write_path(step, path);
    json_array_append_new(changes, json_pack("{s:s, s:s, s:O*, s:O*}", "op", op, "path", path,
                                             "from", from, "to", to));
}

static void compare_objects(json_t *changes, const struct step *above, json_t *from, json_t *to)
{
    const char *key;
    json_t *value;

    json_object_foreach (from, key, value) {
        const struct step step = {above, key, 0};

        compare(changes, &step, value, json_object_get(to, key));
    }
    json_object_foreach (to, key, value) {
        const struct step step = {above, key, 0};

        if (!json_object_get(from, key))
            report(changes, &step, NULL, value);
    }
}

/* The member by which all elements of both lists are known; NULL when there is none. */
static const char *name_of_elements(const json_t *from, const json_t *to)
{
    static const char *const names[] = {"table", "destination", "campaign", "from"};
    const json_t *lists[2] = {from, to};

    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        bool all = true;

        for (int l = 0; l < 2; l++)
            for (size_t i = 0; i < json_array_size(lists[l]); i++)
                all = all && json_object_get(json_array_get(lists[l], i), names[n]);
        if (all)
            return names[n];
    }
    return NULL;
}

static json_t *find_named(const json_t *list, const char *name, const json_t *wanted)
{
    size_t i;
    json_t *element;

    json_array_foreach (list, i, element)
        if (json_equal(json_object_get(element, name), wanted))
            return element;
    return NULL;
}

static void compare_named(json_t *changes, const struct step *above, json_t *from, json_t *to,
                          const char *name)
{
    size_t i;
    json_t *element;

    json_array_foreach (from, i, element) {
        const struct step step = {above, NULL, i};

        if (!find_named(to, name, json_object_get(element, name)))
            report(changes, &step, element, NULL);
    }
    json_array_foreach (to, i, element) {
        const struct step step = {above, NULL, i};

        compare(changes, &step, find_named(from, name, json_object_get(element, name)), element);
    }
}

static void compare_by_index(json_t *changes, const struct step *above, json_t *from, json_t *to)
{
    size_t count = json_array_size(from);

    if (json_array_size(to) > count)
        count = json_array_size(to);
    for (size_t i = 0; i < count; i++) {
        const struct step step = {above, NULL, i};

        compare(changes, &step, json_array_get(from, i), json_array_get(to, i));
    }
}

static void compare(json_t *changes, const struct step *step, json_t *from, json_t *to)
{
    const char *name;

    if (from && to && json_equal(from, to))
        return;
    if (json_is_object(from) && json_is_object(to)) {
        compare_objects(changes, step, from, to);
    } else if (json_is_array(from) && json_is_array(to)) {
        name = name_of_elements(from, to);
        if (name)
            compare_named(changes, step, from, to, name);
        else
            compare_by_index(changes, step, from, to);
    } else {
        report(changes, step, from, to);
    }
}

json_t *ferry_difference(json_t *from, json_t *to)
{
    json_t *changes = json_array();

    if (changes && (from || to))
        compare(changes, NULL, from, to);
    return changes;
}
