/* Mappings of run orders for tests. */
#ifndef FERRY_MAPPINGS_H
#define FERRY_MAPPINGS_H

#include "tests/unit/cmocka_all.h"

#include <jansson.h>
#include <stdio.h>

/* Of a table whose only field links to the parent. */
static inline json_t *link_mapping(const char *table, const char *parent)
{
    char text[512];
    snprintf(text, sizeof text,
             "{\"id\":\"%s\",\"table\":\"%s\",\"entitySet\":\"s\",\"primaryId\":\"i\","
             "\"api\":\"a\",\"resource\":\"r\",\"key\":\"k\",\"columnsHash\":\"0\","
             "\"columns\":[\"p\"],\"fields\":[{\"source\":\"p\",\"sourceType\":\"Lookup\","
             "\"destination\":\"d\",\"destinationType\":\"link\",\"linkTable\":\"%s\"}]}",
             table, table, parent);
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    return json;
}

#endif
