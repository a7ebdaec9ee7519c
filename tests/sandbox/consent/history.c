#include "consent/history.h"

#include <stdlib.h>
#include <string.h>

void sandbox_cases_done(struct sandbox_cases *cases)
{
    HASH_CLEAR(hh, cases->by_id);
    for (size_t i = 0; i < cases->count; i++) {
        free(cases->all[i]->writes);
        free(cases->all[i]);
    }
    free(cases->all);
    *cases = (struct sandbox_cases){0};
}

struct sandbox_case *sandbox_case_find(const struct sandbox_cases *cases,
                                       const uint8_t id[static 16])
{
    struct sandbox_case *one;

    HASH_FIND(hh, cases->by_id, id, 16, one);
    return one;
}

/* The array with room for one more; NULL when memory is short. */
static void *room(void *array, size_t count, size_t *size, size_t element, size_t first)
{
    if (count < *size)
        return array;
    size_t more = *size ? *size * 2 : first;
    void *grown = realloc(array, more * element);
    if (grown)
        *size = more;
    return grown;
}

struct sandbox_case *sandbox_case_of(struct sandbox_cases *cases, const uint8_t id[static 16])
{
    struct sandbox_case *one = sandbox_case_find(cases, id);

    if (one)
        return one;
    struct sandbox_case **all =
        room(cases->all, cases->count, &cases->size, sizeof(struct sandbox_case *), 1024);
    if (!all)
        return NULL;
    cases->all = all;
    one = calloc(1, sizeof *one);
    if (!one)
        return NULL;
    memcpy(one->id, id, 16);
    cases->all[cases->count++] = one;
    HASH_ADD(hh, cases->by_id, id, 16, one);
    return one;
}

void sandbox_case_add(struct sandbox_cases *cases, struct sandbox_case *one,
                      const struct sandbox_flag_write *write)
{
    struct sandbox_flag_write *writes =
        room(one->writes, one->write_count, &one->write_size, sizeof *writes, 2);

    if (!writes)
        return;
    one->writes = writes;
    struct sandbox_flag_write *copy = &writes[one->write_count++];
    *copy = *write;
    copy->number = ++cases->last_number;
    copy->before = one->exposure;
}

bool sandbox_case_take_back(struct sandbox_case *one, uint64_t version,
                            struct sandbox_flag_write *ret_write)
{
    const struct sandbox_flag_write *last =
        one->write_count ? &one->writes[one->write_count - 1] : NULL;

    if (!last || last->side != SANDBOX_IN_DYNAMICS || last->version != version)
        return false;
    *ret_write = *last;
    one->exposure = last->before;
    one->write_count--;
    return true;
}
