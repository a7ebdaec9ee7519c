/* The rows that only the reader has. */
#include "producers/reader.h"

#include <stddef.h>

const struct ferry_setting ferry_reader_rows[] = {
    {"state.dir", FERRY_SETTING_TEXT, offsetof(struct ferry_reader_settings, state_dir), NULL, 0, 0,
     0,
     "folder with room for a copy of the largest export of Campaign's logs, needed with sftp.host, "
     "and 128 bytes for each contact whose opt-outs are read; may be emptied at any stop"},
};
const size_t ferry_reader_rows_count = sizeof ferry_reader_rows / sizeof ferry_reader_rows[0];
