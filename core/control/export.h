/* The "export" of a run order: where Campaign's exports are and how they are written. Borrows from
 * the order. */
#ifndef FERRY_EXPORT_H
#define FERRY_EXPORT_H

#include <jansson.h>
#include <stdbool.h>

enum ferry_encoding { FERRY_ENCODING_UTF8, FERRY_ENCODING_LATIN1, FERRY_ENCODING_WINDOWS1252 };

/* What the rows of a file are. */
enum ferry_file_kind { FERRY_FILE_DELIVERIES, FERRY_FILE_TRACKING, FERRY_FILE_OPTOUTS };
#define FERRY_FILE_KINDS (FERRY_FILE_OPTOUTS + 1)

struct ferry_export {
    const char
        *folder; /* relative to the home directory of the SFTP user, unless it begins with / */
    const char *files[FERRY_FILE_KINDS]; /* patterns of names, with * and ?; NULL: none are read */
    bool move;             /* finished files go to `processed`; false: they are left */
    const char *processed; /* a folder */
    char delimiter;
    char quote; /* '\0': quotes are text */
    enum ferry_encoding encoding;
    const char *timezone; /* of dates without a zone; a name of the time zone database */
    json_t *columns;      /* Ferry's name of a column -> its header; an object, perhaps empty */
};

/* NULL, or the member that is missing or unusable. Which patterns have to be there is the order's
 * business. */
const char *ferry_export_read(const json_t *json, struct ferry_export *export);
/* "deliveryLogs": the member with the pattern of these files. */
const char *ferry_file_kind_member(enum ferry_file_kind kind);
const char *ferry_encoding_name(enum ferry_encoding encoding); /* as iconv and ADR 4 call it */

#endif
