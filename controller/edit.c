#include "controller/edit.h"

#include "controller/compile.h"
#include "controller/reply.h"
#include "core/base/clock.h"
#include "core/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct edit {
    struct edit *prev;
    struct edit *next;
    struct ferry_edits *edits;
    const struct ferry_workflow *workflow;
    struct ferry_server_exchange *exchange;
    struct ferry_compile *compile;
    int64_t base; /* the revision that it changes */
    json_t *configuration;
    json_t *document;
    json_t *warnings; /* [{"path","reason"}] */
};

struct ferry_edits {
    struct ferry_launch_parts parts;
    struct edit *first;
};

static void finish(struct edit *edit)
{
    DL_DELETE(edit->edits->first, edit);
    json_decref(edit->configuration);
    json_decref(edit->document);
    json_decref(edit->warnings);
    free(edit);
}

static void problem(struct edit *edit, int status, const struct ferry_error *error,
                    const json_t *faults)
{
    ferry_reply_problem(edit->exchange, status, error, faults);
    finish(edit);
}

static void set_etag(struct ferry_server_exchange *exchange, int64_t revision)
{
    char etag[32];

    snprintf(etag, sizeof etag, "\"%" PRId64 "\"", revision);
    ferry_server_set_header(exchange, "ETag", etag);
}

/* --- saving --- */

static void on_saved(void *context, const struct ferry_error *error)
{
    struct edit *edit = context;

    if (error) {
        problem(edit, error->status == FERRY_INVALID ? 412 : 503, error, NULL);
        return;
    }
    ferry_log(FERRY_LOG_INFO, "saved", FERRY_STR("workflow", edit->workflow->id),
              FERRY_INT("revision", edit->base + 1));
    set_etag(edit->exchange, edit->base + 1);
    json_object_set_new(edit->document, "workflow", json_string(edit->workflow->id));
    json_object_set(edit->document, "warnings", edit->warnings);
    ferry_reply_json(edit->exchange, edit->base == 0 ? 201 : 200, json_incref(edit->document));
    finish(edit);
}

static void save(struct edit *edit)
{
    edit->document =
        json_pack("{s:I, s:I, s:s, s:O}", "revision", (json_int_t)edit->base + 1, "savedAt",
                  (json_int_t)ferry_wall_ms(), "savedBy", ferry_reply_user(edit->exchange),
                  "configuration", edit->configuration);
    ferry_store_save(edit->edits->parts.store, edit->workflow->id, edit->document, on_saved, edit);
}

/* --- checking --- */

static void refuse_faults(struct edit *edit, const json_t *faults)
{
    struct ferry_error error;

    ferry_fail(&error, FERRY_INVALID, FERRY_CLASS_NONE,
               "the configuration of %s is not saved: %zu fault%s", edit->workflow->id,
               json_array_size(faults), json_array_size(faults) == 1 ? "" : "s");
    problem(edit, 422, &error, faults);
}

/* A system that does not let us in says nothing against the configuration: that is for the start.
 */
static bool is_about_us(const json_t *fault)
{
    const char *name = json_string_value(json_object_get(fault, "class"));
    enum ferry_class class = name ? ferry_class_from_name(name) : FERRY_CLASS_MAPPING;

    return class == FERRY_CLASS_CREDENTIALS || class == FERRY_CLASS_PERMISSION ||
           class == FERRY_CLASS_NETWORK || class == FERRY_CLASS_QUOTA;
}

static void warn_unchecked(struct edit *edit, const char *reason)
{
    json_array_append_new(edit->warnings,
                          json_pack("{s:s, s:s+}", "path", "", "reason",
                                    "saved without a full check against the systems: ", reason));
}

/* The faults that forbid saving; the others become warnings. A new reference. */
static json_t *sort_faults(struct edit *edit, const json_t *faults)
{
    json_t *real = json_array();
    size_t i;
    json_t *fault;

    json_array_foreach (faults, i, fault) {
        const char *reason = json_string_value(json_object_get(fault, "reason"));

        if (is_about_us(fault))
            warn_unchecked(edit, reason ? reason : "");
        else
            json_array_append(real, fault);
    }
    return real;
}

static void on_compiled(void *context, const struct ferry_compile_result *result)
{
    struct edit *edit = context;
    json_t *faults = sort_faults(edit, result->faults);

    edit->compile = NULL;
    if (result->warnings)
        json_array_extend(edit->warnings, result->warnings);
    if (result->status == FERRY_RETRY)
        warn_unchecked(edit, result->error.message);
    if (json_array_size(faults) > 0)
        refuse_faults(edit, faults);
    else if (result->status == FERRY_NOMEM)
        problem(edit, 503, &result->error, NULL);
    else
        save(edit);
    json_decref(faults);
}

