#include "producers/profilemark.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ferry_profilemark_init(struct ferry_profilemark *mark)
{
    memset(mark, 0, sizeof *mark);
}

void ferry_profilemark_done(struct ferry_profilemark *mark)
{
    free(mark->next);
    ferry_profilemark_init(mark);
}

static enum ferry_status replace(struct ferry_profilemark *to,
                                 const struct ferry_profilemark *from, const char *next)
{
    struct ferry_profilemark copy = *from;
    copy.next = next ? strdup(next) : NULL;
    if (next && !copy.next)
        return FERRY_NOMEM;
    ferry_profilemark_done(to);
    *to = copy;
    return FERRY_OK;
}

enum ferry_status ferry_profilemark_copy(struct ferry_profilemark *to,
                                         const struct ferry_profilemark *from)
{
    return replace(to, from, from->next);
}

enum ferry_status ferry_profilemark_follow(struct ferry_profilemark *to,
                                           const struct ferry_profilemark *from, int64_t newest,
                                           int64_t began_at, const char *next)
{
    enum ferry_status status = replace(to, from, from->loaded ? NULL : next);
    if (status != FERRY_OK)
        return status;
    int64_t since = newest < began_at ? newest : began_at;
    bool whole = !next;
    /* Pages come in the order of the key: a time is behind us when the last page is. */
    if ((whole || !from->loaded) && since > to->since)
        to->since = since;
    to->loaded = from->loaded || whole;
    return FERRY_OK;
}

enum ferry_status ferry_profilemark_print(const struct ferry_profilemark *mark, char **ret_text)
{
    json_t *json = json_pack("{sI sI sb ss? ss}", "since", (json_int_t)mark->since, "beganAt",
                             (json_int_t)mark->began_at, "loaded", mark->loaded, "next", mark->next,
                             "attributes", mark->attributes);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!text)
        return FERRY_NOMEM;
    *ret_text = text;
    return FERRY_OK;
}

static enum ferry_status refuse(struct ferry_error *error, const char *what)
{
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                      "The checkpoint of Campaign's opt-outs cannot be read: %s.", what);
}

static enum ferry_status take(const json_t *json, struct ferry_profilemark *mark,
                              struct ferry_error *error)
{
    const json_t *loaded = json_object_get(json, "loaded");
    const char *next = json_string_value(json_object_get(json, "next"));
    const char *attributes = json_string_value(json_object_get(json, "attributes"));
    const struct ferry_profilemark read = {
        .since = json_integer_value(json_object_get(json, "since")),
        .began_at = json_integer_value(json_object_get(json, "beganAt")),
        .loaded = json_is_true(loaded),
    };
    if (!json_is_object(json))
        return refuse(error, "it is no JSON object");
    if (read.since < 0)
        return refuse(error, "since");
    if (!json_is_boolean(loaded))
        return refuse(error, "loaded");
    if (replace(mark, &read, next) != FERRY_OK)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    snprintf(mark->attributes, sizeof mark->attributes, "%s", attributes ? attributes : "");
    return FERRY_OK;
}

enum ferry_status ferry_profilemark_parse(const char *text, struct ferry_profilemark *mark,
                                          struct ferry_error *error)
{
    json_t *json = json_loads(text, 0, NULL);
    enum ferry_status status = take(json, mark, error);
    json_decref(json);
    return status;
}
