/* Parents and children: who is hidden, who is found, who goes with whom. */
#include <stdlib.h>
#include <string.h>

#include "campaign/campaign.h"

struct sandbox_entry *sandbox_campaign_parent(struct sandbox_campaign *campaign,
                                              const struct sandbox_resource *resource,
                                              const struct sandbox_entry *entry,
                                              struct sandbox_resource **ret_resource)
{
    if (resource->link < 0 || !entry->parent)
        return NULL;
    *ret_resource = sandbox_campaign_resource(campaign, resource->fields[resource->link].target);
    return sandbox_entry_by_key(*ret_resource, entry->parent);
}

bool sandbox_campaign_hidden(struct sandbox_campaign *campaign,
                             const struct sandbox_resource *resource,
                             const struct sandbox_entry *entry)
{
    struct sandbox_resource *target = NULL;

    if (!entry->parent || resource->fields[resource->link].optional_link ||
        resource->fields[resource->link].removed)
        return false;
    return !sandbox_campaign_parent(campaign, resource, entry, &target);
}

struct sandbox_entry *sandbox_campaign_find(struct sandbox_campaign *campaign,
                                            struct sandbox_request *request,
                                            struct sandbox_resource *resource, const char *name,
                                            const char *mark)
{
    struct sandbox_entry *entry = NULL;
    unsigned which;
    uint64_t id;

    if (*name == '@') {
        if (!sandbox_pkey_read(&campaign->pkeys, name, &which, &id) ||
            which != sandbox_campaign_index(campaign, resource)) {
            sandbox_campaign_bad_pkey(request, resource, name);
            return NULL;
        }
        entry = sandbox_entry_by_id(resource, id);
    } else if (!resource->keyed) {
        sandbox_campaign_bad_pkey(request, resource, name);
        return NULL;
    } else {
        entry = sandbox_entry_by_key(resource, name);
    }
    if (entry && !sandbox_campaign_hidden(campaign, resource, entry))
        return entry;
    sandbox_campaign_not_found(request, resource, name, mark);
    return NULL;
}

static void unlink_child(struct sandbox_campaign *campaign, struct sandbox_resource *resource,
                         struct sandbox_entry *child)
{
    struct sandbox_values values;

    sandbox_row_unpack(child->row, &values);
    values.of[resource->join] = (struct sandbox_slice){0};
    sandbox_campaign_store(campaign, resource, child, sandbox_row_new(&values), NULL, false);
}

static void delete_children(struct sandbox_campaign *campaign, const char *parent_resource,
                            const char *key)
{
    for (size_t i = 0; i < SANDBOX_RESOURCES; i++) {
        struct sandbox_resource *resource = &campaign->resources[i];
        struct sandbox_entry *child;
        if (resource->link < 0 ||
            strcmp(resource->fields[resource->link].target, parent_resource) != 0)
            continue;
        while ((child = sandbox_entry_children(resource, key))) {
            if (campaign->settings.link_delete == SANDBOX_CASCADE)
                sandbox_campaign_delete(campaign, resource, child);
            else
                unlink_child(campaign, resource, child);
        }
    }
}

void sandbox_campaign_delete(struct sandbox_campaign *campaign, struct sandbox_resource *resource,
                             struct sandbox_entry *entry)
{
    char *key = strdup(entry->key);

    sandbox_campaign_drop(campaign, resource, entry, false);
    if (key && *key && campaign->settings.link_delete != SANDBOX_KEEP)
        delete_children(campaign, resource->name, key);
    free(key);
}
