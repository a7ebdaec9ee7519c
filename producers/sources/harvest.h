/* What came out of some rows: the messages of one transaction, encoded, and how far the file is
 * read with them. Filled in a thread, sent on the loop; not both at once. */
#ifndef FERRY_HARVEST_H
#define FERRY_HARVEST_H

#include "producers/filemark.h"
#include "producers/sources/csv.h"

struct ferry_harvest_item {
    size_t key, key_length; /* in `bytes`; of a reject its reason, in place of the key */
    size_t value, value_length;
    int64_t line;
    bool reject;
};

struct ferry_harvest {
    struct ferry_buffer bytes;
    struct ferry_harvest_item *items;
    size_t count, capacity;
    struct ferry_filemark mark; /* behind the last row */
    int64_t read_bytes;         /* of the unpacked text */
};

void ferry_harvest_init(struct ferry_harvest *harvest);
void ferry_harvest_done(struct ferry_harvest *harvest);
/* Forgets the messages and keeps their memory. */
void ferry_harvest_clear(struct ferry_harvest *harvest);
bool ferry_harvest_full(const struct ferry_harvest *harvest);

enum ferry_status ferry_harvest_event(struct ferry_harvest *harvest,
                                      const struct ferry_event *event,
                                      const struct ferry_wire *wire,
                                      struct ferry_error *error) FERRY_MUST_CHECK;
enum ferry_status ferry_harvest_optout(struct ferry_harvest *harvest,
                                       const struct ferry_optout_change *change, int64_t line,
                                       const struct ferry_wire *wire,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
enum ferry_status ferry_harvest_reject(struct ferry_harvest *harvest, const char *reason,
                                       const struct ferry_csv_row *row,
                                       struct ferry_error *error) FERRY_MUST_CHECK;
struct ferry_slice ferry_harvest_key(const struct ferry_harvest *harvest, size_t item);
struct ferry_slice ferry_harvest_value(const struct ferry_harvest *harvest, size_t item);

#endif
