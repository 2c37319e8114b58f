// The watch over idle disks that nobody tracks.
#include "tests/support/test.h"

#include <stdio.h>

#include "base/clock.h"
#include "service/supervise/watch.h"
#include "tests/support/must.h"
#include "tests/support/service/stage.h"
#include "vhd/vhd.h"

// ---- the watch ----

static void make_disk(struct stage *s, const char *path)
{
    const struct vhd_create how = {.fs = mem_fs_system(s->disks),
                                   .format = VHD_FORMAT_VHDX,
                                   .type = VHD_TYPE_DYNAMIC,
                                   .virtual_size = 16 << 20,
                                   .block_size = 1 << 20};
    assert_ok(vhd_create(path, &how));
}

static enum status know_disk(struct relationship *r, void *argument)
{
    r->state = REPLICATION_REPLICATING;
    r->reason = REASON_NONE;
    r->disks[0].identity = *(const struct vhd_identity *)argument;
    r->disks[0].identity_saved = true;
    return STATUS_OK;
}

// An idle primary whose disk exists and is known.
static registry_key idle_primary(struct stage *s, char path[300])
{
    const struct vhd_open how = {.fs = mem_fs_system(s->disks), .share = FILE_SHARE_ANYTHING};
    struct vhd *disk;
    struct vhd_info info;
    registry_key key = stage_add(s, "vm", MODE_PRIMARY);
    struct relationship *r = stage_record(s, key);
    snprintf(path, 300, "%s", r->disks[0].path);
    relationship_free(r);
    make_disk(s, path);
    assert_ok(vhd_open(path, &how, &disk));
    vhd_get_info(disk, &info);
    vhd_abandon(disk);
    stage_change(s, key, know_disk, &info.identity);
    return key;
}

static void look(struct stage *s, registry_key key)
{
    int64_t before = clock_wall_ms();
    clock_sleep_ms(2);
    watch_look_soon(s->supervisor.watch);
    int64_t deadline = clock_mono_ms() + STAGE_PATIENCE_MS;
    while (watch_times_of(s->supervisor.watch, key).looked <= before && clock_mono_ms() < deadline)
        clock_sleep_ms(2);
}

static void write_disk(struct stage *s, const char *path)
{
    const struct vhd_open how = {
        .fs = mem_fs_system(s->disks), .writable = true, .share = FILE_SHARE_NOTHING};
    struct vhd *disk;
    static const uint8_t sector[4096] = {1};
    assert_ok(vhd_open(path, &how, &disk));
    assert_ok(vhd_write(disk, 0, sector, sizeof sector));
    assert_ok(vhd_close(disk));
}

static void watch__unchanged__stays_replicating(void **state)
{
    struct stage *s = *state;
    char path[300];
    registry_key key = idle_primary(s, path);
    look(s, key);
    stage_assert_record(s, key, REPLICATION_REPLICATING, REASON_NONE);
    assert_int_equal(stage_events(s, 32544), 0);
}

static void watch__changed__resynchronization_required(void **state)
{
    struct stage *s = *state;
    char path[300];
    registry_key key = idle_primary(s, path);
    write_disk(s, path);
    look(s, key);
    stage_assert_record(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE,
                        REASON_DISK_CHANGED_WHILE_NOT_TRACKED);
    assert_int_equal(stage_events(s, 32544), 1);
    assert_int_equal(stage_events(s, 32326), 1);
    assert_int_equal(stage_events(s, 33422), 1);
}

static void watch__changed_while_stopped__found_at_the_start(void **state)
{
    struct stage *s = *state;
    char path[300];
    (void)idle_primary(s, path);
    stage_leave(s);
    write_disk(s, path);
    stage_open(s);
    registry_key key = stage_key(s, "vm");
    stage_await_state(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE);
}

static void watch__unreadable__warns_and_recovers(void **state)
{
    struct stage *s = *state;
    char path[300];
    registry_key key = idle_primary(s, path);
    const struct file_system *fs = mem_fs_system(s->disks);
    char *away = must_alloc(strlen(path) + 8);
    sprintf(away, "%s.away", path);
    assert_ok(fs->rename(fs, path, away));
    look(s, key);
    struct relationship *r = stage_record(s, key);
    assert_int_equal(r->state, REPLICATION_REPLICATING);
    assert_true(r->look_in_use);
    assert_int_equal(relationship_health(r, clock_wall_ms(), NULL), HEALTH_WARNING);
    relationship_free(r);
    look(s, key);
    assert_int_equal(stage_events(s, 50007), 1); // once
    assert_ok(fs->rename(fs, away, path));
    look(s, key);
    r = stage_record(s, key);
    assert_false(r->look_in_use);
    relationship_free(r);
    assert_int_equal(stage_events(s, 50008), 1);
    free(away);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(watch__unchanged__stays_replicating),
        TEST(watch__changed__resynchronization_required),
        TEST(watch__changed_while_stopped__found_at_the_start),
        TEST(watch__unreadable__warns_and_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
