#include "producers/sayings.h"

#include "cmocka_all.h"

#include "core/base/clock.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define TASK   "opt-in-out/reader/contact"
#define PEOPLE 40
#define STEPS  20000

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/ferry-sayings-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const files[] = {"/opt-outs/memory.mdb", "/opt-outs/boot", "/opt-outs/lock"};
    char path[128];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", folder, files[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/opt-outs", folder);
    rmdir(path);
    return rmdir(folder);
}

/* One that is trusted. */
static struct ferry_sayings *begin_at(const char *checkpoint)
{
    struct ferry_sayings *sayings = ferry_sayings_new(folder, TASK);
    assert_non_null(sayings);
    assert_null(ferry_sayings_trouble(sayings));
    ferry_sayings_open(sayings, checkpoint);
    ferry_sayings_trust(sayings, INT64_MAX);
    return sayings;
}

static const char *name_of(unsigned number)
{
    static char name[40];
    snprintf(name, sizeof name, "%08x-8a3d-ec11-8c62-000d3a1b2c3d", number * 2654435761u);
    return name;
}

/* Two bits for each of three attributes: 0 and 1 are unknown, 2 is in, 3 is out. */
static struct ferry_optouts values_of(unsigned bits)
{
    struct ferry_optouts values = {0};
    for (int i = 0; i < 3; i++, bits >>= 2) {
        values.known[i] = bits & 2;
        values.out[i] = bits & 1;
    }
    return values;
}

static bool says(struct ferry_sayings *sayings, unsigned number, unsigned bits)
{
    const char *name = name_of(number);
    const struct ferry_optouts values = values_of(bits);
    return ferry_sayings_same(sayings, (struct ferry_slice){name, strlen(name)}, &values);
}

static void forget(struct ferry_sayings *sayings, unsigned number)
{
    const char *name = name_of(number);
    ferry_sayings_forget(sayings, (struct ferry_slice){name, strlen(name)});
}

static void what_is_said_again_is_no_news_and_anything_else_is(void **state)
{
    (void)state;
    struct ferry_sayings *sayings = begin_at("a");
    assert_false(says(sayings, 1, 2));
    assert_true(says(sayings, 1, 2));
    assert_false(says(sayings, 1, 3));
    assert_false(says(sayings, 1, 2));
    assert_false(says(sayings, 2, 2)); /* somebody else */
    assert_false(says(sayings, 1, 2 | 2 << 2));
    assert_false(says(sayings, 1, 2));         /* a value that went away */
    assert_true(says(sayings, 1, 2 | 1 << 2)); /* what is not known says nothing */
    forget(sayings, 1);
    assert_false(says(sayings, 1, 2));
    ferry_sayings_free(sayings);
}

static void nothing_passes_for_known_beyond_the_time_it_is_trusted(void **state)
{
    (void)state;
    struct ferry_sayings *sayings = begin_at("a");
    assert_false(says(sayings, 1, 2));
    ferry_sayings_trust(sayings, ferry_boot_ms() - 1);
    assert_false(says(sayings, 1, 2));
    assert_false(says(sayings, 1, 3)); /* and yet remembered */
    ferry_sayings_trust(sayings, ferry_boot_ms() + 600000);
    assert_true(says(sayings, 1, 3));
    ferry_sayings_free(sayings);
}

static void it_holds_only_for_who_begins_where_it_was_left(void **state)
{
    static const char *const others[] = {"{\"pagesRead\":8}", "{\"pagesRead\":70}", "", NULL};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct ferry_sayings *sayings = begin_at(NULL);
        assert_false(says(sayings, 1, 2));
        ferry_sayings_commit(sayings, "{\"pagesRead\":7}");
        ferry_sayings_free(sayings);
        sayings = begin_at("{\"pagesRead\":7}");
        assert_true(says(sayings, 1, 2));
        ferry_sayings_free(sayings);
        sayings = begin_at(others[i]);
        assert_false(says(sayings, 1, 2));
        ferry_sayings_free(sayings);
        sayings = begin_at("{\"pagesRead\":7}"); /* the other one began anew */
        assert_int_equal(ferry_sayings_count(sayings), 0);
        ferry_sayings_free(sayings);
    }
}

