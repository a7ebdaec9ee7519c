/* What setup found missing is made, and published. */
#include "controller/setup_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XML_SIZE 1024

#define CUSTOMIZER                                                                                 \
    "give the application user the role System Customizer for as long as this takes, or let "      \
    "somebody who has it create the table by hand (docs/events.md)"

/* --- one after the other --- */

/* What the service says about metadata holds nobody's data. */
static void explain(const struct ferry_remote_answer *answer, struct ferry_error *error)
{
    json_t *body = json_loadb(answer->body ? answer->body : "", answer->length, 0, NULL);
    const char *message =
        json_string_value(json_object_get(json_object_get(body, "error"), "message"));

    *error = answer->error;
    if (message)
        ferry_fail(error, answer->error.status, answer->error.class,
                   "Dynamics 365 answered %d: %.300s", answer->status, message);
    if (answer->verdict == FERRY_VERDICT_PERMISSION)
        ferry_advise(error, CUSTOMIZER);
    else if (answer->verdict == FERRY_VERDICT_UNKNOWN)
        ferry_advise(error, "it may have been done: run the same setup again");
    else if (answer->verdict != FERRY_VERDICT_CREDENTIALS)
        ferry_advise(error, "run the same setup again, it goes on with what is missing");
    json_decref(body);
}

static json_t *first_todo(const struct ferry_setup *setup)
{
    return json_array_get(setup->todo, 0);
}

static void note_made(struct ferry_setup *setup)
{
    size_t count = json_array_size(setup->made);
    const char *last = json_string_value(json_array_get(setup->made, count - 1));

    if (count == 0 || strcmp(last, setup->table) != 0)
        json_array_append_new(setup->made, json_string(setup->table));
}

/* Without its table, no column can be made. */
static void give_up_table(struct ferry_setup *setup)
{
    json_array_clear(setup->todo);
}

static void on_made(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_setup *setup = context;
    json_t *item = json_object_get(first_todo(setup), "item");
    struct ferry_error error;

    if (answer->verdict == FERRY_VERDICT_OK) {
        json_object_set_new(item, "result", json_string("created"));
        note_made(setup);
        json_array_remove(setup->todo, 0);
    } else {
        explain(answer, &error);
        ferry_setup_set_error(item, "failed", &error);
        if (json_is_string(json_object_get(item, "column")))
            json_array_remove(setup->todo, 0);
        else
            give_up_table(setup);
    }
    ferry_setup_make_next(setup);
}

static enum ferry_status post(struct ferry_setup *setup, const char *path, const json_t *body,
                              ferry_remote_callback on_done, struct ferry_error *error)
{
    char *text = json_dumps(body, JSON_COMPACT);
    const struct ferry_dataverse_request request = {
        .method = "POST", .path = path, .body = text, .on_done = on_done, .context = setup};
    enum ferry_status status =
        text ? ferry_dataverse_send(setup->parts.dataverse, &request, NULL, error)
             : ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");

    free(text);
    return status;
}

void ferry_setup_make_next(struct ferry_setup *setup)
{
    struct ferry_error error;
    const json_t *todo;

    while ((todo = first_todo(setup))) {
        if (post(setup, json_string_value(json_object_get(todo, "path")),
                 json_object_get(todo, "body"), on_made, &error) == FERRY_OK)
            return;
        ferry_setup_set_error(json_object_get(todo, "item"), "failed", &error);
        json_array_remove(setup->todo, 0);
    }
    ferry_setup_next_table(setup);
}

/* --- publishing --- */

static void refuse_publishing(struct ferry_setup *setup, struct ferry_error *error)
{
    ferry_advise(error, "the tables are there; publish all customizations by hand");
    setup->table = "publishing";
    ferry_setup_set_error(ferry_setup_add_item(setup, NULL, "failed"), "failed", error);
    ferry_setup_finish(setup);
}

static void on_published(void *context, const struct ferry_remote_answer *answer)
{
    struct ferry_setup *setup = context;
    struct ferry_error error;

    if (answer->verdict == FERRY_VERDICT_OK) {
        ferry_setup_finish(setup);
        return;
    }
    explain(answer, &error);
    refuse_publishing(setup, &error);
}

/* New tables work without; forms and timelines show them afterwards. */
void ferry_setup_publish(struct ferry_setup *setup)
{
    char xml[XML_SIZE] = "<importexportxml><entities>";
    struct ferry_error error;
    json_t *body;
    size_t i;
    json_t *table;

    json_array_foreach (setup->made, i, table) {
        size_t used = strlen(xml);

        snprintf(xml + used, sizeof xml - used, "<entity>%.128s</entity>",
                 json_string_value(table));
    }
    strncat(xml, "</entities></importexportxml>", sizeof xml - strlen(xml) - 1);
    body = json_pack("{s:s}", "ParameterXml", xml);
    if (post(setup, "PublishXml", body, on_published, &error) != FERRY_OK)
        refuse_publishing(setup, &error);
    json_decref(body);
}
