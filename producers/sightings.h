/* What is known of the files in the folder of the exports, from one listing to the next. Loop
 * thread only. */
#ifndef FERRY_SIGHTINGS_H
#define FERRY_SIGHTINGS_H

#include "producers/sources/listing.h"

#include <uthash.h>

enum ferry_sighting_state {
    FERRY_SIGHTING_WAITING, /* is to be read */
    FERRY_SIGHTING_DONE,    /* is read, and at most to be moved */
    FERRY_SIGHTING_FAULTY,  /* cannot be read as it is */
};

struct ferry_sighting {
    UT_hash_handle hh;
    struct ferry_listing_file file;
    int looks; /* at the same size and time, in a row; 0: not yet in a listing */
    int64_t first_look, last_look; /* boot ms: when the first had come, the last was asked for */
    bool unended;                  /* its text does not end with a line */
    enum ferry_sighting_state state;
    char sha256[FERRY_SHA256_SIZE]; /* of DONE */
    struct ferry_error error;       /* of FAULTY, or of the latest failure */
    unsigned failures;              /* to copy or to move it, in a row */
    int64_t copied;                 /* bytes, when the connection was cut last */
    int64_t not_before;             /* boot ms: the next try */
    bool listed;                    /* in the latest listing */
};

struct ferry_sightings {
    struct ferry_sighting *files; /* by name */
};

void ferry_sightings_done(struct ferry_sightings *sightings);
/* A file that was read in an earlier life, as its checkpoint tells. */
enum ferry_status ferry_sightings_remember(struct ferry_sightings *sightings,
                                           const struct ferry_filemark *mark,
                                           const char *sha256) FERRY_MUST_CHECK;
/* Counts looks; one that is another now begins anew, one that is gone is forgotten. The listing was
 * asked for and came at these boot ms. */
enum ferry_status ferry_sightings_update(struct ferry_sightings *sightings,
                                         const struct ferry_listing *listing, int64_t asked_at,
                                         int64_t came_at) FERRY_MUST_CHECK;
struct ferry_sighting *ferry_sightings_find(struct ferry_sightings *sightings, const char *name);
/* Does the content of this checkpoint lie in the folder, or may it? */
bool ferry_sightings_hold(struct ferry_sightings *sightings, const struct ferry_filemark *mark,
                          const char *sha256);
/* Long enough for nobody to be writing it, with `interval` ms between two looks. An export begins
 * empty, and one that is cut off ends within a line: such files have to wait longer. */
bool ferry_sighting_stands(const struct ferry_sighting *sighting, int64_t interval);
/* It was moved away: what comes under its name is another, of the same size and second or not. */
void ferry_sighting_forget(struct ferry_sighting *sighting);
/* Not yet read. */
int64_t ferry_sightings_waiting(const struct ferry_sightings *sightings);
/* The first faulty one; *ret_count of them. NULL: none. */
const struct ferry_sighting *ferry_sightings_faulty(const struct ferry_sightings *sightings,
                                                    size_t *ret_count);

#endif
