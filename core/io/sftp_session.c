/* Who the server is, and who we are. */
#include "core/io/sftp_private.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST_SIZE     32
#define FINGERPRINT     64
#define PREFERENCE_SIZE 256
#define KEY_CEILING     16384 /* of its text; what that decodes to is shorter */

/* The host keys that libssh2 1.10 can check, best first. */
static const struct {
    const char *method;
    int session_type; /* of libssh2_session_hostkey */
    int known_type;   /* of the known hosts */
} host_keys[] = {
    {"ssh-ed25519", LIBSSH2_HOSTKEY_TYPE_ED25519, LIBSSH2_KNOWNHOST_KEY_ED25519},
    {"ecdsa-sha2-nistp256", LIBSSH2_HOSTKEY_TYPE_ECDSA_256, LIBSSH2_KNOWNHOST_KEY_ECDSA_256},
    {"ecdsa-sha2-nistp384", LIBSSH2_HOSTKEY_TYPE_ECDSA_384, LIBSSH2_KNOWNHOST_KEY_ECDSA_384},
    {"ecdsa-sha2-nistp521", LIBSSH2_HOSTKEY_TYPE_ECDSA_521, LIBSSH2_KNOWNHOST_KEY_ECDSA_521},
    {"ssh-rsa", LIBSSH2_HOSTKEY_TYPE_RSA, LIBSSH2_KNOWNHOST_KEY_SSHRSA},
};
#define HOST_KEYS (sizeof host_keys / sizeof host_keys[0])

/* ---- the host ---- */

/* libssh2 does not know the marks that OpenSSH puts before a line: it would take a key that was
 * revoked for one of a host named "@revoked", and pass over it. */
static enum ferry_status refuse_marks(const struct ferry_sftp_settings *settings,
                                      struct ferry_error *error)
{
    char *line = NULL;
    size_t size = 0;
    int number = 0;
    bool marked = false;
    FILE *file = fopen(settings->known_hosts_file, "re");
    if (!file)
        return FERRY_OK; /* libssh2 says so */
    while (!marked && getline(&line, &size, file) >= 0) {
        number++;
        marked = line[strspn(line, " \t")] == '@';
    }
    free(line);
    fclose(file);
    if (!marked)
        return FERRY_OK;
    ferry_fail(error, FERRY_INVALID, FERRY_CLASS_CREDENTIALS,
               "sftp://%s:%lld: line %d of the known hosts file %.200s begins with @revoked, "
               "@cert-authority or the like, which Ferry cannot judge",
               settings->host, (long long)settings->port, number, settings->known_hosts_file);
    ferry_advise(error, "give Ferry a known hosts file of its own, with the keys that it shall "
                        "trust and no others");
    return FERRY_INVALID;
}

static enum ferry_status read_known(struct ferry_sftp *sftp, LIBSSH2_KNOWNHOSTS **ret_hosts,
                                    struct ferry_error *error)
{
    const char *path = sftp->settings->known_hosts_file;
    enum ferry_status status = refuse_marks(sftp->settings, error);
    if (status != FERRY_OK)
        return status;
    LIBSSH2_KNOWNHOSTS *hosts = libssh2_knownhost_init(sftp->session);
    if (!hosts)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    if (libssh2_knownhost_readfile(hosts, path, LIBSSH2_KNOWNHOST_FILE_OPENSSH) < 0) {
        libssh2_knownhost_free(hosts);
        ferry_fail(error, FERRY_INVALID, FERRY_CLASS_CREDENTIALS,
                   "sftp://%s:%lld: the known hosts file %.200s cannot be read, and without it "
                   "nobody knows who the server is",
                   sftp->settings->host, (long long)sftp->settings->port, path);
        ferry_advise(error,
                     "make it with: ssh-keyscan -p %lld %.80s, and compare the fingerprint "
                     "with the one that the server's owner names",
                     (long long)sftp->settings->port, sftp->settings->host);
        return FERRY_INVALID;
    }
    *ret_hosts = hosts;
    return FERRY_OK;
}

static int check(struct ferry_sftp *sftp, LIBSSH2_KNOWNHOSTS *hosts, const char *key, size_t length,
                 int type)
{
    struct libssh2_knownhost *found = NULL;
    return libssh2_knownhost_checkp(
        hosts, sftp->settings->host, (int)sftp->settings->port, key, length,
        LIBSSH2_KNOWNHOST_TYPE_PLAIN | LIBSSH2_KNOWNHOST_KEYENC_RAW | type, &found);
}

/* A server has keys of several kinds and shows the one that we ask for: ask for one that we know.
 * The others follow, so that a stranger is told by his fingerprint. */
