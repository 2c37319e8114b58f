#include "tests/support/vhd1_disk.h"

#include <string.h>

#include "base/checked.h"
#include "base/endian.h"
#include "tests/support/must.h"
#include "vhd/vhd1/vhd1.h"

static void must_succeed(enum status status)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "%s\n", status_last()->message);
    abort();
}

void vhd1_disk_create(struct mem_fs *fs, const char *path, enum vhd_type type, uint64_t size,
                      uint32_t block_size)
{
    const struct vhd_create how = {.fs = mem_fs_system(fs),
                                   .format = VHD_FORMAT_VHD,
                                   .type = type,
                                   .virtual_size = size,
                                   .block_size = block_size};
    must_succeed(vhd_create(path, &how));
}

static const struct guid tiny_id =
    GUID_INIT(0x7d0fe6a1, 0x52c4, 0x4f0e, 0x9a, 0x11, 0x3c, 0x9d, 0x20, 0x5b, 0x61, 0x07);

// Footer, header, empty table and the room of the locator before the first block.
static void put_sparse(struct mem_fs *fs, const char *path, const struct vhd1_footer *footer,
                       struct vhd1_header *header)
{
    uint64_t table = align_up((uint64_t)header->max_entries * 4, VHD1_SECTOR);
    uint64_t end = align_up(header->table_offset + table, VHD1_DATA_ALIGNMENT);
    uint8_t *unused = must_alloc((size_t)table);
    memset(unused, 0xff, (size_t)table);
    header->locators[0].offset = header->locators[0].length ? end : 0;
    end += header->locators[0].length;
    vhd1_header_build(header);
    mem_fs_put(fs, path, footer->raw, VHD1_FOOTER_SIZE);
    mem_fs_poke(fs, path, VHD1_FOOTER_SIZE, header->raw, VHD1_HEADER_SIZE);
    mem_fs_poke(fs, path, header->table_offset, unused, (size_t)table);
    mem_fs_poke(fs, path, vhd1_slot(end, vhd1_bitmap_size(header->block_size)), footer->raw,
                VHD1_FOOTER_SIZE);
    free(unused);
}

void vhd1_disk_create_tiny(struct mem_fs *fs, const char *path, enum vhd_type type, uint64_t size,
                           uint32_t block_size)
{
    struct vhd1_footer footer;
    vhd1_footer_build(&footer, type, size, &tiny_id);
    if (type == VHD_TYPE_FIXED) {
        mem_fs_put(fs, path, "", 0);
        mem_fs_poke(fs, path, size, footer.raw, VHD1_FOOTER_SIZE);
        return;
    }
    struct vhd1_header header = {.table_offset = VHD1_DISK_TABLE,
                                 .max_entries = (uint32_t)divide_up(size, block_size),
                                 .block_size = block_size};
    put_sparse(fs, path, &footer, &header);
}

void vhd1_disk_create_tiny_child(struct mem_fs *fs, const char *path, const char *parent,
                                 uint64_t size, uint32_t block_size)
{
    static const struct guid id = {{1}};
    struct vhd1_footer footer;
    struct vhd1_header header = {.table_offset = VHD1_DISK_TABLE,
                                 .max_entries = (uint32_t)divide_up(size, block_size),
                                 .block_size = block_size,
                                 .parent_id = tiny_id};
    uint32_t length = (uint32_t)strlen(parent + 1) * 2;
    header.locators[0] =
        (struct vhd1_locator){.code = VHD1_LOCATOR_W2RU, .space = length, .length = length};
    vhd1_footer_build(&footer, VHD_TYPE_DIFFERENCING, size, &id);
    put_sparse(fs, path, &footer, &header);
    for (uint32_t i = 0; parent[1 + i]; i++)
        mem_fs_poke(fs, path, header.locators[0].offset + i * 2, &parent[1 + i], 1);
}

enum status vhd1_disk_try_open(const struct file_system *fs, const char *path, bool writable,
                               struct vhd **disk)
{
    const struct vhd_open how = {.fs = fs, .writable = writable, .share = FILE_SHARE_DENY_WRITE};
    return vhd_open(path, &how, disk);
}

struct vhd *vhd1_disk_open(const struct file_system *fs, const char *path, bool writable)
{
    struct vhd *disk = NULL;
    must_succeed(vhd1_disk_try_open(fs, path, writable, &disk));
    return disk;
}

uint64_t vhd1_disk_footer_at(const struct mem_fs *fs, const char *path)
{
    return mem_fs_size(fs, path) - VHD1_FOOTER_SIZE;
}

uint32_t vhd1_disk_peek_be32(const struct mem_fs *fs, const char *path, uint64_t offset)
{
    uint8_t raw[4];
    mem_fs_peek(fs, path, offset, raw, sizeof raw);
    return load_be32(raw);
}

void vhd1_disk_poke_be32(struct mem_fs *fs, const char *path, uint64_t offset, uint32_t value)
{
    uint8_t raw[4];
    store_be32(raw, value);
    mem_fs_poke(fs, path, offset, raw, sizeof raw);
}

void vhd1_disk_seal(struct mem_fs *fs, const char *path, uint64_t offset, size_t size,
                    size_t checksum_at)
{
    uint8_t *raw = must_alloc(size);
    mem_fs_peek(fs, path, offset, raw, size);
    vhd1_disk_poke_be32(fs, path, offset + checksum_at, vhd1_checksum(raw, size, checksum_at));
    free(raw);
}

void vhd1_disk_poke_footers(struct mem_fs *fs, const char *path, uint64_t field, const void *data,
                            size_t size)
{
    uint64_t end = vhd1_disk_footer_at(fs, path);
    mem_fs_poke(fs, path, field, data, size);
    mem_fs_poke(fs, path, end + field, data, size);
    vhd1_disk_seal(fs, path, 0, VHD1_FOOTER_SIZE, VHD1_DISK_FOOTER_CHECKSUM);
    vhd1_disk_seal(fs, path, end, VHD1_FOOTER_SIZE, VHD1_DISK_FOOTER_CHECKSUM);
}

void vhd1_disk_poke_header(struct mem_fs *fs, const char *path, uint64_t field, uint32_t value)
{
    vhd1_disk_poke_be32(fs, path, VHD1_FOOTER_SIZE + field, value);
    vhd1_disk_seal(fs, path, VHD1_FOOTER_SIZE, VHD1_HEADER_SIZE, VHD1_DISK_HEADER_CHECKSUM);
}

bool vhd1_disk_has_two_footers(const struct mem_fs *fs, const char *path)
{
    uint8_t first[VHD1_FOOTER_SIZE], last[VHD1_FOOTER_SIZE];
    struct vhd1_footer footer;
    mem_fs_peek(fs, path, 0, first, sizeof first);
    mem_fs_peek(fs, path, vhd1_disk_footer_at(fs, path), last, sizeof last);
    return memcmp(first, last, sizeof first) == 0 &&
           vhd1_footer_parse(first, path, &footer) == STATUS_OK;
}
