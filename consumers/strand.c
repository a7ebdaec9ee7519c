#include "consumers/strand.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define STUCK_MS INT64_C(5000) /* commits come much sooner */

struct ferry_strand *ferry_strand_new(const char *topic, const struct ferry_group_part *part)
{
    struct ferry_strand *strand = calloc(1, sizeof *strand);
    if (!strand)
        return NULL;
    strand->topic = topic;
    strand->partition = part->partition;
    strand->log_end = part->log_end;
    /* A position that stood in for a forgotten offset may be a stride behind what was committed. */
    strand->doubted = FERRY_STRAND_GATE + (part->restored ? FERRY_POSITION_STRIDE : 0);
    strand->position =
        (struct ferry_position){.log = FERRY_STRAND_LOG, .partition = part->partition, .told = -1};
    ferry_window_init(&strand->window, part->committed);
    return strand;
}

void ferry_strand_free(struct ferry_strand *strand)
{
    struct ferry_letter *letter, *next;
    if (!strand)
        return;
    DL_FOREACH_SAFE (strand->held, letter, next)
        free(letter);
    ferry_window_done(&strand->window);
    free(strand);
}

enum ferry_status ferry_strand_take(struct ferry_strand *strand, int64_t offset, const void *value,
                                    size_t length)
{
    struct ferry_window_entry *entry;
    struct ferry_letter *letter = malloc(sizeof *letter + length);
    enum ferry_status status =
        letter ? ferry_window_add(&strand->window, offset, 0, &entry) : FERRY_NOMEM;
    if (status != FERRY_OK) {
        free(letter);
        return status == FERRY_INVALID ? FERRY_OK : status;
    }
    *letter = (struct ferry_letter){.strand = strand,
                                    .entry = entry,
                                    .length = length,
                                    .certain = entry->sequence >= strand->doubted ||
                                               offset >= strand->log_end};
    if (length > 0)
        memcpy(letter->value, value, length);
    DL_APPEND(strand->held, letter);
    strand->held_count++;
    strand->count++;
    strand->bytes += length;
    return FERRY_OK;
}

struct ferry_letter *ferry_strand_next(struct ferry_strand *strand, int64_t now)
{
    struct ferry_letter *letter = strand->held;
    if (!letter)
        return NULL;
    /* They are the last that were read: so its sequence need not be fetched from its entry. */
    int64_t sequence = strand->window.sequence - strand->held_count;
    if (sequence >= strand->window.base + FERRY_STRAND_GATE) {
        if (strand->closed_at == 0)
            strand->closed_at = now;
        return NULL;
    }
    strand->closed_at = 0;
    DL_DELETE(strand->held, letter);
    strand->held_count--;
    return letter;
}

bool ferry_strand_stuck(const struct ferry_strand *strand, int64_t now)
{
    return strand->closed_at != 0 && now - strand->closed_at >= STUCK_MS;
}

void ferry_strand_settle(struct ferry_letter *letter)
{
    struct ferry_strand *strand = letter->strand;
    ferry_window_know(&strand->window, letter->entry);
    strand->count--;
    strand->bytes -= letter->length;
    free(letter);
}
