#include "core/io/origin.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A URL in parts that can be compared: what differs only in spelling is spelled alike. */
struct address {
    CURLU *url;
    char *scheme; /* lower case */
    char *host;   /* decoded; IPv6 in brackets */
    char *port;   /* never absent */
    char *path;   /* without dot segments */
    char *query;  /* NULL when there is none */
};

static void address_done(struct address *address)
{
    curl_free(address->scheme);
    curl_free(address->host);
    curl_free(address->port);
    curl_free(address->path);
    curl_free(address->query);
    curl_url_cleanup(address->url);
}

/* Where parsers are known to disagree about what a URL means, none of them shall be trusted:
 * backslashes, one or three slashes after the scheme, control characters, fragments. */
static bool is_plain(const char *text)
{
    const char *colon = strstr(text, "://");

    if (!colon || colon[3] == '/' || strpbrk(text, "\\#"))
        return false;
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f)
            return false;
    return true;
}

/* An encoded slash or a dot segment in disguise: the server may decode it and then climb out of the
 * prefix. */
static bool hides_segments(const char *path)
{
    static const char *const disguises[] = {"%2e", "%2f", "%5c", "%00"};

    for (; *path; path++)
        for (size_t i = 0; *path == '%' && i < sizeof(disguises) / sizeof(disguises[0]); i++)
            if (strncasecmp(path, disguises[i], 3) == 0)
                return true;
    return false;
}

/* The parts are to be freed by address_done whether it worked or not. */
static bool address_parse(struct address *address, const char *text)
{
    *address = (struct address){.url = curl_url()};
    if (!address->url || !is_plain(text))
        return false;
    if (curl_url_set(address->url, CURLUPART_URL, text, CURLU_DISALLOW_USER) != CURLUE_OK)
        return false;
    if (curl_url_get(address->url, CURLUPART_SCHEME, &address->scheme, 0) != CURLUE_OK ||
        curl_url_get(address->url, CURLUPART_HOST, &address->host, 0) != CURLUE_OK ||
        curl_url_get(address->url, CURLUPART_PORT, &address->port, CURLU_DEFAULT_PORT) !=
            CURLUE_OK ||
        curl_url_get(address->url, CURLUPART_PATH, &address->path, 0) != CURLUE_OK)
        return false;
    if (curl_url_get(address->url, CURLUPART_QUERY, &address->query, 0) != CURLUE_OK)
        address->query = NULL;
    if (strcmp(address->scheme, "https") != 0 && strcmp(address->scheme, "http") != 0)
        return false;
    return address->host[0] != '\0' && !hides_segments(address->path);
}

/* "/acme" is a prefix of "/acme" and "/acme/x", not of "/acme-evil". */
static bool has_prefix(const char *path, const char *prefix)
{
    size_t length = strlen(prefix);

    while (length > 0 && prefix[length - 1] == '/')
        length--;
    return strncmp(path, prefix, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static enum ferry_status compare(const struct address *base, const struct address *link,
                                 struct ferry_error *error)
{
    if (strcasecmp(base->host, link->host) != 0)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                          "a link of the server %.100s leads to another host, %.100s", base->host,
                          link->host);
    if (strcmp(base->scheme, link->scheme) != 0 || strcmp(base->port, link->port) != 0)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                          "a link of the server %s://%.100s:%s leads to %s://%.100s:%s",
                          base->scheme, base->host, base->port, link->scheme, link->host,
                          link->port);
    if (!has_prefix(link->path, base->path))
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                          "a link of the server %.100s leads out of %.100s on %.100s", base->host,
                          base->path, link->host);
    return FERRY_OK;
}

enum ferry_status ferry_origin_check(const char *base, const char *link, struct ferry_error *error)
{
    struct address home, away;
    enum ferry_status status;
    bool good = address_parse(&home, base);

    if (!address_parse(&away, link) || !good)
        status = ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                            "a link of the server %.100s is no plain web address",
                            good ? home.host : "(none)");
    else
        status = compare(&home, &away, error);
    address_done(&home);
    address_done(&away);
    return status;
}

static bool is_loopback(const char *host)
{
    struct in_addr four;

    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, host, &four) == 1 && ntohl(four.s_addr) >> 24 == 127;
}

enum ferry_status ferry_origin_base(const char *key, const char *url, struct ferry_error *error)
{
    struct address address;
    enum ferry_status status = FERRY_OK;

    if (!address_parse(&address, url) || address.query)
        status = ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                            "%s is no web address of the form https://host/path", key);
    else if (strcmp(address.scheme, "https") != 0 && !is_loopback(address.host))
        status =
            ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                       "%s must begin with https:// (plain http is for this machine only)", key);
    address_done(&address);
    return status;
}