static void what_was_not_made_known_was_not_said(void **state)
{
    (void)state;
    struct ferry_sayings *sayings = begin_at("a");
    assert_false(says(sayings, 1, 2));
    ferry_sayings_commit(sayings, "b");
    assert_false(says(sayings, 1, 3));
    forget(sayings, 1);
    assert_false(says(sayings, 2, 3));
    ferry_sayings_abort(sayings);
    assert_true(says(sayings, 1, 2));
    assert_false(says(sayings, 2, 3));
    ferry_sayings_free(sayings); /* in the middle of a page */
    sayings = begin_at("b");
    assert_true(says(sayings, 1, 2));
    assert_false(says(sayings, 2, 3));
    ferry_sayings_free(sayings);
}

static void a_full_read_begins_with_nobody(void **state)
{
    (void)state;
    struct ferry_sayings *sayings = begin_at("a");
    assert_false(says(sayings, 1, 2));
    ferry_sayings_commit(sayings, "b");
    ferry_sayings_clear(sayings);
    assert_false(says(sayings, 2, 2));
    ferry_sayings_abort(sayings);
    assert_int_equal(ferry_sayings_count(sayings), 1); /* the page was torn */
    ferry_sayings_clear(sayings);
    assert_false(says(sayings, 2, 2));
    ferry_sayings_commit(sayings, "c");
    assert_false(says(sayings, 1, 2));
    ferry_sayings_free(sayings);
}

/* ---- random histories ---- */

struct model {
    int said[PEOPLE]; /* -1: not known */
    int committed[PEOPLE];
    int at;   /* the checkpoint in Kafka */
    int left; /* and the one the memory was left at */
};

static void forget_all(struct model *model)
{
    for (int i = 0; i < PEOPLE; i++)
        model->said[i] = model->committed[i] = -1;
}

static struct ferry_sayings *open_both(struct model *model)
{
    char at[32];
    snprintf(at, sizeof at, "{\"at\":%d}", model->at);
    if (model->at != model->left)
        forget_all(model);
    model->left = model->at;
    memcpy(model->said, model->committed, sizeof model->said);
    return begin_at(at);
}

static void commit_both(struct ferry_sayings *sayings, struct model *model, bool remembered)
{
    char at[32];
    snprintf(at, sizeof at, "{\"at\":%d}", ++model->at);
    if (!remembered)
        return;
    ferry_sayings_commit(sayings, at);
    model->left = model->at;
    memcpy(model->committed, model->said, sizeof model->said);
}

static void say_both(struct ferry_sayings *sayings, struct model *model, unsigned who, int what)
{
    bool same = model->said[who] == what;
    assert_int_equal(says(sayings, who, (unsigned)what), same);
    model->said[who] = what;
}

/* Pages are committed, torn, or committed and not remembered; readers end and begin. */
static void it_never_knows_what_was_not_made_known_in_any_history(void **state)
{
    (void)state;
    struct model model = {.at = 1};
    unsigned dice = 4711;
    forget_all(&model);
    struct ferry_sayings *sayings = open_both(&model);
    for (int step = 0; step < STEPS; step++) {
        dice = dice * 1103515245u + 12345u;
        unsigned roll = (dice >> 16) % 100;
        unsigned who = (dice >> 8) % PEOPLE;
        if (roll < 80) {
            say_both(sayings, &model, who, 2 + (int)(dice >> 30 & 1));
        } else if (roll < 84) {
            forget(sayings, who);
            model.said[who] = -1;
        } else if (roll < 94) {
            commit_both(sayings, &model, true);
        } else if (roll < 97) {
            ferry_sayings_abort(sayings);
            memcpy(model.said, model.committed, sizeof model.said);
        } else {
            if (roll == 99) /* killed between the two commits, or another reader had the task */
                commit_both(sayings, &model, false);
            ferry_sayings_free(sayings);
            sayings = open_both(&model);
        }
    }
    assert_true(model.at > STEPS / 20);
    ferry_sayings_free(sayings);
}

/* ---- faults ---- */

/* A child says, commits, says more, and is killed in the middle of its page. */
static void a_process_that_is_killed_leaves_its_last_commit(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct ferry_sayings *sayings = ferry_sayings_new(folder, TASK);
            ferry_sayings_open(sayings, round ? "b" : NULL);
            for (unsigned i = 0; i < 3000; i++)
                (void)!says(sayings, i, 2);
            ferry_sayings_commit(sayings, "b");
            for (unsigned i = 0; i < 3000; i++)
                (void)!says(sayings, i, 3);
            kill(getpid(), SIGKILL);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        struct ferry_sayings *sayings = begin_at("b");
        for (unsigned i = 0; i < 3000; i++)
            assert_true(says(sayings, i, 2));
        ferry_sayings_free(sayings);
    }
}

