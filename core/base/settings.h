/* The settings of a program: one table that parses, documents, checks and prints. Not thread-safe.
 *
 * A file holds `key=value` lines as Kafka's properties do ('#' starts a comment line). `kafka.*`
 * passes through to librdkafka; any other key that the table does not know is an error that names
 * file and line. */
#ifndef FERRY_SETTINGS_H
#define FERRY_SETTINGS_H

#include "core/base/status.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum ferry_setting_type {
    FERRY_SETTING_TEXT,    /* char *, owned by the settings, NULL when unset */
    FERRY_SETTING_INTEGER, /* int64_t */
    FERRY_SETTING_BOOLEAN, /* bool; true or false */
};

enum ferry_setting_flag {
    FERRY_SETTING_REQUIRED = 1,
    FERRY_SETTING_SECRET = 2, /* never printed */
};

struct ferry_setting {
    const char *key;
    enum ferry_setting_type type;
    size_t offset;        /* in the program's own struct */
    const char *standard; /* the default as text; NULL for none */
    int64_t minimum;      /* integers only; no check when minimum == maximum */
    int64_t maximum;
    unsigned flags;
    const char *help; /* says units */
};

struct ferry_pair {
    char *key;
    char *value;
};

/* The settings every program has. */
struct ferry_common {
    char *instance;
    char *worker_name;
    char *log_level;
    char *log_format;
    char *health_listen;
    char *registry_url;
    char *registry_user;
    char *registry_password_file;
    int64_t replication_factor;
    int64_t min_insync_replicas;
    bool topics_manage;
    bool trace_full_reads;
    struct ferry_pair *kafka; /* without the "kafka." */
    size_t kafka_count;
};

struct ferry_dynamics_settings {
    char *url;
    char *authority_url;
    char *tenant;
    char *client_id;
    char *client_secret_file;
    int64_t page_size;
    int64_t poll_interval_ms;
    int64_t concurrency_max;
    int64_t batch_size;
};

struct ferry_campaign_settings {
    char *url;
    char *token_url;
    char *client_id;
    char *client_secret_file;
    char *scope;
    int64_t page_size;
    int64_t poll_interval_ms;
    int64_t concurrency_max;
    int64_t timeout_ms;
};

/* Where Campaign's exports are. */
struct ferry_sftp_settings {
    char *host; /* NULL: there is none */
    int64_t port;
    char *user;
    char *private_key_file;
    char *known_hosts_file;
    int64_t poll_interval_ms;
    int64_t timeout_ms;
};

/* Rows of the shared groups; offsets are relative to the group's own struct. */
extern const struct ferry_setting ferry_common_settings[];
extern const size_t ferry_common_settings_count;
extern const struct ferry_setting ferry_dynamics_settings[];
extern const size_t ferry_dynamics_settings_count;
extern const struct ferry_setting ferry_campaign_settings[];
extern const size_t ferry_campaign_settings_count;
extern const struct ferry_setting ferry_sftp_settings[];
extern const size_t ferry_sftp_settings_count;

/* A program is described by groups: a table of rows and the struct they fill. The first group is
 * always the common one. */
struct ferry_settings_group {
    const struct ferry_setting *rows;
    size_t count;
    void *target;
    bool optional; /* it may be left out as a whole: what it requires is required only where
                      something of that is set */
};

struct ferry_program {
    const char *name;
    const char *purpose; /* one line for --help */
    struct ferry_common *common;
    const struct ferry_settings_group *groups;
    size_t group_count;
};

enum ferry_program_action {
    FERRY_PROGRAM_RUN,
    FERRY_PROGRAM_DONE,   /* --help, --version or --check-config did their work: exit 0 */
    FERRY_PROGRAM_REFUSE, /* a sentence stands on stderr: exit 2 */
};

/* Reads the command line (--config FILE, --set key=value, --check-config, --help, --version), fills
 * every group and configures the log. */
enum ferry_program_action ferry_program_start(const struct ferry_program *program, int argc,
                                              char **argv) FERRY_MUST_CHECK;
void ferry_program_done(const struct ferry_program *program);

/* One by one, for tests and for the API: */
enum ferry_status ferry_settings_defaults(const struct ferry_program *program,
                                          struct ferry_error *error) FERRY_MUST_CHECK;
enum ferry_status ferry_settings_set(const struct ferry_program *program, const char *key,
                                     const char *value, struct ferry_error *error) FERRY_MUST_CHECK;
enum ferry_status ferry_settings_load(const struct ferry_program *program, const char *path,
                                      struct ferry_error *error) FERRY_MUST_CHECK;
enum ferry_status ferry_settings_check(const struct ferry_program *program,
                                       struct ferry_error *error) FERRY_MUST_CHECK;

/* Reads a secret from a file (a trailing newline is cut) into a fresh string; the caller wipes and
 * frees it. */
enum ferry_status ferry_secret_read(const char *path, char **ret_secret,
                                    struct ferry_error *error) FERRY_MUST_CHECK;
void ferry_secret_free(char *secret);

#endif
