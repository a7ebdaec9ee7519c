#include "consumers/plan.h"

static struct ferry_step make_call(enum ferry_call call)
{
    return (struct ferry_step){.call = call};
}

static struct ferry_step end_with(enum ferry_fate fate)
{
    return (struct ferry_step){.fate = fate};
}

struct ferry_step ferry_plan_call(const struct ferry_case *given, enum ferry_call call)
{
    if (call != FERRY_CALL_POST || !given->outdated)
        return make_call(call);
    return end_with(given->known == FERRY_KNOWN_NOT ? FERRY_FATE_OUTDATED
                                                    : FERRY_FATE_OUTDATED_GONE);
}

static bool surely_absent(const struct ferry_case *given)
{
    return given->known == FERRY_KNOWN_NOT && given->certain;
}

static struct ferry_step plan_delete(const struct ferry_case *given)
{
    if (!given->apply_deletes)
        return end_with(FERRY_FATE_NOTED);
    return surely_absent(given) ? end_with(FERRY_FATE_GONE) : make_call(FERRY_CALL_DELETE);
}

static struct ferry_step plan_unwanted(const struct ferry_case *given)
{
    if (surely_absent(given))
        return end_with(FERRY_FATE_FILTERED);
    if (given->delete_filtered_out)
        return make_call(FERRY_CALL_DELETE);
    return end_with(given->known == FERRY_KNOWN_NOT ? FERRY_FATE_FILTERED : FERRY_FATE_LEFT_ALONE);
}

static struct ferry_step plan_known(const struct ferry_case *given)
{
    if (given->older && (given->waited || given->origin != FERRY_ORIGIN_REPLAY))
        return end_with(FERRY_FATE_SUPERSEDED);
    if (given->origin == FERRY_ORIGIN_REPLAY)
        return make_call(FERRY_CALL_PATCH);
    if (given->certain && given->same_version)
        return end_with(FERRY_FATE_UNCHANGED);
    if (given->certain && given->same_hash)
        return end_with(FERRY_FATE_REFRESHED);
    return make_call(FERRY_CALL_PATCH);
}

static struct ferry_step plan_upsert(const struct ferry_case *given)
{
    switch (given->known) {
    case FERRY_KNOWN_WRITTEN:
        return plan_known(given);
    case FERRY_KNOWN_MAYBE:
        return make_call(FERRY_CALL_PATCH);
    case FERRY_KNOWN_NOT:
        break;
    }
    /* A creation that was cut may have succeeded. Without an identification key a second POST would
     * double the record, a PATCH never does. */
    return ferry_plan_call(given, given->unsure ? FERRY_CALL_PATCH : FERRY_CALL_POST);
}

struct ferry_step ferry_plan_first(const struct ferry_case *given)
{
    switch (given->op) {
    case FERRY_OP_DELETE:
        return plan_delete(given);
    case FERRY_OP_LEFT_FILTER:
        return plan_unwanted(given);
    case FERRY_OP_UPSERT:
        break;
    }
    return given->matches ? plan_upsert(given) : plan_unwanted(given);
}

enum ferry_body_kind ferry_plan_body(const struct ferry_case *given, enum ferry_call call)
{
    if (call == FERRY_CALL_POST)
        return given->alone ? FERRY_BODY_CREATE_ALONE : FERRY_BODY_CREATE;
    bool first_load = given->known != FERRY_KNOWN_WRITTEN && given->origin != FERRY_ORIGIN_DELTA;
    return given->origin == FERRY_ORIGIN_REPLAY || first_load ? FERRY_BODY_REPLAY
                                                              : FERRY_BODY_UPDATE;
}

enum ferry_fate ferry_plan_done(const struct ferry_case *given, enum ferry_call call)
{
    switch (call) {
    case FERRY_CALL_POST:
        return FERRY_FATE_INSERTED;
    case FERRY_CALL_PATCH:
        return FERRY_FATE_UPDATED;
    case FERRY_CALL_DELETE:
        return given->op == FERRY_OP_DELETE ? FERRY_FATE_DELETED : FERRY_FATE_FILTERED;
    case FERRY_CALL_NONE:
        break;
    }
    return FERRY_FATE_NONE;
}

#define VERDICTS (FERRY_VERDICT_FOREIGN + 1)

