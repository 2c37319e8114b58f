// What tests of VHDX files share: disks in a mem_fs, opened in one line, and their raw parts.
#ifndef VREP_TESTS_SUPPORT_VHDX_DISK_H
#define VREP_TESTS_SUPPORT_VHDX_DISK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "tests/support/mem_fs.h"
#include "tests/support/test.h"
#include "vhd/vhd.h"
#include "vhd/vhdx/header.h"

#define MIB (1ull << 20)

// Where files that we create have these.
#define VHDX_TEST_METADATA (2 * MIB)
#define VHDX_TEST_BAT      (3 * MIB)

// A path in a folder that this system takes for absolute; eight of them live at a time.
static inline const char *vhdx_test_path(const char *folder, const char *name)
{
    static char paths[8][64];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s%s%c%s", os_path_is_absolute("/") ? "/" : "C:\\", folder,
             OS_PATH_SEPARATOR, name);
    return path;
}

static inline struct vhd *vhdx_test_open(const struct file_system *fs, const char *path,
                                         bool writable)
{
    struct vhd_open how = {.fs = fs,
                           .writable = writable,
                           .share = writable ? FILE_SHARE_NOTHING : FILE_SHARE_DENY_WRITE};
    struct vhd *disk;
    assert_ok(vhd_open(path, &how, &disk));
    return disk;
}

static inline void vhdx_test_create(const struct file_system *fs, const char *path,
                                    enum vhd_type type, uint64_t size, uint32_t block_size)
{
    struct vhd_create how = {.fs = fs,
                             .format = VHD_FORMAT_VHDX,
                             .type = type,
                             .virtual_size = size,
                             .block_size = block_size};
    assert_ok(vhd_create(path, &how));
}

// Writes `length` bytes of `value`.
static inline void vhdx_test_fill(struct vhd *disk, uint64_t offset, size_t length, int value)
{
    uint8_t *data = malloc(length);
    assert_non_null(data);
    memset(data, value, length);
    assert_ok(vhd_write(disk, offset, data, length));
    free(data);
}

static inline struct vhd_info vhdx_test_info(const struct file_system *fs, const char *path)
{
    struct vhd_open how = {.fs = fs, .share = FILE_SHARE_DENY_WRITE, .no_parents = true};
    struct vhd_info info;
    struct vhd *disk;
    assert_ok(vhd_open(path, &how, &disk));
    vhd_get_info(disk, &info);
    info.path = info.parent_path = NULL; // the disk's
    vhd_abandon(disk);
    return info;
}

// A raw entry of the block allocation table at `bat`.
static inline uint64_t vhdx_test_entry(const struct mem_fs *fs, const char *path, uint64_t bat,
                                       uint64_t index)
{
    uint64_t raw;
    mem_fs_peek(fs, path, bat + index * sizeof raw, &raw, sizeof raw);
    return raw;
}

static inline void vhdx_test_set_entry(struct mem_fs *fs, const char *path, uint64_t bat,
                                       uint64_t index, uint64_t raw)
{
    mem_fs_poke(fs, path, bat + index * sizeof raw, &raw, sizeof raw);
}

#endif
