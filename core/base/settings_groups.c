/* The rows that more than one program has. */
#include "core/base/settings.h"

#include <stddef.h>

#define COMMON(member)   offsetof(struct ferry_common, member)
#define DYNAMICS(member) offsetof(struct ferry_dynamics_settings, member)
#define CAMPAIGN(member) offsetof(struct ferry_campaign_settings, member)
#define SFTP(member)     offsetof(struct ferry_sftp_settings, member)

const struct ferry_setting ferry_common_settings[] = {
    {"instance", FERRY_SETTING_TEXT, COMMON(instance), "ferry", 0, 0, 0,
     "prefix of every topic, group and transactional id: one for each environment that shares a "
     "Kafka"},
    {"worker.name", FERRY_SETTING_TEXT, COMMON(worker_name), NULL, 0, 0, 0,
     "name of this process, unique in the instance; host name and a random number when unset"},
    {"log.level", FERRY_SETTING_TEXT, COMMON(log_level), "info", 0, 0, 0,
     "debug, info, warn or error"},
    {"log.format", FERRY_SETTING_TEXT, COMMON(log_format), "logfmt", 0, 0, 0, "logfmt or json"},
    {"health.listen", FERRY_SETTING_TEXT, COMMON(health_listen), NULL, 0, 0, 0,
     "host:port of /healthz, /readyz and /metrics; port 0 takes a free one; unset: no port"},
    {"schema.registry.url", FERRY_SETTING_TEXT, COMMON(registry_url), NULL, 0, 0, 0,
     "schema registry with Confluent's API, with its path, e.g. "
     "https://registry.example/apis/ccompat/v7: records carry its schema ids; unset: Avro "
     "single-object encoding"},
    {"schema.registry.user", FERRY_SETTING_TEXT, COMMON(registry_user), NULL, 0, 0, 0,
     "user (or API key) of the schema registry; unset: none"},
    {"schema.registry.password.file", FERRY_SETTING_TEXT, COMMON(registry_password_file), NULL, 0,
     0, 0, "file with that user's password; read again for each question"},
    {"trace.full.reads", FERRY_SETTING_BOOLEAN, COMMON(trace_full_reads), "false", 0, 0, 0,
     "let the rows of full reads and e-mail events carry a traceparent too, not only changes and "
     "deletes; costs the reader up to a quarter of its speed"},
    {"topics.manage", FERRY_SETTING_BOOLEAN, COMMON(topics_manage), "true", 0, 0, 0,
     "let the controller create missing topics; false: it only verifies them"},
    {"topics.replication.factor", FERRY_SETTING_INTEGER, COMMON(replication_factor), "3", 1, 32767,
     0, "replicas of a topic that the controller creates"},
    {"topics.min.insync.replicas", FERRY_SETTING_INTEGER, COMMON(min_insync_replicas), "2", 1,
     32767, 0, "min.insync.replicas of a topic that the controller creates"},
};
const size_t ferry_common_settings_count =
    sizeof ferry_common_settings / sizeof ferry_common_settings[0];

const struct ferry_setting ferry_dynamics_settings[] = {
    {"dynamics.url", FERRY_SETTING_TEXT, DYNAMICS(url), NULL, 0, 0, FERRY_SETTING_REQUIRED,
     "the environment, e.g. https://contoso.crm.dynamics.com"},
    {"dynamics.authority.url", FERRY_SETTING_TEXT, DYNAMICS(authority_url),
     "https://login.microsoftonline.com", 0, 0, 0, "the authority that issues tokens"},
    {"dynamics.tenant", FERRY_SETTING_TEXT, DYNAMICS(tenant), NULL, 0, 0, FERRY_SETTING_REQUIRED,
     "tenant id or domain"},
    {"dynamics.client.id", FERRY_SETTING_TEXT, DYNAMICS(client_id), NULL, 0, 0,
     FERRY_SETTING_REQUIRED, "application (client) id of the application user"},
    {"dynamics.client.secret.file", FERRY_SETTING_TEXT, DYNAMICS(client_secret_file), NULL, 0, 0,
     FERRY_SETTING_REQUIRED, "file with the client secret; read again for each token"},
    {"dynamics.page.size", FERRY_SETTING_INTEGER, DYNAMICS(page_size), "5000", 1, 5000, 0,
     "records a page (odata.maxpagesize)"},
    {"dynamics.poll.interval.ms", FERRY_SETTING_INTEGER, DYNAMICS(poll_interval_ms), "10000", 10,
     86400000, 0,
     "milliseconds between two questions for changes of a table; up to six times that when it is "
     "idle"},
    {"dynamics.concurrency.max", FERRY_SETTING_INTEGER, DYNAMICS(concurrency_max), "52", 1, 52, 0,
     "most requests of a writer in flight; it finds the best number below it, and below what the "
     "service recommends"},
    {"dynamics.batch.size", FERRY_SETTING_INTEGER, DYNAMICS(batch_size), "1000", 1, 1000, 0,
     "most activities that a writer sends in one request"},
};
const size_t ferry_dynamics_settings_count =
    sizeof ferry_dynamics_settings / sizeof ferry_dynamics_settings[0];

