// When the headers change and what is flushed when: the rules that children and the split-brain
// guard rest on.
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "tests/support/crash_fs.h"
#include "tests/support/vhdx_disk.h"
#include "vhd/chain.h"
#include "vhd/vhdx/header.h"

#define PARENT "/parent.vhdx"
#define CHILD  "/child.vhdx"

static struct vhd *open_disk(const struct file_system *fs, const char *path, bool writable)
{
    struct vhd_open how = {.fs = fs,
                           .writable = writable,
                           .share = writable ? FILE_SHARE_NOTHING : FILE_SHARE_DENY_WRITE,
                           .no_parents = true};
    struct vhd *disk;
    assert_ok(vhd_open(path, &how, &disk));
    return disk;
}

static struct mem_fs *with_disk(void)
{
    struct mem_fs *fs = mem_fs_new();
    vhdx_test_create(mem_fs_system(fs), PARENT, VHD_TYPE_DYNAMIC, 16 * MIB, 1 << 20);
    return fs;
}

static void write_sector(struct vhd *disk, uint64_t offset)
{
    uint8_t sector[512];
    memset(sector, 0x77, sizeof sector);
    assert_ok(vhd_write(disk, offset, sector, sizeof sector));
}

static struct vhdx_header header_in(struct mem_fs *fs, const char *path, unsigned slot)
{
    uint8_t raw[VHDX_HEADER_SIZE];
    struct vhdx_header header;
    mem_fs_peek(fs, path, slot ? VHDX_HEADER2_OFFSET : VHDX_HEADER1_OFFSET, raw, sizeof raw);
    assert_true(vhdx_header_decode(raw, &header));
    return header;
}

// The current header; both must say the same with consecutive numbers.
static struct vhdx_header both_headers(struct mem_fs *fs, const char *path)
{
    struct vhdx_header first = header_in(fs, path, 0), second = header_in(fs, path, 1);
    struct vhdx_header current = first.sequence_number > second.sequence_number ? first : second;
    assert_true(first.sequence_number + 1 == second.sequence_number ||
                second.sequence_number + 1 == first.sequence_number);
    assert_true(guid_equal(&first.file_write_guid, &second.file_write_guid));
    assert_true(guid_equal(&first.data_write_guid, &second.data_write_guid));
    assert_true(guid_equal(&first.log_guid, &second.log_guid));
    return current;
}

static void open_writable__only_read__file_is_untouched(void **state)
{
    (void)state;
    struct mem_fs *fs = with_disk();
    struct mem_fs *before = mem_fs_clone(fs);
    struct vhd *disk = open_disk(mem_fs_system(fs), PARENT, true);
    uint8_t sector[512];
    assert_ok(vhd_read(disk, 0, sector, sizeof sector));
    assert_ok(vhd_flush(disk));
    assert_ok(vhd_zero(disk, 0, 16 * MIB)); // zeros already
    assert_ok(vhd_close(disk));
    assert_true(mem_fs_equal(fs, PARENT, before, PARENT));
    mem_fs_free(before);
    mem_fs_free(fs);
}

static void write__first_of_a_session__both_guids_change_and_the_log_is_live(void **state)
{
    (void)state;
    struct mem_fs *fs = with_disk();
    struct vhdx_header before = both_headers(fs, PARENT);
    struct vhd *disk = open_disk(mem_fs_system(fs), PARENT, true);
    struct vhd_identity saved;
    struct vhd_info info;
    vhd_get_info(disk, &info);
    saved = info.identity;
    write_sector(disk, 0);
    struct vhdx_header during = both_headers(fs, PARENT);
    assert_false(guid_equal(&before.file_write_guid, &during.file_write_guid));
    assert_false(guid_equal(&before.data_write_guid, &during.data_write_guid));
    assert_false(guid_is_zero(&during.log_guid));
    write_sector(disk, MIB);
    assert_ok(vhd_flush(disk));
    assert_int_equal(both_headers(fs, PARENT).sequence_number, during.sequence_number);
    assert_ok(vhd_close(disk));
    struct vhdx_header after = both_headers(fs, PARENT);
    assert_true(guid_is_zero(&after.log_guid));
    assert_true(guid_equal(&after.data_write_guid, &during.data_write_guid));
    disk = open_disk(mem_fs_system(fs), PARENT, false);
    vhd_get_info(disk, &info);
    assert_false(vhd_identity_unchanged(&saved, &info.identity));
    vhd_abandon(disk);
    mem_fs_free(fs);
}

