/* An OAuth 2 client-credentials token: fetched when first needed, renewed early, one request at a
 * time however many wait. The secret file is read again for every request. Loop thread only. */
#ifndef FERRY_TOKEN_H
#define FERRY_TOKEN_H

#include "core/base/status.h"
#include "core/io/http.h"

struct ferry_token;

struct ferry_token_options {
    const char *name; /* for messages: "Dynamics 365", "Adobe Campaign" */
    const char *url;
    const char *client_id;
    const char *secret_file;
    const char *scope; /* as the authority wants it, not yet encoded */
};

enum ferry_status ferry_token_new(struct ferry_http *http,
                                  const struct ferry_token_options *options,
                                  struct ferry_token **ret_token,
                                  struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_token_free(struct ferry_token *token); /* pending callbacks are dropped */

/* `bearer` is the access token, valid during the call; NULL with an error (FERRY_RETRY: network,
 * quota; FERRY_INVALID: credentials were refused). May be called before ferry_token_get returns
 * when a token is at hand. */
typedef void (*ferry_token_callback)(void *context, const char *bearer,
                                     const struct ferry_error *error);
/* Of the bearer that is told: each new one has another, also when it reads the same. */
unsigned ferry_token_number(const struct ferry_token *token);
void ferry_token_get(struct ferry_token *token, ferry_token_callback callback, void *context);
void ferry_token_forget(struct ferry_token *token,
                        void *context); /* drops waiting callbacks of this context */
/* The server answered 401 to the bearer of this number: if it is still the current one, the next
 * get asks for a new one. */
void ferry_token_refused(struct ferry_token *token, unsigned number);

#endif
