#include "controller/cli/wish.h"

#include "controller/cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The members by which a bare configuration is known, and what the first edit begins with. A later
 * one is known by members that no earlier one has. */
static const struct known {
    const char *workflow;
    const char *members[4];
    const char *draft;
} known[] = {
    {"dynamics-to-campaign", {"mappings"}, "{\"mappings\": []}"},
    {"campaign-to-dynamics",
     {"events", "export", "activities"},
     "{\"events\": {\"send\": true, \"open\": true, \"click\": true, \"bounce\": true}}"},
    {"opt-in-out",
     {"direction", "attributes", "rule"},
     "{\"direction\": \"disabled\", \"rule\": \"original\", \"attributes\": "
     "[{\"dynamics\": \"donotbulkemail\", \"campaign\": \"denyListEmail\"}]}"},
};
#define KNOWN (sizeof known / sizeof known[0])

/* NULL: it could be anybody's. */
static const char *workflow_of(const json_t *configuration)
{
    for (size_t i = KNOWN; i-- > 0;)
        for (const char *const *member = known[i].members; *member; member++)
            if (json_object_get(configuration, *member))
                return known[i].workflow;
    return NULL;
}

static void fill_wish(struct ferry_wish *wish)
{
    wish->configuration = json_object_get(wish->file, "configuration");
    wish->workflow = json_string_value(json_object_get(wish->file, "workflow"));
    wish->revision = json_integer_value(json_object_get(wish->file, "revision"));
    if (!wish->configuration && workflow_of(wish->file)) {
        wish->configuration = wish->file;
        wish->workflow = workflow_of(wish->file);
    }
}

int ferry_wish_read(const char *path, struct ferry_wish *wish)
{
    bool from_stdin = strcmp(path, "-") == 0;
    FILE *file = from_stdin ? stdin : fopen(path, "re");
    json_error_t fault;

    *wish = (struct ferry_wish){.file = NULL};
    if (!file) {
        fprintf(stderr, "ferryctl: cannot read %s: %s\n", path, strerror(errno));
        return FERRY_EXIT_REFUSED;
    }
    wish->file = json_loadf(file, JSON_REJECT_DUPLICATES, &fault);
    if (!from_stdin)
        fclose(file);
    if (!wish->file) {
        fprintf(stderr, "ferryctl: %s is no JSON: line %d, column %d: %s\n", path, fault.line,
                fault.column, fault.text);
        return FERRY_EXIT_REFUSED;
    }
    fill_wish(wish);
    if (wish->workflow && json_is_object(wish->configuration))
        return FERRY_EXIT_OK;
    fprintf(stderr, "ferryctl: %s must hold {\"workflow\": \"%s\", \"configuration\": {...}}\n",
            path, known[0].workflow);
    ferry_wish_done(wish);
    return FERRY_EXIT_REFUSED;
}

void ferry_wish_done(struct ferry_wish *wish)
{
    json_decref(wish->file);
}

json_t *ferry_wish_draft(const char *workflow)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (strcmp(known[i].workflow, workflow) == 0)
            return json_loads(known[i].draft, 0, NULL);
    return json_object();
}
