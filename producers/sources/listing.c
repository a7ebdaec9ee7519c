#include "producers/sources/listing.h"

#include <fnmatch.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ferry_listing_done(struct ferry_listing *listing)
{
    free(listing->files);
    *listing = (struct ferry_listing){.files = NULL};
}

/* A name comes from the server, and goes into paths, messages and JSON. */
static bool is_fit(const char *name)
{
    if (strlen(name) >= FERRY_FILE_NAME_SIZE || !g_utf8_validate(name, -1, NULL))
        return false;
    for (const char *at = name; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f || *at == '/' || *at == '\\')
            return false;
    return true;
}

static bool match(const struct ferry_export *export, const char *name,
                  enum ferry_file_kind *ret_kind)
{
    for (int i = 0; i < FERRY_FILE_KINDS; i++) {
        if (!export->files[i] || fnmatch(export->files[i], name, 0) != 0)
            continue;
        *ret_kind = (enum ferry_file_kind)i;
        return true;
    }
    return false;
}

enum ferry_status ferry_listing_add(struct ferry_listing *listing,
                                    const struct ferry_export *export, const char *name,
                                    const struct ferry_sftp_attributes *attributes)
{
    enum ferry_file_kind kind = FERRY_FILE_DELIVERIES;
    if (!attributes->regular || !match(export, name, &kind))
        return FERRY_OK;
    if (!is_fit(name)) {
        listing->unfit++;
        return FERRY_OK;
    }
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity ? listing->capacity * 2 : 16;
        struct ferry_listing_file *files = realloc(listing->files, capacity * sizeof *files);
        if (!files)
            return FERRY_NOMEM;
        listing->files = files;
        listing->capacity = capacity;
    }
    struct ferry_listing_file *file = &listing->files[listing->count++];
    *file = (struct ferry_listing_file){
        .kind = kind,
        .size = attributes->size,
        .modified_at = attributes->modified_at * 1000,
    };
    snprintf(file->name, sizeof file->name, "%s", name);
    return FERRY_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct ferry_listing_file *)a)->name,
                  ((const struct ferry_listing_file *)b)->name);
}

void ferry_listing_sort(struct ferry_listing *listing)
{
    if (listing->count > 0)
        qsort(listing->files, listing->count, sizeof *listing->files, by_name);
}

struct adding {
    struct ferry_listing *listing;
    const struct ferry_export *export;
};

static enum ferry_status on_each(void *context, const char *name,
                                 const struct ferry_sftp_attributes *attributes)
{
    const struct adding *adding = context;
    return ferry_listing_add(adding->listing, adding->export, name, attributes);
}

enum ferry_status ferry_listing_read(struct ferry_listing *listing, struct ferry_sftp *sftp,
                                     const struct ferry_export *export, struct ferry_error *error)
{
    struct adding adding = {listing, export};
    listing->count = listing->unfit = 0;
    enum ferry_status status = ferry_sftp_list(sftp, export->folder, on_each, &adding, error);
    ferry_listing_sort(listing);
    return status;
}

bool ferry_listing_same(const struct ferry_listing_file *a, const struct ferry_listing_file *b)
{
    return strcmp(a->name, b->name) == 0 && a->size == b->size && a->modified_at == b->modified_at;
}
