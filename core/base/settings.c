#include "core/base/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define KAFKA_PREFIX "kafka."
#define LINE_SIZE    8192

static enum ferry_status out_of_memory(struct ferry_error *error)
{
    return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
}

static enum ferry_status refuse(struct ferry_error *error, const char *key, const char *reason)
{
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING, "setting %s: %s", key, reason);
}

static const struct ferry_setting *find(const struct ferry_program *program, const char *key,
                                        void **ret_field)
{
    for (size_t g = 0; g < program->group_count; g++) {
        const struct ferry_settings_group *group = &program->groups[g];
        for (size_t r = 0; r < group->count; r++) {
            if (strcmp(group->rows[r].key, key) == 0) {
                *ret_field = (char *)group->target + group->rows[r].offset;
                return &group->rows[r];
            }
        }
    }
    return NULL;
}

static enum ferry_status set_text(char **field, const char *value, struct ferry_error *error)
{
    char *copy = *value ? strdup(value) : NULL;
    if (*value && !copy)
        return out_of_memory(error);
    free(*field);
    *field = copy;
    return FERRY_OK;
}

static enum ferry_status set_integer(const struct ferry_setting *row, int64_t *field,
                                     const char *value, struct ferry_error *error)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0')
        return refuse(error, row->key, "not a whole number");
    if (row->minimum != row->maximum && (number < row->minimum || number > row->maximum))
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                          "setting %s: %lld is not between %lld and %lld", row->key, number,
                          (long long)row->minimum, (long long)row->maximum);
    *field = number;
    return FERRY_OK;
}

static enum ferry_status set_boolean(const struct ferry_setting *row, bool *field,
                                     const char *value, struct ferry_error *error)
{
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
        return refuse(error, row->key, "must be true or false");
    *field = value[0] == 't';
    return FERRY_OK;
}

static enum ferry_status set_row(const struct ferry_setting *row, void *field, const char *value,
                                 struct ferry_error *error)
{
    switch (row->type) {
    case FERRY_SETTING_TEXT:
        return set_text(field, value, error);
    case FERRY_SETTING_INTEGER:
        return set_integer(row, field, value, error);
    case FERRY_SETTING_BOOLEAN:
        return set_boolean(row, field, value, error);
    }
    return refuse(error, row->key, "unknown type");
}

static enum ferry_status set_kafka(struct ferry_common *common, const char *key, const char *value,
                                   struct ferry_error *error)
{
    for (size_t i = 0; i < common->kafka_count; i++)
        if (strcmp(common->kafka[i].key, key) == 0)
            return set_text(&common->kafka[i].value, value, error);
    struct ferry_pair *pairs = realloc(common->kafka, (common->kafka_count + 1) * sizeof *pairs);
    if (!pairs)
        return out_of_memory(error);
    common->kafka = pairs;
    struct ferry_pair *pair = &pairs[common->kafka_count];
    *pair = (struct ferry_pair){strdup(key), strdup(value)};
    if (!pair->key || !pair->value) {
        free(pair->key);
        free(pair->value);
        return out_of_memory(error);
    }
    common->kafka_count++;
    return FERRY_OK;
}

enum ferry_status ferry_settings_set(const struct ferry_program *program, const char *key,
                                     const char *value, struct ferry_error *error)
{
    size_t prefix = strlen(KAFKA_PREFIX);
    if (strncmp(key, KAFKA_PREFIX, prefix) == 0 && key[prefix])
        return set_kafka(program->common, key + prefix, value, error);
    void *field = NULL;
    const struct ferry_setting *row = find(program, key, &field);
    if (!row)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING,
                          "%s has no setting \"%s\"; see %s --help", program->name, key,
                          program->name);
    return set_row(row, field, value, error);
}

static enum ferry_status default_worker_name(struct ferry_common *common, struct ferry_error *error)
{
    if (common->worker_name)
        return FERRY_OK;
    char host[64] = "worker";
    gethostname(host, sizeof host - 1);
    uint32_t number = 0;
    if (getrandom(&number, sizeof number, 0) < 0)
        number = (uint32_t)getpid();
    char name[96];
    snprintf(name, sizeof name, "%s-%08x", host, number);
    return set_text(&common->worker_name, name, error);
}

