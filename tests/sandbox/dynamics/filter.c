#include "dynamics/filter.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum operator{
    OP_AND,
    OP_OR,
    OP_NOT,
    OP_EQ,
    OP_NE,
    OP_GT,
    OP_GE,
    OP_LT,
    OP_LE,
    OP_CONTAINS,
    OP_STARTS,
    OP_ENDS,
    OP_IN
};

struct sandbox_filter {
    enum operator op;
    struct sandbox_filter *left, *right;
    char *name;
    char **values; /* literals as text; NULL: the null literal */
    enum sandbox_filter_kind *kinds;
    size_t count;
};

struct parser {
    const char *at;
    char *error;
    unsigned depth;
};

static struct sandbox_filter *parse_or(struct parser *parser);

static void *fail(struct parser *parser, const char *what)
{
    if (!parser->error[0])
        snprintf(parser->error, 160, "%s at '%.60s'", what, parser->at);
    return NULL;
}

static void skip_space(struct parser *parser)
{
    while (isspace((unsigned char)*parser->at))
        parser->at++;
}

static bool take(struct parser *parser, const char *text)
{
    size_t length = strlen(text);

    skip_space(parser);
    if (strncmp(parser->at, text, length) != 0)
        return false;
    parser->at += length;
    return true;
}

static size_t word_length(const char *at)
{
    size_t length = 0;

    while (isalnum((unsigned char)at[length]) || (at[length] && strchr("_./:+-", at[length])))
        length++;
    return length;
}

static bool take_word(struct parser *parser, const char *word)
{
    skip_space(parser);
    size_t length = word_length(parser->at);
    if (length != strlen(word) || strncmp(parser->at, word, length) != 0)
        return false;
    parser->at += length;
    return true;
}

static char *take_name(struct parser *parser)
{
    skip_space(parser);
    size_t length = word_length(parser->at);
    char *name = length ? strndup(parser->at, length) : NULL;
    parser->at += length;
    return name;
}

static char *take_quoted(struct parser *parser, char quote)
{
    char *text = malloc(strlen(parser->at) + 1);
    size_t length = 0;

    if (!text)
        return NULL;
    for (parser->at++; *parser->at; parser->at++) {
        if (*parser->at == quote && parser->at[1] != quote)
            break;
        parser->at += *parser->at == quote;
        text[length++] = *parser->at;
    }
    text[length] = '\0';
    if (*parser->at != quote) {
        free(text);
        return fail(parser, "unterminated string");
    }
    parser->at++;
    return text;
}

static enum sandbox_filter_kind kind_of(const char *text)
{
    char *end;

    if (strcmp(text, "null") == 0)
        return SANDBOX_FILTER_NULL;
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return SANDBOX_FILTER_BOOLEAN;
    strtod(text, &end);
    return *end ? SANDBOX_FILTER_TEXT : SANDBOX_FILTER_NUMBER;
}

static bool add_value(struct sandbox_filter *filter, char *text, enum sandbox_filter_kind kind)
{
    char **values = realloc(filter->values, (filter->count + 1) * sizeof *values);

    if (values)
        filter->values = values;
    enum sandbox_filter_kind *kinds = realloc(filter->kinds, (filter->count + 1) * sizeof *kinds);
    if (kinds)
        filter->kinds = kinds;
    if (!values || !kinds) {
        free(text);
        return false;
    }
    filter->values[filter->count] = text;
    filter->kinds[filter->count++] = kind;
    return true;
}

/* 'text', "text", Enum.Name'Member', 12.5, true, null, a GUID or a date. */
static bool take_literal(struct parser *parser, struct sandbox_filter *filter)
{
    skip_space(parser);
    size_t length = word_length(parser->at);
    const char *rest = parser->at + length;
    enum sandbox_filter_kind kind = SANDBOX_FILTER_TEXT;
    char *text;

    if (*rest == '\'' || *parser->at == '"') {
        parser->at = rest;
        text = take_quoted(parser, *rest);
    } else {
        text = length ? take_name(parser) : fail(parser, "a value expected");
        kind = text ? kind_of(text) : kind;
    }
    return text && add_value(filter, text, kind);
}