// Nobody can see that a log was replayed but by the sequence number; children stay valid.
static void open_writable__live_log__replayed_without_a_new_data_write_guid(void **state)
{
    (void)state;
    struct mem_fs *fs = with_disk();
    struct vhd *disk = open_disk(mem_fs_system(fs), PARENT, true);
    write_sector(disk, 0);
    assert_ok(vhd_flush(disk));
    vhd_abandon(disk);
    struct vhdx_header live = both_headers(fs, PARENT);
    assert_false(guid_is_zero(&live.log_guid));
    struct mem_fs *before = mem_fs_clone(fs);
    // A reader replays in memory.
    struct vhd_info info;
    disk = open_disk(mem_fs_system(fs), PARENT, false);
    vhd_get_info(disk, &info);
    assert_true(info.log_live);
    struct vhd_identity saved = info.identity;
    vhd_abandon(disk);
    assert_true(mem_fs_equal(fs, PARENT, before, PARENT));
    mem_fs_free(before);
    // Making a child closes the log.
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    struct vhdx_header after = both_headers(fs, PARENT);
    assert_true(guid_is_zero(&after.log_guid));
    assert_true(guid_equal(&live.data_write_guid, &after.data_write_guid));
    assert_false(guid_equal(&live.file_write_guid, &after.file_write_guid));
    disk = open_disk(mem_fs_system(fs), PARENT, false);
    vhd_get_info(disk, &info);
    assert_true(vhd_identity_unchanged(&saved, &info.identity));
    uint8_t sector[512];
    assert_ok(vhd_read(disk, 0, sector, sizeof sector));
    assert_int_equal(sector[511], 0x77);
    vhd_abandon(disk);
    mem_fs_free(fs);
}

static void flush__costs__two_flushes_for_metadata_one_for_payload_none_for_nothing(void **state)
{
    (void)state;
    struct mem_fs *fs = with_disk();
    struct crash_fs *crash = crash_fs_new(fs);
    struct vhd *disk = open_disk(crash_fs_system(crash), PARENT, true);
    size_t flushes = crash_fs_flushes(crash);
    write_sector(disk, 0);
    assert_int_equal(crash_fs_flushes(crash) - flushes, 4); // three headers and the first entry
    flushes = crash_fs_flushes(crash);
    for (uint64_t i = 0; i < 16; i++)
        write_sector(disk, i * MIB);
    assert_int_equal(crash_fs_flushes(crash), flushes);
    assert_ok(vhd_flush(disk));
    assert_int_equal(crash_fs_flushes(crash) - flushes, 2);
    assert_ok(vhd_flush(disk));
    assert_int_equal(crash_fs_flushes(crash) - flushes, 2);
    write_sector(disk, 4096);
    assert_ok(vhd_flush(disk));
    assert_int_equal(crash_fs_flushes(crash) - flushes, 3);
    assert_ok(vhd_close(disk));
    crash_fs_free(crash);
    mem_fs_free(fs);
}

