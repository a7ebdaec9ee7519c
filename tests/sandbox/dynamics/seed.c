#include "dynamics/seed.h"

#include <stdio.h>
#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const char *const first_names[] = {
    "Ann",
    "Olav",
    "Ingrid",
    "José",
    "Zoë",
    "François",
    "Ødegård",
    "太郎",
    "花子",
    "小明",
    "美玲",
    "서연",
    "Дмитрий",
    "Ольга",
    "محمد",
    "فاطمة",
    "Ada 🌊",
    "Max 🚀👩‍🚀",
    "Νίκος",
    "Søren",
    "Wolfgang",
    "Maria del Carmen Guadalupe Esperanza",
    "Wolfeschlegelsteinhausenbergerdorff",
    "アレクサンドラ・マリア・フェルナンダ・デ・ラ・クルス・ゴンザレス・一二三",
    "Александра-Константиновна-Вознесенская"};
static const char *const last_names[] = {
    "Lee",          "Moe",         "Hansen",   "Ng-Tan",       "O'Brien", "de la Cruz", "Müller",
    "山田",         "佐藤",        "王",       "김",           "Иванов",  "Петрова",    "الأحمد",
    "Smith \"Jr\"", "Łukasiewicz", "Ångström", "Papadopoulos", "𠮷野",    "Nguyễn"};
static const char *const cities[] = {"Bergen", "Singapore", "東京",
                                     "Москва", "القاهرة",   "São Paulo"};
static const char *const countries[] = {"Norway", "Singapore", "日本", "Россия", "مصر", "Brasil"};
static const char *const titles[] = {"CTO", "Head of \"Growth\"", "Sjefsingeniør", "営業部長",
                                     "Clerk"};

struct seeding {
    struct sandbox_dynamics *dynamics;
    struct sandbox_table *table;
    struct sandbox_values values;
    struct sandbox_buf texts;
    uint64_t random;
    size_t number;
    struct { /* where a name's column is, by the address of the literal: looking it up took half the
                time */
        const char *name;
        int column;
    } known[256];
};

static const char *pick(struct seeding *seeding, const char *const *list, size_t count)
{
    return list[sandbox_random(&seeding->random) % count];
}

static int column_of(struct seeding *seeding, const char *name)
{
    size_t at =
        ((uintptr_t)name * 2654435761u >> 8) % (sizeof seeding->known / sizeof *seeding->known);

    if (seeding->known[at].name != name) {
        seeding->known[at].name = name;
        seeding->known[at].column = sandbox_table_logical(seeding->table, name);
    }
    return seeding->known[at].column;
}

static void put(struct seeding *seeding, const char *name, size_t at)
{
    int column = column_of(seeding, name);

    if (column >= 0)
        seeding->values.of[column] =
            (struct sandbox_slice){seeding->texts.data + at, seeding->texts.length - at};
}

static void text(struct seeding *seeding, const char *name, const char *value)
{
    size_t at = seeding->texts.length;

    sandbox_json_string(&seeding->texts, value, strlen(value),
                        seeding->dynamics->settings.escape_unicode);
    put(seeding, name, at);
}

__attribute__((format(printf, 3, 4))) static void raw(struct seeding *seeding, const char *name,
                                                      const char *format, ...)
{
    size_t at = seeding->texts.length;
    char value[160];
    va_list args;

    va_start(args, format);
    vsnprintf(value, sizeof value, format, args);
    va_end(args);
    sandbox_buf_adds(&seeding->texts, value);
    put(seeding, name, at);
}

static void constant(struct seeding *seeding, size_t column, const char *value)
{
    seeding->values.of[column] = (struct sandbox_slice){value, strlen(value)};
}

static unsigned draw(struct seeding *seeding, unsigned below)
{
    return (unsigned)(sandbox_random(&seeding->random) % below);
}

static void set_defaults(struct seeding *seeding)
{
    const struct sandbox_table *table = seeding->table;
    bool active = draw(seeding, 100) >= 5 || table->plan->type_code != 2;
    char user[SANDBOX_GUID_SIZE];

    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].type == SANDBOX_TYPE_BOOLEAN)
            constant(seeding, i, strcmp(table->columns[i].name, "followemail") ? "false" : "true");
    constant(seeding, (size_t)table->special[SANDBOX_STATE], active ? "0" : "1");
    constant(seeding, (size_t)table->special[SANDBOX_STATUS], active ? "1" : "2");
    sandbox_guid_format(seeding->dynamics->user, user);
    raw(seeding, "createdby", "\"%s\"", user);
    raw(seeding, "modifiedby", "\"%s\"", user);
    raw(seeding, "ownerid", "\"%s\"", user);
    raw(seeding, "createdon", "\"2026-01-%02uT%02u:%02u:%02uZ\"", 1 + draw(seeding, 28),
        draw(seeding, 24), draw(seeding, 60), draw(seeding, 60));
    raw(seeding, "modifiedon", "\"2026-02-%02uT%02u:%02u:%02uZ\"", 1 + draw(seeding, 28),
        draw(seeding, 24), draw(seeding, 60), draw(seeding, 60));
}