static struct sandbox_filter *node(enum operator op, struct sandbox_filter *left,
                                   struct sandbox_filter *right)
{
    struct sandbox_filter *filter = calloc(1, sizeof *filter);

    if (!filter) {
        sandbox_filter_free(left);
        sandbox_filter_free(right);
        return NULL;
    }
    filter->op = op;
    filter->left = left;
    filter->right = right;
    return filter;
}

static struct sandbox_filter *drop(struct sandbox_filter *filter)
{
    sandbox_filter_free(filter);
    return NULL;
}

static const struct {
    const char *name;
    enum operator op;
} comparisons[] = {{"eq", OP_EQ}, {"ne", OP_NE}, {"gt", OP_GT},
                   {"ge", OP_GE}, {"lt", OP_LT}, {"le", OP_LE}},
  functions[] = {{"contains", OP_CONTAINS}, {"startswith", OP_STARTS}, {"endswith", OP_ENDS}};

static struct sandbox_filter *parse_comparison(struct parser *parser)
{
    struct sandbox_filter *filter = node(OP_EQ, NULL, NULL);

    if (!filter)
        return NULL;
    filter->name = take_name(parser);
    for (size_t i = 0; filter->name && i < sizeof comparisons / sizeof comparisons[0]; i++) {
        if (!take_word(parser, comparisons[i].name))
            continue;
        filter->op = comparisons[i].op;
        return take_literal(parser, filter) ? filter : drop(filter);
    }
    fail(parser, "an operator expected");
    return drop(filter);
}

static struct sandbox_filter *parse_function(struct parser *parser, enum operator op)
{
    struct sandbox_filter *filter = node(op, NULL, NULL);

    if (!filter)
        return NULL;
    filter->name = take_name(parser);
    if (filter->name && take(parser, ",") && take_literal(parser, filter) && take(parser, ")"))
        return filter;
    fail(parser, "malformed function");
    return drop(filter);
}

/* (PropertyName='x',PropertyValues=["a","b"]) */
static struct sandbox_filter *parse_in(struct parser *parser)
{
    struct sandbox_filter *filter = node(OP_IN, NULL, NULL);

    if (!filter)
        return NULL;
    bool good = take(parser, "PropertyName=") && *parser->at == '\'';
    if (good)
        filter->name = take_quoted(parser, '\'');
    good = good && filter->name && take(parser, ",") && take(parser, "PropertyValues=[");
    while (good && !take(parser, "]")) {
        good = take_literal(parser, filter);
        take(parser, ",");
    }
    if (good && take(parser, ")"))
        return filter;
    fail(parser, "malformed In");
    return drop(filter);
}

static struct sandbox_filter *parse_primary(struct parser *parser)
{
    if (take(parser, "(")) {
        struct sandbox_filter *inner = parse_or(parser);
        if (inner && !take(parser, ")")) {
            fail(parser, "')' expected");
            return drop(inner);
        }
        return inner;
    }
    if (take_word(parser, "not")) {
        struct sandbox_filter *inner = parse_primary(parser);
        return inner ? node(OP_NOT, inner, NULL) : NULL;
    }
    if (take(parser, "Microsoft.Dynamics.CRM.In("))
        return parse_in(parser);
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        const char *before = parser->at;
        if (take(parser, functions[i].name) && take(parser, "("))
            return parse_function(parser, functions[i].op);
        parser->at = before;
    }
    return parse_comparison(parser);
}

static struct sandbox_filter *parse_chain(struct parser *parser, const char *word, enum operator op,
                                          struct sandbox_filter *(*part)(struct parser *))
{
    struct sandbox_filter *left = part(parser);

    while (left && take_word(parser, word)) {
        struct sandbox_filter *right = part(parser);
        left = right ? node(op, left, right) : drop(left);
    }
    return left;
}

static struct sandbox_filter *parse_and(struct parser *parser)
{
    return parse_chain(parser, "and", OP_AND, parse_primary);
}

static struct sandbox_filter *parse_or(struct parser *parser)
{
    if (++parser->depth > 50)
        return fail(parser, "nested too deep");
    struct sandbox_filter *filter = parse_chain(parser, "or", OP_OR, parse_and);
    parser->depth--;
    return filter;
}

