/* An exported file as anybody may have written it, from its bytes to its messages: packed or not,
 * and read again from the middle, which must give the same. */
#include "fuzz_target.h"

#include "producers/sources/logfile.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct ferry_events *events;
static const atomic_bool cancelled;

static void set_up(void)
{
    static const char *const kinds[] = {"SEND", "OPEN", "CLICK", "BOUNCE"};
    struct ferry_error error;
    json_t *json = json_pack("{ss s[ssss] si s{ss ss ss ss ss ss ss ss ss s{}} s{}}", "source", "",
                             "kinds", kinds[0], kinds[1], kinds[2], kinds[3], "since", 0, "export",
                             "folder", "e", "deliveryLogs", "b*", "trackingLogs", "t*", "finished",
                             "move", "processed", "p", "delimiter", ",", "quote", "\"", "encoding",
                             "UTF-8", "timezone", "Europe/Paris", "columns", "activities");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        json_object_set_new(
            json_object_get(json, "activities"), kinds[i],
            json_pack("{ss ss ss}", "table", "a", "entitySet", "a", "regarding", "a"));
    if (ferry_events_new(json, &events, &error) != FERRY_OK)
        abort();
    json_decref(json);
}

/* From `mark` to the end, or to what stops it; the mark moves on. */
static bool read_on(int fd, enum ferry_log_kind kind, struct ferry_filemark *mark)
{
    const struct ferry_logfile_options options = {
        .fd = fd, .kind = kind, .events = events, .mark = *mark, .cancelled = &cancelled};
    struct ferry_logfile *file = NULL;
    struct ferry_harvest harvest;
    struct ferry_error error;
    if (ferry_logfile_open(&options, &file, &error) != FERRY_OK)
        return false;
    ferry_harvest_init(&harvest);
    bool whole = true;
    while (whole && !mark->done) {
        ferry_harvest_clear(&harvest);
        whole = ferry_logfile_fill(file, &harvest, &error) == FERRY_OK;
        if (whole && harvest.mark.position < mark->position)
            abort();
        if (whole)
            *mark = harvest.mark;
    }
    ferry_harvest_done(&harvest);
    ferry_logfile_close(file);
    return whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!events)
        set_up();
    if (size == 0)
        return 0;
    enum ferry_log_kind kind = data[0] & 1 ? FERRY_LOG_TRACKING : FERRY_LOG_DELIVERY;
    struct ferry_filemark mark = {.file = "fuzz.csv", .line = 1};
    int fd = memfd_create("export", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)(size - 1))
        abort();
    if (read_on(fd, kind, &mark)) {
        /* Behind the end there is nothing more. */
        struct ferry_filemark again = mark;
        again.done = false;
        if (!read_on(fd, kind, &again) || again.position != mark.position ||
            again.events != mark.events || again.rejected != mark.rejected)
            abort();
    }
    close(fd);
    return 0;
}
