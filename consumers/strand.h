/* One partition of the e-mail events that we own, and the events of it whose fate is open.
 * Transparent to the writer's own modules; loop thread only.
 *
 * Taking over. A predecessor may have sent any of the first FERRY_STRAND_GATE events behind the
 * committed offset, and not lived to commit: nobody sends one further than that from what is
 * committed. To send it again does no harm, as its activity has the same id; but only what is
 * `certain` may go where one that exists already fails all others. */
#ifndef FERRY_STRAND_H
#define FERRY_STRAND_H

#include "consumers/group.h"
#include "consumers/position.h"
#include "consumers/window.h"
#include "core/record/event.h"

#define FERRY_TOPIC_EMAIL "email" /* suffix of the topic */
#define FERRY_STRAND_LOG  "events." FERRY_TOPIC_EMAIL
#define FERRY_STRAND_GATE 4000 /* events; raise it only with a change of the group's name */

struct ferry_strand;

/* An event, until its fate is known. What all of them need comes first: of one that is taken at the
 * first try, no more than a line of the processor's memory is touched when the answer comes. */
struct ferry_letter {
    struct ferry_letter *prev, *next;
    struct ferry_strand *strand;
    struct ferry_window_entry *entry;
    size_t length;
    enum ferry_event_kind kind; /* known at the latest when it was put into a request */
    unsigned attempts;          /* requests made for it */
    bool certain;               /* nobody can have sent it */
    bool sorted;                /* its kind is known */
    uint64_t refused; /* requests before the first that may speak against it: see claims.c */
    int64_t due_at;   /* ferry_boot_ms, of one that waits */
    size_t most;      /* how many may go with it in one request; 0: any number */
    unsigned blamed;  /* answers against it while neighbours succeeded */
    unsigned doubts;  /* times the metadata was compared for its sake */
    char value[];     /* the original bytes */
};

struct ferry_strand {
    struct ferry_strand *prev, *next;
    const char *topic; /* borrowed */
    int partition;
    struct ferry_window window;
    struct ferry_position position;
    struct ferry_letter *held; /* utlist: read, not yet given to the poster */
    int64_t held_count;
    int64_t log_end;   /* when we took over */
    int64_t doubted;   /* events that a predecessor may have sent */
    size_t count;      /* of events whose fate is open */
    size_t bytes;      /* theirs */
    int64_t closed_at; /* ferry_boot_ms, when the gate closed on what is held; 0: open */
    bool at_end;       /* all that the partition held was read */
};

/* NULL when out of memory. */
struct ferry_strand *ferry_strand_new(const char *topic, const struct ferry_group_part *part);
/* No letter of it may be in a request any more. */
void ferry_strand_free(struct ferry_strand *strand);

/* FERRY_NOMEM is the only failure; an offset that came before is ignored. */
enum ferry_status ferry_strand_take(struct ferry_strand *strand, int64_t offset, const void *value,
                                    size_t length) FERRY_MUST_CHECK;
/* The next letter that may be sent, now the caller's to place; NULL when there is none. */
struct ferry_letter *ferry_strand_next(struct ferry_strand *strand, int64_t now);
/* The gate has been closed for long: one event holds up those behind it, and more of them would
 * only take the room of other strands. */
bool ferry_strand_stuck(const struct ferry_strand *strand, int64_t now);
/* Its fate is known: it is freed, and its offset may be passed. */
void ferry_strand_settle(struct ferry_letter *letter);

#endif
