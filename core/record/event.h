/* An e-mail event of one contact, and its Avro form (schemas/email-event.avsc). Any thread. */
#ifndef FERRY_EVENT_H
#define FERRY_EVENT_H

#include "core/record/change.h"
#include "core/record/guid.h"

enum ferry_event_kind {
    FERRY_EVENT_SEND,
    FERRY_EVENT_OPEN,
    FERRY_EVENT_CLICK,
    FERRY_EVENT_BOUNCE,
};
#define FERRY_EVENT_KINDS 4

struct ferry_event {
    struct ferry_slice id; /* "send:812345": two rows with the same id are the same event */
    enum ferry_event_kind kind;
    struct ferry_slice contact;  /* GUID, lower case */
    int64_t occurred_at;         /* ms since the epoch */
    struct ferry_slice campaign; /* these four: data NULL when the row had none */
    struct ferry_slice delivery;
    struct ferry_slice mirror_page;
    struct ferry_slice url;
    struct ferry_slice file;
    int64_t line;
    int64_t read_at; /* ms since the epoch */
};

/* The id of the activity that the event becomes (ADR 4), wherever it is read; also the name of its
 * trace. `source`: of the configuration. */
void ferry_event_activity(const char *source, struct ferry_slice id, char out[FERRY_GUID_SIZE]);

/* Appends framing and record. */
enum ferry_status ferry_event_encode(const struct ferry_event *event, const struct ferry_wire *wire,
                                     struct ferry_buffer *out,
                                     struct ferry_error *error) FERRY_MUST_CHECK;
/* Slices point into `data`. FERRY_BAD_RECORD when the bytes are no EmailEvent, are cut, or are
 * followed by more; *ret_event says nothing then. */
enum ferry_status ferry_event_decode(const void *data, size_t length, struct ferry_event *ret_event,
                                     struct ferry_error *error) FERRY_MUST_CHECK;

const char *ferry_event_kind_name(enum ferry_event_kind kind); /* "SEND" */
bool ferry_event_kind_from_name(const char *name, enum ferry_event_kind *ret_kind);

#endif
