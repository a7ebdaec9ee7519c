#include "consent/consent.h"

#include <stdio.h>
#include <string.h>

struct tally {
    unsigned differing;
    bool mailable;
};

static const struct sandbox_table *contacts(const struct sandbox_consent *consent)
{
    return &consent->dynamics->tables[SANDBOX_CONTACT];
}

static const struct sandbox_resource *profiles(const struct sandbox_consent *consent)
{
    return &consent->campaign->resources[SANDBOX_PROFILE];
}

static bool is_true(const struct sandbox_row *row, int column)
{
    return sandbox_slice_is(sandbox_row_get(row, (size_t)column), "true");
}

bool sandbox_consent_differs(const struct sandbox_consent *consent, size_t pair,
                             const struct sandbox_row *contact, const struct sandbox_row *profile,
                             bool ret_values[static SANDBOX_SIDES])
{
    const struct sandbox_row *rows[SANDBOX_SIDES] = {contact, profile};

    if (!contact || !profile)
        return false;
    for (size_t side = 0; side < SANDBOX_SIDES; side++)
        ret_values[side] =
            is_true(rows[side], consent->flags[side][consent->pairs[pair].flags[side]].column);
    return ret_values[SANDBOX_IN_DYNAMICS] != ret_values[SANDBOX_IN_CAMPAIGN];
}

static struct tally compare(const struct sandbox_consent *consent,
                            const struct sandbox_row *contact, const struct sandbox_row *profile)
{
    struct tally tally = {0};
    bool values[SANDBOX_SIDES];

    for (size_t i = 0; i < consent->pair_count; i++) {
        if (!sandbox_consent_differs(consent, i, contact, profile, values))
            continue;
        tally.differing++;
        tally.mailable |= values[SANDBOX_IN_DYNAMICS];
    }
    return tally;
}

static enum sandbox_flag_value value_of(const struct sandbox_row *row, int column)
{
    if (!row)
        return SANDBOX_NO_ROW;
    return is_true(row, column) ? SANDBOX_TRUE : SANDBOX_FALSE;
}

static void read_time(const struct sandbox_flag *flag, const struct sandbox_row *row,
                      char time[static SANDBOX_TIME_SIZE])
{
    struct sandbox_slice text = {0};

    if (row && flag->time >= 0)
        text = sandbox_row_get(row, (size_t)flag->time);
    if (text.length > 2)
        snprintf(time, SANDBOX_TIME_SIZE, "%.*s", (int)text.length - 2, text.at + 1);
}

/* A row that is made, or goes, with a flag that is false says nothing of it. */
static void note_flag(struct sandbox_consent *consent, const uint8_t id[static 16],
                      const struct sandbox_write *write, enum sandbox_side side, size_t at)
{
    const struct sandbox_flag *flag = &consent->flags[side][at];
    struct sandbox_flag_write note = {.version = write->version,
                                      .at_ms = sandbox_clock_ms(consent->dynamics->clock),
                                      .side = (uint8_t)side,
                                      .flag = (uint8_t)at,
                                      .from = (uint8_t)value_of(write->before, flag->column),
                                      .to = (uint8_t)value_of(write->after, flag->column),
                                      .admin = write->admin};
    bool opted_out = note.from == SANDBOX_TRUE || note.to == SANDBOX_TRUE;
    bool carried = write->before && write->after &&
                   sandbox_columns_have(&write->columns, (size_t)flag->column);

    if (!carried && (note.from == note.to || !opted_out))
        return;
    struct sandbox_case *one = sandbox_case_of(&consent->cases, id);
    if (!one)
        return;
    read_time(flag, write->after, note.time);
    sandbox_case_add(&consent->cases, one, &note);
    consent->writes[side][write->admin] += write->after != NULL;
}

static void begin(struct sandbox_consent *consent, const uint8_t id[static 16], bool born)
{
    struct sandbox_case *one = sandbox_case_of(&consent->cases, id);

    if (!one)
        return;
    one->exposure.since_ms = sandbox_clock_ms(consent->dynamics->clock);
    one->exposure.until_ms = 0;
    one->exposure.at_birth |= born;
    consent->ever_mailable += !one->exposure.periods++;
    consent->mailable_at_birth += born;
}

