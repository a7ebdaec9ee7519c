#include "base/token.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>

#include "base/text.h"

struct sandbox_token {
    char text[SANDBOX_TOKEN_SIZE];
    int64_t until_ms;
    int mark;
    UT_hash_handle hh;
};

void sandbox_tokens_done(struct sandbox_tokens *tokens)
{
    sandbox_tokens_revoke(tokens);
}

void sandbox_tokens_revoke(struct sandbox_tokens *tokens)
{
    struct sandbox_token *token, *next = NULL;

    HASH_ITER (hh, tokens->all, token, next) {
        HASH_DEL(tokens->all, token);
        free(token);
    }
}

const char *sandbox_token_issue(struct sandbox_tokens *tokens, int64_t until_ms, int mark)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct sandbox_token *token = calloc(1, sizeof *token);

    if (!token)
        return NULL;
    memcpy(token->text, "eyJ0eXAiOiJKV1QifQ.", 19);
    for (size_t i = 19; i < SANDBOX_TOKEN_SIZE - 1; i++)
        token->text[i] = digits[sandbox_random(&tokens->random) >> 58];
    token->until_ms = until_ms;
    token->mark = mark;
    HASH_ADD_STR(tokens->all, text, token);
    return token->text;
}

enum sandbox_token_state sandbox_token_check(const struct sandbox_tokens *tokens,
                                             const char *authorization, int64_t now_ms,
                                             int *ret_mark)
{
    struct sandbox_token *token;

    if (!authorization)
        return SANDBOX_TOKEN_MISSING;
    if (strncasecmp(authorization, "Bearer ", 7) != 0)
        return SANDBOX_TOKEN_UNKNOWN;
    HASH_FIND_STR(tokens->all, authorization + 7, token);
    if (!token)
        return SANDBOX_TOKEN_UNKNOWN;
    *ret_mark = token->mark;
    return now_ms < token->until_ms ? SANDBOX_TOKEN_GOOD : SANDBOX_TOKEN_EXPIRED;
}
