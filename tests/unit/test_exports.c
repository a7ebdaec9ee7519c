/* Finished files on a server that is played: others rename too, and connections are cut. */
#include "producers/sources/exports.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the server ---- */

#define FROM "e/b1"

struct place {
    bool there;
    int64_t size;
};

static struct {
    bool connected;
    struct place from, to;
    bool race;      /* another file comes just before the rename */
    bool cut_after; /* the rename is done, and its answer lost */
    int cuts;       /* of looks at what was renamed */
    bool renamed;
    bool grows;     /* while it is read */
    int64_t read;   /* where in the file that is open */
    int64_t sought; /* there reading began */
    int64_t gives;  /* bytes of a file, then the connection is cut; 0: all */
    const char *end;
} server;

static enum ferry_status cut(struct ferry_error *error)
{
    server.connected = false;
    return ferry_fail(error, FERRY_RETRY, FERRY_CLASS_NETWORK, "the connection was cut");
}

enum ferry_status ferry_sftp_new(const struct ferry_sftp_settings *settings,
                                 struct ferry_sftp **ret_sftp, struct ferry_error *error)
{
    (void)settings;
    (void)error;
    *ret_sftp = NULL;
    return FERRY_OK;
}

void ferry_sftp_free(struct ferry_sftp *sftp)
{
    (void)sftp;
}

void ferry_sftp_interrupt(struct ferry_sftp *sftp)
{
    (void)sftp;
}

enum ferry_status ferry_sftp_connect(struct ferry_sftp *sftp, struct ferry_error *error)
{
    (void)sftp;
    (void)error;
    server.connected = true;
    return FERRY_OK;
}

bool ferry_sftp_connected(const struct ferry_sftp *sftp)
{
    (void)sftp;
    return server.connected;
}

enum ferry_status ferry_sftp_list(struct ferry_sftp *sftp, const char *folder, ferry_sftp_each each,
                                  void *context, struct ferry_error *error)
{
    const struct ferry_sftp_attributes attributes = {
        .size = server.from.size, .modified_at = 1, .regular = true};
    (void)sftp;
    (void)folder;
    (void)error;
    return server.from.there ? each(context, "b1", &attributes) : FERRY_OK;
}

enum ferry_status ferry_sftp_stat(struct ferry_sftp *sftp, const char *path,
                                  struct ferry_sftp_attributes *ret_attributes, bool *ret_there,
                                  struct ferry_error *error)
{
    bool from = strcmp(path, FROM) == 0;
    const struct place *place = from ? &server.from : &server.to;
    (void)sftp;
    if (!from && server.renamed && server.cuts > 0) {
        server.cuts--;
        return cut(error);
    }
    *ret_there = place->there;
    *ret_attributes = (struct ferry_sftp_attributes){.size = place->size, .modified_at = 1};
    return FERRY_OK;
}

enum ferry_status ferry_sftp_rename(struct ferry_sftp *sftp, const char *from, const char *to,
                                    struct ferry_error *error)
{
    bool back = strcmp(to, FROM) == 0;
    (void)sftp;
    (void)from;
    if (server.race) {
        server.race = false;
        server.from.size = 99;
    }
    struct place *source = back ? &server.to : &server.from;
    struct place *target = back ? &server.from : &server.to;
    assert_true(source->there && !target->there);
    *target = *source;
    source->there = false;
    server.renamed = true;
    if (!server.cut_after)
        return FERRY_OK;
    server.cut_after = false;
    return cut(error);
}

enum ferry_status ferry_sftp_make_folder(struct ferry_sftp *sftp, const char *path,
                                         struct ferry_error *error)
{
    (void)sftp;
    (void)path;
    (void)error;
    return FERRY_OK;
}

enum ferry_status ferry_sftp_open(struct ferry_sftp *sftp, const char *path,
                                  struct ferry_sftp_file **ret_file, struct ferry_error *error)
{
    (void)sftp;
    (void)path;
    server.read = 0;
    *ret_file = NULL;
    if (server.from.there)
        return FERRY_OK;
    return ferry_fail(error, FERRY_INVALID, FERRY_CLASS_MAPPING, "there is no such file");
}

void ferry_sftp_seek(struct ferry_sftp_file *file, int64_t position)
{
    (void)file;
    server.read = server.sought = position;
}