static void begin_merge__child_knows_both_values__without_a_new_data_write_guid(void **state)
{
    (void)state;
    struct mem_fs *fs = with_disk();
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    struct vhdx_header before = both_headers(fs, CHILD);
    struct vhd *disk = open_disk(mem_fs_system(fs), CHILD, true);
    struct vhd *parent = open_disk(mem_fs_system(fs), PARENT, true);
    struct guid now = both_headers(fs, PARENT).data_write_guid;
    assert_ok(disk->image->ops->begin_merge(disk->image, parent->image));
    // It is stable before the image is closed, and the parent as it was.
    vhd_abandon(disk);
    struct guid unchanged = both_headers(fs, PARENT).data_write_guid;
    assert_true(guid_equal(&now, &unchanged));
    disk = open_disk(mem_fs_system(fs), CHILD, true);
    struct vhd_info info = {.format = VHD_FORMAT_VHDX};
    assert_false(disk->image->ops->matches_parent(disk->image, &info));
    info.identity.guid = now;
    assert_true(disk->image->ops->matches_parent(disk->image, &info));
    // The parent takes the other value with its first change.
    write_sector(parent, 0);
    write_sector(parent, 8192);
    struct guid next = both_headers(fs, PARENT).data_write_guid;
    assert_false(guid_equal(&now, &next));
    info.identity.guid = next;
    assert_true(disk->image->ops->matches_parent(disk->image, &info));
    assert_ok(guid_generate(&info.identity.guid));
    assert_false(disk->image->ops->matches_parent(disk->image, &info));
    // Again, as a second run of the merge does.
    assert_ok(vhd_close(parent));
    parent = open_disk(mem_fs_system(fs), PARENT, true);
    assert_ok(disk->image->ops->begin_merge(disk->image, parent->image));
    info.identity.guid = now;
    assert_false(disk->image->ops->matches_parent(disk->image, &info));
    info.identity.guid = next;
    assert_true(disk->image->ops->matches_parent(disk->image, &info));
    assert_ok(vhd_close(parent));
    assert_ok(vhd_close(disk));
    struct vhdx_header after = both_headers(fs, CHILD);
    assert_true(guid_equal(&before.data_write_guid, &after.data_write_guid));
    assert_false(guid_equal(&before.file_write_guid, &after.file_write_guid));
    mem_fs_free(fs);
}

static void finish_merge__other_disk_id__taken_over(void **state)
{
    (void)state;
    struct mem_fs *fs = with_disk();
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    // The Virtual Disk ID is the fifth item.
    mem_fs_poke(fs, CHILD, 2 * MIB + 64 * 1024 + 0x18, "a disk with an id", 16);
    struct vhd *parent = open_disk(mem_fs_system(fs), PARENT, true);
    struct vhd *child = open_disk(mem_fs_system(fs), CHILD, false);
    assert_ok(child->image->ops->finish_merge(child->image, parent->image));
    vhd_abandon(child);
    assert_ok(vhd_close(parent));
    struct vhd_info info;
    parent = open_disk(mem_fs_system(fs), PARENT, false);
    vhd_get_info(parent, &info);
    assert_memory_equal(info.virtual_disk_id.bytes, "a disk with an i", 16);
    vhd_abandon(parent);
    // The same once more changes nothing.
    struct mem_fs *before = mem_fs_clone(fs);
    parent = open_disk(mem_fs_system(fs), PARENT, true);
    child = open_disk(mem_fs_system(fs), CHILD, false);
    assert_ok(child->image->ops->finish_merge(child->image, parent->image));
    vhd_abandon(child);
    assert_ok(vhd_close(parent));
    assert_true(mem_fs_equal(fs, PARENT, before, PARENT));
    mem_fs_free(before);
    mem_fs_free(fs);
}

// A file without room for a log (length 0, clean) gets one before it is written.
static void write__file_without_log__gets_one(void **state)
{
    (void)state;
    struct mem_fs *fs = with_disk();
    for (unsigned slot = 0; slot < 2; slot++) {
        uint8_t raw[VHDX_HEADER_SIZE];
        struct vhdx_header header = header_in(fs, PARENT, slot);
        header.log_length = 0;
        header.log_offset = 0;
        vhdx_header_encode(&header, raw);
        mem_fs_poke(fs, PARENT, slot ? VHDX_HEADER2_OFFSET : VHDX_HEADER1_OFFSET, raw, sizeof raw);
    }
    struct vhd *disk = open_disk(mem_fs_system(fs), PARENT, true);
    write_sector(disk, 0);
    assert_ok(vhd_flush(disk));
    vhd_abandon(disk);
    assert_int_equal(both_headers(fs, PARENT).log_length, MIB);
    disk = open_disk(mem_fs_system(fs), PARENT, true);
    uint8_t sector[512];
    assert_ok(vhd_read(disk, 0, sector, sizeof sector));
    assert_int_equal(sector[0], 0x77);
    assert_ok(vhd_close(disk));
    mem_fs_free(fs);
}

