/* Every accepted write in the order of acceptance. */
#ifndef SANDBOX_CAMPAIGN_JOURNAL_H
#define SANDBOX_CAMPAIGN_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/stats.h"

struct sandbox_journal_entry {
    const char *resource;
    char *key;
    char *body;  /* as sent; NULL for a DELETE */
    char *trace; /* the header traceparent; NULL for none */
    int64_t at_ms;
    enum sandbox_verb verb;
    bool reply_lost;
};

struct sandbox_journal {
    struct sandbox_journal_entry *entries; /* number seq - 1 */
    size_t count, size;
};

void sandbox_journal_done(struct sandbox_journal *journal);
/* Copies its texts; a journal without memory just ends. */
void sandbox_journal_add(struct sandbox_journal *journal,
                         const struct sandbox_journal_entry *entry);
void sandbox_journal_line(const struct sandbox_journal *journal, size_t at,
                          struct sandbox_buf *buf);

#endif