static void print_preference(struct ferry_sftp *sftp, LIBSSH2_KNOWNHOSTS *hosts,
                             char out[PREFERENCE_SIZE], bool *ret_known)
{
    size_t length = 0;
    *ret_known = false;
    for (int wanted = 1; wanted >= 0; wanted--)
        for (size_t i = 0; i < HOST_KEYS; i++) {
            /* Any other key of this kind for this host is a mismatch; none is not. */
            bool known = check(sftp, hosts, "?", 1, host_keys[i].known_type) ==
                         LIBSSH2_KNOWNHOST_CHECK_MISMATCH;
            *ret_known = *ret_known || known;
            if (known == (wanted == 1))
                length += (size_t)snprintf(out + length, PREFERENCE_SIZE - length, "%s%s",
                                           length ? "," : "", host_keys[i].method);
        }
}

enum ferry_status ferry_sftp_prefer_known(struct ferry_sftp *sftp, bool *ret_known,
                                          struct ferry_error *error)
{
    char preference[PREFERENCE_SIZE] = "";
    LIBSSH2_KNOWNHOSTS *hosts = NULL;
    enum ferry_status status = read_known(sftp, &hosts, error);
    if (status != FERRY_OK)
        return status;
    print_preference(sftp, hosts, preference, ret_known);
    libssh2_knownhost_free(hosts);
    if (libssh2_session_method_pref(sftp->session, LIBSSH2_METHOD_HOSTKEY, preference) != 0)
        return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG,
                          "libssh2 knows none of the kinds of host key %.200s", preference);
    return FERRY_OK;
}

/* "SHA256:…", as ssh-keygen -l prints it. */
static void print_fingerprint(struct ferry_sftp *sftp, char out[FINGERPRINT])
{
    const char *digest = libssh2_hostkey_hash(sftp->session, LIBSSH2_HOSTKEY_HASH_SHA256);
    unsigned char text[FINGERPRINT];
    if (!digest) {
        snprintf(out, FINGERPRINT, "unknown");
        return;
    }
    int length = EVP_EncodeBlock(text, (const unsigned char *)digest, DIGEST_SIZE);
    while (length > 0 && text[length - 1] == '=')
        length--;
    snprintf(out, FINGERPRINT, "SHA256:%.*s", length, (const char *)text);
}

static enum ferry_status refuse_host(struct ferry_sftp *sftp, const char *method, bool changed,
                                     struct ferry_error *error)
{
    const struct ferry_sftp_settings *settings = sftp->settings;
    char fingerprint[FINGERPRINT];
    print_fingerprint(sftp, fingerprint);
    ferry_fail(error, FERRY_INVALID, FERRY_CLASS_CREDENTIALS,
               changed ? "sftp://%s:%lld: the server's host key has changed: it shows %s %s, and "
                         "%.200s has another one for it"
                       : "sftp://%s:%lld: the server's host key is unknown: it shows %s %s, and "
                         "%.200s has none for it",
               settings->host, (long long)settings->port, method, fingerprint,
               settings->known_hosts_file);
    ferry_advise(error,
                 "%scompare the fingerprint with the one that the server's owner names; if it is "
                 "the same, put the line of ssh-keyscan -p %lld %.80s into that file",
                 changed ? "somebody may be between: " : "", (long long)settings->port,
                 settings->host);
    return FERRY_INVALID;
}

enum ferry_status ferry_sftp_trust(struct ferry_sftp *sftp, bool known, struct ferry_error *error)
{
    size_t length = 0;
    int type = LIBSSH2_HOSTKEY_TYPE_UNKNOWN;
    LIBSSH2_KNOWNHOSTS *hosts = NULL;
    const char *key = libssh2_session_hostkey(sftp->session, &length, &type);
    size_t i = 0;
    while (i < HOST_KEYS && host_keys[i].session_type != type)
        i++;
    if (!key || i == HOST_KEYS)
        return refuse_host(sftp, "a key of unknown kind", known, error);
    enum ferry_status status = read_known(sftp, &hosts, error);
    if (status != FERRY_OK)
        return status;
    int verdict = check(sftp, hosts, key, length, host_keys[i].known_type);
    libssh2_knownhost_free(hosts);
    if (verdict == LIBSSH2_KNOWNHOST_CHECK_MATCH)
        return FERRY_OK;
    return refuse_host(sftp, host_keys[i].method, known, error);
}

enum ferry_status ferry_sftp_refuse_methods(const struct ferry_sftp *sftp,
                                            struct ferry_error *error)
{
    const struct ferry_sftp_settings *settings = sftp->settings;
    ferry_fail(error, FERRY_INVALID, FERRY_CLASS_CREDENTIALS,
               "sftp://%s:%lld: the server and Ferry know no method in common: it needs an Ed25519 "
               "or ECDSA host key",
               settings->host, (long long)settings->port);
    ferry_advise(error, "give the server such a key (ssh-keygen -A), and put its line into "
                        "sftp.known.hosts.file");
    return FERRY_INVALID;
}

/* ---- we ---- */

