#include "core/control/export.h"

#include <string.h>

static const char *const encoding_names[] = {"UTF-8", "ISO-8859-1", "windows-1252"};
#define ENCODINGS (sizeof encoding_names / sizeof encoding_names[0])
static const char *const pattern_members[FERRY_FILE_KINDS] = {"deliveryLogs", "trackingLogs",
                                                              "files"};

const char *ferry_encoding_name(enum ferry_encoding encoding)
{
    return (size_t)encoding < ENCODINGS ? encoding_names[encoding] : "?";
}

const char *ferry_file_kind_member(enum ferry_file_kind kind)
{
    return pattern_members[kind];
}

/* A member of at most one byte, and of at least `least`. */
static bool read_byte(const json_t *object, const char *key, size_t least, char *ret_byte)
{
    const json_t *value = json_object_get(object, key);
    size_t length = json_string_length(value);
    if (!json_is_string(value) || length < least || length > 1)
        return false;
    *ret_byte = json_string_value(value)[0];
    return true;
}

static bool read_encoding(const char *name, enum ferry_encoding *ret_encoding)
{
    for (size_t i = 0; name && i < ENCODINGS; i++) {
        if (strcmp(name, encoding_names[i]) != 0)
            continue;
        *ret_encoding = (enum ferry_encoding)i;
        return true;
    }
    return false;
}

static bool read_finished(const char *text, bool *ret_move)
{
    *ret_move = text && strcmp(text, "move") == 0;
    return *ret_move || (text && strcmp(text, "leave") == 0);
}

static bool only_texts(json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach (object, key, value)
        if (!json_is_string(value))
            return false;
    return json_is_object(object);
}

static const char *text(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

static const char *missing_text(const json_t *json, struct ferry_export *export)
{
    const struct {
        const char *key;
        const char **field;
    } rows[] = {{"folder", &export->folder},
                {"processed", &export->processed},
                {"timezone", &export->timezone}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        *rows[i].field = text(json, rows[i].key);
        if (!*rows[i].field)
            return rows[i].key;
    }
    return NULL;
}

const char *ferry_export_read(const json_t *json, struct ferry_export *export)
{
    const char *missing = missing_text(json, export);
    if (missing)
        return missing;
    for (int i = 0; i < FERRY_FILE_KINDS; i++)
        export->files[i] = text(json, pattern_members[i]);
    export->columns = json_object_get(json, "columns");
    if (!read_byte(json, "delimiter", 1, &export->delimiter))
        return "delimiter";
    if (!read_byte(json, "quote", 0, &export->quote) || export->quote == export->delimiter)
        return "quote";
    if (!read_encoding(text(json, "encoding"), &export->encoding))
        return "encoding";
    if (!read_finished(text(json, "finished"), &export->move))
        return "finished";
    return only_texts(export->columns) ? NULL : "columns";
}
