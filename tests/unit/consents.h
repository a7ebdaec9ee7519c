/* Run orders of Opt-In/Out for tests. */
#ifndef FERRY_CONSENTS_H
#define FERRY_CONSENTS_H

#include "core/control/consent.h"

#include <stdio.h>

#define FERRY_TEST_PAIR                                                                            \
    "{\"name\":\"denyListEmail\",\"dynamics\":\"donotbulkemail\",\"campaign\":\"blackListEmail\"," \
    "\"time\":\"blackListEmailLastModified\"},"                                                    \
    "{\"name\":\"denyListPushnotification\",\"dynamics\":\"new_nopush\","                          \
    "\"campaign\":\"blackListPushnotification\",\"time\":null}"

/* `attributes`: JSON objects, separated by commas. */
static inline struct ferry_consent *consent_of(const char *direction, const char *attributes)
{
    struct ferry_consent *consent = NULL;
    struct ferry_error error;
    char text[4096];
    snprintf(text, sizeof text,
             "{\"direction\":\"%s\",\"rule\":\"original\",\"clockToleranceMs\":60000,"
             "\"table\":\"contact\",\"entitySet\":\"contacts\",\"primaryId\":\"contactid\","
             "\"api\":\"profileAndServicesExt\",\"resource\":\"profile\",\"key\":\"externalId\","
             "\"filter\":{\"name\":\"byOptOutsSince\",\"parameter\":\"since_parameter\"},"
             "\"attributes\":[%s]}",
             direction, attributes);
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    if (ferry_consent_new(json, &consent, &error) != FERRY_OK)
        fail_msg("%s", error.message);
    json_decref(json);
    return consent;
}

#endif
