/* CreateMultiple, UpdateMultiple, UpsertMultiple: all or nothing. */
#include <stdlib.h>
#include <string.h>

#include "dynamics/dynamics.h"
#include "dynamics/edit.h"

#define ACTION "Microsoft.Dynamics.CRM."

enum action { CREATE, UPDATE, UPSERT, ACTIONS };

static const char *const names[ACTIONS] = {"CreateMultiple", "UpdateMultiple", "UpsertMultiple"};

struct multiple {
    struct sandbox_call_context *call;
    enum action action;
    json_t *ids;
};

static bool refuse(struct multiple *multiple, unsigned status, const char *code, const char *text,
                   const char *what)
{
    sandbox_dynamics_refuse(multiple->call->request, status, code, "%s%s", text, what);
    return false;
}

static bool check_type(struct multiple *multiple, const json_t *target)
{
    const char *type = json_string_value(json_object_get(target, "@odata.type"));
    const char *at = type ? strstr(type, ACTION) : NULL;

    if (at && strcmp(at + strlen(ACTION), multiple->call->table->plan->name) == 0)
        return true;
    return refuse(multiple, 400, "0x80048d19",
                  "@odata.type is mandatory on every target and must name the table: ",
                  type ? type : "missing");
}

/* The row that a target names by its primary key; for an upsert also by @odata.id. */
static bool read_id(const struct multiple *multiple, const json_t *target,
                    uint8_t ret_id[static 16])
{
    const char *key = multiple->call->table->plan->primary_id;
    const char *id = json_string_value(json_object_get(target, key));
    const char *reference = json_string_value(json_object_get(target, "@odata.id"));
    const char *open = reference ? strchr(reference, '(') : NULL;

    if (id)
        return sandbox_guid_parse(id, strlen(id), ret_id);
    return open && strlen(open) == 38 && sandbox_guid_parse(open + 1, 36, ret_id);
}

static bool apply(struct multiple *multiple, struct sandbox_edit *edit, json_t *target)
{
    struct sandbox_dynamics *dynamics = multiple->call->dynamics;
    char *text = json_dumps(target, JSON_COMPACT);
    bool parsed = text && sandbox_body_parse(&dynamics->body, text, strlen(text));

    free(text);
    if (!parsed)
        return refuse(multiple, 400, "0x80048d19", "A target is malformed: ", dynamics->body.error);
    if (!sandbox_edit_apply(edit, &dynamics->body)) {
        edit->table->writes.refused++;
        return refuse(multiple, edit->status, edit->error.code, edit->error.message, "");
    }
    if (!edit->record && sandbox_dynamics_taken(dynamics, edit->table, edit->id)) {
        edit->table->writes.repeated++;
        sandbox_dynamics_error(multiple->call->request, 412, "0x80040237",
                               "Cannot insert duplicate key.");
        return false;
    }
    return true;
}

static bool write_target(struct multiple *multiple, json_t *target, struct sandbox_record *record,
                         const uint8_t *id)
{
    struct sandbox_edit edit;
    char text[SANDBOX_GUID_SIZE];
    bool done = false;

    sandbox_edit_begin(&edit, multiple->call->dynamics, multiple->call->table, record);
    if (id)
        memcpy(edit.id, id, 16);
    if (apply(multiple, &edit, target)) {
        const struct sandbox_record *written = sandbox_edit_commit(&edit);
        done = written || refuse(multiple, 413, "0x8004418a", "The request is too large.", "");
        if (written) {
            sandbox_guid_format(written->id, text);
            json_array_append_new(multiple->ids, json_string(text));
        }
    }
    sandbox_edit_done(&edit);
    return done;
}

static bool serve_target(struct multiple *multiple, json_t *target)
{
    const struct sandbox_table *table = multiple->call->table;
    uint8_t id[16];

    if (!json_is_object(target))
        return refuse(multiple, 400, "0x80048d19", "Targets must be objects.", "");
    if (!check_type(multiple, target))
        return false;
    bool named = read_id(multiple, target, id);
    struct sandbox_record *record = named ? sandbox_table_find(table, id) : NULL;
    if (multiple->action == UPDATE && !record) {
        char text[SANDBOX_GUID_SIZE] = "";
        if (named)
            sandbox_guid_format(id, text);
        sandbox_dynamics_error(multiple->call->request, 404, "0x80040217",
                               "%s With Ids = %s Do Not Exist", table->plan->schema, text);
        return false;
    }
    return write_target(multiple, target, multiple->action == CREATE ? NULL : record,
                        named ? id : NULL);
}

static bool serve_all(struct multiple *multiple, const json_t *targets)
{
    struct sandbox_dynamics *dynamics = multiple->call->dynamics;
    struct sandbox_undo *undo = NULL, **outer = dynamics->undo;
    bool good = true;
    json_t *target;
    size_t i;

    dynamics->undo = outer ? outer : &undo; /* inside a change set, that takes back */
    json_array_foreach (targets, i, target) {
        good = good && serve_target(multiple, target);
    }
    dynamics->undo = outer;
    if (good)
        sandbox_undo_forget(&undo);
    else
        sandbox_undo_run(&undo, dynamics->watch);
    return good;
}

static void reply(struct multiple *multiple)
{
    struct sandbox_request *request = multiple->call->request;
    struct sandbox_buf context = {0};

    if (multiple->action != CREATE) {
        request->reply.status = 204;
        return;
    }
    sandbox_buf_addf(&context, "%s" SANDBOX_API "$metadata#" ACTION "CreateMultipleResponse",
                     request->base.data);
    sandbox_reply_json(
        request, 200,
        json_pack("{s:s,s:O}", "@odata.context", sandbox_buf_text(&context), "Ids", multiple->ids));
    sandbox_buf_done(&context);
}

static bool find_action(const char *segment, enum action *ret_action)
{
    for (size_t i = 0; i < ACTIONS && strncmp(segment, ACTION, strlen(ACTION)) == 0; i++)
        if (strcmp(segment + strlen(ACTION), names[i]) == 0) {
            *ret_action = (enum action)i;
            return true;
        }
    return false;
}

bool sandbox_dynamics_multiple(struct sandbox_call_context *call)
{
    struct multiple multiple = {.call = call};
    const struct sandbox_buf *body = &call->request->body;

    if (!find_action(call->segments[1], &multiple.action))
        return false;
    call->request->call = multiple.action == CREATE ? SANDBOX_CALL_INSERT : SANDBOX_CALL_UPDATE;
    if (!call->table->bulk) {
        sandbox_dynamics_refuse(call->request, 400, "0x80040800",
                                "The '%s' method does not support entities of type '%s'.",
                                names[multiple.action], call->table->plan->name);
        return true;
    }
    json_t *json = json_loadb(sandbox_buf_text(body), body->length, 0, NULL);
    const json_t *targets = json_object_get(json, "Targets");
    multiple.ids = json_array();
    if (!json_is_array(targets) || !json_array_size(targets))
        refuse(&multiple, 400, "0x80048d19", "Targets are missing.", "");
    else if (serve_all(&multiple, targets))
        reply(&multiple);
    json_decref(multiple.ids);
    json_decref(json);
    return true;
}
