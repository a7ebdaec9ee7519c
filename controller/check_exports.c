/* Where Campaign's exports lie: what the reader says of it, and what the controller sees itself
 * when it has been told how to get there. */
#include "controller/check_private.h"
#include "controller/reply.h"
#include "core/io/sftp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* One look at the server, in libuv's thread pool. */
struct ferry_check_look {
    uv_work_t work;
    struct ferry_check *check; /* NULL: nobody waits any more */
    struct ferry_sftp *sftp;
    size_t count; /* of the check's exports */
    char *folders[FERRY_CHECK_EXPORTS];
    enum ferry_status reached;
    struct ferry_error reach_error;
    enum ferry_status listed[FERRY_CHECK_EXPORTS];
    struct ferry_error list_errors[FERRY_CHECK_EXPORTS];
};

/* --- what the reader says --- */

static const struct ferry_task *find_reader(const struct ferry_check *check,
                                            const struct ferry_workflow *workflow)
{
    const struct ferry_store *store = check->systems->store;
    const struct ferry_task *task;
    char id[128];

    snprintf(id, sizeof id, "%s/reader/exports", workflow->id);
    LL_FOREACH (ferry_store_tasks(store), task)
        if (strcmp(task->id, id) == 0 && ferry_task_is_live(task, ferry_store_heard_ms(store)) &&
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

static void tell_nobody(json_t *line, const struct ferry_workflow *workflow)
{
    struct ferry_error nobody;

    ferry_fail(&nobody, FERRY_RETRY, FERRY_CLASS_NONE,
               "only ferry-reader looks there, while %s runs, and none does now", workflow->id);
    ferry_advise(&nobody, "start %s and check again, or give the controller sftp.* too",
                 workflow->id);
    ferry_check_error(line, &nobody, true);
}

static void add_reader(struct ferry_check *check, const struct ferry_workflow *workflow,
                       const struct ferry_task *reader)
{
    json_t *line =
        ferry_check_line(check, FERRY_CHECK_SFTP, "folder of the exports, as the reader sees it",
                         check->export_count > 1 ? workflow->id : "");
    const json_t *error = reader ? json_object_get(reader->document, "error") : NULL;
    const json_t *warning = reader ? json_object_get(reader->document, "warning") : NULL;

    if (!reader)
        tell_nobody(line, workflow);
    else if (json_is_object(error))
        repeat(line, error, false);
    else if (json_is_object(warning))
        repeat(line, warning, true);
    else
        ferry_check_ok(line);
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
    for (size_t i = 0; i < look->count; i++)
        look->listed[i] =
            ferry_sftp_list(look->sftp, look->folders[i], pass_over, NULL, &look->list_errors[i]);
    ferry_sftp_disconnect(look->sftp);
}

static void drop(struct ferry_check_look *look)
{
    if (!look)
        return;
    ferry_sftp_free(look->sftp);
    for (size_t i = 0; i < look->count; i++)
        free(look->folders[i]);
    free(look);
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
        for (size_t i = 0; look->reached == FERRY_OK && i < look->count; i++)
            if (check->exports[i].line)
                fill(check->exports[i].line, look->listed[i], &look->list_errors[i]);
    }
    drop(look);
    if (check)
        ferry_check_answered(check);
}

static enum ferry_status prepare(const struct ferry_check *check, struct ferry_check_look *look,
                                 struct ferry_error *error)
{
    ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    if (!look)
        return FERRY_NOMEM;
    for (look->count = 0; look->count < check->export_count; look->count++) {
        look->folders[look->count] = strdup(check->exports[look->count].folder);
        if (!look->folders[look->count])
            return FERRY_NOMEM;
    }
    return ferry_sftp_new(check->systems->sftp, &look->sftp, error);
}

static enum ferry_status begin(struct ferry_check *check, struct ferry_error *error)
{
    struct ferry_check_look *look = calloc(1, sizeof *look);
    enum ferry_status status = prepare(check, look, error);

    if (status != FERRY_OK) {
        drop(look);
        return status;
    }
    look->check = check;
    look->work.data = look;
    check->look = look;
    uv_queue_work(check->systems->loop, &look->work, look_in_thread, on_looked);
    return FERRY_OK;
}

/* --- for check.c --- */

void ferry_check_add_exports(struct ferry_check *check, const struct ferry_workflow *workflow,
                             const json_t *settled)
{
    const char *folder =
        json_string_value(json_object_get(json_object_get(settled, "export"), "folder"));

    if (folder)
        check->exports[check->export_count++] =
            (struct ferry_check_export){.workflow = workflow, .folder = folder};
}

static bool is_listed(const struct ferry_check *check, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(check->exports[i].folder, check->exports[index].folder) == 0)
            return true;
    return false;
}

static void prepare_look(struct ferry_check *check, const char *host)
{
    check->login_line = ferry_check_line(check, FERRY_CHECK_SFTP, "login at", host);
    for (size_t i = 0; i < check->export_count; i++)
        if (!is_listed(check, i))
            check->exports[i].line = ferry_check_line(check, FERRY_CHECK_SFTP, "the right to read",
                                                      check->exports[i].folder);
}

void ferry_check_prepare_exports(struct ferry_check *check)
{
    const char *host = check->systems->sftp->host;

    if (host && check->export_count > 0)
        prepare_look(check, host);
    for (size_t i = 0; i < check->export_count; i++) {
        const struct ferry_workflow *workflow = check->exports[i].workflow;
        const struct ferry_task *reader = find_reader(check, workflow);

        if (reader || !host)
            add_reader(check, workflow, reader);
    }
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
