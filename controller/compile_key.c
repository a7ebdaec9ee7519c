/* The proof that a field is an identification key. Campaign's metadata does not say it, so it is
 * tried:
 *
 * 1. A key that nobody has: "Unable to find document" shows that the resource is looked up by keys
 * at all.
 * 2. A record that is there: its value of the field must lead to it again, which shows that it is
 * this field. A resource without a fitting record has to do with the first. */
#include "controller/compile_private.h"
#include "controller/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE   37 /* a GUID */
#define SAMPLE_MAX 64

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static enum ferry_status ask(struct ferry_compile_mapping *mapping, const char *key,
                             ferry_remote_callback on_done, struct ferry_error *error)
{
    const struct ferry_campaign_request request = {
        .method = "GET",
        .api = ferry_compile_api(mapping),
        .resource = text_of(mapping->mapping, "resource"),
        .key = key,
        .on_done = on_done,
        .context = mapping,
    };
    struct ferry_campaign_call *call = NULL; /* forgotten by its context */
    return ferry_campaign_send(mapping->part.compile->campaign, &request, &call, error);
}

/* The next step of the proof, or its end when it cannot be taken. */
static void ask_next(struct ferry_compile_mapping *mapping, const char *key,
                     ferry_remote_callback on_done)
{
    struct ferry_remote_answer failed = {.verdict = FERRY_VERDICT_UNAVAILABLE, .body = ""};
    if (ask(mapping, key, on_done, &failed.error) == FERRY_OK)
        return;
    ferry_compile_failed(&mapping->key_reply, &failed);
    ferry_compile_answered(&mapping->part);
}

/* The answer is about the system and says nothing about the key. */
static bool is_beside_the_point(const struct ferry_remote_answer *answer)
{
    /* A key that is no key is read as Campaign's own, and that text may look like an illness. */
    if (answer->body && strstr(answer->body, "XTK-170036"))
        return false;
    return ferry_compile_is_passing(answer->verdict) ||
           answer->verdict == FERRY_VERDICT_CREDENTIALS ||
           answer->verdict == FERRY_VERDICT_PERMISSION || answer->verdict == FERRY_VERDICT_FOREIGN;
}

static bool is_not_found(const struct ferry_remote_answer *answer)
{
    return answer->status == 404 && answer->body && strstr(answer->body, "Unable to find document");
}

/* One documented sample wraps the record into a list. */
static bool leads_back(const struct ferry_compile_mapping *mapping,
                       const struct ferry_remote_answer *answer)
{
    json_t *body = json_loadb(answer->body, answer->length, 0, NULL);
    const json_t *list = json_object_get(body, "content");
    const json_t *record = json_is_array(list) ? json_array_get(list, 0) : body;
    const char *value = text_of(record, text_of(mapping->mapping, "key"));
    bool same = value && strcmp(value, mapping->sample) == 0;
    json_decref(body);
    return same;
}

static void on_sample(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_compile_mapping *mapping = context;
    if (is_beside_the_point(answer))
        ferry_compile_failed(&mapping->key_reply, answer);
    mapping->key_proved = answer->verdict == FERRY_VERDICT_OK && leads_back(mapping, answer);
    ferry_compile_answered(&mapping->part);
}

/* What cannot be mistaken in a URL. */
static bool is_fit(const char *value)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._- ";
    size_t length = value ? strlen(value) : 0;
    return length > 0 && length <= SAMPLE_MAX && strspn(value, plain) == length;
}

static char *find_sample(const struct ferry_compile_mapping *mapping,
                         const struct ferry_remote_answer *answer)
{
    json_t *list = json_loadb(answer->body, answer->length, 0, NULL);
    const json_t *rows = json_object_get(list, "content");
    char *sample = NULL;
    for (size_t i = 0; !sample && i < json_array_size(rows); i++) {
        const char *value = text_of(json_array_get(rows, i), text_of(mapping->mapping, "key"));
        if (is_fit(value))
            sample = strdup(value);
    }
    json_decref(list);
    return sample;
}

static void on_rows(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_compile_mapping *mapping = context;
    if (answer->verdict == FERRY_VERDICT_OK)
        mapping->sample = find_sample(mapping, answer);
    else if (is_beside_the_point(answer))
        ferry_compile_failed(&mapping->key_reply, answer);
    if (mapping->sample)
        ask_next(mapping, mapping->sample, on_sample);
    else
        ferry_compile_answered(&mapping->part);
}

static void on_nobody(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_compile_mapping *mapping = context;
    mapping->key_proved = is_not_found(answer);
    if (mapping->key_proved) {
        ask_next(mapping, NULL, on_rows);
        return;
    }
    if (is_beside_the_point(answer))
        ferry_compile_failed(&mapping->key_reply, answer);
    ferry_compile_answered(&mapping->part);
}

static enum ferry_status random_key(char key[KEY_SIZE], struct ferry_error *error)
{
    unsigned char bytes[16];
    size_t at = 0;
    int result = uv_random(NULL, NULL, bytes, sizeof bytes, 0, NULL);
    if (result != 0)
        return ferry_fail(error, FERRY_RETRY, FERRY_CLASS_BUG, "no random numbers: %s",
                          uv_strerror(result));
    for (size_t i = 0; i < sizeof bytes; i++)
        at += (size_t)snprintf(key + at, KEY_SIZE - at, "%s%02x",
                               i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
    return FERRY_OK;
}

enum ferry_status ferry_compile_ask_key(struct ferry_compile_part *part, struct ferry_error *error)
{
    char key[KEY_SIZE];
    enum ferry_status status = random_key(key, error);
    return status == FERRY_OK ? ask((void *)part, key, on_nobody, error) : status;
}

void ferry_compile_judge_key(struct ferry_compile_mapping *mapping, const char *path)
{
    struct ferry_compile *compile = mapping->part.compile;
    if (!ferry_compile_judge_reply(compile, path, &mapping->key_reply) || mapping->key_proved)
        return;
    if (!ferry_fault_add(compile->result.faults, FERRY_CLASS_SCHEMA, path,
                         "%s is no identification key of %s, or not yet published: Campaign does "
                         "not find records by it; declare it as one, without duplicates, and "
                         "publish",
                         text_of(mapping->mapping, "key"), text_of(mapping->mapping, "resource")))
        compile->out_of_memory = true;
}
