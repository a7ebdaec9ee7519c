#include "producers/checkpoint.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *const phases[] = {"FULL", "SWEEP", "DELTA"};
#define PHASE_COUNT (sizeof phases / sizeof phases[0])

/* The members of the document. A new one is added at the end, is not required, and 0 or absent
 * means what it meant before. */
static const struct {
    const char *key;
    size_t offset;
    bool required;
} texts[] = {
    {"task", offsetof(struct ferry_checkpoint, task), true},
    {"table", offsetof(struct ferry_checkpoint, table), true},
    {"columnsHash", offsetof(struct ferry_checkpoint, columns_hash), true},
    {"link", offsetof(struct ferry_checkpoint, link), false},
    {"pickWhere", offsetof(struct ferry_checkpoint, pick_where), false},
    {"pickLink", offsetof(struct ferry_checkpoint, pick_link), false},
};
static const struct {
    const char *key;
    size_t offset;
} numbers[] = {
    {"readNumber", offsetof(struct ferry_checkpoint, read_number)},
    {"deltaLinkAt", offsetof(struct ferry_checkpoint, delta_link_at)},
    {"recordsRead", offsetof(struct ferry_checkpoint, records_read)},
    {"pagesRead", offsetof(struct ferry_checkpoint, pages_read)},
    {"fullReadStartedAt", offsetof(struct ferry_checkpoint, full_read_started_at)},
    {"sweepPartition", offsetof(struct ferry_checkpoint, sweep_partition)},
    {"sweepFrom", offsetof(struct ferry_checkpoint, sweep_from)},
    {"replay", offsetof(struct ferry_checkpoint, replay)},
    {"replaying", offsetof(struct ferry_checkpoint, replaying)},
    {"since", offsetof(struct ferry_checkpoint, since)},
};
#define TEXT_COUNT   (sizeof texts / sizeof texts[0])
#define NUMBER_COUNT (sizeof numbers / sizeof numbers[0])

static char **text_of(struct ferry_checkpoint *checkpoint, size_t i)
{
    return (char **)(void *)((char *)checkpoint + texts[i].offset);
}

static int64_t *number_of(struct ferry_checkpoint *checkpoint, size_t i)
{
    return (int64_t *)(void *)((char *)checkpoint + numbers[i].offset);
}

void ferry_checkpoint_init(struct ferry_checkpoint *checkpoint)
{
    memset(checkpoint, 0, sizeof *checkpoint);
}

void ferry_checkpoint_done(struct ferry_checkpoint *checkpoint)
{
    for (size_t i = 0; i < TEXT_COUNT; i++)
        free(*text_of(checkpoint, i));
    ferry_checkpoint_init(checkpoint);
}

enum ferry_status ferry_checkpoint_copy(struct ferry_checkpoint *to,
                                        const struct ferry_checkpoint *from)
{
    struct ferry_checkpoint copy = *from;
    bool whole = true;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        char *text = *text_of(&copy, i);
        *text_of(&copy, i) = text ? strdup(text) : NULL;
        whole = whole && (!text || *text_of(&copy, i));
    }
    ferry_checkpoint_done(to);
    if (!whole) {
        ferry_checkpoint_done(&copy);
        return FERRY_NOMEM;
    }
    *to = copy;
    return FERRY_OK;
}

static enum ferry_status replace(char **text, const char *with)
{
    char *copy = with ? strdup(with) : NULL;
    if (with && !copy)
        return FERRY_NOMEM;
    free(*text);
    *text = copy;
    return FERRY_OK;
}

enum ferry_status ferry_checkpoint_link(struct ferry_checkpoint *checkpoint, const char *link)
{
    return replace(&checkpoint->link, link);
}

enum ferry_status ferry_checkpoint_begin(struct ferry_checkpoint *checkpoint, const char *task,
                                         const char *table, const char *columns_hash,
                                         int64_t replay, int64_t now)
{
    bool later = replay > checkpoint->replay;
    struct ferry_checkpoint first = {
        .task = strdup(task),
        .table = strdup(table),
        .columns_hash = strdup(columns_hash),
        .phase = FERRY_CHECKPOINT_FULL,
        .read_number = checkpoint->read_number + 1,
        .full_read_started_at = now,
        .replay = later ? replay : checkpoint->replay,
        .replaying = later || checkpoint->replaying,
    };
    /* Its next page may lack a column that was added: from its beginning. */
    enum ferry_status status =
        later ? FERRY_OK : replace(&first.pick_where, checkpoint->pick_where);
    if (status != FERRY_OK || !first.task || !first.table || !first.columns_hash) {
        ferry_checkpoint_done(&first);
        return FERRY_NOMEM;
    }
    ferry_checkpoint_done(checkpoint);
    *checkpoint = first;
    return FERRY_OK;
}

enum ferry_status ferry_checkpoint_pick(struct ferry_checkpoint *checkpoint, int64_t replay,
                                        const char *where)
{
    enum ferry_status status = replace(&checkpoint->pick_where, where);
    if (status == FERRY_OK)
        status = replace(&checkpoint->pick_link, NULL);
    if (status == FERRY_OK)
        checkpoint->replay = replay;
    return status;
}

bool ferry_checkpoint_picks(const struct ferry_checkpoint *checkpoint)
{
    return checkpoint->pick_where && checkpoint->phase == FERRY_CHECKPOINT_DELTA;
}

