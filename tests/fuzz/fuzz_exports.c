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

/* From `mark` on, so many rows (0: all), or to what stops it; the mark moves on. */
static bool read_on(int fd, enum ferry_log_kind kind, int rows, struct ferry_filemark *mark)
{
    const struct ferry_logfile_options options = {.fd = fd,
                                                  .kind = kind,
                                                  .events = events,
                                                  .mark = *mark,
                                                  .rows = rows,
                                                  .cancelled = &cancelled};
    struct ferry_logfile *file = NULL;
    struct ferry_harvest harvest;
    struct ferry_error error;
    if (ferry_logfile_open(&options, &file, &error) != FERRY_OK)
        return false;
    ferry_harvest_init(&harvest);
    bool whole = true;
    do {
        ferry_harvest_clear(&harvest);
        whole = ferry_logfile_fill(file, &harvest, &error) == FERRY_OK;
        if (whole && harvest.mark.position < mark->position)
            abort();
        /* What was read to a fault is told before the fault. */
        bool moved = whole && (harvest.mark.done || harvest.mark.position > mark->position);
        if (whole)
            *mark = harvest.mark;
        if (rows > 0 && moved)
            break;
    } while (whole && !mark->done);
    ferry_harvest_done(&harvest);
    ferry_logfile_close(file);
    return whole;
}

static bool same(const struct ferry_filemark *a, const struct ferry_filemark *b)
{
    return a->position == b->position && a->line == b->line && a->events == b->events &&
           a->rejected == b->rejected && a->done == b->done &&
           memcmp(a->skipped, b->skipped, sizeof a->skipped) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!events)
        set_up();
    if (size == 0)
        return 0;
    enum ferry_log_kind kind = data[0] & 1 ? FERRY_LOG_TRACKING : FERRY_LOG_DELIVERY;
    struct ferry_filemark whole = {.file = "fuzz.csv", .line = 1};
    struct ferry_filemark pieces = whole;
    int fd = memfd_create("export", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)(size - 1))
        abort();
    bool to_the_end = read_on(fd, kind, 0, &whole);
    /* Opened again behind every few rows, as after a death, it gives the same. */
    bool goes_on = true;
    while (goes_on && !pieces.done)
        goes_on = read_on(fd, kind, 1 + (int)(size / 2048), &pieces);
    if (goes_on != to_the_end || !same(&whole, &pieces))
        abort();
    close(fd);
    return 0;
}
