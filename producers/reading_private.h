/* What the sources of a reading share; nobody else includes it. */
#ifndef FERRY_READING_PRIVATE_H
#define FERRY_READING_PRIVATE_H

#include "producers/alarm.h"
#include "producers/outlet.h"
#include "producers/page.h"
#include "producers/reading.h"
#include "producers/sweep.h"

enum turn { TURN_NONE, TURN_WAITING, TURN_HELD, TURN_ENDING };

struct page_count {
    int64_t pages, records, bytes, rejects;
    struct ferry_outlet_tally tally;
};

struct ferry_reading {
    struct ferry_reading_options options;
    struct ferry_outlet outlet;
    struct ferry_meter meter;
    struct ferry_seat_user user;
    struct ferry_alarm *alarm; /* the next look, or the next try */
    struct ferry_row_column *columns;
    struct ferry_page *page;
    struct ferry_dataverse_read *read;
    struct ferry_sweep *sweep;

    struct ferry_checkpoint at; /* what is committed */
    struct ferry_checkpoint
        from; /* where the page under way begins; runs ahead of `at` by one page */
    struct ferry_checkpoint next; /* what the transaction under way commits */
    struct ferry_error trouble;   /* with the stored checkpoint */
    struct ferry_error fault;     /* why the receiver of a page ended it */
    enum turn turn;
    bool seated, going, stopping;
    bool paused;  /* the page waits for the turn or for room */
    bool whole;   /* the page is parsed to its end */
    bool swept;   /* the pass is done, its deletions are to be sent */
    bool delayed; /* the alarm is set */
    bool again;   /* the links are good for nothing: begin a full read */
    unsigned tries;
    int64_t asked_at; /* wall ms, of the page under way */
    /* Boot ms, 0: not known. All that changed before news_since was read; what is asked for since
     * round_began_at tells what changed after it. */
    int64_t round_began_at, page_began_at, news_since;
    bool in_round; /* its first page was asked for, its last has not come */
    int64_t page_rejects;
    struct page_count done;  /* of what the transaction under way commits */
    bool more;               /* and it is followed by another page of the same round */
    struct page_count round; /* since the last rest */
    int64_t rejects;         /* since new */
    struct ferry_outlet_tally tally;
    int64_t idle_ms; /* how long to rest */
};

/* Drops what is fetched or scanned, not the turn. */
void ferry_reading_drop(struct ferry_reading *reading);
/* Drops it, and gives the turn back; nothing may have been sent in it. */
void ferry_reading_leave(struct ferry_reading *reading);
/* Nothing of the work under way is kept; it is tried again, where a transaction is open after its
 * abort. */
void ferry_reading_fail(struct ferry_reading *reading, const struct ferry_error *error);
void ferry_reading_fail_memory(struct ferry_reading *reading);
void ferry_reading_retry(struct ferry_reading *reading, const struct ferry_error *error);
void ferry_reading_delay(struct ferry_reading *reading, int64_t delay_ms);
/* True: it is ours. False: the seat will say so. */
bool ferry_reading_turn(struct ferry_reading *reading);
/* Commits `next`; the turn ends with this, one way or the other. False: it failed already. */
bool ferry_reading_commit(struct ferry_reading *reading);
/* The end of a round: all is read that there was. */
void ferry_reading_rest(struct ferry_reading *reading);

void ferry_reading_begin_page(struct ferry_reading *reading);     /* at `from` */
void ferry_reading_finish_page(struct ferry_reading *reading);    /* within the turn */
void ferry_reading_begin_pass(struct ferry_reading *reading);     /* at `at` */
void ferry_reading_send_deletions(struct ferry_reading *reading); /* within the turn */

#endif
