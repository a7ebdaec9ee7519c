/* An exported file as anybody may have written it, from its bytes to its messages: packed or not,
 * and read again from the middle, which must give the same. */
#include "fuzz_target.h"

#include "producers/sources/logfile.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct ferry_crop events, optouts;
static bool is_set_up;
static const atomic_bool cancelled;

static void set_up_optouts(void)
{
    static const char text[] =
        "{\"direction\":\"both\",\"rule\":\"original\",\"clockToleranceMs\":60000,"
        "\"table\":\"contact\",\"entitySet\":\"contacts\",\"primaryId\":\"contactid\","
        "\"api\":\"profileAndServicesExt\",\"resource\":\"profile\",\"key\":\"externalId\","
        "\"attributes\":[{\"name\":\"denyListEmail\",\"dynamics\":\"a\",\"campaign\":\"b\"},"
        "{\"name\":\"denyListPhone\",\"dynamics\":\"c\",\"campaign\":\"d\"}],"
        "\"export\":{\"folder\":\"e\",\"files\":\"o*\",\"finished\":\"leave\",\"processed\":\"p\","
        "\"delimiter\":\",\",\"quote\":\"\\\"\",\"encoding\":\"UTF-8\",\"timezone\":\"UTC\","
        "\"columns\":{}}}";
    struct ferry_error error;
    json_t *json = json_loads(text, 0, NULL);
    if (ferry_crop_init(&optouts, &ferry_crop_optouts, json, &error) != FERRY_OK)
        abort();
    json_decref(json);
}

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
    if (ferry_crop_init(&events, &ferry_crop_events, json, &error) != FERRY_OK)
        abort();
    json_decref(json);
    set_up_optouts();
    is_set_up = true;
}

/* From `mark` on, so many rows (0: all), or to what stops it; the mark moves on. */
static bool read_on(int fd, enum ferry_file_kind kind, int rows, struct ferry_filemark *mark)
{
    const struct ferry_logfile_options options = {.fd = fd,
                                                  .kind = kind,
                                                  .crop = kind == FERRY_FILE_OPTOUTS ? &optouts
                                                                                     : &events,
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
    return a->position == b->position && a->line == b->line && a->records == b->records &&
           a->rejected == b->rejected && a->bad_times == b->bad_times && a->done == b->done &&
           memcmp(a->skipped, b->skipped, sizeof a->skipped) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!is_set_up)
        set_up();
    if (size == 0)
        return 0;
    /* By the first byte's low bits; those of the corpus say which of the logs it is. */
    enum ferry_file_kind kind = (data[0] & 3) == 2 ? FERRY_FILE_OPTOUTS
                                : data[0] & 1      ? FERRY_FILE_TRACKING
                                                   : FERRY_FILE_DELIVERIES;
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
