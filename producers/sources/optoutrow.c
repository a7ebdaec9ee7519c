#include "producers/sources/optoutrow.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Columns: whose it is; then each attribute, and behind it its time. */
#define CONTACT    0
#define VALUE(i)   (1 + 2 * (i))
#define TIME(i)    (2 + 2 * (i))
#define COLUMNS    (1 + 2 * FERRY_OPTOUT_ATTRIBUTES)
#define FILE_SHOWN 150 /* bytes of its name in a reason; the origin of the reject has all of it */
_Static_assert(COLUMNS <= FERRY_HEADER_COLUMNS, "a header has room for the columns of opt-outs");

static const struct {
    const char *value, *time, *old_value, *old_time;
} names[FERRY_OPTOUT_ATTRIBUTES] = {
    [FERRY_DENY_LIST] = {"denyList", "denyListLastModified", "blackList", "blackListLastModified"},
    [FERRY_DENY_LIST_EMAIL] = {"denyListEmail", "denyListEmailLastModified", "blackListEmail",
                               "blackListEmailLastModified"},
    [FERRY_DENY_LIST_FAX] = {"denyListFax", "denyListFaxLastModified", "blackListFax",
                             "blackListFaxLastModified"},
    [FERRY_DENY_LIST_MOBILE] = {"denyListMobile", "denyListMobileLastModified", "blackListMobile",
                                "blackListMobileLastModified"},
    [FERRY_DENY_LIST_PHONE] = {"denyListPhone", "denyListPhoneLastModified", "blackListPhone",
                               "blackListPhoneLastModified"},
    [FERRY_DENY_LIST_POSTAL_MAIL] = {"denyListPostalMail", "denyListPostalMailLastModified",
                                     "blackListPostalMail", "blackListPostalMailLastModified"},
    [FERRY_DENY_LIST_PUSH] = {"denyListPushnotification", "denyListPushnotificationLastModified",
                              "blackListPushnotification", "blackListPushnotificationLastModified"},
    [FERRY_CCPA_OPT_OUT] = {"ccpaOptOut", "ccpaOptOutLastModified", NULL, NULL},
};

/* ---- life ---- */

enum ferry_status ferry_optoutrow_init(struct ferry_optoutrow *optoutrow,
                                       const struct ferry_consent *consent,
                                       struct ferry_error *error)
{
    *optoutrow = (struct ferry_optoutrow){.consent = consent};
    return ferry_zone_new(consent->export.timezone, &optoutrow->zone, error);
}

void ferry_optoutrow_done(struct ferry_optoutrow *optoutrow)
{
    ferry_zone_free(optoutrow->zone);
    optoutrow->zone = NULL;
}

enum ferry_status ferry_optoutrow_head(struct ferry_optoutrow *optoutrow, const char *file,
                                       const struct ferry_slice *titles, size_t count,
                                       struct ferry_error *error)
{
    const struct ferry_consent *consent = optoutrow->consent;
    struct ferry_header_column columns[COLUMNS] = {{"externalId", NULL, true}};
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        if (!consent->attributes[i].column)
            continue; /* of no interest, whatever the file says of it */
        columns[VALUE(i)] = (struct ferry_header_column){names[i].value, names[i].old_value, true};
        columns[TIME(i)] = (struct ferry_header_column){names[i].time, names[i].old_time, false};
    }
    return ferry_header_read(columns, COLUMNS, file, titles, count, &consent->export,
                             &optoutrow->header, error);
}

/* ---- a row ---- */

static bool is_word(struct ferry_slice text, const char *word)
{
    return text.length == strlen(word) && strncasecmp(text.data, word, text.length) == 0;
}

/* As code, as name or as label. */
static bool read_boolean(struct ferry_slice text, bool *ret_value)
{
    *ret_value = is_word(text, "1") || is_word(text, "true") || is_word(text, "yes");
    return *ret_value || is_word(text, "0") || is_word(text, "false") || is_word(text, "no");
}