/* A row of another table, drawn at random; false if it is empty. */
static bool link_to(struct seeding *seeding, const char *name, size_t target)
{
    const struct sandbox_table *table = &seeding->dynamics->tables[target];
    char id[SANDBOX_GUID_SIZE];

    for (int tries = 0; table->slot_count && tries < 20; tries++) {
        const struct sandbox_record *record =
            table->slots[sandbox_random(&seeding->random) % table->slot_count];
        if (!record)
            continue;
        sandbox_guid_format(record->id, id);
        raw(seeding, name, "\"%s\"", id);
        return true;
    }
    return false;
}

static void currency(struct seeding *seeding)
{
    char id[SANDBOX_GUID_SIZE];

    sandbox_guid_format(seeding->dynamics->currency, id);
    raw(seeding, "transactioncurrencyid", "\"%s\"", id);
}

static void contact_names(struct seeding *seeding)
{
    const char *first = pick(seeding, first_names, COUNT(first_names));
    const char *last = pick(seeding, last_names, COUNT(last_names));
    char full[400];

    text(seeding, "firstname", first);
    text(seeding, "lastname", last);
    snprintf(full, sizeof full, "%s %s", first, last);
    text(seeding, "fullname", full);
    if (draw(seeding, 8) == 0)
        text(seeding, "middlename", "Q.");
    text(seeding, "jobtitle", pick(seeding, titles, COUNT(titles)));
    raw(seeding, "emailaddress1", "\"contact%zu@example%u.com\"", seeding->number,
        draw(seeding, 40));
    raw(seeding, "telephone1", "\"+47 55 %02u %02u %02u\"", draw(seeding, 100), draw(seeding, 100),
        draw(seeding, 100));
    if (draw(seeding, 2))
        raw(seeding, "mobilephone", "\"+47 9%02u %02u %03u\"", draw(seeding, 100),
            draw(seeding, 100), draw(seeding, 1000));
}

/* Drawn apart: what is drawn after them stays what it was before they were there. */
static void rare_flags(struct seeding *seeding)
{
    static const char *const names[] = {"donotfax", "donotpostalmail", "donotsendmm", "new_nopush"};
    uint64_t random = seeding->random;

    for (size_t i = 0; i < COUNT(names); i++)
        if (sandbox_random(&random) % 100 < 2)
            raw(seeding, names[i], "true");
}

static void contact_flags(struct seeding *seeding)
{
    if (draw(seeding, 100) < 3)
        raw(seeding, "donotbulkemail", "true");
    if (draw(seeding, 100) < 2)
        raw(seeding, "donotemail", "true");
    if (draw(seeding, 100) < 2)
        raw(seeding, "donotphone", "true");
    rare_flags(seeding);
    raw(seeding, "preferredcontactmethodcode", "%u", 1 + draw(seeding, 5));
    if (draw(seeding, 4))
        raw(seeding, "gendercode", "%u", 1 + draw(seeding, 2));
    if (draw(seeding, 3) == 0)
        raw(seeding, "familystatuscode", "%u", 1 + draw(seeding, 4));
    raw(seeding, "leadsourcecode", "1");
    raw(seeding, "customertypecode", "1");
    raw(seeding, "territorycode", "1");
    raw(seeding, "haschildrencode", "1");
    raw(seeding, "customersizecode", "1");
    raw(seeding, "educationcode", "1");
}

static void contact_details(struct seeding *seeding)
{
    size_t place = draw(seeding, COUNT(cities));
    char composite[200];

    if (draw(seeding, 3))
        raw(seeding, "birthdate", "\"%u-%02u-%02u\"", 1940 + draw(seeding, 68),
            1 + draw(seeding, 12), 1 + draw(seeding, 28));
    raw(seeding, "numberofchildren", "%u", draw(seeding, 5));
    if (draw(seeding, 2)) {
        unsigned income = 20000 + draw(seeding, 100000);
        raw(seeding, "annualincome", "%u.%02u00", income, draw(seeding, 100));
        raw(seeding, "annualincome_base", "%u.0000", income);
        raw(seeding, "exchangerate", "1.0000000000");
        currency(seeding);
    }
    raw(seeding, "address1_line1", "\"%u Main St\"", 1 + draw(seeding, 999));
    text(seeding, "address1_city", cities[place]);
    text(seeding, "address1_country", countries[place]);
    raw(seeding, "address1_postalcode", "\"%05u\"", draw(seeding, 100000));
    raw(seeding, "address1_latitude", "%u.%05u", draw(seeding, 90), draw(seeding, 100000));
    raw(seeding, "address1_longitude", "%u.%05u", draw(seeding, 180), draw(seeding, 100000));
    raw(seeding, "address1_addresstypecode", "1");
    snprintf(composite, sizeof composite, "%s\r\n%s", cities[place], countries[place]);
    text(seeding, "address1_composite", composite);
    raw(seeding, "employeeid", "\"E%07zu\"", seeding->number);
    if (draw(seeding, 10) == 0)
        text(seeding, "description", "First line\r\nsecond \"line\" \\ with a tab\tand an emoji 😀");
}

