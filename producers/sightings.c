#include "producers/sightings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOKS      2
#define LOOKS_LONG 7 /* a minute, at the default interval */

static void drop(struct ferry_sightings *sightings, struct ferry_sighting *sighting)
{
    HASH_DEL(sightings->files, sighting);
    free(sighting);
}

void ferry_sightings_done(struct ferry_sightings *sightings)
{
    struct ferry_sighting *sighting = NULL;
    struct ferry_sighting *next = NULL;
    HASH_ITER (hh, sightings->files, sighting, next)
        drop(sightings, sighting);
}

struct ferry_sighting *ferry_sightings_find(struct ferry_sightings *sightings, const char *name)
{
    struct ferry_sighting *sighting = NULL;
    HASH_FIND_STR(sightings->files, name, sighting);
    return sighting;
}

static struct ferry_sighting *add(struct ferry_sightings *sightings,
                                  const struct ferry_listing_file *file)
{
    struct ferry_sighting *sighting = calloc(1, sizeof *sighting);
    if (!sighting)
        return NULL;
    sighting->file = *file;
    HASH_ADD_STR(sightings->files, file.name, sighting);
    return sighting;
}

enum ferry_status ferry_sightings_remember(struct ferry_sightings *sightings,
                                           const struct ferry_filemark *mark, const char *sha256)
{
    struct ferry_listing_file file = {.size = mark->size, .modified_at = mark->modified_at};
    snprintf(file.name, sizeof file.name, "%s", mark->file);
    struct ferry_sighting *sighting = ferry_sightings_find(sightings, mark->file);
    /* Of two contents under one name the later one may still be there. */
    if (sighting && (sighting->listed || sighting->file.modified_at >= mark->modified_at))
        return FERRY_OK;
    if (sighting)
        drop(sightings, sighting);
    sighting = add(sightings, &file);
    if (!sighting)
        return FERRY_NOMEM;
    sighting->state = FERRY_SIGHTING_DONE;
    snprintf(sighting->sha256, sizeof sighting->sha256, "%s", sha256);
    return FERRY_OK;
}

static enum ferry_status see(struct ferry_sightings *sightings,
                             const struct ferry_listing_file *file, int64_t asked_at,
                             int64_t came_at)
{
    struct ferry_sighting *sighting = ferry_sightings_find(sightings, file->name);
    if (sighting && !ferry_listing_same(&sighting->file, file)) {
        drop(sightings, sighting);
        sighting = NULL;
    }
    if (!sighting)
        sighting = add(sightings, file);
    if (!sighting)
        return FERRY_NOMEM;
    sighting->file.kind = file->kind;
    if (sighting->looks++ == 0)
        sighting->first_look = came_at;
    sighting->last_look = asked_at;
    sighting->listed = true;
    return FERRY_OK;
}

enum ferry_status ferry_sightings_update(struct ferry_sightings *sightings,
                                         const struct ferry_listing *listing, int64_t asked_at,
                                         int64_t came_at)
{
    struct ferry_sighting *sighting = NULL;
    struct ferry_sighting *next = NULL;
    HASH_ITER (hh, sightings->files, sighting, next)
        sighting->listed = false;
    for (size_t i = 0; i < listing->count; i++)
        if (see(sightings, &listing->files[i], asked_at, came_at) != FERRY_OK)
            return FERRY_NOMEM;
    HASH_ITER (hh, sightings->files, sighting, next)
        if (!sighting->listed)
            drop(sightings, sighting);
    return FERRY_OK;
}

bool ferry_sightings_hold(struct ferry_sightings *sightings, const struct ferry_filemark *mark,
                          const char *sha256)
{
    const struct ferry_sighting *named = ferry_sightings_find(sightings, mark->file);
    if (named && named->state != FERRY_SIGHTING_DONE)
        return true; /* who knows? */
    if (named && strcmp(named->sha256, sha256) == 0)
        return true;
    for (const struct ferry_sighting *at = sightings->files; at; at = at->hh.next)
        if (strcmp(at->sha256, sha256) == 0)
            return true;
    return false;
}

bool ferry_sighting_stands(const struct ferry_sighting *sighting, int64_t interval)
{
    int looks = sighting->file.size == 0 || sighting->unended ? LOOKS_LONG : LOOKS;
    return sighting->looks >= looks &&
           sighting->last_look - sighting->first_look >= (looks - 1) * interval;
}

int64_t ferry_sightings_waiting(const struct ferry_sightings *sightings)
{
    int64_t count = 0;
    for (const struct ferry_sighting *at = sightings->files; at; at = at->hh.next)
        count += at->listed && at->state != FERRY_SIGHTING_DONE;
    return count;
}

const struct ferry_sighting *ferry_sightings_faulty(const struct ferry_sightings *sightings,
                                                    size_t *ret_count)
{
    const struct ferry_sighting *first = NULL;
    *ret_count = 0;
    for (const struct ferry_sighting *at = sightings->files; at; at = at->hh.next) {
        if (at->state != FERRY_SIGHTING_FAULTY)
            continue;
        ++*ret_count;
        if (!first || strcmp(at->file.name, first->file.name) < 0)
            first = at;
    }
    return first;
}
