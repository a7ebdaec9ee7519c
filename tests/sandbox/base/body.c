#include "base/body.h"

#include <stdio.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#define DEPTH 8

/* Texts move while the buffer grows, so members hold offsets until the end of the parse. */
struct parse {
    struct sandbox_body *body;
    size_t name_at;
    size_t prefix[DEPTH]; /* length of the dotted prefix by depth */
    char path[256];
    size_t depth;
    size_t arrays;
    const char *fault;
};

static int fail(struct parse *parse, const char *fault)
{
    parse->fault = fault;
    return 0;
}

static size_t keep(struct parse *parse, const char *text, size_t length)
{
    size_t at = parse->body->texts.length;

    sandbox_buf_add(&parse->body->texts, text, length);
    sandbox_buf_add(&parse->body->texts, "", 1);
    return at;
}

static int add(struct parse *parse, enum sandbox_json type, const char *text, size_t length)
{
    if (parse->arrays)
        return 1;
    if (parse->depth == 0)
        return fail(parse, "the body is no JSON object");
    if (parse->body->count == SANDBOX_MEMBERS)
        return fail(parse, "too many members");
    struct sandbox_member *member = &parse->body->members[parse->body->count++];
    member->type = type;
    member->length = length;
    member->nested = parse->depth > 1;
    member->name = (const char *)keep(parse, parse->path, strlen(parse->path));
    member->text = (const char *)keep(parse, text, length);
    return 1;
}

static int on_null(void *ctx)
{
    return add(ctx, SANDBOX_JSON_NULL, "", 0);
}

static int on_boolean(void *ctx, int value)
{
    return add(ctx, value ? SANDBOX_JSON_TRUE : SANDBOX_JSON_FALSE, "", 0);
}

static int on_number(void *ctx, const char *text, size_t length)
{
    return add(ctx, SANDBOX_JSON_NUMBER, text, length);
}

static int on_string(void *ctx, const unsigned char *text, size_t length)
{
    return add(ctx, SANDBOX_JSON_STRING, (const char *)text, length);
}

static int on_map(void *ctx)
{
    struct parse *parse = ctx;

    if (parse->arrays)
        return 1;
    if (parse->depth && !add(parse, SANDBOX_JSON_OBJECT, "", 0))
        return 0;
    if (parse->depth + 1 >= DEPTH)
        return fail(parse, "nested too deep");
    size_t length = strlen(parse->path);
    if (parse->depth++) {
        if (length + 1 >= sizeof parse->path)
            return fail(parse, "name too long");
        parse->path[length++] = '.';
    }
    parse->prefix[parse->depth] = length;
    return 1;
}

static int on_key(void *ctx, const unsigned char *key, size_t length)
{
    struct parse *parse = ctx;

    if (parse->arrays)
        return 1;
    size_t at = parse->prefix[parse->depth];
    if (at + length >= sizeof parse->path)
        return fail(parse, "name too long");
    memcpy(parse->path + at, key, length);
    parse->path[at + length] = '\0';
    return 1;
}

static int on_map_end(void *ctx)
{
    struct parse *parse = ctx;

    if (parse->arrays)
        return 1;
    size_t at = parse->prefix[parse->depth--];
    parse->path[at ? at - 1 : 0] = '\0';
    return 1;
}

static int on_array(void *ctx)
{
    struct parse *parse = ctx;

    if (!add(parse, SANDBOX_JSON_ARRAY, "", 0))
        return 0;
    parse->arrays++;
    return 1;
}

static int on_array_end(void *ctx)
{
    ((struct parse *)ctx)->arrays--;
    return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_map,
    .yajl_map_key = on_key,
    .yajl_end_map = on_map_end,
    .yajl_start_array = on_array,
    .yajl_end_array = on_array_end,
};

static void settle(struct sandbox_body *body)
{
    for (size_t i = 0; i < body->count; i++) {
        body->members[i].name = body->texts.data + (size_t)body->members[i].name;
        body->members[i].text = body->texts.data + (size_t)body->members[i].text;
    }
}

static void report(struct parse *parse, yajl_handle yajl, const char *json, size_t length)
{
    unsigned char *text = yajl_get_error(yajl, 0, (const unsigned char *)json, length);
    const char *fault = parse->fault ? parse->fault : (const char *)text;

    snprintf(parse->body->error, sizeof parse->body->error, "%.*s", (int)strcspn(fault, "\n"),
             fault);
    yajl_free_error(yajl, text);
}

void sandbox_body_done(struct sandbox_body *body)
{
    sandbox_buf_done(&body->texts);
}

bool sandbox_body_parse(struct sandbox_body *body, const char *json, size_t length)
{
    struct parse parse = {.body = body};

    body->count = 0;
    body->error[0] = '\0';
    sandbox_buf_clear(&body->texts);
    yajl_handle yajl = yajl_alloc(&callbacks, NULL, &parse);
    if (!yajl)
        return false;
    yajl_status status = yajl_parse(yajl, (const unsigned char *)json, length);
    if (status == yajl_status_ok)
        status = yajl_complete_parse(yajl);
    if (status != yajl_status_ok)
        report(&parse, yajl, json, length);
    yajl_free(yajl);
    if (status != yajl_status_ok || body->texts.failed)
        return false;
    settle(body);
    return true;
}

const struct sandbox_member *sandbox_body_find(const struct sandbox_body *body, const char *name)
{
    for (size_t i = body->count; i-- > 0;)
        if (strcmp(body->members[i].name, name) == 0)
            return &body->members[i];
    return NULL;
}
