#include "tests/support/disk_laws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "tests/support/check_laws.h"
#include "vhd/vhd.h"

#define EXTENTS_MAX 256          // looked at in one disk
#define EXTENT_MAX  (1ull << 30) // asked for at a time
#define PLACES      3            // written to
#define WRITTEN     0x3c

static void insist(bool condition, const char *law)
{
    if (condition)
        return;
    fprintf(stderr, "disk_laws: %s\n%s\n", law, status_last()->message);
    abort();
}

static void look(struct vhd *disk, enum vhd_map_scope scope)
{
    static uint8_t buffer[8192];
    struct vhd_info info;
    struct vhd_extent extent;
    vhd_get_info(disk, &info);
    uint64_t at = 0;
    for (int i = 0; i < EXTENTS_MAX && at < info.virtual_size; i++, at += extent.length) {
        if (vhd_map(disk, scope, at, EXTENT_MAX, &extent) != STATUS_OK)
            break;
        insist(extent.offset == at && extent.length > 0 && extent.length <= info.virtual_size - at,
               "an extent is somewhere else");
        size_t length = extent.length < sizeof buffer ? (size_t)extent.length : sizeof buffer;
        if (vhd_read(disk, at, buffer, length) == STATUS_OK && extent.kind == VHD_EXTENT_ZERO)
            insist(bytes_are_zero(buffer, length), "the map calls zeros what is not");
    }
}

// False: the disk refused a write, and is closed as it was.
static bool write_sectors(struct vhd *disk, const uint64_t places[PLACES], size_t sector_size)
{
    static uint8_t sector[VHD_SECTOR_SIZE_MAX];
    memset(sector, WRITTEN, sizeof sector);
    for (size_t i = 0; i < PLACES; i++)
        if (vhd_write(disk, places[i], sector, sector_size) != STATUS_OK ||
            vhd_flush(disk) != STATUS_OK) {
            vhd_abandon(disk);
            return false;
        }
    return vhd_close(disk) == STATUS_OK;
}

static void change(const char *path, const struct vhd_open *how, struct vhd *disk)
{
    static uint8_t sector[VHD_SECTOR_SIZE_MAX];
    struct vhd_info info;
    vhd_get_info(disk, &info);
    size_t size = info.logical_sector_size;
    const uint64_t places[PLACES] = {0, info.virtual_size / 2 / size * size,
                                     info.virtual_size - size};
    if (!write_sectors(disk, places, size))
        return;
    insist(vhd_open(path, how, &disk) == STATUS_OK, "a written disk does not open");
    for (size_t i = 0; i < PLACES; i++) {
        insist(vhd_read(disk, places[i], sector, size) == STATUS_OK,
               "what was written cannot be read");
        for (size_t k = 0; k < size; k++)
            insist(sector[k] == WRITTEN, "what was written is not there");
    }
    look(disk, how->no_parents ? VHD_MAP_LEAF : VHD_MAP_CHAIN);
    vhd_abandon(disk);
}

void disk_laws(struct mem_fs *fs, const char *path, bool alone)
{
    struct vhd_open how = {
        .fs = mem_fs_system(fs), .share = FILE_SHARE_DENY_WRITE, .no_parents = alone};
    struct mem_fs *checked = mem_fs_clone(fs);
    struct vhd *disk;
    check_laws(checked, path);
    mem_fs_free(checked);
    if (vhd_open(path, &how, &disk) == STATUS_OK) {
        look(disk, alone ? VHD_MAP_LEAF : VHD_MAP_CHAIN);
        vhd_abandon(disk);
    }
    how.writable = true;
    if (vhd_open(path, &how, &disk) == STATUS_OK)
        change(path, &how, disk);
}