static void check(struct edit *edit)
{
    const struct ferry_kind *kind = edit->workflow->kind;
    const struct ferry_documents *documents = ferry_store_documents(edit->edits->parts.store);
    struct ferry_compile_options options = {
        .kind = kind,
        .configuration = edit->configuration,
        .dataverse = edit->edits->parts.dataverse,
        .campaign = edit->edits->parts.campaign,
        .before = ferry_documents_order(documents, edit->workflow->id),
        .beside = ferry_documents_configuration(documents, kind->beside),
        .on_done = on_compiled,
        .context = edit};
    json_t *faults = json_array();
    struct ferry_error error = {.class = FERRY_CLASS_NONE};
    enum ferry_status status = kind->check(edit->configuration, faults);

    if (status == FERRY_INVALID) {
        refuse_faults(edit, faults);
    } else if (status != FERRY_OK || ferry_compile_start(edit->edits->parts.loop, &options,
                                                         &edit->compile, &error) != FERRY_OK) {
        if (!error.message[0])
            ferry_fail(&error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
        problem(edit, 503, &error, NULL);
    }
    json_decref(faults);
}

/* --- the request --- */

/* "If-Match: "3"" must name the latest revision; "If-None-Match: *" says that there is none yet. 0
 * when it fits, else the status to answer. */
static int compare_revision(const struct ferry_server_exchange *exchange, int64_t latest)
{
    const char *match = ferry_server_header(exchange, "If-Match");
    const char *none = ferry_server_header(exchange, "If-None-Match");
    char etag[32];

    snprintf(etag, sizeof etag, "\"%" PRId64 "\"", latest);
    if (!match && !none)
        return 428;
    if (match && strcmp(match, etag) != 0)
        return 412;
    if (none && (strcmp(none, "*") != 0 || latest != 0))
        return 412;
    return 0;
}

static bool fits_revision(const struct ferry_workflow *workflow,
                          struct ferry_server_exchange *exchange, int64_t latest)
{
    int refused = compare_revision(exchange, latest);

    if (refused == 428)
        ferry_reply_refuse(exchange, 428,
                           "say with If-Match which revision this edit changes (it is at %" PRId64
                           "), or with If-None-Match: * that there is none",
                           latest);
    else if (refused == 412)
        ferry_reply_refuse(exchange, 412,
                           "the configuration of %s is at revision %" PRId64
                           ", this is an edit of another one",
                           workflow->id, latest);
    return refused == 0;
}

static json_t *configuration_of(struct ferry_server_exchange *exchange)
{
    json_t *body = ferry_reply_body(exchange);
    json_t *configuration = json_incref(json_object_get(body, "configuration"));

    if (body && !json_is_object(configuration)) {
        ferry_reply_refuse(exchange, 400, "the body must be {\"configuration\": {...}}");
        json_decref(configuration);
        configuration = NULL;
    }
    json_decref(body);
    return configuration;
}

void ferry_edits_put(struct ferry_edits *edits, const struct ferry_workflow *workflow,
                     struct ferry_server_exchange *exchange)
{
    int64_t latest =
        ferry_documents_revision(ferry_store_documents(edits->parts.store), workflow->id);
    struct ferry_error error;
    struct edit *edit;
    json_t *configuration;

    if (ferry_store_claim(edits->parts.store, &error) != FERRY_OK) {
        ferry_reply_problem(exchange, 503, &error, NULL);
        return;
    }
    if (!fits_revision(workflow, exchange, latest) || !(configuration = configuration_of(exchange)))
        return;
    edit = calloc(1, sizeof *edit);
    if (!edit) {
        json_decref(configuration);
        ferry_reply_refuse(exchange, 503, "out of memory");
        return;
    }
    edit->edits = edits;
    edit->workflow = workflow;
    edit->exchange = exchange;
    edit->base = latest;
    edit->configuration = configuration;
    edit->warnings = json_array();
    DL_APPEND(edits->first, edit);
    check(edit);
}

/* --- life --- */

enum ferry_status ferry_edits_new(const struct ferry_launch_parts *parts,
                                  struct ferry_edits **ret_edits, struct ferry_error *error)
{
    struct ferry_edits *edits = calloc(1, sizeof *edits);

    if (!edits)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory for edits");
    edits->parts = *parts;
    *ret_edits = edits;
    return FERRY_OK;
}

void ferry_edits_free(struct ferry_edits *edits)
{
    struct edit *edit;
    struct edit *next;

    if (!edits)
        return;
    DL_FOREACH_SAFE (edits->first, edit, next) {
        ferry_compile_cancel(edit->compile);
        ferry_store_forget(edits->parts.store, edit);
        finish(edit);
    }
    free(edits);
}
