#include "consumers/archive.h"

#include "core/io/kafka.h"
#include "core/io/tail.h"
#include "core/io/topics.h"
#include "core/record/guid.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct folder {
    UT_hash_handle hh; /* by contact */
    char contact[FERRY_GUID_SIZE];
    char *text;
};

struct ferry_archive {
    uv_loop_t *loop;
    struct ferry_archive_options options;
    char topic[FERRY_TOPIC_SIZE];
    struct folder *folders;
    struct ferry_tail *tail;
    bool ready;
};

enum ferry_status ferry_archive_new(uv_loop_t *loop, const struct ferry_archive_options *options,
                                    struct ferry_archive **ret_archive, struct ferry_error *error)
{
    struct ferry_archive *archive = calloc(1, sizeof *archive);
    if (!archive)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    archive->loop = loop;
    archive->options = *options;
    ferry_topic_name(options->common->instance, (struct ferry_topic){FERRY_TOPIC_CONSENT, "state"},
                     archive->topic);
    *ret_archive = archive;
    return FERRY_OK;
}

static void forget(struct ferry_archive *archive, struct folder *folder)
{
    if (!folder)
        return;
    HASH_DEL(archive->folders, folder);
    free(folder->text);
    free(folder);
}

void ferry_archive_drop(struct ferry_archive *archive)
{
    struct folder *folder;
    ferry_tail_free(archive->tail);
    archive->tail = NULL;
    archive->ready = false;
    while ((folder = archive->folders))
        forget(archive, folder);
}

void ferry_archive_free(struct ferry_archive *archive)
{
    if (!archive)
        return;
    ferry_archive_drop(archive);
    free(archive);
}

/* --- in memory --- */

static struct folder *find(const struct ferry_archive *archive, const char *contact)
{
    struct folder *folder;
    HASH_FIND_STR(archive->folders, contact, folder);
    return folder;
}

/* Takes the text; NULL removes it. */
static enum ferry_status keep(struct ferry_archive *archive, const char *contact, char *text)
{
    struct folder *folder = find(archive, contact);
    if (!text) {
        forget(archive, folder);
        return FERRY_OK;
    }
    if (!folder) {
        folder = calloc(1, sizeof *folder);
        if (!folder) {
            free(text);
            return FERRY_NOMEM;
        }
        memcpy(folder->contact, contact, FERRY_GUID_SIZE);
        HASH_ADD_STR(archive->folders, contact, folder);
    }
    free(folder->text);
    folder->text = text;
    return FERRY_OK;
}

/* --- reading --- */

static void on_record(void *context, const rd_kafka_message_t *message)
{
    struct ferry_archive *archive = context;
    struct ferry_error error;
    char contact[FERRY_GUID_SIZE] = "";
    if (message->key_len != FERRY_GUID_SIZE - 1)
        return;
    memcpy(contact, message->key, message->key_len);
    char *text = message->payload ? strndup(message->payload, message->len) : NULL;
    bool lost = message->payload && !text;
    if (!lost && keep(archive, contact, text) == FERRY_OK)
        return;
    ferry_fail(&error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    archive->options.on_trouble(archive->options.context, &error);
}

static void on_caught_up(void *context)
{
    struct ferry_archive *archive = context;
    ferry_tail_free(archive->tail);
    archive->tail = NULL;
    archive->ready = true;
    archive->options.on_ready(archive->options.context);
}

static void on_trouble(void *context, const struct ferry_error *error)
{
    struct ferry_archive *archive = context;
    archive->options.on_trouble(archive->options.context, error);
}

enum ferry_status ferry_archive_open(struct ferry_archive *archive, const int *partitions,
                                     size_t count, struct ferry_error *error)
{
    struct ferry_tail_part parts[FERRY_DATA_PARTITIONS];
    ferry_archive_drop(archive);
    if (count == 0) {
        archive->ready = true;
        archive->options.on_ready(archive->options.context);
        return FERRY_OK;
    }
    for (size_t i = 0; i < count; i++)
        parts[i] = (struct ferry_tail_part){.topic = archive->topic,
                                            .partition = partitions[i],
                                            .offset = RD_KAFKA_OFFSET_BEGINNING};
    const struct ferry_tail_options options = {.name = "writer-reads-state",
                                               .parts = parts,
                                               .part_count = count,
                                               .on_record = on_record,
                                               .on_caught_up = on_caught_up,
                                               .on_trouble = on_trouble,
                                               .context = archive};
    return ferry_tail_new(archive->loop, archive->options.common, &options, &archive->tail, error);
}

bool ferry_archive_ready(const struct ferry_archive *archive)
{
    return archive->ready;
}

void ferry_archive_visit(struct ferry_archive *archive)
{
    struct folder *folder, *next;
    struct ferry_dossier dossier;
    struct ferry_error error;
    HASH_ITER (hh, archive->folders, folder, next) {
        enum ferry_status status =
            ferry_dossier_parse(folder->text, strlen(folder->text), &dossier, &error);
        if (status != FERRY_OK || ferry_dossier_unfinished(&dossier))
            archive->options.on_urgent(archive->options.context, folder->contact);
    }
}

/* --- one dossier --- */

enum ferry_status ferry_archive_get(const struct ferry_archive *archive, const char *contact,
                                    struct ferry_dossier *ret_dossier, struct ferry_error *error)
{
    const struct folder *folder = find(archive, contact);
    if (folder)
        return ferry_dossier_parse(folder->text, strlen(folder->text), ret_dossier, error);
    memset(ret_dossier, 0, sizeof *ret_dossier);
    return FERRY_OK;
}

enum ferry_status ferry_archive_put(struct ferry_archive *archive, const char *contact,
                                    const struct ferry_dossier *dossier, bool *ret_changed)
{
    const struct folder *folder = find(archive, contact);
    bool empty = ferry_dossier_empty(dossier);
    char *text = empty ? NULL : ferry_dossier_print(dossier);
    size_t length = strlen(contact);
    if (!empty && !text)
        return FERRY_NOMEM;
    *ret_changed = empty ? folder != NULL : !folder || strcmp(folder->text, text) != 0;
    if (!*ret_changed) {
        free(text);
        return FERRY_OK;
    }
    enum ferry_status status =
        ferry_ledger_add(archive->options.ledger, archive->topic,
                         ferry_kafka_partition(contact, length, FERRY_DATA_PARTITIONS), contact,
                         length, text, text ? strlen(text) : 0, NULL);
    if (status == FERRY_OK)
        return keep(archive, contact, text);
    free(text);
    return status;
}
