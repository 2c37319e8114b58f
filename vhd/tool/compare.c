// compare: the contents of two disks, whatever their formats.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/os.h"
#include "vhd/tool/tool.h"

#define EXIT_DIFFERENT 1
#define BLOCK          4096u // what "block" means wherever a user sees one

struct comparison {
    struct vhd *disks[2];
    uint8_t *chunks[2];
    uint64_t size;
    uint64_t first_difference; // valid when blocks > 0
    uint64_t blocks;           // that differ
};

static void compare_chunks(struct comparison *c, uint64_t offset, size_t size)
{
    if (memcmp(c->chunks[0], c->chunks[1], size) == 0)
        return;
    for (size_t at = 0; at < size;) {
        size_t part = (size_t)min_u64(size - at, BLOCK - (offset + at) % BLOCK);
        const uint8_t *a = c->chunks[0] + at, *b = c->chunks[1] + at;
        if (memcmp(a, b, part) != 0) {
            size_t same = 0;
            while (a[same] == b[same])
                same++;
            if (c->blocks++ == 0)
                c->first_difference = offset + at + same;
        }
        at += part;
    }
}

// Compares from `offset` on, as far as both maps say one thing; *length tells how far that was.
static enum status compare_extent(struct comparison *c, uint64_t offset, uint64_t *length)
{
    struct vhd_extent extents[2];
    bool zero = true;
    *length = c->size - offset;
    for (int i = 0; i < 2; i++) {
        enum status status =
            vhd_map(c->disks[i], VHD_MAP_CHAIN, offset, c->size - offset, &extents[i]);
        if (status != STATUS_OK)
            return status;
        zero = zero && extents[i].kind == VHD_EXTENT_ZERO;
        *length = min_u64(*length, extents[i].length);
    }
    if (zero)
        return STATUS_OK;
    *length = min_u64(*length, TOOL_CHUNK);
    for (int i = 0; i < 2; i++) {
        enum status status = vhd_read(c->disks[i], offset, c->chunks[i], (size_t)*length);
        if (status != STATUS_OK)
            return status;
    }
    compare_chunks(c, offset, (size_t)*length);
    return STATUS_OK;
}

static enum status compare_all(struct comparison *c)
{
    struct progress progress;
    enum status status = STATUS_OK;
    progress_start(&progress, "comparing");
    for (uint64_t offset = 0; offset < c->size && status == STATUS_OK;) {
        uint64_t length = 0;
        status = compare_extent(c, offset, &length);
        offset += length;
        progress_update(&progress, offset, c->size);
    }
    progress_end(&progress);
    return status;
}

static enum status report(const struct comparison *c, const struct vhd_info info[2], int *exit_code)
{
    struct buffer out = {0};
    enum status status = STATUS_OK;
    if (info[0].virtual_size != info[1].virtual_size) {
        *exit_code = EXIT_DIFFERENT;
        status = buffer_printf(&out, "The sizes differ: %" PRIu64 " and %" PRIu64 " bytes.\n",
                               info[0].virtual_size, info[1].virtual_size);
    }
    if (status == STATUS_OK && c->blocks > 0) {
        *exit_code = EXIT_DIFFERENT;
        status = buffer_printf(&out,
                               "The contents differ: first at byte %" PRIu64 ", in %" PRIu64
                               " blocks of %u bytes.\n",
                               c->first_difference, c->blocks, BLOCK);
    }
    if (status == STATUS_OK && *exit_code == 0)
        status = buffer_printf(&out, "The disks are the same: %" PRIu64 " bytes.\n", c->size);
    if (status == STATUS_OK)
        status = tool_print(&out);
    buffer_free(&out);
    return status;
}

// Disks of different sizes are compared as far as both reach.
enum status verb_compare(const struct arguments *a, int *exit_code)
{
    struct comparison c = {0};
    struct vhd_info info[2];
    enum status status = STATUS_OK;

    for (int i = 0; i < 2 && status == STATUS_OK; i++) {
        status = tool_open_reader(a->files[i], &c.disks[i]);
        if (status != STATUS_OK)
            break;
        vhd_get_info(c.disks[i], &info[i]);
        c.chunks[i] = os_alloc_data(TOOL_CHUNK);
        if (!c.chunks[i])
            status = status_no_memory("the data");
    }
    if (status == STATUS_OK) {
        // Whole sectors of both disks.
        uint32_t sector = info[0].logical_sector_size > info[1].logical_sector_size
                              ? info[0].logical_sector_size
                              : info[1].logical_sector_size;
        c.size = align_down(min_u64(info[0].virtual_size, info[1].virtual_size), sector);
        status = compare_all(&c);
    }
    if (status == STATUS_OK)
        status = report(&c, info, exit_code);
    for (int i = 0; i < 2; i++) {
        if (c.disks[i])
            vhd_abandon(c.disks[i]);
        os_free_data(c.chunks[i]);
    }
    return status;
}
