/* Bearer tokens that one system issued: random, checked on every call, void after their time or
 * when revoked. */
#ifndef SANDBOX_TOKEN_H
#define SANDBOX_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SANDBOX_TOKEN_SIZE 1400 /* as long as the real ones; with the NUL */

struct sandbox_token;

struct sandbox_tokens {
    struct sandbox_token *all;
    uint64_t random;
};

enum sandbox_token_state {
    SANDBOX_TOKEN_GOOD,
    SANDBOX_TOKEN_MISSING,
    SANDBOX_TOKEN_UNKNOWN,
    SANDBOX_TOKEN_EXPIRED,
};

void sandbox_tokens_done(struct sandbox_tokens *tokens);

/* The text lives until the token is revoked; NULL when memory is short. `mark` tells who it belongs
 * to. */
const char *sandbox_token_issue(struct sandbox_tokens *tokens, int64_t until_ms, int mark);
void sandbox_tokens_revoke(struct sandbox_tokens *tokens);

/* `authorization` is the header's value or NULL. */
enum sandbox_token_state sandbox_token_check(const struct sandbox_tokens *tokens,
                                             const char *authorization, int64_t now_ms,
                                             int *ret_mark);

#endif
