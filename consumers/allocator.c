/* What jemalloc is told, which looks for this name when it starts. */
#include <jemalloc/jemalloc.h>

/* One thread does nearly all the work: an arena for each of librdkafka's as well cost 14 MB. What
 * is free goes back to the system after jemalloc's ten seconds: after one, a tenth of the CPU goes
 * into pages that are cleared anew, and 3 MB is all that is saved. */
const char *malloc_conf = "narenas:1,muzzy_decay_ms:0";
