#include "admin/upload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "admin/admin.h"

#define STEPS 20

struct sandbox_upload {
    struct sandbox_world *world;
    char *whole, *target;
    FILE *from, *to;
    uint64_t size, written, pause_at; /* pause_at: of the size, when it is to stop */
    unsigned step_ms;
    struct sandbox_timer timer;
    struct sandbox_upload *next;
};

static void end(struct sandbox_upload *upload)
{
    sandbox_timer_stop(upload->world->loop, &upload->timer);
    LL_DELETE(upload->world->uploads, upload);
    if (upload->from)
        fclose(upload->from);
    if (upload->to)
        fclose(upload->to);
    if (upload->whole)
        unlink(upload->whole);
    free(upload->whole);
    free(upload->target);
    free(upload);
}

static bool copy(struct sandbox_upload *upload, uint64_t until)
{
    char part[64 * 1024];

    while (upload->written < until) {
        uint64_t left = until - upload->written;
        size_t size = fread(part, 1, left < sizeof part ? (size_t)left : sizeof part, upload->from);
        if (!size || fwrite(part, 1, size, upload->to) != size)
            return false;
        upload->written += size;
    }
    return fflush(upload->to) == 0;
}

/* One step of its growth; the last ends it. */
static void grow(void *argument)
{
    struct sandbox_upload *upload = argument;
    uint64_t until = upload->written + upload->size / STEPS + 1;

    if (until > upload->pause_at)
        until = upload->pause_at;
    if (!copy(upload, until) || upload->written == upload->size)
        end(upload);
    else if (upload->written < upload->pause_at)
        sandbox_timer_start(upload->world->loop, &upload->timer, upload->step_ms);
}

bool sandbox_upload_start(struct sandbox_world *world, const struct sandbox_upload_plan *plan)
{
    struct sandbox_upload *upload = calloc(1, sizeof *upload);
    struct stat status;

    if (!upload)
        return false;
    upload->world = world;
    LL_APPEND(world->uploads, upload);
    upload->whole = strdup(plan->whole);
    upload->target = strdup(plan->target);
    upload->from = fopen(plan->whole, "rb");
    upload->to = fopen(plan->target, "wb");
    if (!upload->whole || !upload->target || !upload->from || !upload->to ||
        fstat(fileno(upload->from), &status)) {
        end(upload);
        return false;
    }
    upload->size = (uint64_t)status.st_size;
    upload->pause_at = (uint64_t)((double)upload->size * plan->stop_at);
    upload->step_ms = plan->grow_ms / STEPS;
    upload->timer.fire = grow;
    upload->timer.argument = upload;
    grow(upload);
    return true;
}

void sandbox_uploads_stop(struct sandbox_world *world)
{
    struct sandbox_upload *upload, *next;

    LL_FOREACH_SAFE (world->uploads, upload, next)
        end(upload);
}

/* GET: what is under way. POST: all of it is completed now. DELETE: it stays half there. */
void sandbox_admin_uploads(struct sandbox_order *order)
{
    struct sandbox_upload *upload, *next;
    json_t *list = json_array();

    LL_FOREACH (order->world->uploads, upload)
        json_array_append_new(list, json_pack("{s:s,s:I,s:I}", "file", upload->target, "written",
                                              (json_int_t)upload->written, "size",
                                              (json_int_t)upload->size));
    if (order->request->verb != SANDBOX_GET)
        LL_FOREACH_SAFE (order->world->uploads, upload, next) {
            if (order->request->verb == SANDBOX_POST)
                copy(upload, upload->size);
            end(upload);
        }
    sandbox_reply_json(order->request, 200, list);
}
