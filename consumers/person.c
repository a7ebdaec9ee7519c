#include "consumers/person.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct ferry_person *ferry_person_new(struct ferry_clerk *clerk, const char *contact)
{
    struct ferry_person *person = calloc(1, sizeof *person);
    if (!person)
        return NULL;
    person->clerk = clerk;
    memcpy(person->contact, contact, sizeof person->contact);
    return person;
}

static void free_reasons(struct ferry_reason *list)
{
    struct ferry_reason *reason, *next;
    DL_FOREACH_SAFE (list, reason, next)
        free(reason);
}

void ferry_person_free(struct ferry_person *person)
{
    free_reasons(person->now);
    free_reasons(person->later);
    free(person->look);
    free(person);
}

bool ferry_person_live(const struct ferry_person *person)
{
    const struct ferry_reason *reason;
    if (person->look ? person->look->urgent : person->born)
        return true;
    DL_FOREACH (person->now, reason)
        if (!reason->feed->bulk)
            return true;
    return false;
}

bool ferry_person_one_sided(const struct ferry_person *person, enum ferry_side *ret_side)
{
    const struct ferry_reason *reason;
    if (!person->now)
        return false;
    *ret_side = person->now->change.side;
    DL_FOREACH (person->now, reason)
        if (reason->change.side != *ret_side)
            return false;
    return true;
}

bool ferry_person_echoes(const struct ferry_person *person, const struct ferry_consent *consent,
                         const struct ferry_view *view)
{
    const struct ferry_reason *reason;
    DL_FOREACH (person->now, reason)
        for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++)
            if (consent->attributes[i].column && reason->change.said.known[i] &&
                reason->change.said.out[i] != view->value[i])
                return false;
    return true;
}

struct ferry_cause ferry_person_cause(const struct ferry_person *person,
                                      char place[FERRY_PLACE_SIZE])
{
    const struct ferry_dossier *dossier = &person->look->dossier;
    const struct ferry_reason *reason = person->now ? person->now->prev : NULL;
    place[0] = '\0';
    if (reason) {
        const struct ferry_optout_change *change = &reason->change;
        snprintf(place, FERRY_PLACE_SIZE, "%.*s", (int)change->place.length, change->place.data);
        return (struct ferry_cause){change->side, change->source, place};
    }
    if (dossier->waiting_since != 0)
        return (struct ferry_cause){dossier->waiting_side, dossier->waiting_source,
                                    dossier->waiting_place};
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        const struct ferry_dossier_attribute *attribute = &dossier->attributes[i];
        if (attribute->open)
            return (struct ferry_cause){attribute->decision.cause, attribute->decision.source,
                                        attribute->place};
    }
    return (struct ferry_cause){FERRY_SIDE_DYNAMICS, FERRY_OPTOUT_DELTA, place};
}

enum ferry_side ferry_errand_side(enum ferry_errand errand)
{
    return errand == FERRY_ERRAND_LOOK_DYNAMICS || errand == FERRY_ERRAND_WRITE_DYNAMICS
               ? FERRY_SIDE_DYNAMICS
               : FERRY_SIDE_CAMPAIGN;
}
