#include "tests/bench/fetch.h"

#include "tests/bench/usage.h"

#include <stdio.h>
#include <stdlib.h>

static void add_header(struct bench_fetch *fetch, const char *name, const char *value)
{
    char line[8192];
    if (!value || snprintf(line, sizeof line, "%s: %s", name, value) >= (int)sizeof line)
        bench_die("the value of %s is missing or too long", name);
    fetch->headers = curl_slist_append(fetch->headers, line);
}

void bench_fetch_init(struct bench_fetch *fetch)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    fetch->headers = NULL;
    add_header(fetch, "Authorization", getenv("BENCH_AUTHORIZATION"));
    add_header(fetch, "Accept", "application/json");
    add_header(fetch, "OData-MaxVersion", "4.0");
    add_header(fetch, "OData-Version", "4.0");
    add_header(fetch, "Prefer", "odata.track-changes,odata.maxpagesize=5000");
    fetch->curl = curl_easy_init();
    curl_easy_setopt(fetch->curl, CURLOPT_HTTPHEADER, fetch->headers);
    curl_easy_setopt(fetch->curl, CURLOPT_FAILONERROR, 1L);
}

void bench_fetch_done(struct bench_fetch *fetch)
{
    curl_easy_cleanup(fetch->curl);
    curl_slist_free_all(fetch->headers);
}

void bench_fetch_get(struct bench_fetch *fetch, const char *url, curl_write_callback on_data,
                     void *context)
{
    curl_easy_setopt(fetch->curl, CURLOPT_URL, url);
    curl_easy_setopt(fetch->curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(fetch->curl, CURLOPT_WRITEDATA, context);
    CURLcode code = curl_easy_perform(fetch->curl);
    if (code != CURLE_OK)
        bench_die("GET %s: %s", url, curl_easy_strerror(code));
}
