// How much room a merge will need on the parent's volume, and taking it beforehand.
#include "vhd/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "vhd/errors.h"
#include "vhd/holes.h"

#define MIB (1ull << 20)
// [MS-VHDX] 2.4: one sector bitmap block of 1 MiB describes 2^23 sectors.
#define BITMAP_BLOCK_SIZE MIB
#define BITMAP_SECTORS    (1ull << 23)
#define TABLE_ENTRY_SIZE  8
// A VHD's block follows its bitmap of one bit a sector, aligned to 4 KiB (docs/formats.md); the
// footer moves behind it.
#define VHD_ALIGNMENT        4096u
#define VHD_SECTOR           512u
#define VHD_TABLE_ENTRY_SIZE 4
#define VHD_FOOTER_ROOM      (2 * VHD_ALIGNMENT)

// Goes over what a merge will write into the parent's file.
struct walk {
    struct vhd *child;
    struct vhd *parent;
    struct vhd_info parent_info;
    bool reserve;         // take room for the holes that are found
    uint64_t data;        // bytes to copy
    uint64_t blocks;      // of the parent that must be allocated
    uint64_t bitmaps;     // sector bitmap blocks that may have to be allocated
    uint64_t holes;       // bytes of existing structures and blocks for which the file has no room
    bool blocks_whole;    // no existing block that is written lacks room
    uint64_t last_block;  // the last one counted in `blocks`
    uint64_t last_bitmap; // the last one counted in `bitmaps`
    struct vhd_known_data known_data; // of the parent's file
};

static bool is_vhd(const struct walk *w)
{
    return w->parent_info.format == VHD_FORMAT_VHD;
}

static uint64_t vhd_bitmap_size(const struct walk *w)
{
    return align_up(w->parent_info.block_size / VHD_SECTOR / 8, VHD_SECTOR);
}

static void count_block(struct walk *w, uint64_t offset)
{
    uint64_t block = offset / w->parent_info.block_size;
    uint64_t bitmap = offset / (BITMAP_SECTORS * w->parent_info.logical_sector_size);
    if (w->blocks == 0 || block != w->last_block)
        w->blocks++;
    w->last_block = block;
    if (is_vhd(w) || w->parent_info.type != VHD_TYPE_DIFFERENCING)
        return;
    if (w->bitmaps == 0 || bitmap != w->last_bitmap)
        w->bitmaps++;
    w->last_bitmap = bitmap;
}

