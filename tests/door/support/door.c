#include "tests/door/support/door.h"

#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/checked.h"
#include "base/os.h"
#include "tests/door/support/backend.h"
#include "tests/support/temp.h"

#define CHUNK     (256u * 1024)
#define PATHS_MAX 256

const struct door_kind door_kinds[] = {
    {"dynamic.vhdx", VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC, 512, 1u << 20},
    {"native4k.vhdx", VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC, 4096, 2u << 20},
    {"fixed.vhdx", VHD_FORMAT_VHDX, VHD_TYPE_FIXED, 512, 0},
    {"dynamic.vhd", VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC, 512, 0},
    {"fixed.vhd", VHD_FORMAT_VHD, VHD_TYPE_FIXED, 512, 0},
};
const size_t door_kind_count = sizeof door_kinds / sizeof *door_kinds;

static char *paths[PATHS_MAX];
static size_t path_count;

int door_start(void **state)
{
    (void)state;
    const char *name = getenv("VREP_BACKEND");
    if (!name)
        name = "native";
    if (strcmp(name, "virtdisk") == 0)
        assert_ok(vhd_choose_backend(VHD_BACKEND_VIRTDISK));
    else
        assert_string_equal(name, "native");
    return 0;
}

int door_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < path_count; i++)
        free(paths[i]);
    return door_backend_leaks() == 0 ? 0 : -1;
}

static const char *keep(char *path)
{
    assert_non_null(path);
    assert_true(path_count < PATHS_MAX);
    paths[path_count++] = path;
    return path;
}

const char *door_path(const char *name)
{
    return keep(temp_path(temp_folder(), name));
}

const char *door_beside(const char *beside, const char *name)
{
    char *folder = os_path_folder(beside);
    assert_non_null(folder);
    const char *path = keep(os_path_join(folder, name));
    free(folder);
    return path;
}

const char *door_create(const struct door_kind *kind, uint64_t size)
{
    const struct vhd_create how = {.format = kind->format,
                                   .type = kind->type,
                                   .virtual_size = size,
                                   .logical_sector_size = kind->sector_size,
                                   .block_size = kind->block_size};
    const char *path = door_path(kind->name);
    assert_ok(vhd_create(path, &how));
    return path;
}

const char *door_child(const char *parent, const char *name)
{
    const char *path = door_beside(parent, name);
    assert_ok(vhd_create_child(path, parent, NULL));
    return path;
}

static struct vhd_open how_to_open(bool writable)
{
    return (struct vhd_open){.writable = writable,
                             .share = writable ? FILE_SHARE_NOTHING : FILE_SHARE_DENY_WRITE};
}

struct vhd *door_open(const char *path, bool writable)
{
    const struct vhd_open how = how_to_open(writable);
    struct vhd *disk = NULL;
    assert_ok(vhd_open(path, &how, &disk));
    return disk;
}

void door_refuses(const char *path, bool writable, enum status status, uint32_t code)
{
    const struct vhd_open how = how_to_open(writable);
    struct vhd *disk = NULL;
    assert_failure(vhd_open(path, &how, &disk), status, code);
    assert_null(disk);
}

void door_close(struct vhd *disk)
{
    assert_ok(vhd_close(disk));
}

static void make_pattern(uint8_t *buffer, uint64_t offset, size_t size, uint32_t seed)
{
    for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
        uint64_t word = (offset + i + 1) * 0x9E3779B97F4A7C15ull ^ (uint64_t)seed << 32;
        memcpy(buffer + i, &word, sizeof word);
    }
}

void door_fill(struct vhd *disk, uint64_t offset, uint64_t length, uint32_t seed)
{
    static uint8_t buffer[CHUNK];
    for (uint64_t at = 0; at < length; at += CHUNK) {
        size_t size = (size_t)min_u64(length - at, CHUNK);
        make_pattern(buffer, offset + at, size, seed);
        assert_ok(vhd_write(disk, offset + at, buffer, size));
    }
}

static void expect(struct vhd *disk, uint64_t offset, uint64_t length, bool zeros, uint32_t seed)
{
    static uint8_t expected[CHUNK], actual[CHUNK];
    for (uint64_t at = 0; at < length; at += CHUNK) {
        size_t size = (size_t)min_u64(length - at, CHUNK);
        if (zeros)
            memset(expected, 0, size);
        else
            make_pattern(expected, offset + at, size, seed);
        memset(actual, 0x5A, size);
        assert_ok(vhd_read(disk, offset + at, actual, size));
        assert_memory_equal(actual, expected, size);
    }
}

void door_expect(struct vhd *disk, uint64_t offset, uint64_t length, uint32_t seed)
{
    expect(disk, offset, length, false, seed);
}

void door_expect_zeros(struct vhd *disk, uint64_t offset, uint64_t length)
{
    expect(disk, offset, length, true, 0);
}

void door_fill_file(const char *path, uint64_t offset, uint64_t length, uint32_t seed)
{
    struct vhd *disk = door_open(path, true);
    door_fill(disk, offset, length, seed);
    assert_ok(vhd_flush(disk));
    door_close(disk);
}

void door_expect_file(const char *path, uint64_t offset, uint64_t length, uint32_t seed)
{
    struct vhd *disk = door_open(path, false);
    door_expect(disk, offset, length, seed);
    door_close(disk);
}

uint64_t door_contents(const char *path)
{
    static uint8_t buffer[CHUNK];
    struct vhd *disk = door_open(path, false);
    struct vhd_info info;
    XXH3_state_t *digest = XXH3_createState();
    assert_non_null(digest);
    XXH3_64bits_reset(digest);
    vhd_get_info(disk, &info);
    for (uint64_t at = 0; at < info.virtual_size; at += CHUNK) {
        size_t size = (size_t)min_u64(info.virtual_size - at, CHUNK);
        assert_ok(vhd_read(disk, at, buffer, size));
        XXH3_64bits_update(digest, buffer, size);
    }
    uint64_t result = XXH3_64bits_digest(digest);
    XXH3_freeState(digest);
    door_close(disk);
    return result;
}

uint64_t door_file_bytes(const char *path)
{
    char *data = NULL;
    size_t size = 0;
    assert_ok(os_read_file(path, 256 * MIB, &data, &size));
    uint64_t result = XXH3_64bits(data, size);
    free(data);
    return result;
}

void door_info(const char *path, struct vhd_info *info)
{
    struct vhd *disk = door_open(path, false);
    vhd_get_info(disk, info);
    info->path = info->parent_path = NULL; // the disk's
    door_close(disk);
}

void door_patch(const char *path, uint64_t offset, const void *bytes, size_t size)
{
    const struct file_open how = {.writable = true, .share = FILE_SHARE_NOTHING};
    struct file *file = NULL;
    assert_ok(file_system_os()->open(file_system_os(), path, &how, &file));
    assert_ok(file_write(file, offset, bytes, size));
    file_close(file);
}

void door_assert_code(uint32_t code, const char *what, const char *file, int line)
{
    uint32_t actual = status_last()->os_code;
    if (code ? actual == code : actual >> 16 != 0xC03A)
        return;
    print_error("%s has the code 0x%08X instead of 0x%08X: %s\n", what, (unsigned)actual,
                (unsigned)code, status_last()->message);
    _fail(file, line);
}
