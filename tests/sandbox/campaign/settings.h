/* What the imitated Campaign instance is like. */
#ifndef SANDBOX_CAMPAIGN_SETTINGS_H
#define SANDBOX_CAMPAIGN_SETTINGS_H

#include <stdbool.h>

enum sandbox_optout_names { SANDBOX_BLACK_LIST, SANDBOX_DENY_LIST, SANDBOX_BOTH_LISTS };
enum sandbox_link_delete { SANDBOX_CASCADE, SANDBOX_NULLIFY, SANDBOX_KEEP };

struct sandbox_campaign_settings {
    const char *org;
    const char *client;
    const char *secret;
    unsigned token_ttl;
    unsigned optout_names; /* enum sandbox_optout_names */
    unsigned link_delete;  /* enum sandbox_link_delete */
    unsigned delete_status;
    unsigned empty_patch;
    unsigned list_default;
    unsigned list_cap;
    unsigned big_table;
    unsigned admit;
    unsigned rps;
    int clock_ms; /* its clock is so far ahead */
    const char *optout_filter;
    bool optout_filter_all; /* it looks at the latest of all, push too */
    bool no_optout_filter;
    bool no_profile_key;
    bool key_patch_strict;
    bool collection_patch;
    bool truncate;
    bool pkey_fixed;
    bool links_optional; /* cardinality 0-1 */
    bool attribute_times_off;
    bool same_value_quiet;
    bool smart_case;
    bool null_ignored;
    bool foreign;
    bool record;
};

#endif