enum ferry_status ferry_sftp_read(struct ferry_sftp_file *file, void *data, size_t size,
                                  size_t *ret_length, struct ferry_error *error)
{
    int64_t left = server.grows ? 5 : server.from.size - server.read;
    char *bytes = data;
    (void)file;
    if (server.gives > 0 && server.read >= server.sought + server.gives)
        return cut(error);
    if (server.gives > 0 && left > server.gives)
        left = server.gives;
    *ret_length = left < (int64_t)size ? (size_t)left : size;
    for (size_t i = 0; i < *ret_length; i++)
        bytes[i] = (char)('a' + (server.read + (int64_t)i) % 26);
    server.read += (int64_t)*ret_length;
    if (*ret_length > 0 && server.read >= server.from.size)
        bytes[*ret_length - 1] = server.end[0];
    return FERRY_OK;
}

void ferry_sftp_close(struct ferry_sftp_file *file)
{
    (void)file;
}

/* ---- the exports ---- */

struct fixture {
    uv_loop_t loop;
    struct ferry_crop crop;
    struct ferry_exports *exports;
    enum ferry_status status;
    bool moved;
    size_t listed;
    bool copied, unended;
    int64_t length; /* of the copy, whole or not */
    char sha256[FERRY_SHA256_SIZE];
    struct ferry_error error;
};

static void on_listed(void *context, enum ferry_status status, const struct ferry_listing *listing,
                      const struct ferry_error *error)
{
    struct fixture *fixture = context;
    (void)error;
    fixture->status = status;
    fixture->listed = listing->count;
}

static void on_copied(void *context, enum ferry_status status, const struct ferry_copy *copy,
                      const struct ferry_error *error)
{
    struct fixture *fixture = context;
    fixture->error = *error;
    fixture->status = status;
    fixture->copied = copy && copy->whole;
    fixture->unended = copy && copy->unended;
    fixture->length = copy ? copy->length : 0;
    snprintf(fixture->sha256, sizeof fixture->sha256, "%s", copy ? copy->sha256 : "");
}

static void on_moved(void *context, enum ferry_status status, bool moved,
                     const struct ferry_error *error)
{
    struct fixture *fixture = context;
    (void)error;
    fixture->status = status;
    fixture->moved = moved;
}

static const struct ferry_exports_calls calls = {
    .on_listed = on_listed, .on_copied = on_copied, .on_moved = on_moved};

static int set_up(void **state)
{
    static const char text[] =
        "{\"source\":\"\",\"kinds\":[],\"since\":0,\"export\":{\"folder\":\"e\","
        "\"deliveryLogs\":\"b*\",\"trackingLogs\":\"t*\",\"finished\":\"move\","
        "\"processed\":\"p\",\"delimiter\":\",\",\"quote\":\"\\\"\",\"encoding\":\"UTF-8\","
        "\"timezone\":\"UTC\",\"columns\":{}},\"activities\":{}}";
    struct fixture *fixture = calloc(1, sizeof *fixture);
    json_t *json = json_loads(text, 0, NULL);
    struct ferry_error error;
    assert_non_null(fixture);
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    assert_int_equal(ferry_crop_init(&fixture->crop, &ferry_crop_events, json, &error), FERRY_OK);
    json_decref(json);
    const struct ferry_exports_options options = {.loop = &fixture->loop,
                                                  .state_dir = "/tmp",
                                                  .crop = &fixture->crop,
                                                  .calls = &calls,
                                                  .context = fixture};
    assert_int_equal(ferry_exports_new(&options, &fixture->exports, &error), FERRY_OK);
    memset(&server, 0, sizeof server);
    server.from = (struct place){true, 10};
    server.end = "\n";
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ferry_exports_free(fixture->exports);
    ferry_crop_done(&fixture->crop);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    uv_loop_close(&fixture->loop);
    free(fixture);
    return 0;
}

static void move(struct fixture *fixture)
{
    const struct ferry_listing_file file = {.name = "b1", .size = 10, .modified_at = 1000};
    ferry_exports_move(fixture->exports, &file, "0123456789abcdef0123456789abcdef");
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
}

static void copy_of(struct fixture *fixture, const char *name)
{
    struct ferry_listing_file file = {.size = 10, .modified_at = 1000};
    snprintf(file.name, sizeof file.name, "%s", name);
    ferry_exports_copy(fixture->exports, &file);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
}

static void copy(struct fixture *fixture)
{
    copy_of(fixture, "b1");
}

static void a_copy_tells_whether_its_text_ends_within_a_line(void **state)
{
    struct fixture *fixture = *state;
    copy(fixture);
    assert_true(fixture->status == FERRY_OK && fixture->copied && !fixture->unended);
    server.end = "x";
    copy(fixture);
    assert_true(fixture->status == FERRY_OK && fixture->copied && fixture->unended);
}

