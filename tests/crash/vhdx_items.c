// Power cuts while metadata items change: an item that needs many entries of the log comes in one
// piece or not at all, and a locator is corrected or as it was.
#include <stdlib.h>

#include "tests/support/crash_fs.h"
#include "tests/support/vhdx_samples.h"
#include "vhd/chain.h"
#include "vhd/vhdx/image.h"

#define PARENT "/parent.vhdx"
#define CHILD  "/child.vhdx"
#define SIZE   (4 * MIB)

// Three pages less than 800 KiB: more than one entry of the log can hold.
#define ITEM_LENGTH (797u << 10)

static const struct vhdx_metadata_item large = {
    .guid = GUID_INIT(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
    .flags = VHDX_METADATA_IS_VIRTUAL_DISK,
};

static uint8_t item_bytes[ITEM_LENGTH];

// Puts the item into a file, as a program that knows it would.
static void add_item(struct mem_fs *fs, const char *path, uint8_t value, uint32_t length)
{
    static uint8_t table[VHDX_METADATA_TABLE_SIZE];
    struct vhdx_metadata_item item = large;
    item.offset = 128 << 10;
    item.length = length;
    memset(item_bytes, value, length);
    mem_fs_peek(fs, path, VHDX_TEST_METADATA, table, sizeof table);
    assert_true(vhdx_metadata_table_append(table, &item));
    mem_fs_poke(fs, path, VHDX_TEST_METADATA, table, sizeof table);
    mem_fs_poke(fs, path, VHDX_TEST_METADATA + item.offset, item_bytes, length);
}

struct scenario {
    struct samples samples;
    const char *parent; // where both are
    const char *child;
    size_t promised; // operations after which the change has returned
};

static void fail_at(const struct crash_state *at, const char *what)
{
    crash_state_print(at);
    fail_msg("%s", what);
}

// The first byte of the item when all of them are equal, 0 without an item, -1 otherwise.
static int item_of(struct mem_fs *fs, const char *path, uint32_t *length)
{
    struct vhd_open how = {
        .fs = mem_fs_system(fs), .share = FILE_SHARE_DENY_WRITE, .no_parents = true};
    struct vhd *disk;
    assert_ok(vhd_open(path, &how, &disk));
    struct vhdx *x = vhdx_of(disk->image);
    const struct vhdx_metadata_item *item = vhdx_metadata_find(&x->metadata, &large.guid);
    int value = 0;
    *length = item ? item->length : 0;
    if (item) {
        assert_true(item->length <= sizeof item_bytes);
        assert_ok(vhdx_view_read(&x->view, x->regions.metadata.offset + item->offset, item_bytes,
                                 item->length));
        bool equal = memcmp(item_bytes, item_bytes + 1, item->length - 1) == 0;
        value = equal ? item_bytes[0] : -1;
    }
    vhd_abandon(disk);
    return value;
}

static bool is_old_item(int value, uint32_t length)
{
    return value == 0x11 && length == 5000;
}

static bool is_new_item(int value, uint32_t length)
{
    return value == 0x22 && length == ITEM_LENGTH;
}

static enum status merge(const struct file_system *fs)
{
    const struct vhd_merge how = {.fs = fs};
    return vhd_merge(CHILD, &how);
}

static void check_merge(void *context, const struct crash_state *at, struct mem_fs *state)
{
    const struct scenario *s = context;
    uint32_t length;
    int value = item_of(state, PARENT, &length);
    bool old = at->operations < s->promised && is_old_item(value, length);
    if (!old && !is_new_item(value, length))
        fail_at(at, "neither the old item nor the new one");
    struct vhd *disk = vhdx_test_open(mem_fs_system(state), CHILD, false);
    if (samples_wrong(&s->samples, disk))
        fail_at(at, "the contents have changed");
    vhd_abandon(disk);
    if (at->number % 10 != 0)
        return;
    assert_ok(merge(mem_fs_system(state)));
    value = item_of(state, PARENT, &length);
    if (!is_new_item(value, length))
        fail_at(at, "the merge that was run again did not end right");
}

static struct mem_fs *with_child(struct scenario *s)
{
    struct mem_fs *fs = mem_fs_new();
    vhdx_test_create(mem_fs_system(fs), s->parent, VHD_TYPE_DYNAMIC, SIZE, 1 << 20);
    assert_ok(vhd_create_child(s->child, s->parent, mem_fs_system(fs)));
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), s->child, true);
    samples_write(&s->samples, disk, 0, 0x41);
    samples_write(&s->samples, disk, 3 * MIB, 0x42);
    samples_note(&s->samples, 2 * MIB, 0);
    assert_ok(vhd_close(disk));
    return fs;
}

