#include "core/io/map.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_DATABASES  4096
#define FIRST_SIZE     ((size_t)16 << 20)
#define PAGE_SIZE      4096
#define PUT_PAGES      8 /* that a put may need beside its value: path, splits, free list */
#define BATCH_PAGES    ((size_t)4096)
#define BATCH_ROOM     (2 * BATCH_PAGES * PAGE_SIZE) /* the last value of a batch may be long */
#define BOOT_SIZE      40
#define MARK_SIZE      (BOOT_SIZE + 16)
#define GUID_TEXT_SIZE 36
#define GUID_SIZE      16

enum ferry_status ferry_map_fail(const struct ferry_map *map, struct ferry_error *error,
                                 const char *what, int code)
{
    ferry_fail(error, FERRY_INVALID, FERRY_CLASS_BUG, "state.dir %s: %s: %s", map->folder, what,
               mdb_strerror(code));
    ferry_advise(error, "give the program a folder of its own with free space, and restart it");
    return FERRY_INVALID;
}

/* --- the file --- */

static void path_of(const struct ferry_map *map, const char *name, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s", map->folder, name);
}

static int lock_folder(struct ferry_map *map)
{
    char path[PATH_MAX];
    path_of(map, "lock", path);
    if (mkdir(map->folder, 0700) != 0 && errno != EEXIST)
        return errno;
    map->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (map->lock < 0 || flock(map->lock, LOCK_EX | LOCK_NB) != 0)
        return errno;
    return 0;
}

/* A file that lived through a power cut may be torn; one that lived through a mere kill is whole.
 * The boot id tells them apart. */
static void boot_mark(int format, char mark[MARK_SIZE])
{
    char boot[BOOT_SIZE] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file) {
        if (!fgets(boot, sizeof boot, file))
            boot[0] = '\0';
        fclose(file);
    }
    boot[strcspn(boot, "\n")] = '\0';
    snprintf(mark, MARK_SIZE, "%d %s\n", format, boot);
}

