/* What has to be done for a change, given what is known of its key, and what follows from each
 * answer. Pure decisions, as tables; any thread. */
#ifndef FERRY_PLAN_H
#define FERRY_PLAN_H

#include "consumers/body.h"
#include "core/record/change.h"
#include "core/record/written.h"
#include "core/remote/remote.h"

enum ferry_call { FERRY_CALL_NONE, FERRY_CALL_POST, FERRY_CALL_PATCH, FERRY_CALL_DELETE };
#define FERRY_CALLS 4

/* How a change ends. Only with a fate an offset may be passed. */
enum ferry_fate {
    FERRY_FATE_NONE,
    FERRY_FATE_INSERTED,
    FERRY_FATE_UPDATED,
    FERRY_FATE_DELETED,
    FERRY_FATE_UNCHANGED,  /* the destination holds it already */
    FERRY_FATE_REFRESHED,  /* the same, under a newer version that is worth remembering */
    FERRY_FATE_SUPERSEDED, /* older than what is written */
    FERRY_FATE_FILTERED,   /* not wanted, and not there */
    FERRY_FATE_LEFT_ALONE, /* not wanted any more, but deleteFilteredOut is off */
    FERRY_FATE_NOTED,      /* a delete, but applyDeletes is off */
    FERRY_FATE_GONE,       /* a delete of what never was there */
    FERRY_FATE_REJECTED,
    FERRY_FATE_FORGOTTEN, /* the person was erased: so is what we remember */
    FERRY_FATE_WAITING,   /* set aside: it waits for its parent, or for a word about deletes */
    FERRY_FATE_DROPPED,   /* a delete that a person did not want */
    FERRY_FATE_OUTDATED,  /* read before its opt-outs were asked for: it comes again with them */
    FERRY_FATE_OUTDATED_GONE, /* the same, of what we had written and somebody took away */
};
#define FERRY_FATES (FERRY_FATE_OUTDATED_GONE + 1)

enum ferry_known {
    FERRY_KNOWN_NOT,     /* nothing of ours is there */
    FERRY_KNOWN_WRITTEN, /* this version, this hash */
    FERRY_KNOWN_MAYBE,   /* rejected or waiting: an older version may be there */
};

struct ferry_case {
    enum ferry_op op;
    enum ferry_origin origin;
    enum ferry_known known;
    bool matches; /* the filter; of an upsert */
    bool apply_deletes;
    bool delete_filtered_out;
    bool certain;  /* nobody else's request can be on the way, and none of ours was cut */
    bool unsure;   /* a request of ours was cut */
    bool waited;   /* it was set aside, and may be older than what is written since */
    bool alone;    /* it is created without its mutual links */
    bool outdated; /* it does not say what a record must not be created without */
    bool same_version;
    bool same_hash;
    bool older; /* than what is written, of no newer full read */
};

/* Either a call to make, or a fate at once. */
struct ferry_step {
    enum ferry_call call;
    enum ferry_fate fate;
};
struct ferry_step ferry_plan_first(const struct ferry_case *given);
/* The same for a call that follows from the answer to another one. */
struct ferry_step ferry_plan_call(const struct ferry_case *given, enum ferry_call call);
/* An update carries the fields that are kept up to date; a replay, or a load that meets a record
 * which is not ours, all of them. */
enum ferry_body_kind ferry_plan_body(const struct ferry_case *given, enum ferry_call call);

enum ferry_course {
    FERRY_COURSE_DONE,  /* the call did what it should */
    FERRY_COURSE_GO_ON, /* with another call, at once */
    FERRY_COURSE_AGAIN, /* the same later; the record is not at fault */
    FERRY_COURSE_CUT,   /* the same later; it may have been done */
    FERRY_COURSE_JUDGE, /* nobody was named: the neighbours tell whose fault it is */
    FERRY_COURSE_REJECT,
    FERRY_COURSE_PARENT, /* wait for the parent */
    FERRY_COURSE_HUMAN,  /* everything waits until credentials or rights are mended */
};
struct ferry_next {
    enum ferry_course course;
    enum ferry_call call; /* of GO_ON */
};
struct ferry_next ferry_plan_next(enum ferry_call call, enum ferry_verdict verdict);

/* What becomes of a change whose call is done. */
enum ferry_fate ferry_plan_done(const struct ferry_case *given, enum ferry_call call);

/* How a fate is counted and what is remembered. */
struct ferry_fate_row {
    const char *outcome; /* label of the metric and name of the counter */
    bool remembered;     /* a message to `written` */
    enum ferry_written_state state;
};
const struct ferry_fate_row *ferry_fate_row(enum ferry_fate fate);
const char *ferry_call_name(enum ferry_call call);

#endif
