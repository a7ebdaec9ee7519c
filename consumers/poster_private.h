/* What poster.c (whose turn it is), batch.c (a request), postings.c (what an answer means) and
 * claims.c (whose fault it is) share. */
#ifndef FERRY_POSTER_PRIVATE_H
#define FERRY_POSTER_PRIVATE_H

#include "consumers/allowance.h"
#include "consumers/destinations/dynamics.h"
#include "consumers/pace.h"
#include "consumers/poster.h"
#include "core/io/topics.h"
#include "core/record/trace.h"
#include "core/remote/multipart.h"

#define FERRY_POST_RETRY_CAP_MS INT64_C(30000)
#define FERRY_POST_VERDICTS     (FERRY_VERDICT_FOREIGN + 1)

/* One request. Its letters are those without an answer, in the order of their parts. */
struct ferry_batch {
    struct ferry_batch *prev, *next;
    struct ferry_poster *poster;
    struct ferry_letter *letters;    /* utlist */
    struct ferry_claim *claims;      /* utlist: what its parts have said against events */
    size_t count;                    /* that it was sent with */
    size_t parts;                    /* that were read */
    size_t taken[FERRY_EVENT_KINDS]; /* parts up to the last one that succeeded, of each table */
    size_t surplus;                  /* parts without a letter */
    struct ferry_desk *many; /* a CreateMultiple of its table, all or nothing; NULL: a $batch */
    struct ferry_dataverse_call *call;
    struct ferry_pace_ticket ticket;
    /* What its parts have said, to be acted on once. */
    enum ferry_pace_answer pace;
    int64_t retry_after_ms;
    int64_t wait_ms;          /* of those that are tried again; 0: none was yet */
    int64_t blame_ms;         /* the same of those that are under suspicion */
    bool unreadable;          /* the answer is none to a batch */
    bool done;                /* a part succeeded */
    bool again;               /* a part is to be tried again */
    bool ill;                 /* nobody could be blamed */
    bool human;               /* a human is needed */
    struct ferry_error error; /* of the last of these */
    /* Their memory serves the next request too. */
    struct ferry_buffer body; /* not while it is in flight */
    struct ferry_multipart multipart;
};

struct ferry_poster {
    struct ferry_poster_options options;
    struct ferry_pace pace;
    struct ferry_allowance allowance;
    struct ferry_activity_forms *forms;
    struct ferry_buffer heads[FERRY_EVENT_KINDS]; /* what the parts of each begin with */
    struct ferry_letter *queue;                   /* utlist, in turn */
    struct ferry_letter *waiting;                 /* utlist, in no order */
    struct ferry_batch *batches;                  /* utlist, in flight */
    struct ferry_batch *idle;                     /* utlist; none when there is nothing to do */
    size_t queued;
    size_t event_bytes; /* of an event in the last request */
    int64_t queued_at;  /* since when there is something to send */
    int64_t due_at;     /* the first of those that wait; 0: none does */
    uv_timer_t timer;
    struct ferry_tracer tracer; /* turned for each request */
    char rejects[FERRY_TOPIC_SIZE];
    uint64_t requests;
    uint64_t retries;
    unsigned probes;  /* in a row that failed */
    int64_t probe_at; /* when the next one is due; 0: not probing */
    bool warned;
    bool open;
    bool running;
    struct ferry_metric *in_flight;
    struct ferry_metric *limit;
    struct ferry_metric *answers[FERRY_POST_VERDICTS];
};

/* To the place where it is next, before all others. */
void ferry_poster_put_back(struct ferry_poster *poster, struct ferry_letter *letter);
void ferry_poster_wait(struct ferry_poster *poster, struct ferry_letter *letter, int64_t ms);
/* The letter is gone afterwards. */
void ferry_poster_settle(struct ferry_poster *poster, struct ferry_letter *letter,
                         enum ferry_event_fate fate);
/* `http`: the status of the answer that says so; 0 when nobody was asked. */
void ferry_poster_reject(struct ferry_poster *poster, struct ferry_letter *letter,
                         const struct ferry_error *reason, int http);
void ferry_poster_warn(struct ferry_poster *poster, const struct ferry_error *error,
                       int64_t wait_ms);
void ferry_poster_run(struct ferry_poster *poster);
/* The next to be sent, where it is in the queue; NULL: there is none. */
struct ferry_letter *ferry_poster_first(struct ferry_poster *poster);
/* What its activity is called, wherever it is written, repeated or rejected. */
void ferry_poster_name(const struct ferry_poster *poster, const struct ferry_event *event,
                       char out[FERRY_GUID_SIZE]);

static inline struct ferry_desk *ferry_poster_desk(const struct ferry_poster *poster,
                                                   const struct ferry_letter *letter)
{
    return &poster->options.desks[letter->kind];
}

/* Events in a request; who probes, asks with one. */
static inline size_t ferry_poster_size(const struct ferry_poster *poster)
{
    return poster->probe_at != 0 ? 1 : poster->options.batch_size;
}

/* In batch.c. False: there is nothing to send, or it cannot be sent now. */
bool ferry_batch_post(struct ferry_poster *poster);
/* It is in no list any more and has no letters. */
void ferry_batch_rest(struct ferry_batch *batch);
/* With its letters; it is in no list any more. */
void ferry_batch_free(struct ferry_batch *batch);
void ferry_batches_free_idle(struct ferry_poster *poster);

/* In postings.c: the callbacks of every request; `context` is the batch. */
enum ferry_http_flow ferry_posting_stream(void *context, const char *data, size_t length);
void ferry_posting_part(void *context, const struct ferry_multipart_part *part);
void ferry_posting_answer(void *context, const struct ferry_remote_answer *answer);

/* In claims.c. Takes the letter, which is in no list: something was said against it. */
void ferry_claim_add(struct ferry_batch *batch, struct ferry_letter *letter,
                     const struct ferry_remote_answer *answer);
/* The answer was read as far as it goes: places every letter that something was said against. */
void ferry_claims_judge(struct ferry_batch *batch);
void ferry_claims_free(struct ferry_batch *batch);
/* The same for all of a request, so that they go together again. A service that names a time is
 * taken at its word. */
int64_t ferry_batch_wait_ms(struct ferry_batch *batch, const struct ferry_letter *letter,
                            int64_t retry_after_ms);
/* No request that was made since it was last refused, its own included, brought an activity. */
bool ferry_letter_alone(const struct ferry_poster *poster, const struct ferry_letter *letter);
/* It goes again: what is sent from now on speaks for or against it. */
void ferry_letter_refuse(const struct ferry_poster *poster, struct ferry_letter *letter);

#endif
