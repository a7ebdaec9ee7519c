#include "campaign/optout_file.h"

#include <stdio.h>
#include <string.h>

enum spoilt { NOTHING, THE_FLAG, THE_TIME };

/* One file being written, and the row at hand. */
struct job {
    const struct sandbox_resource *profile;
    const struct sandbox_optout_extract *extract;
    struct sandbox_optouts optouts;
    struct sandbox_csv csv;
    const struct sandbox_row *row;
    struct sandbox_buf *lines;
    size_t opted_out, untouched, without_contact;
    json_t *bad;
};

static bool holds(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), name) == 0)
            return true;
    return false;
}

static bool is_left_out(const struct job *job, const char *name)
{
    const json_t *without = job->extract->common.without;

    return json_array_size(without) && holds(without, name);
}

static struct sandbox_slice value_at(const struct job *job, int column)
{
    return column < 0 ? (struct sandbox_slice){0} : sandbox_row_get(job->row, (size_t)column);
}

static bool is_set(const struct job *job, const struct sandbox_optout *optout)
{
    return value_at(job, optout->value).at;
}

/* "2026-11-21 05:58:31.667Z" as the file is to show it; "" when unset. */
static void put_time(struct job *job, int column)
{
    struct sandbox_slice value = value_at(job, column);
    char text[SANDBOX_TIME_SIZE] = "";

    if (value.length > 2)
        snprintf(text, sizeof text, "%.*s", (int)value.length - 2, value.at + 1);
    if (*text && job->extract->common.dates == SANDBOX_DATES_XML)
        text[10] = 'T';
    if (job->extract->common.dates == SANDBOX_DATES_PLAIN)
        text[19] = '\0';
    sandbox_csv_text(&job->csv, text);
}

static void put_flag(struct job *job, const struct sandbox_optout *optout)
{
    static const char *const forms[][2] = {[SANDBOX_AS_CODES] = {"0", "1"},
                                           [SANDBOX_AS_NAMES] = {"false", "true"},
                                           [SANDBOX_AS_LABELS] = {"No", "Yes"}};

    sandbox_csv_text(&job->csv, forms[job->extract->common.values][is_set(job, optout)]);
}

static void put_key(struct job *job)
{
    struct sandbox_slice value = value_at(job, job->profile->key);
    struct sandbox_buf text = {0};

    if (value.at)
        sandbox_json_unquote(&text, value.at, value.length);
    sandbox_csv_text(&job->csv, sandbox_buf_text(&text));
    sandbox_buf_done(&text);
}

/* In the header's spelling, whatever the instance's. */
static void name_of(const struct job *job, const struct sandbox_optout *optout, const char *suffix,
                    char name[static SANDBOX_OPTOUT_NAME])
{
    bool list = strncmp(optout->name, "ccpa", 4) != 0;

    snprintf(name, SANDBOX_OPTOUT_NAME, "%s%s%s",
             !list                     ? ""
             : job->extract->old_names ? "blackList"
                                       : "denyList",
             optout->channel, suffix);
}

static void put_header(struct job *job, const char *name)
{
    const char *other = json_string_value(json_object_get(job->extract->common.columns, name));

    if (!is_left_out(job, name))
        sandbox_csv_text(&job->csv, other ? other : name);
}

static void write_header(struct job *job)
{
    const json_t *extra = job->extract->common.extra;
    char name[SANDBOX_OPTOUT_NAME];

    put_header(job, "externalId");
    for (size_t i = 0; i < SANDBOX_OPTOUTS; i++) {
        const struct sandbox_optout *optout = &job->optouts.of[i];
        if (!optout->name)
            continue;
        name_of(job, optout, "", name);
        put_header(job, name);
        name_of(job, optout, "LastModified", name);
        if (optout->changed >= 0)
            put_header(job, name);
    }
    put_header(job, "lastModified");
    for (size_t i = 0; i < json_array_size(extra); i++)
        sandbox_csv_text(&job->csv, json_string_value(json_array_get(extra, i)));
    sandbox_csv_end_row(&job->csv);
}

static void write_optout(struct job *job, const struct sandbox_optout *optout, enum spoilt spoilt)
{
    char name[SANDBOX_OPTOUT_NAME];

    name_of(job, optout, "", name);
    if (!is_left_out(job, name)) {
        if (spoilt == THE_FLAG)
            sandbox_csv_text(&job->csv, "banana");
        else
            put_flag(job, optout);
    }
    name_of(job, optout, "LastModified", name);
    if (optout->changed < 0 || is_left_out(job, name))
        return;
    if (spoilt == THE_TIME)
        sandbox_csv_text(&job->csv, "banana");
    else
        put_time(job, optout->changed);
}

