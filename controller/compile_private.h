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

/* A piece of the configuration that is asked about by itself. The first member of a kind's own. */
struct ferry_compile_part {
    struct ferry_compile *compile;
    unsigned pending;
    json_t *table; /* a description; NULL until it came */
    struct ferry_compile_reply table_reply;
};

/* How one kind of configuration is compiled. */
struct ferry_compile_way {
    size_t part_size;
    /* Prepares the result, and says how many parts a checked configuration has. */
    size_t (*begin)(struct ferry_compile *compile);
    /* Fills part number `index`, which is zero. */
    void (*fill)(struct ferry_compile *compile, struct ferry_compile_part *part, size_t index);
    void (*ask)(struct ferry_compile_part *part); /* its questions, by ferry_compile_ask */
    /* Everything was answered: puts what the part says into the result. */
    void (*judge)(struct ferry_compile_part *part);
    void (*done)(struct ferry_compile_part *part);
};

extern const struct ferry_compile_way ferry_compile_mappings;
extern const struct ferry_compile_way ferry_compile_events;
extern const struct ferry_compile_way ferry_compile_optinout;

struct ferry_compile {
    uv_timer_t turn; /* the callback comes from the loop, never from inside a call of the owner */
    const struct ferry_compile_way *way;
    json_t *configuration;
    struct ferry_dataverse *dataverse;
    struct ferry_campaign *campaign;
    ferry_compile_callback on_done;
    void *context;
    char *parts; /* `count` of way->part_size each */
    size_t count;
    size_t next; /* the first part that was not asked about */
    size_t busy; /* parts with pending questions */
    struct ferry_compile_result result;
    json_t *settled;      /* the configuration with its defaults; of mappings NULL */
    json_t *beside;       /* of the options */
    const json_t *before; /* of the options: in `begin` only */
    bool out_of_memory;
    bool unreachable; /* result.error says who */
};

typedef enum ferry_status ferry_compile_question(struct ferry_compile_part *part,
                                                 struct ferry_error *error);
/* Asks; a question that could not even be asked is answered on the spot, in `reply`. */
void ferry_compile_ask(struct ferry_compile_part *part, ferry_compile_question *question,
                       struct ferry_compile_reply *reply);
/* One question of the part has its answer; the part may be gone afterwards. */
void ferry_compile_answered(struct ferry_compile_part *part);
void ferry_compile_failed(struct ferry_compile_reply *reply,
                          const struct ferry_remote_answer *answer);
/* Asks Dynamics 365 to describe a table; part->table and part->table_reply say. One question. */
enum ferry_status ferry_compile_ask_table(struct ferry_compile_part *part, const char *table,
                                          struct ferry_error *error) FERRY_MUST_CHECK;
/* True when the question was answered; else its fault, at this JSON pointer, or that a system was
 * not reached, stands in the result. */
bool ferry_compile_judge_reply(struct ferry_compile *compile, const char *path,
                               const struct ferry_compile_reply *reply);
/* Fills compile->result when everything was answered; returns its status. */
enum ferry_status ferry_compile_judge(struct ferry_compile *compile);

/* --- of mappings, and of contact -> profile in Opt-In/Out --- */

struct ferry_compile_mapping {
    struct ferry_compile_part part;
    json_t *mapping; /* as configured; borrowed from the configuration */
    size_t index;
    json_t *resource; /* a description; NULL until it came */
    struct ferry_compile_reply resource_reply;
    struct ferry_compile_reply key_reply;
    bool key_proved;
    char *sample; /* a value of the key field that is there; NULL when none was seen */
};

const char *ferry_compile_api(const struct ferry_compile_mapping *mapping);
/* Asks Campaign to describe the resource; `resource` and resource_reply say. One question. */
enum ferry_status ferry_compile_ask_resource(struct ferry_compile_part *part,
                                             struct ferry_error *error) FERRY_MUST_CHECK;
/* Asks whether the key is an identification key; key_proved and key_reply say. One question. */
enum ferry_status ferry_compile_ask_key(struct ferry_compile_part *part,
                                        struct ferry_error *error) FERRY_MUST_CHECK;
/* Adds a fault at this JSON pointer unless the key was proved. */
void ferry_compile_judge_key(struct ferry_compile_mapping *mapping, const char *path);

#endif
