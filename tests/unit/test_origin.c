#include "core/io/origin.h"

#include <string.h>

#include "tests/unit/cmocka_all.h"

#define DATAVERSE "https://contoso.crm.dynamics.com/api/data/v9.2/"
#define CAMPAIGN  "https://mc.adobe.io/acme/campaign"

struct link {
    const char *base;
    const char *link;
};

static const struct link own_links[] = {
    {DATAVERSE,
     "https://contoso.crm.dynamics.com/api/data/v9.2/contacts?$select=x&$deltatoken=9%21"},
    {DATAVERSE, "https://contoso.crm.dynamics.com:443/api/data/v9.2/contacts"},
    {DATAVERSE, "HTTPS://Contoso.CRM.Dynamics.com/api/data/v9.2/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.2"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.2?$top=1"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/./v9.2/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.2/x/../contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.2/c?$skiptoken=%2e%2e%2f..\x25"
                "5c/../../x"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.2/c?next=https://evil.example/@x"},
    {CAMPAIGN,
     "https://mc.adobe.io/acme/campaign/profileAndServicesExt/profile//_count?_lineStart=@k"},
    {CAMPAIGN "/", "https://mc.adobe.io/acme/campaign/profileAndServicesExt/profile/@Qx7"},
    {CAMPAIGN "//", "https://mc.adobe.io/acme/campaign"},
    {"http://127.0.0.1:4001", "http://127.0.0.1:4001/anything"},
    {"http://[::1]:4001/a", "http://[::1]:4001/a/b"},
    {"https://example.com", "https://example.com"},
    {"https://example.com:8443/a", "https://example.com:8443/a"},
};

static const struct link foreign_links[] = {
    /* another host */
    {DATAVERSE, "https://evil.example/api/data/v9.2/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com.evil.example/api/data/v9.2/contacts"},
    {DATAVERSE, "https://evilcontoso.crm.dynamics.com/api/data/v9.2/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com./api/data/v9.2/contacts"},
    {DATAVERSE, "https://contoso%2ecrm.dynamics.com.evil.example/api/data/v9.2/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com%00.evil.example/api/data/v9.2/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com%2f.evil.example/api/data/v9.2/contacts"},
    {DATAVERSE, "https://c\xD0\xBEntoso.crm.dynamics.com/api/data/v9.2/contacts"},
    {DATAVERSE, "https:///api/data/v9.2/contacts"},
    {DATAVERSE, "https://:443/api/data/v9.2/contacts"},
    {"http://127.0.0.1:4001/", "http://127.0.0.2:4001/"},
    {"http://127.0.0.1:4001/", "http://localhost:4001/"},
    {"http://[::1]:4001/", "http://[::2]:4001/"},
    /* userinfo */
    {DATAVERSE, "https://contoso.crm.dynamics.com@evil.example/api/data/v9.2/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com:443@evil.example/api/data/v9.2/contacts"},
    {DATAVERSE, "https://user@contoso.crm.dynamics.com/api/data/v9.2/contacts"},
    {DATAVERSE, "https://user:pass@contoso.crm.dynamics.com/api/data/v9.2/contacts"},
    {DATAVERSE, "https://@contoso.crm.dynamics.com/api/data/v9.2/contacts"},
    /* scheme and port */
    {DATAVERSE, "http://contoso.crm.dynamics.com/api/data/v9.2/contacts"},
    {DATAVERSE, "http://contoso.crm.dynamics.com:443/api/data/v9.2/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com:8443/api/data/v9.2/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com:99999/api/data/v9.2/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com:0443x/api/data/v9.2/contacts"},
    {DATAVERSE, "ftp://contoso.crm.dynamics.com/api/data/v9.2/contacts"},
    {DATAVERSE, "file:///api/data/v9.2/contacts"},
    {DATAVERSE, "javascript://contoso.crm.dynamics.com/api/data/v9.2/contacts"},
    {DATAVERSE, "//contoso.crm.dynamics.com/api/data/v9.2/contacts"},
    {DATAVERSE, "contoso.crm.dynamics.com/api/data/v9.2/contacts"},
    {DATAVERSE, "/api/data/v9.2/contacts"},
    {DATAVERSE, "https:/contoso.crm.dynamics.com/api/data/v9.2/contacts"},
    {DATAVERSE, "https:///contoso.crm.dynamics.com/api/data/v9.2/contacts"},
    {DATAVERSE, "https:contoso.crm.dynamics.com/api/data/v9.2/contacts"},
    {DATAVERSE, ""},
    /* path */
    {DATAVERSE, "https://contoso.crm.dynamics.com/"},
    {DATAVERSE, "https://contoso.crm.dynamics.com"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.20/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.2-evil/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/API/data/v9.2/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com//api/data/v9.2/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/x/api/data/v9.2/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.2/../v9.1/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.2/%2e%2e/%2e%2e/x"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.2/%2E%2e/x"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.2/.%2e/x"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.2/..%2fx"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.2/..%5Cx"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.2%2f..%2fx"},
    {DATAVERSE, "https://contoso.crm.dynamics.com\\@evil.example/api/data/v9.2/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.2/..\\..\\x"},
    {DATAVERSE, "https:\\\\contoso.crm.dynamics.com\\api\\data\\v9.2\\contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/?/api/data/v9.2/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com?/api/data/v9.2/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/#/api/data/v9.2/contacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.2/contacts#@evil.example"},
    {CAMPAIGN, "https://mc.adobe.io/acme-mkt-stage/campaign/profileAndServicesExt/profile"},
    {CAMPAIGN, "https://mc.adobe.io/other/campaign/profileAndServicesExt/profile"},
    {CAMPAIGN, "https://mc.adobe.io/acme/campaign/../../other/campaign/profile"},
    {CAMPAIGN, "https://mc.adobe.io/acme/campaigns/profile"},
    /* what a request line cannot carry */
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.2/contacts\r\nX-Evil: 1"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.2/con tacts"},
    {DATAVERSE, "https://contoso.crm.dynamics.com/api/data/v9.2/con\ttacts"},
    {DATAVERSE, " https://contoso.crm.dynamics.com/api/data/v9.2/contacts"},
    {DATAVERSE, "ht\ntps://contoso.crm.dynamics.com/api/data/v9.2/contacts"},
    /* a base that is none */
    {"contoso", "contoso"},
    {"", "https://contoso.crm.dynamics.com/"},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void links_of_the_same_origin_and_prefix_are_allowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(own_links); i++) {
        struct ferry_error error = {0};

        if (ferry_origin_check(own_links[i].base, own_links[i].link, &error) != FERRY_OK)
            fail_msg("%s refused: %s", own_links[i].link, error.message);
    }
}

