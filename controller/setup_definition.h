/* What the metadata API of Dynamics 365 takes to make a table of activities, and its columns. Pure.
 */
#ifndef FERRY_SETUP_DEFINITION_H
#define FERRY_SETUP_DEFINITION_H

#include "controller/email.h"

/* Titles are in English, under the number of this language (1033 is English itself). New objects;
 * NULL: out of memory. */
json_t *ferry_setup_table(const struct ferry_email_kind *kind, const char *table, int language);
json_t *ferry_setup_column(const struct ferry_email_attribute *attribute, const char *column,
                           int language);

#endif
