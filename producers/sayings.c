#include "producers/sayings.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/io/map.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FORMAT 1

struct ferry_sayings {
    char *task;
    struct ferry_map *map; /* NULL: it cannot be used */
    MDB_dbi said;
    MDB_dbi at;
    int64_t trusted_until;
    struct ferry_error trouble;
};

struct stored {
    unsigned char known;
    unsigned char out;
};
_Static_assert(FERRY_OPTOUT_ATTRIBUTES <= 8, "a bit for each");

/* ---- what goes wrong ---- */

static void give_up(struct ferry_sayings *sayings)
{
    if (sayings->map)
        ferry_map_abort(sayings->map);
    ferry_map_free(sayings->map);
    sayings->map = NULL;
    ferry_log(FERRY_LOG_WARN, "sayings_lost", FERRY_STR("task", sayings->task),
              FERRY_STR("message", sayings->trouble.message),
              FERRY_STR("then", "telling every row that changes"));
}

/* What is on disk stays at its last commit, where it is true. */
static void take_code(struct ferry_sayings *sayings, const char *what, int code)
{
    if (code == 0)
        return;
    ferry_map_fail(sayings->map, &sayings->trouble, what, code);
    give_up(sayings);
}

static bool begin(struct ferry_sayings *sayings, const char *what)
{
    if (!sayings || !sayings->map)
        return false;
    take_code(sayings, what, ferry_map_begin(sayings->map));
    return sayings->map != NULL;
}

/* ---- life ---- */

static int open_databases(struct ferry_sayings *sayings)
{
    int code = ferry_map_begin(sayings->map);
    if (code == 0)
        code = mdb_dbi_open(sayings->map->txn, "said", MDB_CREATE, &sayings->said);
    if (code == 0)
        code = mdb_dbi_open(sayings->map->txn, "at", MDB_CREATE, &sayings->at);
    return code == 0 ? ferry_map_commit(sayings->map) : code;
}

static void open_map(struct ferry_sayings *sayings, const char *state_dir)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s/opt-outs", state_dir);
    if (mkdir(state_dir, 0700) != 0 && errno != EEXIST) {
        ferry_fail(&sayings->trouble, FERRY_INVALID, FERRY_CLASS_BUG, "state.dir %.300s: %s",
                   state_dir, strerror(errno));
        ferry_advise(&sayings->trouble, "make it a folder that the reader may write to, and "
                                        "restart it");
        give_up(sayings);
        return;
    }
    if (ferry_map_new(folder, FORMAT, &sayings->map, &sayings->trouble) != FERRY_OK)
        give_up(sayings);
    else
        take_code(sayings, "cannot open memory.mdb", open_databases(sayings));
}

struct ferry_sayings *ferry_sayings_new(const char *state_dir, const char *task)
{
    struct ferry_sayings *sayings = calloc(1, sizeof *sayings);
    if (!sayings || !(sayings->task = strdup(task))) {
        free(sayings);
        return NULL;
    }
    ferry_error_clear(&sayings->trouble);
    open_map(sayings, state_dir);
    return sayings;
}

void ferry_sayings_free(struct ferry_sayings *sayings)
{
    if (!sayings)
        return;
    ferry_sayings_abort(sayings); /* or the map would commit it */
    ferry_map_free(sayings->map);
    free(sayings->task);
    free(sayings);
}

/* ---- where it stands ---- */

/* LMDB only reads them, whatever its types say. */
static MDB_val value_of(const char *text)
{
    union {
        const char *ours;
        void *theirs;
    } alias = {.ours = text};
    return (MDB_val){.mv_size = strlen(text), .mv_data = alias.theirs};
}

static bool stands_at(struct ferry_sayings *sayings, const char *checkpoint)
{
    MDB_val task = value_of(sayings->task);
    MDB_val found;
    return checkpoint && mdb_get(sayings->map->txn, sayings->at, &task, &found) == 0 &&
           found.mv_size == strlen(checkpoint) &&
           memcmp(found.mv_data, checkpoint, found.mv_size) == 0;
}

void ferry_sayings_clear(struct ferry_sayings *sayings)
{
    if (begin(sayings, "cannot begin"))
        take_code(sayings, "cannot forget", mdb_drop(sayings->map->txn, sayings->said, 0));
}

