#include "dynamics/schema.h"

#include <stdio.h>

#define S(title, size)                                                                             \
    {                                                                                              \
        .name = title, .type = SANDBOX_TYPE_STRING, .length = size                                 \
    }
#define T(kind, title)                                                                             \
    {                                                                                              \
        .name = title, .type = SANDBOX_TYPE_##kind                                                 \
    }
#define R(kind, title)                                                                             \
    {                                                                                              \
        .name = title, .type = SANDBOX_TYPE_##kind, .access = SANDBOX_READ_ONLY                    \
    }
#define P(title, list)                                                                             \
    {                                                                                              \
        .name = title, .type = SANDBOX_TYPE_PICKLIST, .options = list                              \
    }
#define B(title, list)                                                                             \
    {                                                                                              \
        .name = title, .type = SANDBOX_TYPE_BOOLEAN, .options = list                               \
    }
#define N(kind, title, precision)                                                                  \
    {                                                                                              \
        .name = title, .type = SANDBOX_TYPE_##kind, .length = precision                            \
    }
#define L(kind, title, to, may)                                                                    \
    {                                                                                              \
        .name = title, .type = SANDBOX_TYPE_##kind, .targets = to, .access = may                   \
    }
#define SHADOW(title, of)                                                                          \
    {                                                                                              \
        .name = title, .type = SANDBOX_TYPE_STRING, .length = 100,                                 \
        .access = SANDBOX_READ_ONLY | SANDBOX_SHADOW, .targets = of                                \
    }
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const struct sandbox_option allow[] = {{1, "Do Not Allow"}, {0, "Allow"}, {0, NULL}};
static const struct sandbox_option follow[] = {{1, "Allow"}, {0, "Do Not Allow"}, {0, NULL}};
static const struct sandbox_option send_mm[] = {{1, "Do Not Send"}, {0, "Send"}, {0, NULL}};
static const struct sandbox_option yes_no[] = {{1, "Yes"}, {0, "No"}, {0, NULL}};
static const struct sandbox_option one[] = {{1, "Default Value"}, {0, NULL}};
static const struct sandbox_option genders[] = {{1, "Male"}, {2, "Female"}, {0, NULL}};
static const struct sandbox_option methods[] = {{1, "Any"}, {2, "Email"}, {3, "Phone"},
                                                {4, "Fax"}, {5, "Mail"},  {0, NULL}};
static const struct sandbox_option families[] = {
    {1, "Single"}, {2, "Married"}, {3, "Divorced"}, {4, "Widowed"}, {0, NULL}};
static const struct sandbox_option roles[] = {
    {1, "Decision Maker"}, {2, "Employee"}, {3, "Influencer"}, {0, NULL}};
static const struct sandbox_option addresses[] = {
    {1, "Bill To"}, {2, "Ship To"}, {3, "Primary"}, {4, "Other"}, {0, NULL}};
static const struct sandbox_option states[] = {{0, "Active"}, {1, "Inactive"}, {0, NULL}};
static const struct sandbox_option statuses[] = {{1, "Active"}, {2, "Inactive"}, {0, NULL}};
static const struct sandbox_option channels[] = {{1, "Web"}, {2, "Shop"}, {3, "Phone"}, {0, NULL}};

#define ADDRESS(n)                                                                                 \
    P(n "_addresstypecode", addresses), S(n "_city", 80), S(n "_country", 80), S(n "_county", 50), \
        N(DOUBLE, n "_latitude", 5), S(n "_line1", 250), S(n "_line2", 250), S(n "_line3", 250),   \
        N(DOUBLE, n "_longitude", 5), S(n "_postalcode", 20), S(n "_stateorprovince", 50),         \
    {                                                                                              \
        .name = n "_composite", .type = SANDBOX_TYPE_MEMO, .length = 1000,                         \
        .access = SANDBOX_READ_ONLY                                                                \
    }

#define COMMON                                                                                     \
    R(DATETIME, "createdon"), R(DATETIME, "modifiedon"),                                           \
        L(LOOKUP, "createdby", "systemuser", SANDBOX_READ_ONLY),                                   \
        L(LOOKUP, "modifiedby", "systemuser", SANDBOX_READ_ONLY),                                  \
        L(OWNER, "ownerid", "systemuser,team", 0),                                                 \
        {.name = "statecode",                                                                      \
         .type = SANDBOX_TYPE_STATE,                                                               \
         .options = states,                                                                        \
         .access = SANDBOX_UPDATE_ONLY},                                                           \
        {.name = "statuscode", .type = SANDBOX_TYPE_STATUS, .options = statuses},                  \
        R(BIGINT, "versionnumber"),                                                                \
    {                                                                                              \
        .name = "overriddencreatedon", .type = SANDBOX_TYPE_DATETIME,                              \
        .access = SANDBOX_CREATE_ONLY                                                              \
    }

