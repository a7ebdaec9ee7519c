#include "consumers/window.h"

#include <stdlib.h>
#include <utlist.h>

void ferry_window_init(struct ferry_window *window, int64_t committed)
{
    *window = (struct ferry_window){.committed = committed, .end = committed};
}

void ferry_window_done(struct ferry_window *window)
{
    struct ferry_window_entry *entry, *next;
    DL_FOREACH_SAFE (window->entries, entry, next)
        free(entry);
    LL_FOREACH_SAFE (window->idle, entry, next)
        free(entry);
    ferry_window_init(window, window->committed);
}

/* There are as many as ever stood in the window at once, and each record would ask for one. */
static struct ferry_window_entry *take_entry(struct ferry_window *window)
{
    struct ferry_window_entry *entry = window->idle;
    if (!entry)
        return calloc(1, sizeof *entry);
    LL_DELETE(window->idle, entry);
    *entry = (struct ferry_window_entry){.next = NULL};
    return entry;
}

enum ferry_status ferry_window_add(struct ferry_window *window, int64_t offset, int64_t read_at,
                                   struct ferry_window_entry **ret_entry)
{
    if (offset < window->end)
        return FERRY_INVALID;
    struct ferry_window_entry *entry = take_entry(window);
    if (!entry)
        return FERRY_NOMEM;
    entry->offset = offset;
    entry->read_at = read_at;
    entry->sequence = window->sequence++;
    DL_APPEND(window->entries, entry);
    window->count++;
    window->end = offset + 1;
    if (!window->open)
        window->open = entry;
    *ret_entry = entry;
    return FERRY_OK;
}

void ferry_window_reach(struct ferry_window *window, int64_t offset)
{
    if (offset > window->end)
        window->end = offset;
}

void ferry_window_know(struct ferry_window *window, struct ferry_window_entry *entry)
{
    entry->known = true;
    while (window->open && window->open->known)
        window->open = window->open->next;
}

int64_t ferry_window_prefix(const struct ferry_window *window)
{
    return window->open ? window->open->offset : window->end;
}

void ferry_window_commit(struct ferry_window *window, int64_t offset)
{
    struct ferry_window_entry *entry;
    while ((entry = window->entries) && entry->offset < offset) {
        DL_DELETE(window->entries, entry);
        window->count--;
        window->base = entry->sequence + 1;
        LL_PREPEND(window->idle, entry);
    }
    window->committed = offset;
}

int64_t ferry_window_oldest(const struct ferry_window *window)
{
    return window->open ? window->open->read_at : 0;
}