void ferry_sayings_open(struct ferry_sayings *sayings, const char *checkpoint)
{
    ferry_sayings_abort(sayings);
    if (!begin(sayings, "cannot begin"))
        return;
    bool valid = stands_at(sayings, checkpoint);
    if (!valid)
        ferry_sayings_clear(sayings);
    ferry_log(FERRY_LOG_INFO, "sayings", FERRY_STR("task", sayings->task),
              FERRY_STR("valid", valid ? "true" : "false"),
              FERRY_INT("contacts", (int64_t)ferry_sayings_count(sayings)));
    ferry_sayings_commit(sayings, checkpoint ? checkpoint : "");
}

void ferry_sayings_commit(struct ferry_sayings *sayings, const char *checkpoint)
{
    if (!begin(sayings, "cannot begin"))
        return;
    MDB_val task = value_of(sayings->task);
    MDB_val at = value_of(checkpoint);
    int code = mdb_put(sayings->map->txn, sayings->at, &task, &at, 0);
    if (code == 0)
        code = ferry_map_commit(sayings->map);
    take_code(sayings, "cannot keep what was said", code);
}

void ferry_sayings_abort(struct ferry_sayings *sayings)
{
    if (sayings && sayings->map)
        ferry_map_abort(sayings->map);
}

void ferry_sayings_trust(struct ferry_sayings *sayings, int64_t until)
{
    if (sayings)
        sayings->trusted_until = until;
}

/* ---- what was said ---- */

static struct stored pack(const struct ferry_optouts *said)
{
    struct stored stored = {0};
    for (int i = 0; i < FERRY_OPTOUT_ATTRIBUTES; i++) {
        stored.known |= (unsigned char)(said->known[i] << i);
        stored.out |= (unsigned char)((said->known[i] && said->out[i]) << i);
    }
    return stored;
}

/* 0: it was the same; MDB_NOTFOUND: it was not, and is now. */
static int replace(struct ferry_sayings *sayings, MDB_val *key, struct stored *stored)
{
    MDB_val value;
    int code = mdb_get(sayings->map->txn, sayings->said, key, &value);
    if (code == 0 && value.mv_size == sizeof *stored &&
        memcmp(value.mv_data, stored, sizeof *stored) == 0)
        return 0;
    if (code != 0 && code != MDB_NOTFOUND)
        return code;
    value = (MDB_val){.mv_size = sizeof *stored, .mv_data = stored};
    code = mdb_put(sayings->map->txn, sayings->said, key, &value, 0);
    return code == 0 ? MDB_NOTFOUND : code;
}

bool ferry_sayings_same(struct ferry_sayings *sayings, struct ferry_slice contact,
                        const struct ferry_optouts *said)
{
    struct ferry_map_key key;
    struct stored stored = pack(said);
    if (!begin(sayings, "cannot begin") || ferry_map_key(contact.data, contact.length, &key) != 0)
        return false;
    int code = replace(sayings, &key.value, &stored);
    if (code != MDB_NOTFOUND)
        take_code(sayings, "cannot remember what was said", code);
    return code == 0 && ferry_boot_ms() <= sayings->trusted_until;
}

void ferry_sayings_forget(struct ferry_sayings *sayings, struct ferry_slice contact)
{
    struct ferry_map_key key;
    if (!begin(sayings, "cannot begin") || ferry_map_key(contact.data, contact.length, &key) != 0)
        return;
    int code = mdb_del(sayings->map->txn, sayings->said, &key.value, NULL);
    take_code(sayings, "cannot forget", code == MDB_NOTFOUND ? 0 : code);
}

/* ---- for whoever looks ---- */

const struct ferry_error *ferry_sayings_trouble(const struct ferry_sayings *sayings)
{
    return sayings && !sayings->map ? &sayings->trouble : NULL;
}

uint64_t ferry_sayings_count(struct ferry_sayings *sayings)
{
    MDB_stat stat = {.ms_entries = 0};
    if (begin(sayings, "cannot begin"))
        mdb_stat(sayings->map->txn, sayings->said, &stat);
    return stat.ms_entries;
}
