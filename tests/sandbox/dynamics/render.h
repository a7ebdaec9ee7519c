/* Rows of Dataverse as JSON. */
#ifndef SANDBOX_DYNAMICS_RENDER_H
#define SANDBOX_DYNAMICS_RENDER_H

#include "dynamics/dynamics.h"

/* One row as a page carries it, the primary key always in it. */
void sandbox_render_row(struct sandbox_buf *buf, const struct sandbox_table *table,
                        const struct sandbox_record *record, const struct sandbox_select *select);
/* The same with the annotations that the request prefers. `base`: "http://host:port". */
void sandbox_render_annotated(struct sandbox_buf *buf, const struct sandbox_call_context *call,
                              const struct sandbox_record *record,
                              const struct sandbox_select *select);
/* The value of any column, the computed ones too; false: null. `scratch` may hold it. */
bool sandbox_render_value(const struct sandbox_table *table, const struct sandbox_record *record,
                          size_t column, char scratch[static 64], struct sandbox_slice *ret_value);
/* "BASE/api/data/v9.2/$metadata#contacts(a,b)" + suffix, as a JSON member. */
void sandbox_render_context(struct sandbox_buf *buf, const struct sandbox_call_context *call,
                            const struct sandbox_select *select, const char *suffix);

#endif
