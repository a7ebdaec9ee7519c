/* One partition of `checkpoints` as this process holds it: its transactional producer, and the
 * checkpoints of the tasks that belong to it. Who sits here has the right to move those tasks on.
 * Loop thread only.
 *
 * Opening comes in an order that matters: init_transactions ends what a predecessor left open, then
 * the checkpoints are read to the end that a read_uncommitted question names afterwards; only then
 * may tasks run. The users of a seat take turns, because a producer has one transaction at a time.
 * When the result of a transaction is not known, or the producer is fenced or broken, the seat is
 * lost for a while and opened again in the same order.
 *
 * A seat that nobody uses when it has opened rests, for an idle producer is not for nothing; its
 * predecessor is fenced then. The next user opens it again. */
#ifndef FERRY_SEAT_H
#define FERRY_SEAT_H

#include "producers/producer.h"

struct ferry_seat;

/* What a seat tells a user. Only on_open may come from inside a call, which is ferry_seat_join. */
struct ferry_seat_calls {
    void (*on_open)(void *context); /* ferry_seat_checkpoint has the truth */
    /* What was not reported as committed may or may not have happened; on_open comes again, not
     * before retry_at. */
    void (*on_lost)(void *context, const struct ferry_error *error, int64_t retry_at);
    void (*on_turn)(void *context);
    void (*on_room)(void *context); /* after FERRY_FULL */
    void (*on_ended)(void *context,
                     const struct ferry_error *error); /* NULL: committed; else aborted */
};

/* Embedded in a user; the seat owns its content. */
struct ferry_seat_user {
    const struct ferry_seat_calls *calls;
    void *context;
    struct ferry_seat_user *prev, *next;
    uint64_t ticket; /* order of waiting; 0: does not wait */
    bool open;       /* was told so */
};

enum ferry_status ferry_seat_new(uv_loop_t *loop, const struct ferry_common *common, int partition,
                                 struct ferry_seat **ret_seat,
                                 struct ferry_error *error) FERRY_MUST_CHECK;
/* Lets a commit under way finish, aborts an open transaction, frees the seat; on_closed comes
 * later. All users have left. */
void ferry_seat_close(struct ferry_seat *seat, void (*on_closed)(void *context), void *context);
int ferry_seat_partition(const struct ferry_seat *seat);

void ferry_seat_join(struct ferry_seat *seat, struct ferry_seat_user *user,
                     const struct ferry_seat_calls *calls, void *context);
/* At any moment; an open transaction of the user is aborted, a commit under way goes on without it.
 */
void ferry_seat_leave(struct ferry_seat *seat, struct ferry_seat_user *user);
/* The stored document of a task; NULL: none. Valid until the loop turns. */
const char *ferry_seat_checkpoint(const struct ferry_seat *seat, const char *task);
/* Those whose key begins with `prefix`, until `each` returns false. */
void ferry_seat_checkpoints(const struct ferry_seat *seat, const char *prefix,
                            bool (*each)(void *context, const char *key, const char *text),
                            void *context);

/* True: it is your turn. False: on_turn will say so. */
bool ferry_seat_want(struct ferry_seat *seat, struct ferry_seat_user *user) FERRY_MUST_CHECK;
/* Gives a turn back in which nothing was sent, or stops waiting for one. */
void ferry_seat_yield(struct ferry_seat *seat, struct ferry_seat_user *user);
/* Within the turn; as ferry_producer_send. */
enum ferry_status ferry_seat_send(struct ferry_seat *seat, struct ferry_producer_record *record,
                                  struct ferry_error *error) FERRY_MUST_CHECK;
bool ferry_seat_full(const struct ferry_seat *seat);
bool ferry_seat_begun(const struct ferry_seat *seat); /* something was sent in this turn */
/* Ends the turn: sends the checkpoint (NULL: that there is none any more) and commits. on_ended or
 * on_lost follows. */
void ferry_seat_commit(struct ferry_seat *seat, const char *task, const char *checkpoint);
/* Ends a turn in which something was sent. on_ended with `why`, or on_lost, follows. */
void ferry_seat_abort(struct ferry_seat *seat, const struct ferry_error *why);

#endif