static bool keep_contact(struct ferry_optoutrow *optoutrow, const struct ferry_csv_row *row)
{
    struct ferry_slice text = ferry_header_field(&optoutrow->header, row, CONTACT);
    if (!ferry_guid_valid(text.data, text.length))
        return false;
    ferry_guid_lower(text.data, optoutrow->contact);
    optoutrow->contact[text.length] = '\0';
    return true;
}

/* False with the reason: one of them is neither true nor false. An empty one says nothing. */
static bool read_values(struct ferry_optoutrow *optoutrow, const struct ferry_csv_row *row,
                        const char *file, struct ferry_optouts *said)
{
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        struct ferry_slice text = ferry_header_field(&optoutrow->header, row, VALUE(i));
        said->known[i] = text.length > 0;
        if (!said->known[i] || read_boolean(text, &said->out[i]))
            continue;
        snprintf(optoutrow->reason, sizeof optoutrow->reason,
                 "In line %lld of %.*s the column %s is neither true nor false.",
                 (long long)row->line, FILE_SHOWN, file, names[i].value);
        return false;
    }
    return true;
}

/* The newest time of what is mapped; 0: none, or one of them is no time. An attribute that was
 * never changed has an empty one. */
static int64_t read_times(const struct ferry_optoutrow *optoutrow, const struct ferry_csv_row *row,
                          bool *ret_bad_time)
{
    int64_t newest = 0;
    *ret_bad_time = false;
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        struct ferry_slice text = ferry_header_field(&optoutrow->header, row, TIME(i));
        const char *why = NULL;
        int64_t at = 0;
        if (text.length == 0)
            continue;
        if (!ferry_zone_parse(optoutrow->zone, text, &at, &why) || at <= 0)
            *ret_bad_time = true;
        else if (at > newest)
            newest = at;
    }
    return *ret_bad_time ? 0 : newest;
}

/* Campaign puts a time to what anybody ever says. Of an attribute whose time the file does not have
 * nobody knows. */
static bool is_untouched(const struct ferry_optoutrow *optoutrow, const struct ferry_csv_row *row,
                         const struct ferry_optouts *said)
{
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        bool dated = optoutrow->header.index[TIME(i)] != FERRY_NO_COLUMN;
        if (said->known[i] && (said->out[i] || !dated))
            return false;
        if (ferry_header_field(&optoutrow->header, row, TIME(i)).length > 0)
            return false;
    }
    return true;
}

static enum ferry_optout_verdict skip(enum ferry_skip *ret_skip, enum ferry_skip why)
{
    *ret_skip = why;
    return FERRY_OPTOUT_SKIPPED;
}

enum ferry_optout_verdict ferry_optoutrow_judge(struct ferry_optoutrow *optoutrow, const char *file,
                                                const struct ferry_csv_row *row,
                                                struct ferry_optout_change *ret_change,
                                                bool *ret_bad_time, enum ferry_skip *ret_skip)
{
    struct ferry_optouts said;
    if (!ferry_header_fits(&optoutrow->header, row, optoutrow->reason))
        return FERRY_OPTOUT_REFUSED;
    if (!keep_contact(optoutrow, row))
        return skip(ret_skip, FERRY_SKIP_WITHOUT_CONTACT);
    if (!read_values(optoutrow, row, file, &said))
        return FERRY_OPTOUT_REFUSED;
    if (is_untouched(optoutrow, row, &said))
        return skip(ret_skip, FERRY_SKIP_UNTOUCHED);
    int length =
        snprintf(optoutrow->place, sizeof optoutrow->place, "%s:%lld", file, (long long)row->line);
    *ret_change = (struct ferry_optout_change){
        .contact = {optoutrow->contact, strlen(optoutrow->contact)},
        .side = FERRY_SIDE_CAMPAIGN,
        .source = FERRY_OPTOUT_FILE,
        .said = said,
        .changed_at = read_times(optoutrow, row, ret_bad_time),
        .place = {optoutrow->place, (size_t)length},
    };
    return FERRY_OPTOUT_TOLD;
}
