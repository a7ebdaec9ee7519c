#include "consumers/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT        1
#define MAX_DATABASES 1024
#define FIRST_SIZE    ((size_t)16 << 20)
#define BATCH         512
#define BATCH_ROOM                                                                                 \
    ((size_t)16 << 20) /* 8 new pages for each put of a batch: path, splits, free list */
#define NAME_SIZE      160
#define BOOT_SIZE      40
#define GUID_TEXT_SIZE 36
#define GUID_SIZE      16

struct ferry_memory {
    MDB_env *env;
    MDB_txn *txn; /* open between two flushes: look-ups see what was put */
    MDB_dbi valid;
    size_t size;
    size_t puts; /* in txn */
    int file;    /* of the map, to reserve its room on disk */
    int lock;
    char *folder;
};

struct ferry_memory_part {
    struct ferry_memory *memory;
    MDB_dbi dbi;
    char name[NAME_SIZE];
};

struct stored {
    int64_t version;
    int64_t read_number;
    uint64_t hash;
    int64_t state;
};

static enum ferry_status fail(const struct ferry_memory *memory, struct ferry_error *error,
                              const char *what, int code)
{
    ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG, "state.dir %s: %s: %s", memory->folder, what,
               mdb_strerror(code));
    ferry_advise(error, "give the writer a folder of its own with free space, and restart it");
    return FERRY_INVALID;
}

/* --- the file --- */

static void path_of(const struct ferry_memory *memory, const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", memory->folder, name);
}

static int lock_folder(struct ferry_memory *memory)
{
    char path[PATH_MAX];
    path_of(memory, "lock", path);
    if (mkdir(memory->folder, 0700) != 0 && errno != EEXIST)
        return errno;
    memory->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (memory->lock < 0 || flock(memory->lock, LOCK_EX | LOCK_NB) != 0)
        return errno;
    return 0;
}

/* Nothing is ever synced, so a file that lived through a power cut may be torn; one that lived
 * through a mere kill is whole. The boot id tells them apart. */
static void boot_mark(char mark[BOOT_SIZE + 16])
{
    char boot[BOOT_SIZE] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file) {
        if (!fgets(boot, sizeof boot, file))
            boot[0] = '\0';
        fclose(file);
    }
    boot[strcspn(boot, "\n")] = '\0';
    snprintf(mark, BOOT_SIZE + 16, "%d %s\n", FORMAT, boot);
}

static bool written_since_boot(const char *path, const char *mark)
{
    char found[BOOT_SIZE + 16] = "";
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool same = fgets(found, sizeof found, file) && strcmp(found, mark) == 0;
    fclose(file);
    return same;
}

static int write_mark(const char *path, const char *mark)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return errno;
    int code = fputs(mark, file) < 0 ? EIO : 0;
    return fclose(file) != 0 && code == 0 ? errno : code;
}

static int discard_stale(struct ferry_memory *memory, const char *map)
{
    char mark[BOOT_SIZE + 16];
    char path[PATH_MAX];
    boot_mark(mark);
    path_of(memory, "boot", path);
    if (written_since_boot(path, mark))
        return 0;
    if (unlink(map) != 0 && errno != ENOENT)
        return errno;
    return write_mark(path, mark);
}

/* A hole in a mapped file turns into SIGBUS when the disk is full: take the room first. */
static int reserve(struct ferry_memory *memory, size_t size)
{
    int code = posix_fallocate(memory->file, 0, (off_t)size);
    if (code == 0)
        memory->size = size;
    return code;
}

