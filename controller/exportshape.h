/* The "export" of a configuration: in which folder of the sftp server Campaign's files are, and how
 * they are written. Any thread. */
#ifndef FERRY_EXPORTSHAPE_H
#define FERRY_EXPORTSHAPE_H

#include "controller/shape.h"

/* Of every member but the patterns of file names. A new reference; NULL: out of memory. */
json_t *ferry_exportshape_defaults(void);

/* Checkers of its members; `files` is a pattern of file names, `header` the title of a column. */
void ferry_exportshape_folder(struct ferry_shape *shape, json_t *value,
                              const struct ferry_place *place);
void ferry_exportshape_files(struct ferry_shape *shape, json_t *value,
                             const struct ferry_place *place);
void ferry_exportshape_finished(struct ferry_shape *shape, json_t *value,
                                const struct ferry_place *place);
void ferry_exportshape_delimiter(struct ferry_shape *shape, json_t *value,
                                 const struct ferry_place *place);
void ferry_exportshape_quote(struct ferry_shape *shape, json_t *value,
                             const struct ferry_place *place);
void ferry_exportshape_encoding(struct ferry_shape *shape, json_t *value,
                                const struct ferry_place *place);
void ferry_exportshape_timezone(struct ferry_shape *shape, json_t *value,
                                const struct ferry_place *place);
void ferry_exportshape_header(struct ferry_shape *shape, json_t *value,
                              const struct ferry_place *place);

typedef bool ferry_exportshape_share(const char *name, const char *other);
/* No two members of `columns` name the same column, unless they may; NULL: no two may. */
void ferry_exportshape_distinct(struct ferry_shape *shape, json_t *columns,
                                const struct ferry_place *place, ferry_exportshape_share *share,
                                const char *rule);
/* Two members are the same text. */
bool ferry_exportshape_same(const json_t *export, const char *a, const char *b);

/* What only shows when the defaults are there. */
void ferry_exportshape_whole(struct ferry_shape *shape, const json_t *export,
                             const struct ferry_place *place);

#endif
