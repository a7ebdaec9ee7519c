/* What jemalloc is told, which looks for this name when it starts. */
#include <jemalloc/jemalloc.h>

/* One thread does nearly all the work: an arena for each of librdkafka's as well cost 14 MB. What
 * is free goes back to the system after a second (after a tenth of it the writer needs half as much
 * CPU again). */
const char *malloc_conf = "narenas:1,muzzy_decay_ms:0";
