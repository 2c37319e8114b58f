// Any bytes as a VHD: opened alone, for reading and for writing, mapped, read and written, checked
// and repaired. The first byte says whether the checksums are made right first, so that the checks
// behind them are reached.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "tests/support/check_laws.h"
#include "tests/support/mem_fs.h"
#include "vhd/vhd1/vhd1.h"

#define PATH            "/disk.vhd"
#define INPUT_MAX       (1u << 20)
#define EXTENTS_MAX     256 // looked at in one disk
#define FOOTER_CHECKSUM 64
#define HEADER_CHECKSUM 36

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seal(uint8_t *file, size_t size, uint64_t at, size_t length, size_t checksum_at)
{
    if (at <= size && length <= size - at)
        store_be32(file + at + checksum_at, vhd1_checksum(file + at, length, checksum_at));
}

static void seal_all(uint8_t *file, size_t size)
{
    seal(file, size, VHD1_FOOTER_SIZE, VHD1_HEADER_SIZE, HEADER_CHECKSUM);
    seal(file, size, 0, VHD1_FOOTER_SIZE, FOOTER_CHECKSUM);
    if (size >= VHD1_FOOTER_SIZE)
        seal(file, size, size - VHD1_FOOTER_SIZE, VHD1_FOOTER_SIZE, FOOTER_CHECKSUM);
}

static void look(struct vhd *disk)
{
    struct vhd_info info;
    uint8_t buffer[8192];
    vhd_get_info(disk, &info);
    uint64_t at = 0;
    for (int i = 0; i < EXTENTS_MAX && at < info.virtual_size; i++) {
        struct vhd_extent extent;
        if (vhd_map(disk, VHD_MAP_LEAF, at, UINT64_MAX, &extent) != STATUS_OK)
            break;
        assert(extent.offset == at && extent.length > 0);
        assert(extent.length <= info.virtual_size - at);
        size_t length = extent.length < sizeof buffer ? (size_t)extent.length : sizeof buffer;
        if (vhd_read(disk, at, buffer, length) == STATUS_OK && extent.kind == VHD_EXTENT_ZERO)
            for (size_t k = 0; k < length; k++)
                assert(buffer[k] == 0);
        at += extent.length;
    }
}

// A disk that opens must take a write and show it after the next opening.
static void change(const struct vhd_open *how, struct vhd *disk)
{
    uint8_t sector[VHD1_SECTOR], read[VHD1_SECTOR];
    struct vhd_info info;
    vhd_get_info(disk, &info);
    uint64_t at = info.virtual_size - VHD1_SECTOR;
    memset(sector, 0x3c, sizeof sector);
    if (vhd_write(disk, at, sector, sizeof sector) != STATUS_OK) {
        vhd_abandon(disk);
        return;
    }
    if (vhd_close(disk) != STATUS_OK)
        return;
    if (vhd_open(PATH, how, &disk) != STATUS_OK)
        abort();
    if (vhd_read(disk, at, read, sizeof read) != STATUS_OK ||
        memcmp(sector, read, sizeof read) != 0)
        abort();
    look(disk);
    vhd_abandon(disk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_MAX)
        return 0;
    uint8_t *file = malloc(size);
    if (!file)
        return 0;
    memcpy(file, data + 1, size - 1);
    if (data[0] & 1)
        seal_all(file, size - 1);
    struct mem_fs *fs = mem_fs_new();
    mem_fs_put(fs, PATH, file, size - 1);
    free(file);
    struct mem_fs *checked = mem_fs_clone(fs);
    check_laws(checked, PATH);
    mem_fs_free(checked);

    struct vhd_open how = {
        .fs = mem_fs_system(fs), .share = FILE_SHARE_DENY_WRITE, .no_parents = true};
    struct vhd *disk;
    if (vhd_open(PATH, &how, &disk) == STATUS_OK) {
        look(disk);
        vhd_abandon(disk);
    }
    how.writable = true;
    if (vhd_open(PATH, &how, &disk) == STATUS_OK)
        change(&how, disk);
    mem_fs_free(fs);
    return 0;
}