static void a_file_that_is_gone_is_no_trouble(void **state)
{
    struct fixture *fixture = *state;
    server.from.there = false;
    copy(fixture);
    assert_true(fixture->status == FERRY_OK && !fixture->copied);
}

static void a_file_that_grows_is_copied_no_further_than_it_was_listed(void **state)
{
    struct fixture *fixture = *state;
    server.grows = true;
    copy(fixture);
    assert_true(fixture->status == FERRY_OK && !fixture->copied);
    assert_true(server.read == 15);
}

static void a_copy_that_is_cut_goes_on_where_it_was_cut(void **state)
{
    struct fixture *fixture = *state;
    char whole[FERRY_SHA256_SIZE];
    copy(fixture);
    memcpy(whole, fixture->sha256, sizeof whole);
    server.gives = 4;
    copy(fixture);
    assert_true(fixture->status == FERRY_RETRY && !fixture->copied && fixture->length == 4);
    assert_non_null(strstr(fixture->error.message, "4 of its 10 bytes"));
    copy(fixture);
    assert_true(fixture->status == FERRY_RETRY && fixture->length == 8);
    copy(fixture);
    assert_true(fixture->status == FERRY_OK && fixture->copied && !fixture->unended);
    assert_int_equal(server.sought, 8);
    assert_string_equal(fixture->sha256, whole);
}

static void a_file_that_changed_since_it_was_cut_is_not_gone_on_with(void **state)
{
    struct fixture *fixture = *state;
    server.gives = 4;
    copy(fixture);
    assert_int_equal(fixture->length, 4);
    server.from.size = 11;
    copy(fixture);
    assert_true(fixture->status == FERRY_OK && !fixture->copied);
    server.from.size = 10;
    server.gives = 0;
    copy(fixture);
    assert_true(fixture->copied && server.sought == 0);
}

static void what_was_cut_makes_room_for_another_file(void **state)
{
    struct fixture *fixture = *state;
    server.gives = 4;
    copy(fixture);
    server.gives = 0;
    server.to = server.from;
    copy_of(fixture, "b2");
    assert_true(fixture->copied && server.sought == 0);
    copy(fixture);
    assert_true(fixture->copied && server.sought == 0 && fixture->length == 10);
}

static void a_finished_file_is_moved(void **state)
{
    struct fixture *fixture = *state;
    move(fixture);
    assert_true(fixture->status == FERRY_OK && fixture->moved);
    assert_true(server.to.there && !server.from.there);
}

static void a_file_that_came_in_its_place_goes_back(void **state)
{
    struct fixture *fixture = *state;
    server.race = true;
    move(fixture);
    assert_true(fixture->status == FERRY_OK && !fixture->moved);
    assert_true(server.from.there && server.from.size == 99 && !server.to.there);
}

static void it_goes_back_by_the_next_connection_where_one_is_cut(void **state)
{
    struct fixture *fixture = *state;
    server.race = true;
    server.cuts = 2;
    move(fixture);
    assert_int_equal(fixture->status, FERRY_RETRY);
    assert_true(server.to.there && server.to.size == 99);
    ferry_exports_list(fixture->exports);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(fixture->status, FERRY_RETRY);
    ferry_exports_list(fixture->exports);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(fixture->status, FERRY_OK);
    assert_true(fixture->listed == 1 && server.from.size == 99 && !server.to.there);
}

static void a_rename_whose_answer_is_lost_is_looked_at(void **state)
{
    struct fixture *fixture = *state;
    server.connected = server.cut_after = true;
    move(fixture);
    assert_true(fixture->status == FERRY_OK && fixture->moved);
    assert_true(server.to.there && !server.from.there);
}

static void a_file_that_cannot_go_back_is_told(void **state)
{
    struct fixture *fixture = *state;
    server.race = true;
    server.cuts = 1;
    move(fixture);
    server.from = (struct place){true, 100};
    ferry_exports_list(fixture->exports);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(fixture->status, FERRY_INVALID);
    ferry_exports_list(fixture->exports);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(fixture->status, FERRY_OK);
    assert_true(server.to.there && server.to.size == 99 && server.from.size == 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_copy_tells_whether_its_text_ends_within_a_line, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_gone_is_no_trouble, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_grows_is_copied_no_further_than_it_was_listed,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copy_that_is_cut_goes_on_where_it_was_cut, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_changed_since_it_was_cut_is_not_gone_on_with,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_cut_makes_room_for_another_file, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_finished_file_is_moved, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_came_in_its_place_goes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_goes_back_by_the_next_connection_where_one_is_cut,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rename_whose_answer_is_lost_is_looked_at, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_go_back_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
