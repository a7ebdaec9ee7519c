#include "campaign/journal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void sandbox_journal_done(struct sandbox_journal *journal)
{
    for (size_t i = 0; i < journal->count; i++) {
        free(journal->entries[i].key);
        free(journal->entries[i].body);
        free(journal->entries[i].trace);
    }
    free(journal->entries);
}

void sandbox_journal_add(struct sandbox_journal *journal, const struct sandbox_journal_entry *entry)
{
    if (journal->count == journal->size) {
        size_t size = journal->size ? journal->size * 2 : 1024;
        struct sandbox_journal_entry *entries = realloc(journal->entries, size * sizeof *entries);
        if (!entries)
            return;
        journal->entries = entries;
        journal->size = size;
    }
    struct sandbox_journal_entry *copy = &journal->entries[journal->count++];
    *copy = *entry;
    copy->key = strdup(entry->key);
    copy->body = entry->body ? strdup(entry->body) : NULL;
    copy->trace = entry->trace ? strdup(entry->trace) : NULL;
}

/* A body was parsed before it was accepted; line breaks in it are blanks between tokens. */
static void add_body(struct sandbox_buf *buf, const char *body)
{
    for (; body && *body; body++)
        sandbox_buf_addc(buf, *body == '\n' || *body == '\r' ? ' ' : *body);
}

void sandbox_journal_line(const struct sandbox_journal *journal, size_t at, struct sandbox_buf *buf)
{
    const struct sandbox_journal_entry *entry = &journal->entries[at];
    const char *key = entry->key ? entry->key : "";

    sandbox_buf_addf(buf, "{\"seq\":%zu,\"resource\":\"%s\",\"key\":", at + 1, entry->resource);
    sandbox_json_string(buf, key, strlen(key), false);
    sandbox_buf_addf(buf, ",\"verb\":\"%s\",\"body\":", sandbox_verb_names[entry->verb]);
    if (entry->body)
        add_body(buf, entry->body);
    else
        sandbox_buf_adds(buf, "null");
    if (entry->trace) {
        sandbox_buf_adds(buf, ",\"traceparent\":");
        sandbox_json_string(buf, entry->trace, strlen(entry->trace), false);
    }
    sandbox_buf_addf(buf, ",\"atMs\":%" PRId64 ",\"replyLost\":%s}\n", entry->at_ms,
                     entry->reply_lost ? "true" : "false");
}