#define ID(title)                                                                                  \
    {                                                                                              \
        .name = title, .type = SANDBOX_TYPE_GUID, .access = SANDBOX_CREATE_ONLY                    \
    }

static const struct sandbox_column contact[] = {
    ID("contactid"),
    {.name = "firstname", .schema = "FirstName", .type = SANDBOX_TYPE_STRING, .length = 50},
    {.name = "middlename", .schema = "MiddleName", .type = SANDBOX_TYPE_STRING, .length = 50},
    {.name = "lastname", .schema = "LastName", .type = SANDBOX_TYPE_STRING, .length = 50},
    {.name = "fullname",
     .schema = "FullName",
     .type = SANDBOX_TYPE_STRING,
     .length = 160,
     .access = SANDBOX_READ_ONLY},
    S("salutation", 100),
    S("suffix", 10),
    S("nickname", 100),
    S("jobtitle", 100),
    S("department", 100),
    S("company", 50),
    S("emailaddress1", 100),
    S("emailaddress2", 100),
    S("emailaddress3", 100),
    S("telephone1", 50),
    S("telephone2", 50),
    S("telephone3", 50),
    S("mobilephone", 50),
    S("fax", 50),
    S("pager", 50),
    S("websiteurl", 200),
    B("donotemail", allow),
    B("donotbulkemail", allow),
    B("donotphone", allow),
    B("donotfax", allow),
    B("donotpostalmail", allow),
    B("donotbulkpostalmail", yes_no),
    B("donotsendmm", send_mm),
    B("followemail", follow),
    B("marketingonly", yes_no),
    B("creditonhold", yes_no),
    B("new_nopush", yes_no),
    P("preferredcontactmethodcode", methods),
    P("gendercode", genders),
    P("familystatuscode", families),
    P("accountrolecode", roles),
    P("leadsourcecode", one),
    P("customertypecode", one),
    P("territorycode", one),
    P("educationcode", one),
    P("haschildrencode", one),
    P("customersizecode", one),
    T(DATEONLY, "birthdate"),
    T(DATEONLY, "anniversary"),
    T(INTEGER, "numberofchildren"),
    N(MONEY, "annualincome", 2),
    {.name = "annualincome_base",
     .type = SANDBOX_TYPE_MONEY,
     .length = 2,
     .access = SANDBOX_READ_ONLY},
    N(MONEY, "creditlimit", 2),
    {.name = "creditlimit_base",
     .type = SANDBOX_TYPE_MONEY,
     .length = 2,
     .access = SANDBOX_READ_ONLY},
    L(LOOKUP, "transactioncurrencyid", "transactioncurrency", 0),
    {.name = "exchangerate",
     .type = SANDBOX_TYPE_DECIMAL,
     .length = 10,
     .access = SANDBOX_READ_ONLY},
    {.name = "description", .type = SANDBOX_TYPE_MEMO, .length = 2000},
    ADDRESS("address1"),
    ADDRESS("address2"),
    ADDRESS("address3"),
    L(CUSTOMER, "parentcustomerid", "account,contact", 0),
    SHADOW("parentcustomeridname", "parentcustomerid"),
    COMMON,
    T(DATETIME, "lastusedincampaign"),
    S("externaluseridentifier", 50),
    S("employeeid", 50),
    S("governmentid", 50),
    L(LOOKUP, "masterid", "contact", SANDBOX_READ_ONLY),
    {.name = "merged",
     .type = SANDBOX_TYPE_BOOLEAN,
     .options = yes_no,
     .access = SANDBOX_READ_ONLY},
};

static const struct sandbox_column account[] = {
    ID("accountid"),
    S("name", 160),
    S("accountnumber", 20),
    S("emailaddress1", 100),
    S("telephone1", 50),
    S("websiteurl", 200),
    P("industrycode", one),
    T(INTEGER, "numberofemployees"),
    N(MONEY, "revenue", 2),
    L(LOOKUP, "transactioncurrencyid", "transactioncurrency", 0),
    S("address1_city", 80),
    S("address1_country", 80),
    L(LOOKUP, "primarycontactid", "contact", 0),
    B("donotbulkemail", allow),
    {.name = "description", .type = SANDBOX_TYPE_MEMO, .length = 2000},
    COMMON,
};

static const struct sandbox_column purchase[] = {
    ID("new_purchaseid"),
    S("new_name", 100),
    S("new_orderno", 40),
    N(MONEY, "new_amount", 2),
    L(LOOKUP, "transactioncurrencyid", "transactioncurrency", 0),
    T(INTEGER, "new_quantity"),
    N(DOUBLE, "new_rating", 2),
    B("new_paid", yes_no),
    P("new_channel", channels),
    T(DATETIME, "new_orderedon"),
    T(DATEONLY, "new_deliveryday"),
    {.name = "new_contact",
     .schema = "new_Contact",
     .type = SANDBOX_TYPE_LOOKUP,
     .targets = "contact"},
    COMMON,
};