static void end(struct sandbox_consent *consent, const uint8_t id[static 16])
{
    struct sandbox_case *one = sandbox_case_find(&consent->cases, id);

    if (one)
        one->exposure.until_ms = sandbox_clock_ms(consent->dynamics->clock);
}

static void take_back(struct sandbox_consent *consent, const uint8_t id[static 16],
                      const struct sandbox_write *write)
{
    struct sandbox_case *one = sandbox_case_find(&consent->cases, id);
    struct sandbox_flag_write note;

    if (!one)
        return;
    bool ever = one->exposure.periods;
    while (sandbox_case_take_back(one, write->version, &note))
        consent->writes[note.side][note.admin] -= note.to != SANDBOX_NO_ROW;
    consent->ever_mailable -= ever && !one->exposure.periods;
}

/* What a write is to one contact. */
struct turn {
    const uint8_t *id;
    enum sandbox_side side;
    struct tally was, is;
    bool born; /* the profile, by a client */
};

static void take(struct sandbox_consent *consent, const struct sandbox_write *write,
                 const struct turn *turn)
{
    consent->disagreements += turn->is.differing;
    consent->disagreements -= turn->was.differing;
    consent->mailable += turn->is.mailable;
    consent->mailable -= turn->was.mailable;
    if (write->undone) {
        take_back(consent, turn->id, write);
        return;
    }
    for (size_t i = 0; i < consent->flag_count[turn->side]; i++)
        note_flag(consent, turn->id, write, turn->side, i);
    if (turn->is.mailable && !turn->was.mailable)
        begin(consent, turn->id, turn->born);
    else if (turn->was.mailable && !turn->is.mailable)
        end(consent, turn->id);
}

static void tell_dynamics(void *context, const struct sandbox_write *write)
{
    struct sandbox_consent *consent = context;
    char key[SANDBOX_GUID_SIZE];

    if (write->of != contacts(consent))
        return;
    sandbox_guid_format(write->id, key);
    const struct sandbox_entry *entry = sandbox_entry_by_key(profiles(consent), key);
    const struct sandbox_row *profile = entry ? entry->row : NULL;
    take(consent, write,
         &(struct turn){.id = write->id,
                        .side = SANDBOX_IN_DYNAMICS,
                        .was = compare(consent, write->before, profile),
                        .is = compare(consent, write->after, profile)});
}

/* The id that the key of a profile is; false if it is none. */
static bool read_id(const struct sandbox_consent *consent, const struct sandbox_row *profile,
                    uint8_t ret_id[static 16])
{
    int key = profiles(consent)->key;
    struct sandbox_slice text = {0};

    if (profile && key >= 0)
        text = sandbox_row_get(profile, (size_t)key);
    return text.length == SANDBOX_GUID_SIZE + 1 && sandbox_guid_parse(text.at + 1, 36, ret_id);
}

const struct sandbox_record *sandbox_consent_contact(const struct sandbox_consent *consent,
                                                     const struct sandbox_row *profile)
{
    uint8_t id[16];

    return read_id(consent, profile, id) ? sandbox_table_find(contacts(consent), id) : NULL;
}

static void take_profile(struct sandbox_consent *consent, const struct sandbox_write *write,
                         const uint8_t id[static 16], bool born)
{
    const struct sandbox_record *record = sandbox_table_find(contacts(consent), id);
    const struct sandbox_row *contact = record ? record->row : NULL;

    take(consent, write,
         &(struct turn){.id = id,
                        .side = SANDBOX_IN_CAMPAIGN,
                        .was = compare(consent, contact, write->before),
                        .is = compare(consent, contact, write->after),
                        .born = born});
}

/* A profile whose key changes leaves one contact and comes to another. */
static void tell_campaign(void *context, const struct sandbox_write *write)
{
    struct sandbox_consent *consent = context;
    struct sandbox_write leaves = *write, comes = *write;
    uint8_t before[16], after[16];

    if (write->of != profiles(consent))
        return;
    bool had = read_id(consent, write->before, before);
    bool has = read_id(consent, write->after, after);
    if (had && has && memcmp(before, after, 16) == 0) {
        take_profile(consent, write, after, false);
        return;
    }
    leaves.after = NULL;
    comes.before = NULL;
    if (had)
        take_profile(consent, &leaves, before, false);
    if (has)
        take_profile(consent, &comes, after, !write->before && !write->admin);
}

