#include "core/control/mapping.h"

#include "tests/unit/mappings.h"

static struct ferry_mapping *link_to(const char *table, const char *parent)
{
    struct ferry_mapping *mapping = NULL;
    struct ferry_error error;
    json_t *json = link_mapping(table, parent);
    if (ferry_mapping_new(json, &mapping, &error) != FERRY_OK)
        fail_msg("%s", error.message);
    json_decref(json);
    return mapping;
}

static void links_are_mutual_when_the_parent_leads_back(void **state)
{
    static const struct {
        const char *table;
        const char *parent;
        bool mutual;
    } rows[] = {
        {"self", "self", true},         {"account", "contact", true},
        {"contact", "account", true},   {"line", "purchase", false},
        {"purchase", "contact", false}, /* into a ring, not of it */
        {"ring1", "ring2", true},       {"ring2", "ring3", true},
        {"ring3", "ring1", true},       {"stray", "not-mapped", false},
    };
    enum { COUNT = sizeof rows / sizeof rows[0] };
    struct ferry_mapping *mappings[COUNT];
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        mappings[i] = link_to(rows[i].table, rows[i].parent);
    ferry_mapping_relate(mappings, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        if (mappings[i]->fields[0].mutual != rows[i].mutual)
            fail_msg("%s -> %s", rows[i].table, rows[i].parent);
        ferry_mapping_free(mappings[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_are_mutual_when_the_parent_leads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