static void seed_contact(struct seeding *seeding)
{
    contact_names(seeding);
    contact_flags(seeding);
    contact_details(seeding);
    link_to(seeding, "parentcustomerid", SANDBOX_ACCOUNT);
}

static void seed_account(struct seeding *seeding)
{
    size_t place = draw(seeding, COUNT(cities));
    char name[200];

    snprintf(name, sizeof name, "%s & %s %zu", pick(seeding, last_names, COUNT(last_names)),
             pick(seeding, last_names, COUNT(last_names)), seeding->number);
    text(seeding, "name", name);
    raw(seeding, "accountnumber", "\"A%06zu\"", seeding->number);
    raw(seeding, "emailaddress1", "\"office%zu@example.org\"", seeding->number);
    raw(seeding, "telephone1", "\"+65 6%03u %04u\"", draw(seeding, 1000), draw(seeding, 10000));
    raw(seeding, "numberofemployees", "%u", draw(seeding, 5000));
    raw(seeding, "revenue", "%u.0000", draw(seeding, 100000000));
    currency(seeding);
    text(seeding, "address1_city", cities[place]);
    text(seeding, "address1_country", countries[place]);
}

static void seed_purchase(struct seeding *seeding)
{
    raw(seeding, "new_name", "\"Purchase %zu\"", seeding->number);
    raw(seeding, "new_orderno", "\"%07zu\"", seeding->number);
    raw(seeding, "new_amount", "%u.%02u00", draw(seeding, 10000), draw(seeding, 100));
    currency(seeding);
    raw(seeding, "new_quantity", "%u", 1 + draw(seeding, 20));
    raw(seeding, "new_rating", "%u.%u", draw(seeding, 5), draw(seeding, 10));
    raw(seeding, "new_paid", draw(seeding, 4) ? "true" : "false");
    raw(seeding, "new_channel", "%u", 1 + draw(seeding, 3));
    raw(seeding, "new_orderedon", "\"2026-03-%02uT%02u:%02u:00Z\"", 1 + draw(seeding, 28),
        draw(seeding, 24), draw(seeding, 60));
    raw(seeding, "new_deliveryday", "\"2026-04-%02u\"", 1 + draw(seeding, 28));
    link_to(seeding, "new_contact", SANDBOX_CONTACT);
}

static void seed_line(struct seeding *seeding)
{
    raw(seeding, "new_name", "\"Line %zu\"", seeding->number);
    raw(seeding, "new_sku", "\"SKU-%05u\"", draw(seeding, 100000));
    raw(seeding, "new_count", "%u", 1 + draw(seeding, 9));
    raw(seeding, "new_price", "%u.%04u", draw(seeding, 1000), draw(seeding, 10000));
    link_to(seeding, "new_purchase", SANDBOX_PURCHASE);
}

static void seed_untracked(struct seeding *seeding)
{
    raw(seeding, "new_name", "\"Untracked %zu\"", seeding->number);
}

static void (*const fill[SANDBOX_PLANS])(struct seeding *) = {
    seed_contact, seed_account, seed_purchase, seed_line, seed_untracked};

bool sandbox_seed(struct sandbox_dynamics *dynamics, size_t table, size_t count, uint64_t seed)
{
    struct seeding seeding = {.dynamics = dynamics, .table = &dynamics->tables[table]};
    uint8_t id[16];
    bool good = true;

    seeding.random = seed * 1000003 + table * 7919 + seeding.table->slot_count;
    sandbox_buf_reserve(&seeding.texts, 65536); /* values point into it: it must not move */
    for (size_t i = 0; i < count && good; i++) {
        seeding.number = seeding.table->slot_count + 1;
        sandbox_guid_random(&seeding.random, id);
        memset(&seeding.values, 0, sizeof seeding.values);
        sandbox_buf_clear(&seeding.texts);
        set_defaults(&seeding);
        fill[table](&seeding);
        good = sandbox_table_insert(seeding.table, id, sandbox_row_new(&seeding.values),
                                    ++dynamics->version);
    }
    sandbox_buf_done(&seeding.texts);
    return good;
}

void sandbox_seed_name(uint64_t *random, struct sandbox_buf *buf)
{
    sandbox_buf_addf(buf, "%s %06llx", last_names[sandbox_random(random) % COUNT(last_names)],
                     (unsigned long long)(sandbox_random(random) & 0xffffff));
}