static const char *flaw_of_blob(const unsigned char *blob, size_t length)
{
    static const char magic[] = "openssh-key-v1";
    static const char plain[] = "\0\0\0\4none";
    if (length < sizeof magic + sizeof plain - 1 || memcmp(blob, magic, sizeof magic) != 0)
        return "it is damaged";
    if (memcmp(blob + sizeof magic, plain, sizeof plain - 1) != 0)
        return "it is protected by a passphrase";
    if (memmem(blob, length, "ssh-rsa", strlen("ssh-rsa")))
        return "it is an RSA key, which libssh2 1.10 can only use with SHA-1, and servers refuse "
               "that";
    if (memmem(blob, length, "ssh-dss", strlen("ssh-dss")))
        return "it is a DSA key, which servers refuse";
    return NULL;
}

static const char *flaw_of_openssh(const char *text)
{
    static const char begin[] = "-----BEGIN OPENSSH PRIVATE KEY-----";
    static const char end[] = "-----END OPENSSH PRIVATE KEY-----";
    const char *from = strstr(text, begin);
    const char *to = from ? strstr(from, end) : NULL;
    unsigned char blob[KEY_CEILING];
    EVP_ENCODE_CTX *decoder = EVP_ENCODE_CTX_new();
    int length = 0;
    int more = 0;
    bool decoded = false;
    from = from ? from + strlen(begin) : NULL;
    if (to && to - from <= KEY_CEILING && decoder) {
        EVP_DecodeInit(decoder);
        decoded = EVP_DecodeUpdate(decoder, blob, &length, (const unsigned char *)from,
                                   (int)(to - from)) >= 0 &&
                  EVP_DecodeFinal(decoder, blob + length, &more) >= 0;
    }
    EVP_ENCODE_CTX_free(decoder);
    const char *flaw =
        decoded ? flaw_of_blob(blob, (size_t)length + (size_t)more) : "it is damaged";
    explicit_bzero(blob, sizeof blob);
    return flaw;
}

const char *ferry_sftp_key_flaw(const char *text)
{
    if (strstr(text, "BEGIN OPENSSH PRIVATE KEY"))
        return flaw_of_openssh(text);
    if (strstr(text, "ENCRYPTED"))
        return "it is protected by a passphrase";
    if (strstr(text, "BEGIN RSA PRIVATE KEY"))
        return "it is an RSA key, which libssh2 1.10 can only use with SHA-1, and servers refuse "
               "that";
    if (strstr(text, "PUBLIC KEY") || strncmp(text, "ssh-", 4) == 0)
        return "it is the public half";
    return strstr(text, "PRIVATE KEY") ? NULL : "it is no private key in OpenSSH's or PEM format";
}

static enum ferry_status refuse_login(struct ferry_sftp *sftp, const char *key,
                                      struct ferry_error *error)
{
    const struct ferry_sftp_settings *settings = sftp->settings;
    const char *flaw = ferry_sftp_key_flaw(key);
    ferry_fail(error, FERRY_INVALID, FERRY_CLASS_CREDENTIALS,
               "sftp://%s:%lld: the login of %.80s with the key %.200s was refused%s%s",
               settings->host, (long long)settings->port, settings->user,
               settings->private_key_file, flaw ? ": " : "", flaw ? flaw : "");
    if (flaw)
        ferry_advise(error, "make one with ssh-keygen -t ed25519 -N '' and install its public half "
                            "on the server");
    else
        ferry_advise(error, "check sftp.user, and whether the public half of this key is installed "
                            "on the server and has not expired");
    return FERRY_INVALID;
}

/* The server or the key, and not the network. */
static bool is_refusal(int code)
{
    return code == LIBSSH2_ERROR_AUTHENTICATION_FAILED ||
           code == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED || code == LIBSSH2_ERROR_FILE ||
           code == LIBSSH2_ERROR_PUBLICKEY_PROTOCOL || code == LIBSSH2_ERROR_METHOD_NONE ||
           code == LIBSSH2_ERROR_INVAL || code == LIBSSH2_ERROR_PROTO ||
           code == LIBSSH2_ERROR_KEYFILE_AUTH_FAILED;
}

enum ferry_status ferry_sftp_login(struct ferry_sftp *sftp, struct ferry_error *error)
{
    const struct ferry_sftp_settings *settings = sftp->settings;
    char *key = NULL;
    enum ferry_status status = ferry_secret_read(settings->private_key_file, &key, error);
    if (status != FERRY_OK)
        return status;
    int code = libssh2_userauth_publickey_frommemory(
        sftp->session, settings->user, strlen(settings->user), NULL, 0, key, strlen(key), NULL);
    if (code != 0 && is_refusal(code)) {
        status = refuse_login(sftp, key, error);
    } else if (code != 0) {
        char *text = NULL;
        libssh2_session_last_error(sftp->session, &text, NULL, 0);
        status = ferry_fail(error, FERRY_RETRY, FERRY_CLASS_NETWORK,
                            "sftp://%s:%lld: the login of %.80s failed: %.200s", settings->host,
                            (long long)settings->port, settings->user, text ? text : "no reason");
    }
    ferry_secret_free(key);
    return status;
}
