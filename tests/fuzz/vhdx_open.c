// Patches of a good VHDX file: opened alone, for reading and for writing, mapped, read, written and
// opened again, checked and repaired. A VHDX has megabytes of nothing between its structures, so
// the input only says which bytes of which structure change:
//
//   byte 0: bits 0-1 the file (dynamic, child, fixed, dynamic with a live log), bit 2: checksums
//   are made right then any number of: area (1 byte), offset in it (2 bytes), length (1 byte), the
//   bytes
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "tests/support/check_laws.h"
#include "tests/support/mem_fs.h"
#include "tests/support/vhdx_seal.h"
#include "vhd/vhd.h"
#include "vhd/vhdx/layout.h"

#define PATH        "/disk.vhdx"
#define PARENT      "/parent.vhdx"
#define INPUT_MAX   (1u << 16)
#define EXTENTS_MAX 256 // looked at in one disk
#define DISK_SIZE   (8 * VHDX_MIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Where the areas are in files that we create.
static const uint64_t areas[] = {
    0,
    VHDX_HEADER1_OFFSET,
    VHDX_HEADER2_OFFSET,
    VHDX_REGION_TABLE1_OFFSET,
    VHDX_REGION_TABLE2_OFFSET,
    1 * VHDX_MIB,                            // log
    2 * VHDX_MIB,                            // metadata table
    2 * VHDX_MIB + VHDX_METADATA_TABLE_SIZE, // metadata items
    3 * VHDX_MIB,                            // block allocation table
    3 * VHDX_MIB + 32768,                    // its part with the bitmap entry of a child
    4 * VHDX_MIB,                            // blocks
};

static void must_be_ok(enum status status)
{
    if (status)
        abort();
}

static void fill(const struct file_system *fs, const char *path, bool close)
{
    struct vhd_open how = {
        .fs = fs, .writable = true, .share = FILE_SHARE_NOTHING, .no_parents = true};
    struct vhd *disk;
    uint8_t data[8192];
    memset(data, 0x5c, sizeof data);
    must_be_ok(vhd_open(path, &how, &disk));
    must_be_ok(vhd_write(disk, 4096, data, sizeof data));
    must_be_ok(vhd_zero(disk, 4 * VHDX_MIB, 2 * VHDX_MIB));
    must_be_ok(vhd_flush(disk));
    if (close)
        must_be_ok(vhd_close(disk));
    else
        vhd_abandon(disk);
}

// The good file of a kind, made once.
static const struct mem_fs *good_file(unsigned kind)
{
    static struct mem_fs *files[4];
    if (files[kind])
        return files[kind];
    struct mem_fs *fs = mem_fs_new();
    struct vhd_create how = {.fs = mem_fs_system(fs),
                             .format = VHD_FORMAT_VHDX,
                             .type = kind == 2 ? VHD_TYPE_FIXED : VHD_TYPE_DYNAMIC,
                             .virtual_size = DISK_SIZE,
                             .block_size = 1 << 20};
    must_be_ok(vhd_create(kind == 1 ? PARENT : PATH, &how));
    if (kind == 1)
        must_be_ok(vhd_create_child(PATH, PARENT, mem_fs_system(fs)));
    fill(mem_fs_system(fs), PATH, kind != 3);
    return files[kind] = fs;
}

static void apply_patches(struct mem_fs *fs, const uint8_t *data, size_t size)
{
    while (size >= 4) {
        uint64_t at = areas[data[0] % (sizeof areas / sizeof *areas)] + load_le16(data + 1);
        size_t length = data[3] < size - 4 ? data[3] : size - 4;
        mem_fs_poke(fs, PATH, at, data + 4, length);
        data += 4 + length;
        size -= 4 + length;
    }
}

static void look(struct vhd *disk)
{
    static uint8_t buffer[8192];
    struct vhd_info info;
    vhd_get_info(disk, &info);
    uint64_t at = 0;
    for (int i = 0; i < EXTENTS_MAX && at < info.virtual_size; i++) {
        struct vhd_extent extent;
        if (vhd_map(disk, VHD_MAP_LEAF, at, DISK_SIZE, &extent))
            break;
        assert(extent.offset == at && extent.length > 0);
        assert(extent.length <= info.virtual_size - at);
        size_t length = extent.length < sizeof buffer ? (size_t)extent.length : sizeof buffer;
        if (!vhd_read(disk, at, buffer, length) && extent.kind == VHD_EXTENT_ZERO)
            for (size_t k = 0; k < length; k++)
                assert(buffer[k] == 0);
        at += extent.length;
    }
}

// A disk that opens must take a write and show it after the next opening, or refuse it.
static void change(const struct vhd_open *how, struct vhd *disk)
{
    static uint8_t sector[VHD_SECTOR_SIZE_MAX], read[VHD_SECTOR_SIZE_MAX];
    struct vhd_info info;
    vhd_get_info(disk, &info);
    size_t size = info.logical_sector_size;
    uint64_t places[] = {0, info.virtual_size / 2 / size * size, info.virtual_size - size};
    memset(sector, 0x3c, sizeof sector);
    for (size_t i = 0; i < 3; i++)
        if (vhd_write(disk, places[i], sector, size) || vhd_flush(disk)) {
            vhd_abandon(disk);
            return;
        }
    if (vhd_close(disk))
        return;
    must_be_ok(vhd_open(PATH, how, &disk));
    for (size_t i = 0; i < 3; i++) {
        must_be_ok(vhd_read(disk, places[i], read, size));
        assert(memcmp(sector, read, size) == 0);
    }
    look(disk);
    vhd_abandon(disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_MAX)
        return 0;
    struct mem_fs *fs = mem_fs_clone(good_file(data[0] & 3));
    apply_patches(fs, data + 1, size - 1);
    if (data[0] & 4)
        vhdx_seal_all(fs, PATH);
    struct mem_fs *checked = mem_fs_clone(fs);
    check_laws(checked, PATH);
    mem_fs_free(checked);
    struct vhd_open how = {
        .fs = mem_fs_system(fs), .share = FILE_SHARE_DENY_WRITE, .no_parents = true};
    struct vhd *disk;
    if (!vhd_open(PATH, &how, &disk)) {
        look(disk);
        vhd_abandon(disk);
    }
    how.writable = true;
    if (!vhd_open(PATH, &how, &disk)) {
        look(disk);
        change(&how, disk);
    }
    mem_fs_free(fs);
    return 0;
}