static void end_pick(struct ferry_checkpoint *checkpoint)
{
    free(checkpoint->pick_where);
    free(checkpoint->pick_link);
    checkpoint->pick_where = checkpoint->pick_link = NULL;
}

void ferry_checkpoint_cancel(struct ferry_checkpoint *checkpoint)
{
    end_pick(checkpoint);
    checkpoint->replaying = 0;
}

enum ferry_status ferry_checkpoint_follow(struct ferry_checkpoint *next,
                                          const struct ferry_checkpoint *from,
                                          const char *next_link, const char *delta_link,
                                          int64_t records, int64_t asked_at)
{
    enum ferry_status status = ferry_checkpoint_copy(next, from);
    if (status != FERRY_OK)
        return status;
    next->pages_read++;
    next->records_read += records;
    if (ferry_checkpoint_picks(from)) {
        if (next_link)
            return replace(&next->pick_link, next_link);
        end_pick(next);
        return FERRY_OK;
    }
    if (next_link)
        return ferry_checkpoint_link(next, next_link);
    next->delta_link_at = asked_at;
    if (next->phase == FERRY_CHECKPOINT_FULL) {
        /* What was deleted before this read began, no delta will tell; before the first there was
         * nothing. */
        next->phase = next->read_number > 1 ? FERRY_CHECKPOINT_SWEEP : FERRY_CHECKPOINT_DELTA;
        next->sweep_partition = next->sweep_from = 0;
        next->replaying = 0;
    }
    return ferry_checkpoint_link(next, delta_link);
}

enum ferry_status ferry_checkpoint_swept(struct ferry_checkpoint *next,
                                         const struct ferry_checkpoint *from, int64_t to,
                                         int64_t end, int partitions)
{
    enum ferry_status status = ferry_checkpoint_copy(next, from);
    if (status != FERRY_OK)
        return status;
    next->sweep_from = to < end ? to : 0;
    next->sweep_partition += to < end ? 0 : 1;
    if (next->sweep_partition < partitions)
        return FERRY_OK;
    next->phase = FERRY_CHECKPOINT_DELTA;
    next->sweep_partition = 0;
    return FERRY_OK;
}

enum ferry_status ferry_checkpoint_print(const struct ferry_checkpoint *checkpoint, char **ret_text)
{
    struct ferry_checkpoint view = *checkpoint;
    json_t *json = json_object();
    for (size_t i = 0; i < TEXT_COUNT; i++)
        if (*text_of(&view, i))
            json_object_set_new(json, texts[i].key, json_string(*text_of(&view, i)));
    json_object_set_new(json, "phase", json_string(phases[view.phase]));
    for (size_t i = 0; i < NUMBER_COUNT; i++)
        json_object_set_new(json, numbers[i].key, json_integer(*number_of(&view, i)));
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (!text)
        return FERRY_NOMEM;
    *ret_text = text;
    return FERRY_OK;
}

static enum ferry_status refuse(struct ferry_error *error, const char *what)
{
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG, "A checkpoint cannot be read: %s.",
                      what);
}

static enum ferry_status take_texts(json_t *json, struct ferry_checkpoint *checkpoint,
                                    struct ferry_error *error)
{
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        const char *text = json_string_value(json_object_get(json, texts[i].key));
        if (!text && texts[i].required)
            return refuse(error, texts[i].key);
        *text_of(checkpoint, i) = text ? strdup(text) : NULL;
        if (text && !*text_of(checkpoint, i))
            return FERRY_NOMEM;
    }
    return FERRY_OK;
}

static enum ferry_status take_numbers(json_t *json, struct ferry_checkpoint *checkpoint,
                                      struct ferry_error *error)
{
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        *number_of(checkpoint, i) = json_integer_value(json_object_get(json, numbers[i].key));
        if (*number_of(checkpoint, i) < 0)
            return refuse(error, numbers[i].key);
    }
    return checkpoint->read_number > 0 ? FERRY_OK : refuse(error, "readNumber");
}

static enum ferry_status take_phase(json_t *json, struct ferry_checkpoint *checkpoint,
                                    struct ferry_error *error)
{
    const char *name = json_string_value(json_object_get(json, "phase"));
    for (size_t i = 0; name && i < PHASE_COUNT; i++) {
        if (strcmp(phases[i], name) != 0)
            continue;
        checkpoint->phase = (enum ferry_checkpoint_phase)i;
        if (!checkpoint->link && checkpoint->phase != FERRY_CHECKPOINT_FULL)
            return refuse(error, "link");
        return FERRY_OK;
    }
    return refuse(error, "phase");
}

enum ferry_status ferry_checkpoint_parse(const char *text, size_t length,
                                         struct ferry_checkpoint *checkpoint,
                                         struct ferry_error *error)
{
    ferry_checkpoint_done(checkpoint);
    json_t *json = json_loadb(text, length, 0, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        return refuse(error, "it is no JSON object");
    }
    enum ferry_status status = take_texts(json, checkpoint, error);
    if (status == FERRY_OK)
        status = take_numbers(json, checkpoint, error);
    if (status == FERRY_OK)
        status = take_phase(json, checkpoint, error);
    json_decref(json);
    if (status != FERRY_OK)
        ferry_checkpoint_done(checkpoint);
    return status;
}

const char *ferry_checkpoint_phase_name(enum ferry_checkpoint_phase phase)
{
    return phases[phase];
}