/* The same after any call, unless the next table says otherwise. */
static const enum ferry_course courses[VERDICTS] = {
    [FERRY_VERDICT_OK] = FERRY_COURSE_DONE,
    [FERRY_VERDICT_ABSENT] = FERRY_COURSE_JUDGE,
    [FERRY_VERDICT_NO_PARENT] = FERRY_COURSE_PARENT,
    [FERRY_VERDICT_DUPLICATE] = FERRY_COURSE_JUDGE,
    [FERRY_VERDICT_BAD_RECORD] = FERRY_COURSE_REJECT,
    [FERRY_VERDICT_ILL] = FERRY_COURSE_JUDGE,
    [FERRY_VERDICT_THROTTLED] = FERRY_COURSE_AGAIN,
    [FERRY_VERDICT_UNAVAILABLE] = FERRY_COURSE_AGAIN,
    [FERRY_VERDICT_UNKNOWN] = FERRY_COURSE_CUT,
    [FERRY_VERDICT_CREDENTIALS] = FERRY_COURSE_HUMAN,
    [FERRY_VERDICT_PERMISSION] = FERRY_COURSE_HUMAN,
    [FERRY_VERDICT_EXPIRED] = FERRY_COURSE_JUDGE,
    [FERRY_VERDICT_REFUSED] = FERRY_COURSE_JUDGE,
    [FERRY_VERDICT_FOREIGN] = FERRY_COURSE_JUDGE,
};

static const struct exception {
    enum ferry_call call;
    enum ferry_verdict verdict;
    struct ferry_next next;
} exceptions[] = {
    {FERRY_CALL_POST, FERRY_VERDICT_DUPLICATE, {FERRY_COURSE_GO_ON, FERRY_CALL_PATCH}},
    {FERRY_CALL_PATCH, FERRY_VERDICT_ABSENT, {FERRY_COURSE_GO_ON, FERRY_CALL_POST}},
    {FERRY_CALL_PATCH, FERRY_VERDICT_DUPLICATE, {FERRY_COURSE_REJECT, FERRY_CALL_NONE}},
    {FERRY_CALL_DELETE, FERRY_VERDICT_ABSENT, {FERRY_COURSE_DONE, FERRY_CALL_NONE}},
};

struct ferry_next ferry_plan_next(enum ferry_call call, enum ferry_verdict verdict)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++)
        if (exceptions[i].call == call && exceptions[i].verdict == verdict)
            return exceptions[i].next;
    return (struct ferry_next){.course = courses[verdict]};
}

static const struct ferry_fate_row fates[FERRY_FATES] = {
    [FERRY_FATE_NONE] = {"none", false, FERRY_WRITTEN_ABSENT},
    [FERRY_FATE_INSERTED] = {"inserted", true, FERRY_WRITTEN_WRITTEN},
    [FERRY_FATE_UPDATED] = {"updated", true, FERRY_WRITTEN_WRITTEN},
    [FERRY_FATE_DELETED] = {"deleted", true, FERRY_WRITTEN_ABSENT},
    [FERRY_FATE_UNCHANGED] = {"unchanged", false, FERRY_WRITTEN_WRITTEN},
    [FERRY_FATE_REFRESHED] = {"unchanged", true, FERRY_WRITTEN_WRITTEN},
    [FERRY_FATE_SUPERSEDED] = {"unchanged", false, FERRY_WRITTEN_WRITTEN},
    [FERRY_FATE_FILTERED] = {"filtered", true, FERRY_WRITTEN_FILTERED},
    [FERRY_FATE_LEFT_ALONE] = {"filtered", false, FERRY_WRITTEN_WRITTEN},
    [FERRY_FATE_NOTED] = {"unchanged", false, FERRY_WRITTEN_WRITTEN},
    [FERRY_FATE_GONE] = {"unchanged", true, FERRY_WRITTEN_ABSENT},
    [FERRY_FATE_REJECTED] = {"rejected", true, FERRY_WRITTEN_REJECTED},
    [FERRY_FATE_FORGOTTEN] = {"forgotten", true, FERRY_WRITTEN_ABSENT},
    [FERRY_FATE_WAITING] = {"setAside", true, FERRY_WRITTEN_WAITING},
    [FERRY_FATE_DROPPED] = {"dropped", true, FERRY_WRITTEN_WRITTEN},
    [FERRY_FATE_OUTDATED] = {"outdated", false, FERRY_WRITTEN_ABSENT},
    [FERRY_FATE_OUTDATED_GONE] = {"outdated", true, FERRY_WRITTEN_ABSENT},
};

const struct ferry_fate_row *ferry_fate_row(enum ferry_fate fate)
{
    return &fates[fate];
}

const char *ferry_call_name(enum ferry_call call)
{
    static const char *const names[FERRY_CALLS] = {"none", "POST", "PATCH", "DELETE"};
    return names[call];
}
