#include "controller/zone.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The same pattern stands in schemas/email-events.schema.json. */
#define NAME   "^[A-Za-z][A-Za-z0-9_+-]{0,31}(/[A-Za-z0-9_+-]{1,31}){0,2}$"
#define FOLDER "/usr/share/zoneinfo"

bool ferry_zone_is_name(const char *name)
{
    regex_t regex;
    bool match;

    if (regcomp(&regex, NAME, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    match = regexec(&regex, name, 0, NULL, 0) == 0;
    regfree(&regex);
    return match;
}

/* A folder of the database (Europe) is no zone, and neither is its list of countries. */
static bool is_zone(const char *path)
{
    FILE *file = fopen(path, "re");
    char magic[4] = "";
    bool zone = file && fread(magic, 1, sizeof magic, file) == sizeof magic &&
                memcmp(magic, "TZif", sizeof magic) == 0;

    if (file)
        fclose(file);
    return zone;
}

bool ferry_zone_exists(const char *name)
{
    const char *folder = getenv("TZDIR");
    char path[512];
    int length;

    if (strcmp(name, "UTC") == 0)
        return true;
    length = snprintf(path, sizeof path, "%s/%s", folder && *folder ? folder : FOLDER, name);
    return ferry_zone_is_name(name) && length > 0 && (size_t)length < sizeof path && is_zone(path);
}
