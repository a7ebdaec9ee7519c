/* The first row of an export: which column of the file is which of ours. Values; any thread. */
#ifndef FERRY_HEADER_H
#define FERRY_HEADER_H

#include "core/control/export.h"
#include "producers/sources/csv.h"

struct ferry_header_column {
    const char *name;  /* NULL: these files have no such column, or Ferry has no use for it */
    const char *other; /* another name, where more than the spelling differs; NULL: none */
    bool required;
};

#define FERRY_HEADER_COLUMNS 17 /* most that Ferry knows in one kind of file */
#define FERRY_NO_COLUMN      (-1)

struct ferry_header {
    int index[FERRY_HEADER_COLUMNS]; /* in the file; FERRY_NO_COLUMN: it has none of these */
    size_t count;                    /* of the file's columns */
};

/* Finds `ours` under their own names, those that the configuration gives them, or in another
 * spelling ("Delivery log ID"). What else the file has does not matter. FERRY_INVALID names the
 * file and the column that is missing or there twice. */
enum ferry_status ferry_header_read(const struct ferry_header_column *ours, size_t our_count,
                                    const char *file, const struct ferry_slice *titles,
                                    size_t count, const struct ferry_export *export,
                                    struct ferry_header *ret_header,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
/* Empty where the file has no such column. */
struct ferry_slice ferry_header_field(const struct ferry_header *header,
                                      const struct ferry_csv_row *row, int column);

#define FERRY_ROW_REASON_SIZE 400
/* False, with a sentence, for a row that is broken or has other columns than the header. */
bool ferry_header_fits(const struct ferry_header *header, const struct ferry_csv_row *row,
                       char reason[FERRY_ROW_REASON_SIZE]);

#endif
