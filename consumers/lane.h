/* The queue of one key: at most one change on its way to the destination, and behind it what came
 * later, merged as far as it may be. Transparent to the writer's own modules; loop thread only. */
#ifndef FERRY_LANE_H
#define FERRY_LANE_H

#include "consumers/pace.h"
#include "consumers/plan.h"
#include "consumers/window.h"
#include "core/record/change.h"
#include "core/record/trace.h"

#include <uthash.h>

struct ferry_share;
struct ferry_dispatcher;
struct ferry_campaign_call;

/* Why a change came back that was set aside. */
enum ferry_recalled {
    FERRY_RECALL_NONE,    /* it did not: it comes from the backlog */
    FERRY_RECALL_TRY,     /* its parent may be there now */
    FERRY_RECALL_RELEASE, /* it may be deleted: it is one of few */
    FERRY_RECALL_DELETE,  /* it may be deleted: a person said so */
    FERRY_RECALL_DROP,    /* it must not be deleted */
};

/* A change, or several of one key merged into the newest, until its fate is known. */
struct ferry_item {
    struct ferry_item *prev, *next;     /* of those behind the lane's `now` */
    struct ferry_window_entry *entries; /* the offsets it stands for, the newest first; none of
                                           what was set aside: those are passed */
    int64_t since;                      /* sequence of the oldest of them */
    int64_t offset;                     /* of the newest */
    enum ferry_recalled recalled;
    bool let;         /* a delete that the brake let go, see toll.h */
    bool parent_gone; /* of a recalled one: this was its last try, but for news */
    unsigned woken;   /* of a recalled one, when it was */
    enum ferry_op op;
    enum ferry_origin origin; /* the strongest of what was merged */
    bool certain;             /* no other writer can have had a request on the way for it */
    int64_t version;
    int64_t read_number;
    size_t length;
    bool tombstone;
    char trace[FERRY_TRACE_SIZE]; /* of the newest; "" for none */
    char value[];                 /* the original bytes of the newest */
};

/* Copies `value`; NULL for a tombstone. `entry` may be NULL. NULL when out of memory. */
struct ferry_item *ferry_item_new(struct ferry_window_entry *entry, const void *value,
                                  size_t length);
void ferry_item_free(struct ferry_item *item);
/* Takes both; the newer one remains and is returned. */
struct ferry_item *ferry_item_merge(struct ferry_item *older, struct ferry_item *newer);
/* What its forerunner, which waits, was to bring about, it brings about; and if a request for that
 * may have been on the way, one may be for it. */
void ferry_item_inherit(struct ferry_item *item, enum ferry_origin origin, bool certain);
/* Its fate is known: closes every offset it stands for. */
void ferry_item_know(struct ferry_item *item, struct ferry_window *window);

enum ferry_lane_place {
    FERRY_LANE_IDLE,
    FERRY_LANE_HELD,    /* in its share, until it may be sent */
    FERRY_LANE_READY,   /* in the dispatcher, in turn */
    FERRY_LANE_SENT,    /* a request is in flight */
    FERRY_LANE_WAITING, /* in the dispatcher, for due_at */
};

struct ferry_lane {
    UT_hash_handle hh; /* in its share, by key */
    struct ferry_lane *prev, *next;
    struct ferry_share *share;
    struct ferry_item *now;
    struct ferry_item *later; /* utlist, by age: what must not replace `now` */
    enum ferry_lane_place place;
    enum ferry_call next_call; /* what `now` goes on with; FERRY_CALL_NONE: to be decided afresh */
    enum ferry_call call;      /* what is in flight */
    struct ferry_campaign_call *request;
    struct ferry_dispatcher *dispatcher; /* that sent it */
    struct ferry_pace_ticket ticket;
    struct ferry_case given;    /* what `call` was decided on */
    uint64_t hash;              /* of the body of an update of `now` */
    int64_t due_at;             /* ferry_boot_ms */
    unsigned attempts;          /* requests made for `now` */
    unsigned detours;           /* times an answer contradicted the one before */
    unsigned doubts;            /* times its answer spoke of the schema */
    unsigned blamed;            /* answers that named nobody while neighbours succeeded */
    int64_t blamed_at;          /* the first of them */
    uint64_t neighbours;        /* successes of the table when it was first sent, or last failed */
    bool unsure;                /* a request was cut: nobody knows what the destination holds */
    bool alone;                 /* `now` is created without its mutual links */
    enum ferry_recalled pulled; /* it came from what was set aside, and counts in its share */
    int64_t there;              /* source version that the destination holds; 0: nothing of ours */
    size_t key_length;
    char key[]; /* terminated */
};

struct ferry_lane *ferry_lane_new(struct ferry_share *share, const char *key, size_t length);
/* Drops what is queued; a request in flight must have been cancelled. */
void ferry_lane_free(struct ferry_lane *lane);
/* Takes the item. `merge`: it may replace what has not been sent; otherwise it waits behind that,
 * and replaces there what is less than `reach` records older. */
void ferry_lane_put(struct ferry_lane *lane, struct ferry_item *item, bool merge, int64_t reach);
/* The fate of `now` is known: closes its offsets, frees it and moves up what waited. */
void ferry_lane_advance(struct ferry_lane *lane, struct ferry_window *window);
bool ferry_lane_empty(const struct ferry_lane *lane);
size_t ferry_lane_bytes(const struct ferry_lane *lane); /* of all its values */
/* The stronger of two: what a merged change must still bring about. */
enum ferry_origin ferry_lane_stronger(enum ferry_origin a, enum ferry_origin b);

#endif