static enum status find_holes(struct walk *w, uint64_t at, uint64_t length)
{
    struct file *file = w->parent->image->file;
    for (uint64_t end = at + length; at < end; at += length) {
        enum file_extent_kind kind;
        enum status status = vhd_file_extent(file, &w->known_data, at, &kind, &length);
        if (status != STATUS_OK)
            return status;
        length = min_u64(length, end - at);
        if (kind == FILE_EXTENT_DATA)
            continue;
        w->holes += length;
        status = w->reserve ? file->ops->reserve(file, at, length) : STATUS_OK;
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

// The block at `at` of the disk is in the file, the byte `at` at `where`: its bitmap lies before it
// in a VHD and is written with it.
static enum status find_holes_of_block(struct walk *w, uint64_t at, uint64_t where, uint64_t length)
{
    enum status status = STATUS_OK;
    if (is_vhd(w) && w->parent_info.block_size > 0) {
        uint64_t start = where - at % w->parent_info.block_size;
        status = find_holes(w, start - vhd_bitmap_size(w), vhd_bitmap_size(w));
    }
    return status == STATUS_OK ? find_holes(w, where, length) : status;
}

// Zeros take no room, except that a parent which is itself a child needs a block to hold those of
// part of a block.
static bool needs_room(const struct walk *w, const struct vhd_extent *extent, bool allocated)
{
    if (extent->kind == VHD_EXTENT_DATA)
        return true;
    return extent->kind == VHD_EXTENT_ZERO && !allocated &&
           w->parent_info.type == VHD_TYPE_DIFFERENCING;
}

static enum status walk_extent(struct walk *w, const struct vhd_extent *extent)
{
    uint64_t end = extent->offset + extent->length;
    uint64_t length;
    for (uint64_t at = extent->offset; at < end; at += length) {
        uint64_t where;
        enum status status = STATUS_OK;
        w->parent->image->ops->locate(w->parent->image, at, end - at, &where, &length);
        bool allocated = where != VHD_NOT_ALLOCATED;
        if (!needs_room(w, extent, allocated))
            continue;
        if (allocated)
            status = find_holes_of_block(w, at, where, length);
        else
            count_block(w, at);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

// How much of the beginning of the parent's file a merge may write that is not a block: headers,
// log, metadata and table, which Windows, QEMU and we put first. VHDX: three times 1 MiB and the
// table with the sector bitmaps' entries, one more for what lies between. VHD: headers and locators
// in less than 1 MiB, and the table; a fixed one has nothing.
static uint64_t structure_size(const struct walk *w)
{
    if (w->parent_info.block_size == 0)
        return 0;
    uint64_t blocks = divide_up(w->parent->virtual_size, w->parent_info.block_size);
    return is_vhd(w) ? MIB + blocks * VHD_TABLE_ENTRY_SIZE
                     : 4 * MIB + align_up(2 * blocks * TABLE_ENTRY_SIZE, MIB);
}

static enum status find_structure_holes(struct walk *w)
{
    return find_holes(w, 0, min_u64(w->parent_info.file_size, structure_size(w)));
}

static enum status walk(struct walk *w)
{
    struct vhd_extent extent;
    uint64_t size = w->child->virtual_size;
    vhd_get_info(w->parent, &w->parent_info);
    enum status found = find_structure_holes(w);
    if (found != STATUS_OK || w->blocks_whole)
        return found;
    uint64_t structures = w->holes;
    for (uint64_t at = 0; at < size; at += extent.length) {
        enum status status = vhd_map(w->child, VHD_MAP_LEAF, at, size - at, &extent);
        if (status == STATUS_OK && extent.kind != VHD_EXTENT_PARENT)
            status = walk_extent(w, &extent);
        if (status != STATUS_OK)
            return status;
        if (extent.kind != VHD_EXTENT_PARENT)
            w->data += extent.length;
    }
    w->blocks_whole = w->holes == structures;
    return STATUS_OK;
}

// An upper bound: free space inside the parent's file is not counted on.
static uint64_t growth(const struct walk *w)
{
    uint64_t block = w->parent_info.block_size;
    if (!is_vhd(w))
        return w->blocks * block + w->bitmaps * BITMAP_BLOCK_SIZE;
    if (w->blocks == 0)
        return 0;
    return w->blocks * (block + align_up(vhd_bitmap_size(w), VHD_ALIGNMENT)) + VHD_FOOTER_ROOM;
}

// *blocks_whole: a second walk need not look for holes in blocks.
static enum status plan(const char *child_path, const struct file_system *fs,
                        struct vhd_merge_need *need, bool *blocks_whole)
{
    struct vhd *child;
    enum status status = vhd_merge_open_reader(child_path, 1, fs, &child);
    if (status != STATUS_OK)
        return status;
    struct walk w = {.child = child, .parent = child->parent};
    status = walk(&w);
    if (status == STATUS_OK) {
        *need = (struct vhd_merge_need){
            .data = w.data, .growth = growth(&w), .allocation = growth(&w) + w.holes};
        *blocks_whole = w.blocks_whole;
    }
    vhd_abandon(child);
    return status;
}

enum status vhd_merge_plan(const char *child_path, const struct file_system *fs,
                           struct vhd_merge_need *need)
{
    bool blocks_whole;
    return plan(child_path, fs ? fs : file_system_os(), need, &blocks_whole);
}

static enum status no_space(const char *path, uint64_t need, uint64_t there)
{
    (void)status_fail(
        STATUS_NO_SPACE, 0,
        "Merging into %s needs up to %llu bytes more on its volume, where %llu are free.", path,
        (unsigned long long)need, (unsigned long long)there);
    return status_advise(0, "Make room on that volume; nothing was changed.");
}

// The child alone and its parent's file open for writing; the parent's image is read only, so that
// nothing in it changes.
static enum status open_for_reserve(const char *child_path, const struct file_system *fs,
                                    struct walk *w)
{
    const struct file_open child_open = {.share = FILE_SHARE_DENY_WRITE,
                                         .wait_ms = FILE_SHARING_WAIT_MS};
    const struct file_open parent_open = {
        .writable = true, .share = FILE_SHARE_DENY_WRITE, .wait_ms = FILE_SHARING_WAIT_MS};
    char **paths;
    enum status status = vhd_merge_files(child_path, 1, fs, &paths);
    if (status != STATUS_OK)
        return status;
    status = vhd_open_leaf(fs, paths[0], &child_open, false, &w->child);
    if (status == STATUS_OK)
        status = vhd_open_leaf(fs, paths[1], &parent_open, false, &w->parent);
    vhd_free_paths(paths);
    return status;
}

static void close_both(struct walk *w)
{
    if (w->parent)
        vhd_abandon(w->parent);
    if (w->child)
        vhd_abandon(w->child);
}

// What lies past the end goes first: should the volume be full, it is what can be given back.
static enum status reserve(struct walk *w, const struct vhd_merge_need *need)
{
    struct file *file = w->parent->image->file;
    uint64_t there = 0, size;
    enum status status = file_size(file, &size);
    // New blocks of a VHDX begin at the next MiB, those of a VHD at the end.
    if (status == STATUS_OK && need->growth > 0)
        status = file->ops->reserve(file, size, align_up(size, MIB) - size + need->growth);
    if (status == STATUS_OK)
        status = walk(w);
    if (status != STATUS_NO_SPACE)
        return status;
    (void)file->ops->trim_reservation(file);
    (void)w->child->fs->free_space(w->child->fs, w->parent->path, &there);
    return no_space(w->parent->path, need->allocation, there);
}

// Where room cannot be taken beforehand, all that can be done is to look whether it is there now.
static enum status compare_free_space(const struct walk *w, const struct vhd_merge_need *need)
{
    uint64_t there;
    enum status status = w->child->fs->free_space(w->child->fs, w->parent->path, &there);
    if (status != STATUS_OK || there >= need->allocation)
        return status;
    return no_space(w->parent->path, need->allocation, there);
}

enum status vhd_merge_reserve(const char *child_path, const struct file_system *fs,
                              struct vhd_merge_need *need)
{
    struct vhd_merge_need planned;
    struct walk w = {.reserve = true};

    fs = fs ? fs : file_system_os();
    enum status status = plan(child_path, fs, &planned, &w.blocks_whole);
    if (status == STATUS_OK)
        status = open_for_reserve(child_path, fs, &w);
    if (status == STATUS_OK) {
        status = reserve(&w, &planned);
        planned.reserved = status == STATUS_OK && !fs->reservation_ends_with_close;
        if (status == STATUS_UNSUPPORTED)
            status = compare_free_space(&w, &planned);
    }
    close_both(&w);
    if (status == STATUS_OK)
        *need = planned;
    return status;
}

enum status vhd_merge_release(const char *child_path, const struct file_system *fs)
{
    struct walk w = {0};
    enum status status = open_for_reserve(child_path, fs ? fs : file_system_os(), &w);
    if (status == STATUS_OK)
        status = w.parent->image->file->ops->trim_reservation(w.parent->image->file);
    close_both(&w);
    return status;
}