static bool written_since_boot(const char *path, const char *mark)
{
    char found[MARK_SIZE] = "";
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

static int discard_stale(const struct ferry_map *map, int format, const char *file)
{
    char mark[MARK_SIZE];
    char path[PATH_MAX];
    boot_mark(format, mark);
    path_of(map, "boot", path);
    if (written_since_boot(path, mark))
        return 0;
    if (unlink(file) != 0 && errno != ENOENT)
        return errno;
    return write_mark(path, mark);
}

/* A hole in a mapped file turns into SIGBUS when the disk is full: take the room first. */
static int reserve(struct ferry_map *map, size_t size)
{
    int code = posix_fallocate(map->file, 0, (off_t)size);
    if (code == 0)
        map->size = size;
    return code;
}

static void close_file(int *file)
{
    if (*file >= 0)
        close(*file);
    *file = -1;
}

static void close_map(struct ferry_map *map)
{
    if (map->env)
        mdb_env_close(map->env);
    map->env = NULL;
    close_file(&map->file);
}

/* LMDB trusts its pages: it must never be led to one that is not there. */
static bool is_cut(const struct ferry_map *map, off_t size)
{
    MDB_envinfo info;
    MDB_stat stat;
    mdb_env_info(map->env, &info);
    mdb_env_stat(map->env, &stat);
    return size > 0 && (size_t)size < (info.me_last_pgno + 1) * stat.ms_psize;
}

static int open_file(struct ferry_map *map, const char *path)
{
    map->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat stat;
    if (map->file < 0 || fstat(map->file, &stat) != 0)
        return errno;
    size_t size = (size_t)stat.st_size > FIRST_SIZE ? (size_t)stat.st_size : FIRST_SIZE;
    int code = mdb_env_create(&map->env);
    if (code == 0)
        code = mdb_env_set_maxdbs(map->env, MAX_DATABASES);
    if (code == 0)
        code = mdb_env_set_mapsize(map->env, size);
    if (code == 0)
        code = mdb_env_open(map->env, path,
                            MDB_NOSUBDIR | MDB_WRITEMAP | MDB_NOSYNC | MDB_NOMETASYNC | MDB_NOLOCK |
                                MDB_NOTLS | MDB_NORDAHEAD,
                            0600);
    if (code == 0 && is_cut(map, stat.st_size))
        code = MDB_CORRUPTED;
    return code == 0 ? reserve(map, size) : code;
}

static bool is_damage(int code)
{
    return code == MDB_INVALID || code == MDB_CORRUPTED || code == MDB_VERSION_MISMATCH ||
           code == MDB_PAGE_NOTFOUND;
}

static int open_or_replace(struct ferry_map *map, const char *path)
{
    int code = open_file(map, path);
    if (!is_damage(code))
        return code;
    close_map(map);
    return unlink(path) == 0 ? open_file(map, path) : errno;
}

/* --- transactions --- */

static int grow(struct ferry_map *map)
{
    MDB_envinfo info;
    MDB_stat stat;
    mdb_env_info(map->env, &info);
    mdb_env_stat(map->env, &stat);
    size_t used = (info.me_last_pgno + 1) * stat.ms_psize;
    if (used + BATCH_ROOM <= map->size)
        return 0;
    size_t size = map->size * 2;
    while (used + BATCH_ROOM > size)
        size *= 2;
    int code = reserve(map, size);
    return code == 0 ? mdb_env_set_mapsize(map->env, size) : code;
}

int ferry_map_begin(struct ferry_map *map)
{
    if (map->txn)
        return 0;
    int code = grow(map);
    map->pages = 0;
    return code == 0 ? mdb_txn_begin(map->env, NULL, 0, &map->txn) : code;
}

int ferry_map_commit(struct ferry_map *map)
{
    if (!map->txn)
        return 0;
    int code = mdb_txn_commit(map->txn);
    map->txn = NULL;
    return code;
}

void ferry_map_abort(struct ferry_map *map)
{
    if (map->txn)
        mdb_txn_abort(map->txn);
    map->txn = NULL;
}

int ferry_map_count(struct ferry_map *map, size_t bytes)
{
    map->pages += PUT_PAGES + bytes / PAGE_SIZE;
    return map->pages >= BATCH_PAGES ? ferry_map_commit(map) : 0;
}

/* --- life --- */

static int open_all(struct ferry_map *map, int format, const char **ret_what)
{
    char path[PATH_MAX];
    path_of(map, "memory.mdb", path);
    *ret_what = "cannot be used, or another process uses it";
    int code = lock_folder(map);
    if (code == 0)
        code = discard_stale(map, format, path);
    if (code != 0)
        return code;
    *ret_what = "cannot open memory.mdb";
    return open_or_replace(map, path);
}

enum ferry_status ferry_map_new(const char *folder, int format, struct ferry_map **ret_map,
                                struct ferry_error *error)
{
    struct ferry_map *map = calloc(1, sizeof *map);
    if (!map || !(map->folder = strdup(folder))) {
        free(map);
        return ferry_fail(error, FERRY_NOMEM, FERRY_CLASS_BUG, "out of memory");
    }
    map->file = map->lock = -1;
    const char *what;
    int code = open_all(map, format, &what);
    if (code != 0) {
        ferry_map_fail(map, error, what, code);
        ferry_map_free(map);
        return FERRY_INVALID;
    }
    *ret_map = map;
    return FERRY_OK;
}

void ferry_map_free(struct ferry_map *map)
{
    if (!map)
        return;
    ferry_map_commit(map); /* when it fails the marks are old, and the copy is rebuilt */
    close_map(map);
    close_file(&map->lock);
    free(map->folder);
    free(map);
}

/* --- keys --- */

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

int ferry_map_key(const char *text, size_t length, struct ferry_map_key *key)
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
