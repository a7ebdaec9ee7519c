/* The dossiers of all people of the partitions that we own: read from `optouts.state` when they are
 * taken over, and written back through the ledger. Kept in memory. Loop thread only. */
#ifndef FERRY_ARCHIVE_H
#define FERRY_ARCHIVE_H

#include "consumers/dossier.h"
#include "consumers/ledger.h"
#include "core/base/settings.h"

struct ferry_archive;

struct ferry_archive_options {
    const struct ferry_common *common;
    struct ferry_ledger *ledger;
    void (*on_ready)(void *context);                                    /* everything was read */
    void (*on_trouble)(void *context, const struct ferry_error *error); /* it goes on trying */
    /* Of a dossier that somebody has to come back to, while all are gone through. */
    void (*on_urgent)(void *context, const char *contact);
    void *context;
};

enum ferry_status ferry_archive_new(uv_loop_t *loop, const struct ferry_archive_options *options,
                                    struct ferry_archive **ret_archive,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_archive_free(struct ferry_archive *archive);

/* Takes these partitions over, in place of all others; on_ready follows. */
enum ferry_status ferry_archive_open(struct ferry_archive *archive, const int *partitions,
                                     size_t count, struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_archive_drop(struct ferry_archive *archive);
bool ferry_archive_ready(const struct ferry_archive *archive);
/* on_urgent for each; it may not change the archive. */
void ferry_archive_visit(struct ferry_archive *archive);

/* Empty when there is none. FERRY_BAD_RECORD: what the topic holds is none. */
enum ferry_status ferry_archive_get(const struct ferry_archive *archive, const char *contact,
                                    struct ferry_dossier *ret_dossier,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
/* Nothing happens, and false comes back in `ret_changed`, when it is the same as before. */
enum ferry_status ferry_archive_put(struct ferry_archive *archive, const char *contact,
                                    const struct ferry_dossier *dossier,
                                    bool *ret_changed) FERRY_MUST_CHECK;

#endif