static const struct sandbox_column line[] = {
    ID("new_purchaselineid"),
    S("new_name", 100),
    S("new_sku", 40),
    T(INTEGER, "new_count"),
    N(DECIMAL, "new_price", 4),
    {.name = "new_purchase",
     .schema = "new_Purchase",
     .type = SANDBOX_TYPE_LOOKUP,
     .targets = "new_purchase"},
    COMMON,
};

static const struct sandbox_column untracked[] = {
    ID("new_untrackedid"),
    S("new_name", 100),
    COMMON,
};

const struct sandbox_table_plan sandbox_table_plans[SANDBOX_PLANS] = {
    {"contact", "Contact", "contacts", "contactid", "fullname", "lastname", 2, true, false, contact,
     COUNT(contact)},
    {"account", "Account", "accounts", "accountid", "name", "name", 1, true, false, account,
     COUNT(account)},
    {"new_purchase", "new_Purchase", "new_purchases", "new_purchaseid", "new_name", "new_name",
     10101, true, false, purchase, COUNT(purchase)},
    {"new_purchaseline", "new_PurchaseLine", "new_purchaselines", "new_purchaselineid", "new_name",
     "new_name", 10102, true, false, line, COUNT(line)},
    {"new_untracked", "new_Untracked", "new_untrackeds", "new_untrackedid", "new_name", "new_name",
     10103, false, false, untracked, COUNT(untracked)},
};

static const struct {
    const char *name;
    const char *edm;
} types[SANDBOX_TYPES] = {
    [SANDBOX_TYPE_STRING] = {"String", "Edm.String"},
    [SANDBOX_TYPE_MEMO] = {"Memo", "Edm.String"},
    [SANDBOX_TYPE_BOOLEAN] = {"Boolean", "Edm.Boolean"},
    [SANDBOX_TYPE_PICKLIST] = {"Picklist", "Edm.Int32"},
    [SANDBOX_TYPE_STATE] = {"State", "Edm.Int32"},
    [SANDBOX_TYPE_STATUS] = {"Status", "Edm.Int32"},
    [SANDBOX_TYPE_INTEGER] = {"Integer", "Edm.Int32"},
    [SANDBOX_TYPE_BIGINT] = {"BigInt", "Edm.Int64"},
    [SANDBOX_TYPE_DOUBLE] = {"Double", "Edm.Double"},
    [SANDBOX_TYPE_DECIMAL] = {"Decimal", "Edm.Decimal"},
    [SANDBOX_TYPE_MONEY] = {"Money", "Edm.Decimal"},
    [SANDBOX_TYPE_DATETIME] = {"DateTime", "Edm.DateTimeOffset"},
    [SANDBOX_TYPE_DATEONLY] = {"DateTime", "Edm.Date"},
    [SANDBOX_TYPE_LOOKUP] = {"Lookup", "Edm.Guid"},
    [SANDBOX_TYPE_CUSTOMER] = {"Customer", "Edm.Guid"},
    [SANDBOX_TYPE_OWNER] = {"Owner", "Edm.Guid"},
    [SANDBOX_TYPE_GUID] = {"Uniqueidentifier", "Edm.Guid"},
    [SANDBOX_TYPE_ENTITY_NAME] = {"EntityName", "Edm.String"},
};

bool sandbox_type_is_lookup(enum sandbox_type type)
{
    return type == SANDBOX_TYPE_LOOKUP || type == SANDBOX_TYPE_CUSTOMER ||
           type == SANDBOX_TYPE_OWNER;
}

bool sandbox_type_is_option(enum sandbox_type type)
{
    return type == SANDBOX_TYPE_PICKLIST || type == SANDBOX_TYPE_STATE ||
           type == SANDBOX_TYPE_STATUS;
}

bool sandbox_column_is_polymorphic(const struct sandbox_column *column)
{
    return column->type == SANDBOX_TYPE_CUSTOMER || column->suffix;
}

void sandbox_column_navigation(const struct sandbox_column *column, const char *target,
                               size_t length, char ret_name[static SANDBOX_NAVIGATION_SIZE])
{
    bool many = sandbox_column_is_polymorphic(column);

    snprintf(ret_name, SANDBOX_NAVIGATION_SIZE, "%s%s%.*s%s%s",
             column->schema ? column->schema : column->name, many ? "_" : "",
             many ? (int)length : 0, target, column->suffix ? "_" : "",
             column->suffix ? column->suffix : "");
}

const char *sandbox_type_edm(enum sandbox_type type)
{
    return types[type].edm;
}

const char *sandbox_type_name(enum sandbox_type type)
{
    return types[type].name;
}