// The disk is read by the other header; the first change writes both anew.
static void write__one_header_damaged__both_are_good_again(void **state)
{
    (void)state;
    for (unsigned slot = 0; slot < 2; slot++) {
        struct mem_fs *fs = with_disk();
        mem_fs_poke(fs, PARENT, slot ? VHDX_HEADER2_OFFSET : VHDX_HEADER1_OFFSET, "damage", 6);
        struct mem_fs *before = mem_fs_clone(fs);
        assert_ok(vhd_close(open_disk(mem_fs_system(fs), PARENT, true)));
        assert_true(mem_fs_equal(fs, PARENT, before, PARENT));
        mem_fs_free(before);
        struct vhd *disk = open_disk(mem_fs_system(fs), PARENT, true);
        write_sector(disk, 0);
        both_headers(fs, PARENT);
        assert_ok(vhd_close(disk));
        both_headers(fs, PARENT);
        mem_fs_free(fs);
    }
}

// Of a log that is live; without one the field has no meaning (QEMU refuses such files).
static void open__log_of_another_version__refused_only_while_it_is_live(void **state)
{
    (void)state;
    for (int live = 0; live < 2; live++) {
        struct mem_fs *fs = with_disk();
        struct vhd *disk = open_disk(mem_fs_system(fs), PARENT, true);
        write_sector(disk, 0);
        assert_ok(vhd_flush(disk));
        if (live)
            vhd_abandon(disk);
        else
            assert_ok(vhd_close(disk));
        for (unsigned slot = 0; slot < 2; slot++) {
            uint8_t raw[VHDX_HEADER_SIZE];
            struct vhdx_header header = header_in(fs, PARENT, slot);
            header.log_version = 1;
            vhdx_header_encode(&header, raw);
            mem_fs_poke(fs, PARENT, slot ? VHDX_HEADER2_OFFSET : VHDX_HEADER1_OFFSET, raw,
                        sizeof raw);
        }
        for (int writable = 0; writable < 2; writable++) {
            struct vhd_open how = {
                .fs = mem_fs_system(fs), .writable = writable, .share = FILE_SHARE_NOTHING};
            enum status status = vhd_open(PARENT, &how, &disk);
            assert_status(status, live ? STATUS_UNSUPPORTED : STATUS_OK);
            if (live)
                continue;
            if (writable)
                write_sector(disk, 4096); // a log of our own, of version 0
            assert_ok(vhd_close(disk));
        }
        if (!live)
            assert_int_equal(both_headers(fs, PARENT).log_version, 0);
        mem_fs_free(fs);
    }
}

// A look at a file while its writer works: it may fail, and must not do more than that.
static void look__while_it_is_written__opens_or_fails(void **state)
{
    (void)state;
    struct mem_fs *fs = with_disk();
    struct vhd *writer;
    struct vhd_open how = {
        .fs = mem_fs_system(fs), .writable = true, .share = FILE_SHARE_DENY_WRITE};
    struct vhd_open look = {.fs = mem_fs_system(fs), .share = FILE_SHARE_ANYTHING};
    assert_ok(vhd_open(PARENT, &how, &writer));
    for (uint64_t i = 0; i < 16; i++) {
        struct vhd *disk;
        uint8_t sector[512];
        write_sector(writer, i * MIB);
        if (i % 3 == 0)
            assert_ok(vhd_flush(writer));
        assert_ok(vhd_open(PARENT, &look, &disk));
        assert_ok(vhd_read(disk, 0, sector, sizeof sector));
        assert_int_equal(sector[0], 0x77);
        vhd_abandon(disk);
    }
    assert_ok(vhd_close(writer));
    mem_fs_free(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_writable__only_read__file_is_untouched),
        cmocka_unit_test(write__first_of_a_session__both_guids_change_and_the_log_is_live),
        cmocka_unit_test(open_writable__live_log__replayed_without_a_new_data_write_guid),
        cmocka_unit_test(flush__costs__two_flushes_for_metadata_one_for_payload_none_for_nothing),
        cmocka_unit_test(begin_merge__child_knows_both_values__without_a_new_data_write_guid),
        cmocka_unit_test(finish_merge__other_disk_id__taken_over),
        cmocka_unit_test(write__file_without_log__gets_one),
        cmocka_unit_test(write__one_header_damaged__both_are_good_again),
        cmocka_unit_test(open__log_of_another_version__refused_only_while_it_is_live),
        cmocka_unit_test(look__while_it_is_written__opens_or_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
