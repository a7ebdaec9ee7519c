/* A contact in the eyes of Opt-In/Out: which columns of it are read, and the OptOutChange that
 * comes of a row (ADR 5). Loop thread only. */
#ifndef FERRY_CONSENTFORM_H
#define FERRY_CONSENTFORM_H

#include "core/control/consent.h"
#include "core/control/mapping.h"
#include "producers/outlet.h"
#include "producers/row.h"
#include "producers/sayings.h"

struct ferry_consentform { /* all borrowed while the outlet's form is used */
    const struct ferry_consent *consent;
    struct ferry_sayings *sayings; /* NULL: each row is news */
};

/* Reads the mapped columns and the time of the record, under a hash of what is mapped to what. */
enum ferry_status ferry_consentform_mapping(const struct ferry_consent *consent,
                                            struct ferry_mapping **ret_mapping,
                                            struct ferry_error *error) FERRY_MUST_CHECK;
/* Full reads go to optouts.load, the rest to optouts.dynamics. A deleted contact gives no record,
 * nor does one that says what it said before; a row whose time cannot be read has none (0). */
struct ferry_outlet_form ferry_consentform(const struct ferry_consentform *form);
/* Is every mapped column a Boolean? FERRY_INVALID names the one that is none. `columns`: one for
 * each of the mapping's. */
enum ferry_status ferry_consentform_check(const struct ferry_consent *consent,
                                          const struct ferry_mapping *mapping,
                                          const struct ferry_row_column *columns,
                                          struct ferry_error *error) FERRY_MUST_CHECK;

#endif
