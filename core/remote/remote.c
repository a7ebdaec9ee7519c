#include "core/remote/remote.h"

static const char *const names[] = {
    [FERRY_VERDICT_OK] = "ok",
    [FERRY_VERDICT_ABSENT] = "absent",
    [FERRY_VERDICT_NO_PARENT] = "no_parent",
    [FERRY_VERDICT_DUPLICATE] = "duplicate",
    [FERRY_VERDICT_BAD_RECORD] = "bad_record",
    [FERRY_VERDICT_ILL] = "ill",
    [FERRY_VERDICT_THROTTLED] = "throttled",
    [FERRY_VERDICT_UNAVAILABLE] = "unavailable",
    [FERRY_VERDICT_UNKNOWN] = "unknown",
    [FERRY_VERDICT_CREDENTIALS] = "credentials",
    [FERRY_VERDICT_PERMISSION] = "permission",
    [FERRY_VERDICT_EXPIRED] = "expired",
    [FERRY_VERDICT_REFUSED] = "refused",
    [FERRY_VERDICT_FOREIGN] = "foreign",
};

const char *ferry_verdict_name(enum ferry_verdict verdict)
{
    return (size_t)verdict < sizeof(names) / sizeof(names[0]) ? names[verdict] : "none";
}
