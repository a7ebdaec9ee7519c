#include "core/base/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_CEILING 65536

enum ferry_status ferry_secret_read(const char *path, char **ret_secret, struct ferry_error *error)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_CREDENTIALS,
                          "cannot read the secret file %s: %s", path, strerror(errno));
    char *secret = calloc(1, SECRET_CEILING);
    if (!secret) {
        fclose(file);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    setvbuf(file, NULL, _IONBF, 0); /* no second copy of the secret in a stdio buffer */
    size_t length = fread(secret, 1, SECRET_CEILING - 1, file);
    fclose(file);
    while (length > 0 && (secret[length - 1] == '\n' || secret[length - 1] == '\r'))
        secret[--length] = '\0';
    if (length == 0) {
        ferry_secret_free(secret);
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_CREDENTIALS,
                          "the secret file %s is empty", path);
    }
    *ret_secret = secret;
    return FERRY_OK;
}

void ferry_secret_free(char *secret)
{
    if (!secret)
        return;
    explicit_bzero(secret, strlen(secret));
    free(secret);
}
