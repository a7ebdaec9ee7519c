/* What the sources of compile share. */
#ifndef FERRY_COMPILE_PRIVATE_H
#define FERRY_COMPILE_PRIVATE_H

#include "controller/compile.h"

/* What came back for one question. */
struct ferry_compile_reply {
    bool failed;
    enum ferry_verdict verdict;
    struct ferry_error error;
};

struct ferry_compile_part {
    struct ferry_compile *compile;
    json_t *mapping; /* as configured; borrowed from the configuration */
    unsigned pending;
    json_t *table; /* descriptions; NULL until they came */
    json_t *resource;
    struct ferry_compile_reply table_reply;
    struct ferry_compile_reply resource_reply;
    struct ferry_compile_reply key_reply;
    bool key_proved;
    char *sample; /* a value of the key field that is there; NULL when none was seen */
};

struct ferry_compile {
    uv_timer_t turn; /* the callback comes from the loop, never from inside a call of the owner */
    json_t *configuration;
    struct ferry_dataverse *dataverse;
    struct ferry_campaign *campaign;
    ferry_compile_callback on_done;
    void *context;
    struct ferry_compile_part *parts;
    size_t count;
    size_t next; /* the first part that was not asked about */
    size_t busy; /* parts with pending questions */
    struct ferry_compile_result result;
    bool out_of_memory;
    bool unreachable; /* result.error says who */
};

const char *ferry_compile_api(const struct ferry_compile_part *part);
/* One question of the part has its answer; the part may be gone afterwards. */
void ferry_compile_answered(struct ferry_compile_part *part);
void ferry_compile_failed(struct ferry_compile_reply *reply,
                          const struct ferry_remote_answer *answer);
/* Asks whether the key is an identification key; key_proved and key_reply say. Counts as one
 * question. */
enum ferry_status ferry_compile_ask_key(struct ferry_compile_part *part,
                                        struct ferry_error *error) FERRY_MUST_CHECK;
/* The system is ill or away: ask again later, nobody is at fault. */
bool ferry_compile_is_passing(enum ferry_verdict verdict);
/* Fills compile->result when everything was answered; returns its status. */
enum ferry_status ferry_compile_judge(struct ferry_compile *compile);

#endif