enum ferry_status ferry_settings_defaults(const struct ferry_program *program,
                                          struct ferry_error *error)
{
    for (size_t g = 0; g < program->group_count; g++) {
        const struct ferry_settings_group *group = &program->groups[g];
        for (size_t r = 0; r < group->count; r++) {
            const struct ferry_setting *row = &group->rows[r];
            if (!row->standard)
                continue;
            enum ferry_status status =
                set_row(row, (char *)group->target + row->offset, row->standard, error);
            if (status != FERRY_OK)
                return status;
        }
    }
    return FERRY_OK;
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    return text;
}

/* Adds "file:line: " in front of the sentence. */
static enum ferry_status at_line(enum ferry_status status, const char *path, int number,
                                 struct ferry_error *error)
{
    if (status == FERRY_OK || !error)
        return status;
    char sentence[sizeof error->message];
    memcpy(sentence, error->message, sizeof sentence);
    return ferry_fail(error, status, FERRY_CLASS_MAPPING, "%s:%d: %.400s", path, number, sentence);
}

static enum ferry_status load_line(const struct ferry_program *program, char *line,
                                   struct ferry_error *error)
{
    char *text = trim(line);
    if (*text == '\0' || *text == '#')
        return FERRY_OK;
    char *equals = strchr(text, '=');
    if (!equals)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING, "expected key=value");
    *equals = '\0';
    return ferry_settings_set(program, trim(text), trim(equals + 1), error);
}

enum ferry_status ferry_settings_load(const struct ferry_program *program, const char *path,
                                      struct ferry_error *error)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING, "cannot read %s: %s", path,
                          strerror(errno));
    char line[LINE_SIZE];
    enum ferry_status status = FERRY_OK;
    for (int number = 1; status == FERRY_OK && fgets(line, sizeof line, file); number++) {
        if (!strchr(line, '\n') && !feof(file))
            status = ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING, "the line is too long");
        else
            status = load_line(program, line, error);
        status = at_line(status, path, number, error);
    }
    fclose(file);
    return status;
}

static bool is_required(const struct ferry_setting *row)
{
    return (row->flags & FERRY_SETTING_REQUIRED) && row->type == FERRY_SETTING_TEXT;
}

static bool is_missing(const struct ferry_settings_group *group, const struct ferry_setting *row)
{
    return is_required(row) && !*(char *const *)((const char *)group->target + row->offset);
}

/* True: nothing of what the group requires is set. */
static bool is_unused(const struct ferry_settings_group *group)
{
    for (size_t r = 0; r < group->count; r++)
        if (is_required(&group->rows[r]) && !is_missing(group, &group->rows[r]))
            return false;
    return true;
}

static enum ferry_status check_group(const struct ferry_settings_group *group,
                                     struct ferry_error *error)
{
    if (group->optional && is_unused(group))
        return FERRY_OK;
    for (size_t r = 0; r < group->count; r++)
        if (is_missing(group, &group->rows[r]))
            return refuse(error, group->rows[r].key,
                          group->optional ? "is required beside the others of its group"
                                          : "is required");
    return FERRY_OK;
}

static enum ferry_status check_kafka(const struct ferry_common *common, struct ferry_error *error)
{
    for (size_t i = 0; i < common->kafka_count; i++)
        if (strcmp(common->kafka[i].key, "bootstrap.servers") == 0)
            return FERRY_OK;
    return refuse(error, "kafka.bootstrap.servers", "is required");
}

/* Better refused than ignored: half of a login is a mistake. */
static enum ferry_status check_registry(const struct ferry_common *common,
                                        struct ferry_error *error)
{
    if (!common->registry_user != !common->registry_password_file)
        return refuse(error, "schema.registry.user", "goes with schema.registry.password.file");
    if (common->registry_user && !common->registry_url)
        return refuse(error, "schema.registry.user", "is of no use without schema.registry.url");
    return FERRY_OK;
}

enum ferry_status ferry_settings_check(const struct ferry_program *program,
                                       struct ferry_error *error)
{
    enum ferry_status status = check_kafka(program->common, error);
    if (status == FERRY_OK)
        status = check_registry(program->common, error);
    for (size_t g = 0; status == FERRY_OK && g < program->group_count; g++)
        status = check_group(&program->groups[g], error);
    return status == FERRY_OK ? default_worker_name(program->common, error) : status;
}
