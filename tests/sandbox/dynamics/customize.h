/* New tables (activities only) and columns by way of the metadata, as section 6.6 of the reference
 * and Microsoft's page on creating table definitions have it. */
#ifndef SANDBOX_DYNAMICS_CUSTOMIZE_H
#define SANDBOX_DYNAMICS_CUSTOMIZE_H

#include "dynamics/dynamics.h"

/* POST EntityDefinitions. */
void sandbox_customize_table(struct sandbox_call_context *call);
/* POST EntityDefinitions(…)/Attributes. */
void sandbox_customize_column(struct sandbox_call_context *call, struct sandbox_table *table);
/* POST PublishXml, PublishAllXml. */
void sandbox_customize_publish(struct sandbox_call_context *call);

#endif
