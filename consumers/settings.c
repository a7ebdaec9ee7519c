/* The rows that only the writer has. */
#include "consumers/writer.h"

#include <stddef.h>

#define WRITER(member) offsetof(struct ferry_writer_settings, member)

const struct ferry_setting ferry_writer_rows[] = {
    {"state.dir", FERRY_SETTING_TEXT, WRITER(state_dir), NULL, 0, 0, FERRY_SETTING_REQUIRED,
     "folder of this process alone for its copy of what is written; may be emptied at any stop"},
    {"retry.ms", FERRY_SETTING_INTEGER, WRITER(retry_ms), "500", 10, 60000, 0,
     "milliseconds before a request is repeated for the first time; each further wait is longer"},
};
const size_t ferry_writer_rows_count = sizeof ferry_writer_rows / sizeof ferry_writer_rows[0];