/* What is spoilt is of the first opt-out. */
static size_t write_fields(struct job *job, enum spoilt spoilt)
{
    const struct sandbox_extract *common = &job->extract->common;

    if (!is_left_out(job, "externalId"))
        put_key(job);
    for (size_t i = 0; i < SANDBOX_OPTOUTS; i++) {
        if (!job->optouts.of[i].name)
            continue;
        write_optout(job, &job->optouts.of[i], spoilt);
        spoilt = NOTHING;
    }
    if (!is_left_out(job, "lastModified"))
        put_time(job, job->profile->modified);
    for (size_t i = 0; i < json_array_size(common->extra); i++)
        sandbox_csv_text(&job->csv, "0");
    return sandbox_csv_end_row(&job->csv);
}

static void tell_optouts(const struct job *job, bool times)
{
    bool first = true;

    for (size_t i = 0; i < SANDBOX_OPTOUTS; i++) {
        const struct sandbox_optout *optout = &job->optouts.of[i];
        struct sandbox_slice time = value_at(job, optout->changed);
        if (!optout->name || (times && !time.at))
            continue;
        sandbox_buf_addf(job->lines, "%s\"%s\":", first ? "" : ",", optout->name);
        if (times)
            sandbox_buf_add(job->lines, time.at, time.length);
        else
            sandbox_buf_adds(job->lines, is_set(job, optout) ? "true" : "false");
        first = false;
    }
}

static void tell(const struct job *job, size_t line)
{
    struct sandbox_slice key = value_at(job, job->profile->key);

    sandbox_buf_addf(job->lines, "{\"file\":\"%s\",\"line\":%zu,\"contact\":", job->extract->file,
                     line);
    sandbox_buf_add(job->lines, key.at ? key.at : "\"\"", key.at ? key.length : 2);
    sandbox_buf_adds(job->lines, ",\"values\":{");
    tell_optouts(job, false);
    sandbox_buf_adds(job->lines, "},\"times\":{");
    tell_optouts(job, true);
    sandbox_buf_adds(job->lines, "}}\n");
}

static bool is_contact(const struct job *job)
{
    struct sandbox_slice key = value_at(job, job->profile->key);
    uint8_t id[16];

    return key.length == SANDBOX_GUID_SIZE + 1 && sandbox_guid_parse(key.at + 1, 36, id);
}

/* A bad row stands behind the one that it spoils: nothing else is wrong with it. */
static void write_row(struct job *job)
{
    bool out = false;
    size_t bad = json_array_size(job->bad);

    for (size_t i = 0; i < SANDBOX_OPTOUTS; i++)
        out |= is_set(job, &job->optouts.of[i]);
    size_t line = write_fields(job, NOTHING);
    job->opted_out += out;
    job->without_contact += !is_contact(job);
    if (out || sandbox_optouts_newest(&job->optouts, job->row).at)
        tell(job, line);
    else
        job->untouched++;
    if (is_contact(job) && bad < job->extract->common.bad) {
        line = write_fields(job, bad % 2 ? THE_TIME : THE_FLAG);
        json_array_append_new(job->bad, json_integer((json_int_t)line));
    }
}

/* The incremental query takes what is as late as its last run, or later. */
static bool is_wanted(const struct job *job, const char *last_run)
{
    struct sandbox_slice time = job->extract->since == SANDBOX_SINCE_OPTOUTS
                                    ? sandbox_optouts_newest(&job->optouts, job->row)
                                    : value_at(job, job->profile->modified);

    return job->extract->common.all || !*last_run ||
           (time.at && memcmp(time.at + 1, last_run, strlen(last_run)) >= 0);
}

static void write_rows(struct job *job, const char *last_run)
{
    for (size_t i = 0; i < job->profile->slot_count; i++) {
        if (!job->profile->slots[i])
            continue;
        job->row = job->profile->slots[i]->row;
        if (is_wanted(job, last_run))
            write_row(job);
    }
}

bool sandbox_optout_file_write(const struct sandbox_campaign *campaign,
                               struct sandbox_optouts_told *told,
                               const struct sandbox_optout_extract *extract, const char *path,
                               json_t *report)
{
    struct job job = {.profile = &campaign->resources[SANDBOX_PROFILE],
                      .extract = extract,
                      .lines = &told->lines,
                      .bad = json_array()};
    bool good = sandbox_csv_open(&job.csv, path, &extract->common.format);

    sandbox_optouts_read(job.profile, &job.optouts);
    if (good && extract->common.header)
        write_header(&job);
    if (good) {
        write_rows(&job, told->last_run);
        sandbox_time_campaign(sandbox_campaign_now(campaign), told->last_run);
    }
    json_t *counts =
        json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "rows",
                  (json_int_t)(job.csv.rows - (extract->common.header && good)), "lines",
                  (json_int_t)job.csv.lines - 1, "bytes", (json_int_t)job.csv.bytes, "optedOut",
                  (json_int_t)job.opted_out, "untouched", (json_int_t)job.untouched,
                  "withoutContact", (json_int_t)job.without_contact, "bad", job.bad);
    json_object_update(report, counts);
    json_decref(counts);
    return sandbox_csv_close(&job.csv) && good;
}
