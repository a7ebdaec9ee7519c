/* What a call tells its caller to do next, and the sentence for a human. Values only; any thread.
 */
#ifndef FERRY_STATUS_H
#define FERRY_STATUS_H

#include <stdarg.h>
#include <stdbool.h>

#define FERRY_MUST_CHECK          __attribute__((warn_unused_result))
#define FERRY_PRINTF(text, first) __attribute__((format(printf, text, first)))

enum ferry_status {
    FERRY_OK,
    FERRY_NOMEM,      /* out of memory: give up the operation */
    FERRY_INVALID,    /* the caller's or the user's input is wrong: say so, do not repeat */
    FERRY_BAD_RECORD, /* this record cannot go on: reject it, go on with the next */
    FERRY_RETRY,      /* passing fault: the same call may succeed later */
    FERRY_FULL,       /* no room now: wait for room */
    FERRY_FATAL,      /* this object is broken: free it and make a new one */
};

/* Who has to act; shown to administrators. FERRY_CLASS_NONE where nobody has to. */
enum ferry_class {
    FERRY_CLASS_NONE,
    FERRY_CLASS_CREDENTIALS,
    FERRY_CLASS_PERMISSION,
    FERRY_CLASS_MAPPING,
    FERRY_CLASS_SCHEMA,
    FERRY_CLASS_QUOTA,
    FERRY_CLASS_NETWORK,
    FERRY_CLASS_BUG,
};

/* Owned by the caller, on the stack or inside an object. `message` names the thing and the place;
 * `action` says what to do about it. Both may be cut at their size and are always terminated. */
struct ferry_error {
    enum ferry_status status;
    enum ferry_class class;
    char message[512];
    char action[256];
};

/* Fills *error (NULL is allowed) and returns `status`, so that a failing function can end with it.
 */
enum ferry_status ferry_fail(struct ferry_error *error, enum ferry_status status,
                             enum ferry_class class, const char *format, ...) FERRY_PRINTF(4, 5);
void ferry_advise(struct ferry_error *error, const char *format, ...) FERRY_PRINTF(2, 3);
void ferry_error_clear(struct ferry_error *error);

const char *ferry_class_name(enum ferry_class class);
enum ferry_class ferry_class_from_name(const char *name);
const char *ferry_status_name(enum ferry_status status);

#endif
