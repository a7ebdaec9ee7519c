/* Where Campaign's exports lie: what the reader says of it, and what the controller sees itself
 * when it has been told how to get there. */
#include "controller/check_private.h"
#include "controller/reply.h"
#include "core/io/sftp.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define READER   "campaign-to-dynamics/reader/exports"
#define NOBODY   "only ferry-reader looks there, while campaign-to-dynamics runs, and none does now"
#define STARTING "start campaign-to-dynamics and check again, or give the controller sftp.* too"

/* One look at the server, in libuv's thread pool. */
struct ferry_check_look {
    uv_work_t work;
    struct ferry_check *check; /* NULL: nobody waits any more */
    struct ferry_sftp *sftp;
    char *folder;
    enum ferry_status reached;
    struct ferry_error reach_error;
    enum ferry_status listed;
    struct ferry_error list_error;
};

/* --- what the reader says --- */

static const struct ferry_task *find_reader(const struct ferry_check *check)
{
    const struct ferry_store *store = check->systems->store;
    const struct ferry_task *task;

    LL_FOREACH (ferry_store_tasks(store), task)
        if (strcmp(task->id, READER) == 0 &&
            ferry_task_is_live(task, ferry_store_heard_ms(store)) &&
            task->state != FERRY_TASK_STOPPED)
            return task;
    return NULL;
}

static void repeat(json_t *line, const json_t *trouble, bool passing)
{
    const char *message = json_string_value(json_object_get(trouble, "message"));
    const char *action = json_string_value(json_object_get(trouble, "action"));
    const char *class = json_string_value(json_object_get(trouble, "class"));
    struct ferry_error error;

    ferry_fail(&error, FERRY_INVALID, class ? ferry_class_from_name(class) : FERRY_CLASS_NONE, "%s",
               message ? message : "the reader has a trouble that it does not name");
    ferry_advise(&error, "%s", action ? action : "");
    ferry_check_error(line, &error, passing);
}

static void add_reader(struct ferry_check *check, const struct ferry_task *reader)
{
    json_t *line = ferry_check_line(check, FERRY_CHECK_SFTP,
                                    "folder of the exports, as the reader sees it", "");
    const json_t *error = reader ? json_object_get(reader->document, "error") : NULL;
    const json_t *warning = reader ? json_object_get(reader->document, "warning") : NULL;
    struct ferry_error nobody;

    if (!reader) {
        ferry_fail(&nobody, FERRY_RETRY, FERRY_CLASS_NONE, NOBODY);
        ferry_advise(&nobody, STARTING);
        ferry_check_error(line, &nobody, true);
    } else if (json_is_object(error)) {
        repeat(line, error, false);
    } else if (json_is_object(warning)) {
        repeat(line, warning, true);
    } else {
        ferry_check_ok(line);
    }
}

/* --- what we see ourselves --- */

static enum ferry_status pass_over(void *context, const char *name,
                                   const struct ferry_sftp_attributes *attributes)
{
    (void)context;
    (void)name;
    (void)attributes;
    return FERRY_OK;
}

static void look_in_thread(uv_work_t *work)
{
    struct ferry_check_look *look = work->data;

    look->reached = ferry_sftp_connect(look->sftp, &look->reach_error);
    if (look->reached != FERRY_OK)
        return;
    look->listed = ferry_sftp_list(look->sftp, look->folder, pass_over, NULL, &look->list_error);
    ferry_sftp_disconnect(look->sftp);
}

static void fill(json_t *line, enum ferry_status status, const struct ferry_error *error)
{
    if (status == FERRY_OK)
        ferry_check_ok(line);
    else
        ferry_check_error(line, error, status == FERRY_RETRY);
}

static void on_looked(uv_work_t *work, int status)
{
    struct ferry_check_look *look = work->data;
    struct ferry_check *check = look->check;

    (void)status;
    if (check) {
        check->look = NULL;
        fill(check->login_line, look->reached, &look->reach_error);
        if (look->reached == FERRY_OK)
            fill(check->folder_line, look->listed, &look->list_error);
    }
    ferry_sftp_free(look->sftp);
    free(look->folder);
    free(look);
    if (check)
        ferry_check_answered(check);
}

static enum ferry_status begin(struct ferry_check *check, struct ferry_error *error)
{
    struct ferry_check_look *look = calloc(1, sizeof *look);
    enum ferry_status status = FERRY_NOMEM;

    ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    if (look && (look->folder = strdup(check->folder)))
        status = ferry_sftp_new(check->systems->sftp, &look->sftp, error);
    if (status != FERRY_OK) {
        free(look ? look->folder : NULL);
        free(look);
        return status;
    }
    look->check = check;
    look->work.data = look;
    check->look = look;
    uv_queue_work(check->systems->loop, &look->work, look_in_thread, on_looked);
    return FERRY_OK;
}

/* --- for check.c --- */

void ferry_check_prepare_exports(struct ferry_check *check)
{
    const struct ferry_sftp_settings *sftp = check->systems->sftp;
    const struct ferry_task *reader = find_reader(check);

    if (!check->folder)
        return;
    if (sftp->host) {
        check->login_line = ferry_check_line(check, FERRY_CHECK_SFTP, "login at", sftp->host);
        check->folder_line =
            ferry_check_line(check, FERRY_CHECK_SFTP, "the right to read", check->folder);
    }
    if (reader || !sftp->host)
        add_reader(check, reader);
}

void ferry_check_ask_exports(struct ferry_check *check)
{
    struct ferry_error error;

    if (!check->login_line)
        return;
    check->pending++;
    if (begin(check, &error) == FERRY_OK)
        return;
    ferry_check_error(check->login_line, &error, true);
    ferry_check_answered(check);
}

void ferry_check_drop_exports(struct ferry_check *check)
{
    if (!check->look)
        return;
    check->look->check = NULL;
    ferry_sftp_interrupt(check->look->sftp);
    check->look = NULL;
}