static void links_to_anywhere_else_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(foreign_links); i++) {
        struct ferry_error error = {0};

        if (ferry_origin_check(foreign_links[i].base, foreign_links[i].link, &error) !=
            FERRY_INVALID)
            fail_msg("allowed: %s", foreign_links[i].link);
        assert_true(error.message[0] != '\0');
    }
}

static void the_sentence_names_both_hosts_and_not_the_query(void **state)
{
    struct ferry_error error = {0};

    (void)state;
    assert_int_equal(ferry_origin_check(DATAVERSE, "https://evil.example/x?$skiptoken=ann", &error),
                     FERRY_INVALID);
    assert_non_null(strstr(error.message, "contoso.crm.dynamics.com"));
    assert_non_null(strstr(error.message, "evil.example"));
    assert_null(strstr(error.message, "ann"));
}

static void a_check_without_an_error_to_fill_works(void **state)
{
    (void)state;
    assert_int_equal(ferry_origin_check(DATAVERSE, "https://evil.example/", NULL), FERRY_INVALID);
    assert_int_equal(ferry_origin_base("key", "nonsense", NULL), FERRY_INVALID);
}

static const char *const good_bases[] = {
    "https://contoso.crm.dynamics.com",
    "https://contoso.crm.dynamics.com/",
    "https://mc.adobe.io/acme",
    "https://host:8443/a/b",
    "http://localhost:8080",
    "http://LOCALHOST",
    "http://127.0.0.1:4001",
    "http://127.8.8.8/x",
    "http://[::1]:4001/",
};

static const char *const bad_bases[] = {
    "",
    "contoso.crm.dynamics.com",
    "http://contoso.crm.dynamics.com",
    "http://localhost.evil.example",
    "http://128.0.0.1",
    "http://0.0.0.0",
    "http://[::]/",
    "https://user:secret@contoso.crm.dynamics.com",
    "https://contoso.crm.dynamics.com/?x=1",
    "https://contoso.crm.dynamics.com/#x",
    "https://contoso.crm.dynamics.com/%2e%2e/",
    "https://",
    "https:///x",
    "ftp://localhost/",
    "https://contoso .crm.dynamics.com",
};

static void a_base_is_https_or_this_machine(void **state)
{
    struct ferry_error error;

    (void)state;
    for (size_t i = 0; i < COUNT(good_bases); i++)
        if (ferry_origin_base("dynamics.url", good_bases[i], &error) != FERRY_OK)
            fail_msg("%s refused: %s", good_bases[i], error.message);
    for (size_t i = 0; i < COUNT(bad_bases); i++) {
        if (ferry_origin_base("dynamics.url", bad_bases[i], &error) != FERRY_INVALID)
            fail_msg("allowed: %s", bad_bases[i]);
        assert_non_null(strstr(error.message, "dynamics.url"));
        assert_null(strstr(error.message, "secret"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_of_the_same_origin_and_prefix_are_allowed),
        cmocka_unit_test(links_to_anywhere_else_are_refused),
        cmocka_unit_test(the_sentence_names_both_hosts_and_not_the_query),
        cmocka_unit_test(a_check_without_an_error_to_fill_works),
        cmocka_unit_test(a_base_is_https_or_this_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
