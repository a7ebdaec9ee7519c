#include "admin/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/upload.h"

const char *sandbox_order_text(const struct sandbox_order *order, const char *name)
{
    return json_string_value(json_object_get(order->json, name));
}

double sandbox_order_share(const struct sandbox_order *order, const char *name, double otherwise)
{
    const json_t *value = json_object_get(order->json, name);

    return json_is_number(value) ? json_number_value(value) : otherwise;
}

json_int_t sandbox_order_number(const struct sandbox_order *order, const char *name,
                                json_int_t otherwise)
{
    const json_t *value = json_object_get(order->json, name);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool sandbox_order_flag(const struct sandbox_order *order, const char *name, bool otherwise)
{
    const json_t *value = json_object_get(order->json, name);

    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

int sandbox_order_choice(const struct sandbox_order *order, const char *name,
                         const char *const *names)
{
    const char *text = sandbox_order_text(order, name);

    for (int i = 0; text && names[i]; i++)
        if (strcmp(names[i], text) == 0)
            return i;
    return text ? -1 : 0;
}

static bool read_format(const struct sandbox_order *order, struct sandbox_csv_format *format)
{
    static const char *const encodings[] = {"UTF-8", "ISO-8859-1", "windows-1252", NULL};
    const char *delimiter = sandbox_order_text(order, "delimiter"),
               *quote = sandbox_order_text(order, "quote");
    int encoding = sandbox_order_choice(order, "encoding", encodings);

    *format = (struct sandbox_csv_format){.delimiter = delimiter ? *delimiter : ',',
                                          .quote = quote ? *quote : '"',
                                          .crlf = sandbox_order_flag(order, "crlf", false),
                                          .bom = sandbox_order_flag(order, "bom", false),
                                          .gzip = sandbox_order_flag(order, "gzip", false),
                                          .encoding = encoding > 0 ? encodings[encoding] : NULL};
    return encoding >= 0 && format->delimiter && (!quote || strlen(quote) < 2);
}

bool sandbox_order_extract(const struct sandbox_order *order, struct sandbox_extract *ret_extract)
{
    static const char *const values[] = {"codes", "names", "labels", NULL};
    static const char *const dates[] = {"space", "xml", "plain", NULL};
    int values_as = sandbox_order_choice(order, "values", values),
        dates_as = sandbox_order_choice(order, "dates", dates);

    *ret_extract =
        (struct sandbox_extract){.all = sandbox_order_flag(order, "all", false),
                                 .header = sandbox_order_flag(order, "header", true),
                                 .repeat = (size_t)sandbox_order_number(order, "repeat", 2),
                                 .bad = (size_t)sandbox_order_number(order, "bad", 0),
                                 .columns = json_object_get(order->json, "columns"),
                                 .without = json_object_get(order->json, "without"),
                                 .extra = json_object_get(order->json, "extra")};
    if (values_as < 0 || dates_as < 0 || !read_format(order, &ret_extract->format))
        return false;
    ret_extract->values = (enum sandbox_values_as)values_as;
    ret_extract->dates = (enum sandbox_dates_as)dates_as;
    return true;
}

/* "acs_broadlog_20261121_060000.csv"; a name that is taken gets the next second. */
static void make_name(const struct sandbox_order *order, const struct sandbox_file *file,
                      char path[static 600])
{
    time_t now = (time_t)(sandbox_clock_ms(&order->world->clock) / 1000);
    char stamp[32];
    struct tm at;

    if (file->name) {
        snprintf(path, 600, "%.400s/%.150s", file->folder, file->name);
        return;
    }
    do {
        gmtime_r(&now, &at);
        strftime(stamp, sizeof stamp, "%Y%m%d_%H%M%S", &at);
        snprintf(path, 600, "%.400s/%s_%s.csv%s", file->folder, file->stem, stamp,
                 file->gzip ? ".gz" : "");
        now++;
    } while (access(path, F_OK) == 0);
}

bool sandbox_file_deliver(struct sandbox_order *order, const struct sandbox_file *file,
                          json_t *report)
{
    double stop_at = sandbox_order_share(order, "stopAt", 1);
    unsigned grow_ms = (unsigned)sandbox_order_number(order, "growMs", 0);
    bool whole = sandbox_order_flag(order, "atomic", true) && !grow_ms && stop_at >= 1;
    bool in_place = !whole && !grow_ms && stop_at >= 1;
    char path[600], hidden[600];

    make_name(order, file, path);
    json_object_set_new(report, "file", json_string(strrchr(path, '/') + 1));
    snprintf(hidden, sizeof hidden, "%.400s/.%s", file->folder, strrchr(path, '/') + 1);
    if (!file->write(file->context, in_place ? path : hidden, report))
        return false;
    struct sandbox_upload_plan plan = {
        .whole = hidden, .target = path, .grow_ms = grow_ms, .stop_at = stop_at};
    return in_place ||
           (whole ? rename(hidden, path) == 0 : sandbox_upload_start(order->world, &plan));
}
