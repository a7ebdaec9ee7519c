#include "producers/profilepage.h"

#include "core/record/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <yajl/yajl_parse.h>

#define SUFFIX   "LastModified"
#define BAD_TIME (-1)

/* Depths: the answer's object is 1, its list "content" and its object "next" 2, a profile 3. */
enum { DEPTH_ROOT = 1, DEPTH_SECOND, DEPTH_ROW };

enum place { PLACE_OTHER, PLACE_CONTENT, PLACE_NEXT };

/* What the next value of a profile is. */
enum target { TARGET_OTHER, TARGET_PKEY, TARGET_KEY, TARGET_VALUE, TARGET_TIME, TARGET_NEWS };

struct parse {
    const struct ferry_consent *consent;
    struct ferry_profilepage *page;
    struct ferry_profile row;
    int64_t times[FERRY_OPTOUT_ATTRIBUTES]; /* of what is mapped; 0: none */
    uint64_t identity;                      /* of the row */
    int depth;
    enum place place;
    enum target target;
    int attribute; /* of the target */
    bool in_list, saw_list, at_href;
    bool out_of_memory;
};

/* ---- a row ---- */

static bool at_row(const struct parse *parse)
{
    return parse->in_list && parse->depth == DEPTH_ROW;
}

static bool same(const char *name, const char *key, size_t length)
{
    return name && strlen(name) == length && memcmp(name, key, length) == 0;
}

/* The time of any opt-out, also of one that is not mapped: the filter looks at all of them. */
static bool is_time(const char *key, size_t length)
{
    size_t end = strlen(SUFFIX);
    enum ferry_optout_attribute attribute;
    return length > end && memcmp(key + length - end, SUFFIX, end) == 0 &&
           ferry_optout_from_name((struct ferry_slice){key, length - end}, &attribute);
}

static void aim(struct parse *parse, const char *key, size_t length)
{
    const struct ferry_consent *consent = parse->consent;
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        parse->attribute = i;
        parse->target = TARGET_VALUE;
        if (same(consent->attributes[i].field, key, length))
            return;
        parse->target = TARGET_TIME;
        if (same(consent->attributes[i].time, key, length))
            return;
    }
    if (same(consent->key, key, length))
        parse->target = TARGET_KEY;
    else if (same("PKey", key, length))
        parse->target = TARGET_PKEY;
    else
        parse->target = is_time(key, length) ? TARGET_NEWS : TARGET_OTHER;
}

static void keep_contact(struct parse *parse, const char *text, size_t length)
{
    if (!ferry_guid_valid(text, length))
        return;
    for (size_t i = 0; i < length; i++)
        parse->row.contact[i] =
            (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
}

/* An attribute that was never changed has an empty time. */
static int64_t read_time(const char *text, size_t length)
{
    struct ferry_moment moment;
    const char *reason;
    if (length == 0)
        return 0;
    if (!ferry_moment_parse((struct ferry_slice){text, length}, &moment, &reason))
        return BAD_TIME;
    int64_t time = moment.seconds * 1000 + moment.milliseconds;
    return time > 0 ? time : BAD_TIME;
}

static void keep_text(struct parse *parse, const char *text, size_t length)
{
    int64_t time = 0;
    switch (parse->target) {
    case TARGET_PKEY:
        parse->identity = XXH3_64bits(text, length);
        return;
    case TARGET_KEY:
        keep_contact(parse, text, length);
        return;
    case TARGET_TIME:
        time = parse->times[parse->attribute] = read_time(text, length);
        break;
    case TARGET_NEWS:
        time = read_time(text, length);
        break;
    case TARGET_OTHER:
    case TARGET_VALUE:
        return;
    }
    if (time > parse->row.newest)
        parse->row.newest = time;
}

static void begin_row(struct parse *parse)
{
    memset(&parse->row, 0, sizeof parse->row);
    memset(parse->times, 0, sizeof parse->times);
    parse->identity = 0;
}

static void hash_row(struct parse *parse)
{
    struct ferry_profile *row = &parse->row;
    XXH3_state_t *state = XXH3_createState();
    XXH3_64bits_reset(state);
    if (row->contact[0])
        XXH3_64bits_update(state, row->contact, sizeof row->contact);
    else
        XXH3_64bits_update(state, &parse->identity, sizeof parse->identity);
    XXH3_64bits_update(state, &row->said, sizeof row->said);
    XXH3_64bits_update(state, parse->times, sizeof parse->times);
    row->hash = XXH3_64bits_digest(state);
    XXH3_freeState(state);
}

static void judge_times(struct parse *parse)
{
    struct ferry_profile *row = &parse->row;
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        row->bad_time = row->bad_time || parse->times[i] == BAD_TIME;
        if (parse->times[i] > row->changed_at)
            row->changed_at = parse->times[i];
    }
    if (row->bad_time)
        row->changed_at = 0;
}