void sandbox_consent_init(struct sandbox_consent *consent, struct sandbox_dynamics *dynamics,
                          struct sandbox_campaign *campaign)
{
    *consent = (struct sandbox_consent){.dynamics = dynamics,
                                        .campaign = campaign,
                                        .watches = {{.tell = tell_dynamics, .context = consent},
                                                    {.tell = tell_campaign, .context = consent}}};
}

void sandbox_consent_done(struct sandbox_consent *consent)
{
    sandbox_cases_done(&consent->cases);
}

void sandbox_consent_stop(struct sandbox_consent *consent)
{
    consent->dynamics->watch = NULL;
    consent->campaign->watch = NULL;
    sandbox_cases_done(&consent->cases);
    sandbox_consent_init(consent, consent->dynamics, consent->campaign);
}

/* The number of a flag, added when it is new; -1: too many. */
static int flag_number(struct sandbox_consent *consent, enum sandbox_side side,
                       const struct sandbox_flag *flag)
{
    for (size_t i = 0; i < consent->flag_count[side]; i++)
        if (consent->flags[side][i].column == flag->column)
            return (int)i;
    if (consent->flag_count[side] == SANDBOX_PAIRS)
        return -1;
    consent->flags[side][consent->flag_count[side]] = *flag;
    return (int)consent->flag_count[side]++;
}

static int column_number(struct sandbox_consent *consent, const char *name)
{
    const struct sandbox_table *table = contacts(consent);
    struct sandbox_flag flag = {.column = sandbox_table_column(table, name),
                                .time = table->special[SANDBOX_MODIFIED_ON]};

    if (flag.column < 0 || table->columns[flag.column].type != SANDBOX_TYPE_BOOLEAN)
        return -1;
    snprintf(flag.name, sizeof flag.name, "%s", name);
    return flag_number(consent, SANDBOX_IN_DYNAMICS, &flag);
}

static int attribute_number(struct sandbox_consent *consent, const char *name)
{
    const struct sandbox_resource *resource = profiles(consent);
    struct sandbox_flag flag = {.time = -1};
    char time[100];
    int field = sandbox_optout_field(resource, name, flag.name);

    if (field < 0 || resource->fields[field].kind != SANDBOX_KIND_BOOLEAN)
        return -1;
    flag.column = (int)sandbox_field_column(resource, (size_t)field);
    snprintf(time, sizeof time, "%sLastModified", flag.name);
    field = sandbox_resource_field(resource, time);
    if (field >= 0)
        flag.time = (int)sandbox_field_column(resource, (size_t)field);
    return flag_number(consent, SANDBOX_IN_CAMPAIGN, &flag);
}

bool sandbox_consent_add_pair(struct sandbox_consent *consent, const char *column,
                              const char *attribute)
{
    int in_dynamics = column_number(consent, column);
    int in_campaign = attribute_number(consent, attribute);

    if (in_dynamics < 0 || in_campaign < 0 || consent->pair_count == SANDBOX_PAIRS)
        return false;
    consent->pairs[consent->pair_count++] =
        (struct sandbox_pair_of_flags){{(size_t)in_dynamics, (size_t)in_campaign}};
    return true;
}

void sandbox_consent_start(struct sandbox_consent *consent)
{
    const struct sandbox_resource *resource = profiles(consent);

    consent->dynamics->watch = &consent->watches[SANDBOX_IN_DYNAMICS];
    consent->campaign->watch = &consent->watches[SANDBOX_IN_CAMPAIGN];
    for (size_t i = 0; i < resource->slot_count; i++) {
        const struct sandbox_row *profile = resource->slots[i] ? resource->slots[i]->row : NULL;
        const struct sandbox_record *record = sandbox_consent_contact(consent, profile);
        if (!record)
            continue;
        struct tally tally = compare(consent, record->row, profile);
        consent->disagreements += tally.differing;
        consent->mailable += tally.mailable;
        if (tally.mailable)
            begin(consent, record->id, false);
    }
}