static int open_map(struct ferry_memory *memory, const char *map)
{
    memory->file = open(map, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat stat;
    if (memory->file < 0 || fstat(memory->file, &stat) != 0)
        return errno;
    size_t size = (size_t)stat.st_size > FIRST_SIZE ? (size_t)stat.st_size : FIRST_SIZE;
    int code = mdb_env_create(&memory->env);
    if (code == 0)
        code = mdb_env_set_maxdbs(memory->env, MAX_DATABASES);
    if (code == 0)
        code = mdb_env_set_mapsize(memory->env, size);
    if (code == 0)
        code = mdb_env_open(memory->env, map,
                            MDB_NOSUBDIR | MDB_WRITEMAP | MDB_NOSYNC | MDB_NOMETASYNC | MDB_NOLOCK |
                                MDB_NOTLS | MDB_NORDAHEAD,
                            0600);
    return code == 0 ? reserve(memory, size) : code;
}

/* --- transactions --- */

static int grow(struct ferry_memory *memory)
{
    MDB_envinfo info;
    MDB_stat stat;
    mdb_env_info(memory->env, &info);
    mdb_env_stat(memory->env, &stat);
    size_t used = (info.me_last_pgno + 1) * stat.ms_psize;
    if (used + BATCH_ROOM <= memory->size)
        return 0;
    size_t size = memory->size * 2;
    int code = reserve(memory, size);
    return code == 0 ? mdb_env_set_mapsize(memory->env, size) : code;
}

static int begin(struct ferry_memory *memory)
{
    if (memory->txn)
        return 0;
    int code = grow(memory);
    memory->puts = 0;
    return code == 0 ? mdb_txn_begin(memory->env, NULL, 0, &memory->txn) : code;
}

static int commit(struct ferry_memory *memory)
{
    if (!memory->txn)
        return 0;
    int code = mdb_txn_commit(memory->txn);
    memory->txn = NULL;
    return code;
}

static int count_put(struct ferry_memory *memory)
{
    return ++memory->puts >= BATCH ? commit(memory) : 0;
}

enum ferry_status ferry_memory_flush(struct ferry_memory *memory, struct ferry_error *error)
{
    int code = commit(memory);
    return code == 0 ? FERRY_OK : fail(memory, error, "cannot keep what was written", code);
}

/* --- life --- */

static int open_all(struct ferry_memory *memory, const char **ret_what)
{
    char map[PATH_MAX];
    path_of(memory, "memory.mdb", map);
    *ret_what = "cannot be used, or another process uses it";
    int code = lock_folder(memory);
    if (code == 0)
        code = discard_stale(memory, map);
    if (code == 0) {
        *ret_what = "cannot open memory.mdb";
        code = open_map(memory, map);
    }
    if (code == 0)
        code = begin(memory);
    if (code == 0)
        code = mdb_dbi_open(memory->txn, "valid", MDB_CREATE, &memory->valid);
    return code == 0 ? commit(memory) : code;
}

enum ferry_status ferry_memory_new(const char *folder, struct ferry_memory **ret_memory,
                                   struct ferry_error *error)
{
    struct ferry_memory *memory = calloc(1, sizeof *memory);
    if (!memory || !(memory->folder = strdup(folder))) {
        free(memory);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    memory->file = memory->lock = -1;
    const char *what;
    int code = open_all(memory, &what);
    if (code != 0) {
        fail(memory, error, what, code);
        ferry_memory_free(memory);
        return FERRY_INVALID;
    }
    *ret_memory = memory;
    return FERRY_OK;
}

static void close_file(int file)
{
    if (file >= 0)
        close(file);
}

void ferry_memory_free(struct ferry_memory *memory)
{
    if (!memory)
        return;
    commit(memory); /* when it fails the marks are old, and the copy is rebuilt */
    if (memory->env)
        mdb_env_close(memory->env);
    close_file(memory->file);
    close_file(memory->lock);
    free(memory->folder);
    free(memory);
}

/* --- partitions --- */

static MDB_val name_of(const struct ferry_memory_part *part)
{
    union {
        const char *name;
        void *data;
    } alias = {.name = part->name};
    return (MDB_val){.mv_size = strlen(part->name), .mv_data = alias.data};
}

static bool is_valid(struct ferry_memory_part *part, int64_t committed)
{
    MDB_val name = name_of(part);
    MDB_val value;
    int64_t offset;
    if (mdb_get(part->memory->txn, part->memory->valid, &name, &value) != 0 ||
        value.mv_size != sizeof offset)
        return false;
    memcpy(&offset, value.mv_data, sizeof offset);
    return offset == committed;
}

static int empty_part(struct ferry_memory_part *part)
{
    MDB_val name = name_of(part);
    int code = mdb_del(part->memory->txn, part->memory->valid, &name, NULL);
    if (code == 0 || code == MDB_NOTFOUND)
        code = mdb_drop(part->memory->txn, part->dbi, 0);
    return code;
}

static int open_part(struct ferry_memory_part *part, int64_t committed, bool *ret_valid)
{
    int code = commit(part->memory);
    if (code == 0)
        code = begin(part->memory);
    if (code == 0)
        code = mdb_dbi_open(part->memory->txn, part->name, MDB_CREATE, &part->dbi);
    if (code != 0)
        return code;
    *ret_valid = is_valid(part, committed);
    if (!*ret_valid)
        code = empty_part(part);
    return code == 0 ? commit(part->memory) : code;
}

enum ferry_status ferry_memory_open(struct ferry_memory *memory, const char *table, int partition,
                                    int64_t committed, struct ferry_memory_part **ret_part,
                                    bool *ret_valid, struct ferry_error *error)
{
    struct ferry_memory_part *part = calloc(1, sizeof *part);
    if (!part)
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    part->memory = memory;
    snprintf(part->name, sizeof part->name, "%s/%d", table, partition);
    int code = open_part(part, committed, ret_valid);
    if (code != 0) {
        free(part);
        return fail(memory, error, "cannot open a partition", code);
    }
    *ret_part = part;
    return FERRY_OK;
}

void ferry_memory_close(struct ferry_memory_part *part)
{
    free(part);
}

/* --- records --- */

static int hex(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    return -1; /* a GUID in capitals stays text, so that two spellings stay two keys */
}

static bool is_dash(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

/* A GUID takes 16 bytes instead of 36; with a million keys that is a third of the file. */
static bool pack_guid(const char *key, size_t length, unsigned char guid[GUID_SIZE])
{
    size_t out = 0;
    if (length != GUID_TEXT_SIZE)
        return false;
    for (size_t i = 0; i < length;) {
        if (is_dash(i)) {
            if (key[i++] != '-')
                return false;
            continue;
        }
        int high = hex(key[i]);
        int low = hex(key[i + 1]);
        if (high < 0 || low < 0)
            return false;
        guid[out++] = (unsigned char)(high << 4 | low);
        i += 2;
    }
    return true;
}

struct key {
    MDB_val value;
    unsigned char bytes[512];
};

static int make_key(const char *text, size_t length, struct key *key)
{
    key->value.mv_data = key->bytes;
    key->value.mv_size = GUID_SIZE;
    if (pack_guid(text, length, key->bytes))
        return 0;
    /* One byte before the text: it can never be taken for a GUID. LMDB's keys end at 511 bytes. */
    if (length == 0 || length > 510)
        return MDB_BAD_VALSIZE;
    key->bytes[0] = 't';
    memcpy(key->bytes + 1, text, length);
    key->value.mv_size = length + 1;
    return 0;
}

enum ferry_status ferry_memory_get(struct ferry_memory_part *part, const char *key, size_t length,
                                   struct ferry_memory_record *ret_record, bool *ret_found,
                                   struct ferry_error *error)
{
    struct key packed;
    MDB_val value;
    struct stored stored;
    int code = make_key(key, length, &packed);
    if (code == 0)
        code = begin(part->memory);
    if (code == 0)
        code = mdb_get(part->memory->txn, part->dbi, &packed.value, &value);
    *ret_found = code == 0 && value.mv_size == sizeof stored;
    if (code != 0 && code != MDB_NOTFOUND)
        return fail(part->memory, error, "cannot look up a key", code);
    if (*ret_found) {
        memcpy(&stored, value.mv_data, sizeof stored);
        *ret_record = (struct ferry_memory_record){.state = (enum ferry_written_state)stored.state,
                                                   .version = stored.version,
                                                   .read_number = stored.read_number,
                                                   .hash = stored.hash};
    }
    return FERRY_OK;
}

static bool is_kept(enum ferry_written_state state)
{
    return state != FERRY_WRITTEN_ABSENT && state != FERRY_WRITTEN_FILTERED;
}

static int put(struct ferry_memory_part *part, struct key *key,
               const struct ferry_memory_record *record)
{
    if (!is_kept(record->state)) {
        int code = mdb_del(part->memory->txn, part->dbi, &key->value, NULL);
        return code == MDB_NOTFOUND ? 0 : code;
    }
    struct stored stored = {.version = record->version,
                            .read_number = record->read_number,
                            .hash = record->hash,
                            .state = record->state};
    MDB_val value = {.mv_size = sizeof stored, .mv_data = &stored};
    return mdb_put(part->memory->txn, part->dbi, &key->value, &value, 0);
}

enum ferry_status ferry_memory_put(struct ferry_memory_part *part, const char *key, size_t length,
                                   const struct ferry_memory_record *record,
                                   struct ferry_error *error)
{
    struct key packed;
    int code = make_key(key, length, &packed);
    if (code == 0)
        code = begin(part->memory);
    if (code == 0)
        code = put(part, &packed, record);
    if (code == 0)
        code = count_put(part->memory);
    return code == 0 ? FERRY_OK : fail(part->memory, error, "cannot remember a key", code);
}

enum ferry_status ferry_memory_mark(struct ferry_memory_part *part, int64_t committed,
                                    struct ferry_error *error)
{
    MDB_val name = name_of(part);
    MDB_val value = {.mv_size = sizeof committed, .mv_data = &committed};
    int code = begin(part->memory);
    if (code == 0)
        code = mdb_put(part->memory->txn, part->memory->valid, &name, &value, 0);
    return code == 0 ? FERRY_OK : fail(part->memory, error, "cannot mark a partition", code);
}