static void a_folder_that_cannot_be_used_is_a_trouble_and_nothing_is_known(void **state)
{
    (void)state;
    struct ferry_sayings *first = begin_at("a");
    assert_false(says(first, 1, 2));
    struct ferry_sayings *second = ferry_sayings_new(folder, TASK); /* it is in use */
    assert_non_null(second);
    assert_non_null(ferry_sayings_trouble(second));
    assert_non_null(strstr(ferry_sayings_trouble(second)->message, folder));
    ferry_sayings_open(second, "a");
    ferry_sayings_trust(second, INT64_MAX);
    assert_false(says(second, 1, 2));
    assert_false(says(second, 1, 2));
    ferry_sayings_commit(second, "b");
    ferry_sayings_free(second);
    assert_true(says(first, 1, 2));
    ferry_sayings_free(first);
}

static void a_disk_that_is_full_ends_the_memory_and_no_more(void **state)
{
    struct rlimit before;
    (void)state;
    struct ferry_sayings *sayings = begin_at("a");
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit full = {.rlim_cur = (rlim_t)40 << 20, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    unsigned number = 0;
    for (; number < 2000000 && !ferry_sayings_trouble(sayings); number++) {
        assert_false(says(sayings, number, 2));
        if (number % 5000 == 4999)
            ferry_sayings_commit(sayings, "b");
    }
    assert_non_null(ferry_sayings_trouble(sayings));
    assert_true(number > 5000);
    assert_false(says(sayings, 1, 2)); /* known a moment ago */
    ferry_sayings_free(sayings);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    sayings = begin_at("b"); /* there is room again, and the last commit stands */
    assert_true(says(sayings, 1, 2));
    ferry_sayings_free(sayings);
}

static void a_file_that_is_damaged_is_thrown_away(void **state)
{
    char path[128];
    (void)state;
    snprintf(path, sizeof path, "%s/opt-outs/memory.mdb", folder);
    for (int harm = 0; harm < 2; harm++) {
        struct ferry_sayings *sayings = begin_at(NULL);
        for (unsigned i = 0; i < 5000; i++)
            assert_false(says(sayings, i, 2));
        ferry_sayings_commit(sayings, "b");
        ferry_sayings_free(sayings);
        if (harm == 0) {
            assert_int_equal(truncate(path, 16384), 0);
        } else {
            int file = open(path, O_WRONLY | O_CLOEXEC);
            for (int i = 0; i < 1024; i++)
                assert_int_equal(write(file, "nonsense", 8), 8);
            close(file);
        }
        sayings = begin_at("b");
        assert_int_equal(ferry_sayings_count(sayings), 0);
        assert_false(says(sayings, 1, 2));
        assert_true(says(sayings, 1, 2));
        ferry_sayings_free(sayings);
    }
}

static void nobody_remembers_nothing(void **state)
{
    const struct ferry_optouts values = values_of(2);
    (void)state;
    ferry_sayings_open(NULL, "a");
    ferry_sayings_clear(NULL);
    ferry_sayings_trust(NULL, INT64_MAX);
    assert_false(ferry_sayings_same(NULL, (struct ferry_slice){"x", 1}, &values));
    ferry_sayings_forget(NULL, (struct ferry_slice){"x", 1});
    ferry_sayings_commit(NULL, "a");
    ferry_sayings_abort(NULL);
    assert_null(ferry_sayings_trouble(NULL));
    ferry_sayings_free(NULL);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_is_said_again_is_no_news_and_anything_else_is),
        IN_FOLDER(nothing_passes_for_known_beyond_the_time_it_is_trusted),
        IN_FOLDER(it_holds_only_for_who_begins_where_it_was_left),
        IN_FOLDER(what_was_not_made_known_was_not_said),
        IN_FOLDER(a_full_read_begins_with_nobody),
        IN_FOLDER(it_never_knows_what_was_not_made_known_in_any_history),
        IN_FOLDER(a_process_that_is_killed_leaves_its_last_commit),
        IN_FOLDER(a_folder_that_cannot_be_used_is_a_trouble_and_nothing_is_known),
        IN_FOLDER(a_disk_that_is_full_ends_the_memory_and_no_more),
        IN_FOLDER(a_file_that_is_damaged_is_thrown_away),
        cmocka_unit_test(nobody_remembers_nothing),
    };
    return cmocka_run_group_tests_name("sayings", tests, NULL, NULL);
}