const struct ferry_setting ferry_campaign_settings[] = {
    {"campaign.url", FERRY_SETTING_TEXT, CAMPAIGN(url), NULL, 0, 0, FERRY_SETTING_REQUIRED,
     "the instance, e.g. https://mc.adobe.io/acme"},
    {"campaign.token.url", FERRY_SETTING_TEXT, CAMPAIGN(token_url),
     "https://ims-na1.adobelogin.com/ims/token/v3", 0, 0, 0, "Adobe's token endpoint"},
    {"campaign.client.id", FERRY_SETTING_TEXT, CAMPAIGN(client_id), NULL, 0, 0,
     FERRY_SETTING_REQUIRED,
     "client id of the OAuth server-to-server credential; also the API key"},
    {"campaign.client.secret.file", FERRY_SETTING_TEXT, CAMPAIGN(client_secret_file), NULL, 0, 0,
     FERRY_SETTING_REQUIRED, "file with the client secret; read again for each token"},
    {"campaign.scope", FERRY_SETTING_TEXT, CAMPAIGN(scope),
     "AdobeID,openid,read_organizations,additional_info.projectedProductContext,additional_info."
     "roles,"
     "adobeio_api,read_client_secret,manage_client_secrets,campaign_sdk,campaign_config_server_"
     "general,"
     "deliverability_service_general",
     0, 0, 0, "scopes of the token, comma-separated"},
    {"campaign.page.size", FERRY_SETTING_INTEGER, CAMPAIGN(page_size), "1000", 1, 10000, 0,
     "profiles a page (_lineCount)"},
    {"campaign.poll.interval.ms", FERRY_SETTING_INTEGER, CAMPAIGN(poll_interval_ms), "10000", 10,
     86400000, 0, "milliseconds between two questions for profiles whose opt-outs changed"},
    {"campaign.concurrency.max", FERRY_SETTING_INTEGER, CAMPAIGN(concurrency_max), "64", 1, 1000, 0,
     "most requests in flight; the writer finds the best number below it"},
    {"campaign.timeout.ms", FERRY_SETTING_INTEGER, CAMPAIGN(timeout_ms), "70000", 100, 600000, 0,
     "milliseconds after which a request counts as cut; it may still have been done"},
};
const size_t ferry_campaign_settings_count =
    sizeof ferry_campaign_settings / sizeof ferry_campaign_settings[0];

const struct ferry_setting ferry_sftp_settings[] = {
    {"sftp.host", FERRY_SETTING_TEXT, SFTP(host), NULL, 0, 0, FERRY_SETTING_REQUIRED,
     "server with Campaign's log exports, e.g. acme.campaign.adobe.com; unset: e-mail events are "
     "not read"},
    {"sftp.port", FERRY_SETTING_INTEGER, SFTP(port), "22", 1, 65535, 0, "port of that server"},
    {"sftp.user", FERRY_SETTING_TEXT, SFTP(user), NULL, 0, 0, FERRY_SETTING_REQUIRED,
     "user on that server; the folders of the configuration are relative to his home"},
    {"sftp.private.key.file", FERRY_SETTING_TEXT, SFTP(private_key_file), NULL, 0, 0,
     FERRY_SETTING_REQUIRED,
     "file with his private key, Ed25519 or ECDSA, without a passphrase; read again for each "
     "connection"},
    {"sftp.known.hosts.file", FERRY_SETTING_TEXT, SFTP(known_hosts_file), NULL, 0, 0,
     FERRY_SETTING_REQUIRED,
     "file with the server's host key, as OpenSSH's known_hosts; another key is refused"},
    {"sftp.poll.interval.ms", FERRY_SETTING_INTEGER, SFTP(poll_interval_ms), "10000", 10, 86400000,
     0,
     "milliseconds between two looks into the folder of the exports; below 1000 a file may be "
     "taken for one of the same size that it replaced"},
    {"sftp.timeout.ms", FERRY_SETTING_INTEGER, SFTP(timeout_ms), "30000", 100, 600000, 0,
     "milliseconds of silence after which the server counts as gone"},
};
const size_t ferry_sftp_settings_count = sizeof ferry_sftp_settings / sizeof ferry_sftp_settings[0];
