/* The export of opt-outs, and what its files have told. */
#include <errno.h>
#include <string.h>

#include "admin/file.h"

struct optouts_file {
    struct sandbox_world *world;
    struct sandbox_optout_extract extract;
};

static bool write_optouts(void *context, const char *path, json_t *report)
{
    struct optouts_file *file = context;

    file->extract.file = json_string_value(json_object_get(report, "file"));
    return sandbox_optout_file_write(&file->world->campaign, &file->world->optouts, &file->extract,
                                     path, report);
}

static bool read_extract(const struct sandbox_order *order, struct sandbox_optout_extract *extract)
{
    static const char *const names[] = {"denyList", "blackList", NULL};
    static const char *const times[] = {"lastModified", "optOuts", NULL};
    int spelling = sandbox_order_choice(order, "names", names);
    int since = sandbox_order_choice(order, "since", times);

    extract->old_names = spelling == 1;
    extract->since = since == 1 ? SANDBOX_SINCE_OPTOUTS : SANDBOX_SINCE_MODIFIED;
    return spelling >= 0 && since >= 0 && sandbox_order_extract(order, &extract->common);
}

void sandbox_admin_export_optouts(struct sandbox_order *order)
{
    struct optouts_file optouts = {.world = order->world};
    struct sandbox_file file = {.folder = sandbox_order_text(order, "folder"),
                                .name = sandbox_order_text(order, "name"),
                                .stem = "optout",
                                .write = write_optouts,
                                .context = &optouts};
    json_t *report = json_object();

    if (!file.folder || !read_extract(order, &optouts.extract)) {
        sandbox_admin_error(order, 400, "no folder, or an option that there is not");
        json_decref(report);
        return;
    }
    file.gzip = optouts.extract.common.format.gzip;
    if (sandbox_file_deliver(order, &file, report))
        sandbox_reply_json(order->request, 200, json_pack("{s:[O]}", "files", report));
    else
        sandbox_admin_error(order, 400, "cannot write into %s: %s", file.folder, strerror(errno));
    json_decref(report);
}

/* DELETE forgets the last run, too. */
void sandbox_admin_optouts(struct sandbox_order *order)
{
    struct sandbox_optouts_told *told = &order->world->optouts;

    if (order->request->verb == SANDBOX_DELETE) {
        sandbox_buf_done(&told->lines);
        *told = (struct sandbox_optouts_told){0};
        sandbox_reply_json(order->request, 200, json_object());
        return;
    }
    sandbox_reply_text(order->request, told->lines.failed ? 500 : 200, "application/x-ndjson",
                       sandbox_buf_text(&told->lines));
}
