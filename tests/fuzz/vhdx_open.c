// Patches of a good VHDX file: opened alone, for reading and for writing, mapped, read, written and
// opened again, checked and repaired. A VHDX has megabytes of nothing between its structures, so
// the input only says which bytes of which structure change:
//
//   byte 0: bits 0-1 the file (dynamic, child, fixed, dynamic with a live log), bit 2: checksums
//   are made right then any number of: area (1 byte), offset in it (2 bytes), length (1 byte), the
//   bytes
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "tests/support/disk_laws.h"
#include "tests/support/vhdx_seal.h"
#include "vhd/vhd.h"
#include "vhd/vhdx/layout.h"

#define PATH      "/disk.vhdx"
#define PARENT    "/parent.vhdx"
#define INPUT_MAX (1u << 16)
#define DISK_SIZE (8 * VHDX_MIB)

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_MAX)
        return 0;
    struct mem_fs *fs = mem_fs_clone(good_file(data[0] & 3));
    apply_patches(fs, data + 1, size - 1);
    if (data[0] & 4)
        vhdx_seal_all(fs, PATH);
    disk_laws(fs, PATH, true);
    mem_fs_free(fs);
    return 0;
}