struct sandbox_filter *sandbox_filter_parse(const char *text, char error[static 160])
{
    struct parser parser = {.at = text, .error = error};

    error[0] = '\0';
    struct sandbox_filter *filter = parse_or(&parser);
    skip_space(&parser);
    if (filter && *parser.at) {
        fail(&parser, "unexpected text");
        return drop(filter);
    }
    return filter;
}

void sandbox_filter_free(struct sandbox_filter *filter)
{
    if (!filter)
        return;
    sandbox_filter_free(filter->left);
    sandbox_filter_free(filter->right);
    for (size_t i = 0; i < filter->count; i++)
        free(filter->values[i]);
    free(filter->values);
    free(filter->kinds);
    free(filter->name);
    free(filter);
}

/* Dataverse compares texts without case. */
static int compare(const struct sandbox_filter_value *value, const char *literal,
                   enum sandbox_filter_kind kind)
{
    if (value->kind == SANDBOX_FILTER_BOOLEAN)
        return (int)value->number - (strcmp(literal, "true") == 0);
    if (value->kind == SANDBOX_FILTER_NUMBER || kind == SANDBOX_FILTER_NUMBER) {
        double number = strtod(literal, NULL);
        return (value->number > number) - (value->number < number);
    }
    return strcasecmp(value->text, literal);
}

static bool contains_text(const char *text, const char *part, enum operator op)
{
    size_t length = strlen(text), size = strlen(part);

    if (op == OP_STARTS)
        return strncasecmp(text, part, size) == 0;
    if (op == OP_ENDS)
        return length >= size && strcasecmp(text + length - size, part) == 0;
    for (; *text; text++)
        if (strncasecmp(text, part, size) == 0)
            return true;
    return size == 0;
}

static bool holds(const struct sandbox_filter *filter, const struct sandbox_filter_value *value)
{
    bool null = filter->count && filter->kinds[0] == SANDBOX_FILTER_NULL;

    if (filter->op == OP_IN) {
        for (size_t i = 0; value->kind != SANDBOX_FILTER_NULL && i < filter->count; i++)
            if (compare(value, filter->values[i], filter->kinds[i]) == 0)
                return true;
        return false;
    }
    if (null || value->kind == SANDBOX_FILTER_NULL) {
        bool same = null && value->kind == SANDBOX_FILTER_NULL;
        return filter->op == OP_NE ? !same : filter->op == OP_EQ && same;
    }
    if (filter->op >= OP_CONTAINS)
        return value->text && contains_text(value->text, filter->values[0], filter->op);
    int order = compare(value, filter->values[0], filter->kinds[0]);
    return (filter->op == OP_EQ && order == 0) || (filter->op == OP_NE && order != 0) ||
           (filter->op == OP_GT && order > 0) || (filter->op == OP_GE && order >= 0) ||
           (filter->op == OP_LT && order < 0) || (filter->op == OP_LE && order <= 0);
}

bool sandbox_filter_matches(const struct sandbox_filter *filter, sandbox_filter_get *get, void *row)
{
    if (filter->op == OP_AND)
        return sandbox_filter_matches(filter->left, get, row) &&
               sandbox_filter_matches(filter->right, get, row);
    if (filter->op == OP_OR)
        return sandbox_filter_matches(filter->left, get, row) ||
               sandbox_filter_matches(filter->right, get, row);
    if (filter->op == OP_NOT)
        return !sandbox_filter_matches(filter->left, get, row);
    struct sandbox_filter_value value = get(row, filter->name);
    return holds(filter, &value);
}

const char *sandbox_filter_unknown(const struct sandbox_filter *filter, sandbox_filter_get *get,
                                   void *row)
{
    const char *unknown = NULL;

    if (!filter)
        return NULL;
    if (filter->name && get(row, filter->name).kind == SANDBOX_FILTER_UNKNOWN)
        return filter->name;
    unknown = sandbox_filter_unknown(filter->left, get, row);
    return unknown ? unknown : sandbox_filter_unknown(filter->right, get, row);
}