static void merge__large_item_cut_anywhere__old_or_new_item(void **state)
{
    (void)state;
    struct scenario s = {.parent = PARENT, .child = CHILD};
    struct mem_fs *start = with_child(&s);
    add_item(start, PARENT, 0x11, 5000);
    add_item(start, CHILD, 0x22, ITEM_LENGTH);
    struct crash_fs *crash = crash_fs_new(start);
    assert_ok(merge(crash_fs_system(crash)));
    s.promised = crash_fs_operations(crash);
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    plan.states_max = 8;
    size_t states = crash_fs_each_state(crash, &plan, check_merge, &s);
    print_message("%zu states after %zu operations\n", states, s.promised);
    crash_fs_free(crash);
    mem_fs_free(start);
}

static void check_locator(void *context, const struct crash_state *at, struct mem_fs *state)
{
    const struct scenario *s = context;
    for (int writable = 0; writable < 2; writable++) {
        struct vhd *disk = vhdx_test_open(mem_fs_system(state), s->child, writable);
        const struct vhdx_locator *locator = &vhdx_of(disk->image)->locator;
        const char *absolute = vhdx_locator_find(locator, VHDX_KEY_ABSOLUTE_PATH);
        bool new = strcmp(absolute, s->parent) == 0;
        bool old = !writable && at->operations < s->promised &&
                   strcmp(absolute, vhdx_test_path("a", "parent.vhdx")) == 0;
        if (!old && !new)
            fail_at(at, "neither the old path nor the new one");
        if (samples_wrong(&s->samples, disk))
            fail_at(at, "the contents have changed");
        assert_ok(vhd_close(disk));
    }
}

// What is written once is promised with the flush; only then is the correction, too.
static void write__parent_moved_cut_anywhere__old_or_new_path(void **state)
{
    (void)state;
    char parent[64], child[64];
    struct scenario s = {.parent = vhdx_test_path("a", "parent.vhdx"),
                         .child = vhdx_test_path("a", "child.vhdx")};
    struct mem_fs *start = with_child(&s);
    const struct file_system *fs = mem_fs_system(start);
    snprintf(parent, sizeof parent, "%s", vhdx_test_path("b", "parent.vhdx"));
    snprintf(child, sizeof child, "%s", vhdx_test_path("b", "child.vhdx"));
    assert_ok(fs->rename(fs, s.parent, parent));
    assert_ok(fs->rename(fs, s.child, child));
    s.parent = parent;
    s.child = child;
    struct crash_fs *crash = crash_fs_new(start);
    struct vhd *disk = vhdx_test_open(crash_fs_system(crash), child, true);
    uint8_t sector[512] = {1};
    assert_ok(vhd_write(disk, MIB, sector, sizeof sector));
    assert_ok(vhd_flush(disk));
    s.promised = crash_fs_operations(crash);
    assert_ok(vhd_close(disk));
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    size_t states = 0;
    for (plan.seed = 1; plan.seed <= 8; plan.seed++)
        states += crash_fs_each_state(crash, &plan, check_locator, &s);
    print_message("%zu states\n", states);
    crash_fs_free(crash);
    mem_fs_free(start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merge__large_item_cut_anywhere__old_or_new_item),
        cmocka_unit_test(write__parent_moved_cut_anywhere__old_or_new_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