static int end_row(struct parse *parse)
{
    struct ferry_profilepage *page = parse->page;
    if (page->count == page->capacity) {
        size_t capacity = page->capacity ? 2 * page->capacity : 64;
        struct ferry_profile *rows = reallocarray(page->rows, capacity, sizeof *rows);
        parse->out_of_memory = !rows;
        if (!rows)
            return 0;
        page->rows = rows;
        page->capacity = capacity;
    }
    judge_times(parse);
    hash_row(parse);
    page->rows[page->count++] = parse->row;
    return 1;
}

/* ---- what the parser calls ---- */

static int on_null(void *context)
{
    (void)context;
    return 1;
}

static int on_boolean(void *context, int boolean)
{
    struct parse *parse = context;
    if (at_row(parse) && parse->target == TARGET_VALUE) {
        parse->row.said.known[parse->attribute] = true;
        parse->row.said.out[parse->attribute] = boolean != 0;
    }
    return 1;
}

static int on_number(void *context, const char *digits, size_t length)
{
    (void)context;
    (void)digits;
    (void)length;
    return 1;
}

static int on_text(void *context, const unsigned char *data, size_t length)
{
    struct parse *parse = context;
    const char *text = (const char *)data;
    if (at_row(parse)) {
        keep_text(parse, text, length);
    } else if (parse->depth == DEPTH_SECOND && parse->place == PLACE_NEXT && parse->at_href) {
        free(parse->page->next);
        parse->page->next = strndup(text, length);
        parse->out_of_memory = !parse->page->next;
    }
    return !parse->out_of_memory;
}

static int on_key(void *context, const unsigned char *data, size_t length)
{
    struct parse *parse = context;
    const char *key = (const char *)data;
    if (at_row(parse))
        aim(parse, key, length);
    else if (parse->depth == DEPTH_SECOND)
        parse->at_href = same("href", key, length);
    else if (parse->depth == DEPTH_ROOT)
        parse->place = same("content", key, length) ? PLACE_CONTENT
                       : same("next", key, length)  ? PLACE_NEXT
                                                    : PLACE_OTHER;
    return 1;
}

static int on_open_map(void *context)
{
    struct parse *parse = context;
    if (++parse->depth == DEPTH_ROW && parse->in_list)
        begin_row(parse);
    return 1;
}

static int on_close_map(void *context)
{
    struct parse *parse = context;
    int more = at_row(parse) ? end_row(parse) : 1;
    parse->depth--;
    return more;
}

static int on_open_list(void *context)
{
    struct parse *parse = context;
    if (++parse->depth == DEPTH_SECOND && parse->place == PLACE_CONTENT)
        parse->in_list = parse->saw_list = true;
    return 1;
}

static int on_close_list(void *context)
{
    struct parse *parse = context;
    if (parse->depth-- == DEPTH_SECOND)
        parse->in_list = false;
    return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_text,
    .yajl_start_map = on_open_map,
    .yajl_map_key = on_key,
    .yajl_end_map = on_close_map,
    .yajl_start_array = on_open_list,
    .yajl_end_array = on_close_list,
};

/* ---- the page ---- */

enum ferry_status ferry_profilepage_parse(const struct ferry_consent *consent, const char *data,
                                          size_t length, struct ferry_profilepage *page,
                                          struct ferry_error *error)
{
    *page = (struct ferry_profilepage){0};
    struct parse parse = {.consent = consent, .page = page};
    yajl_handle parser = yajl_alloc(&callbacks, NULL, &parse);
    bool good = false;
    if (parser) {
        /* Of a row with bad bytes all that is looked at can be read. */
        yajl_config(parser, yajl_dont_validate_strings, 1);
        good = yajl_parse(parser, (const unsigned char *)data, length) == yajl_status_ok &&
               yajl_complete_parse(parser) == yajl_status_ok && parse.saw_list;
        yajl_free(parser);
    }
    if (good)
        return FERRY_OK;
    ferry_profilepage_done(page);
    if (!parser || parse.out_of_memory)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    return ferry_fail(error, FERRY_RETRY, FERRY_CLASS_NETWORK,
                      "The answer of Adobe Campaign is no page of profiles: %s (%zu bytes).",
                      parse.saw_list || length == 0 ? "it is cut" : "it has no list \"content\"",
                      length);
}

void ferry_profilepage_done(struct ferry_profilepage *page)
{
    free(page->rows);
    free(page->next);
    *page = (struct ferry_profilepage){0};
}
