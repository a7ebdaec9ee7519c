/* The rows that only the writer has. */
#include "consumers/writer.h"

#include <stddef.h>

#define WRITER(member) offsetof(struct ferry_writer_settings, member)

const struct ferry_setting ferry_writer_rows[] = {
    {"state.dir", FERRY_SETTING_TEXT, WRITER(state_dir), NULL, 0, 0, FERRY_SETTING_REQUIRED,
     "folder of this process alone for its copy of what is written; may be emptied at any stop"},
    {"retry.ms", FERRY_SETTING_INTEGER, WRITER(retry_ms), "500", 10, 60000, 0,
     "milliseconds before a request is repeated for the first time; each further wait is longer"},
    {"waiting.timeout.s", FERRY_SETTING_INTEGER, WRITER(waiting_timeout_s), "86400", 1, 31536000, 0,
     "seconds a child waits for its parent before it is a reject"},
    {"deletes.brake.records", FERRY_SETTING_INTEGER, WRITER(brake_records), "1000", 0, 1000000000,
     0,
     "deletes of a table in an hour that need no approval; only more than this and more than "
     "deletes.brake.percent wait for \"ferryctl deletes\""},
    {"deletes.brake.percent", FERRY_SETTING_INTEGER, WRITER(brake_percent), "5", 0, 100, 0,
     "percent of a table's records that may be deleted in an hour without approval; 100: no brake"},
};
const size_t ferry_writer_rows_count = sizeof ferry_writer_rows / sizeof ferry_writer_rows[0];
