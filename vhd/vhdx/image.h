// An open VHDX file and what its parts do with it. The inside of vhd/vhdx/.
#ifndef VREP_VHD_VHDX_IMAGE_H
#define VREP_VHD_VHDX_IMAGE_H

#include "vhd/format.h"
#include "vhd/holes.h"
#include "vhd/vhdx/bat.h"
#include "vhd/vhdx/header.h"
#include "vhd/vhdx/locator.h"
#include "vhd/vhdx/log_write.h"
#include "vhd/vhdx/metadata.h"
#include "vhd/vhdx/pages.h"
#include "vhd/vhdx/region.h"
#include "vhd/vhdx/space.h"
#include "vhd/vhdx/view.h"

struct vhdx {
    struct vhd_image image; // first, so that one pointer is both
    struct vhdx_view view;
    struct vhdx_headers headers;
    struct vhdx_regions regions;
    struct vhdx_metadata metadata;
    struct vhdx_locator locator; // of a differencing disk
    bool locator_changed;        // in memory; written with the first change of the file
    struct vhdx_pages pages;
    struct vhdx_bat bat;
    struct vhdx_space space; // writable images only
    uint64_t present_blocks;
    bool anchors_shared;  // soft anchors are of no use, for one of them lies on something else
    uint64_t opened_size; // of the file
    char creator[64];

    // A session begins with the first change and ends when the image is closed.
    bool session;
    bool data_changed;    // DataWriteGuid has been renewed
    bool payload_dirty;   // payload or file size changed since the last flush of the file
    bool home_dirty;      // logged pages went to their places since the last flush of the file
    uint64_t stable_size; // of the file, at the last flush
    struct vhd_known_data known_data;
    struct guid data_write_guid; // the one to take next; zero: a random one
    struct vhdx_log_writer log;
};

static inline struct vhdx *vhdx_of(struct vhd_image *image)
{
    return (struct vhdx *)image;
}

extern const struct vhd_image_ops vhdx_ops;

// open.c: frees what `x` holds, not `x` itself nor its file.
void vhdx_free_parts(struct vhdx *x);

// session.c

// To be called before any change of the file. Before the first one the headers get a new
// FileWriteGuid, then a live log; before the first one that a reader of the disk can see
// (`visible`), a new DataWriteGuid.
enum status vhdx_begin_change(struct vhdx *x, bool visible) MUST_CHECK;

// Makes the file at least `end` bytes long.
enum status vhdx_grow_file(struct vhdx *x, uint64_t end) MUST_CHECK;

// Makes everything written before stable: payload first, then the changed pages of metadata through
// the log.
enum status vhdx_commit(struct vhdx *x) MUST_CHECK;

// Commits before the changed pages in memory become too many.
enum status vhdx_commit_if_full(struct vhdx *x) MUST_CHECK;

// Commits, drops the log from the headers and cuts the file at the end of what is in use.
enum status vhdx_end_session(struct vhdx *x) MUST_CHECK;

// block.c

// Makes a range of the file read as zeros, without taking room where that can be done.
enum status vhdx_zero_file(struct vhdx *x, uint64_t offset, uint64_t length) MUST_CHECK;

// Room in the file for `length` bytes. When not all of it will be written (`partly`), it reads as
// zeros.
enum status vhdx_allocate(struct vhdx *x, uint64_t length, bool partly,
                          uint64_t *offset) MUST_CHECK;

// What the table says of a block; a soft anchor only when nothing else uses its room. For writable
// images.
enum status vhdx_get_block(struct vhdx *x, uint64_t block, struct vhdx_block *out) MUST_CHECK;

// Takes the sector bitmap of `chunk`, if there is one, out of the table. No changed page of it may
// wait for the log (vhdx_commit), and no block may need it.
enum status vhdx_drop_bitmap(struct vhdx *x, uint64_t chunk) MUST_CHECK;

// Of a partially present block: whether the sector at byte `start` is here, and how many sectors
// from there on, at most `limit`, are the same.
enum status vhdx_block_sectors(struct vhdx *x, uint64_t block, uint64_t start, uint64_t limit,
                               bool *present, uint64_t *count) MUST_CHECK;

// Reads the state of a block and prepares it for a write of [start, start + length) in it:
// allocates room, marks sectors as present. *file_offset: where the first byte goes.
enum status vhdx_block_prepare_write(struct vhdx *x, uint64_t block, uint64_t start,
                                     uint64_t length, uint64_t *file_offset) MUST_CHECK;

// Makes [start, start + length) of a block read as zeros.
enum status vhdx_block_zero(struct vhdx *x, uint64_t block, uint64_t start,
                            uint64_t length) MUST_CHECK;

// io.c: the operations of the image.
enum status vhdx_read(struct vhd_image *image, uint64_t offset, void *buffer,
                      size_t length) MUST_CHECK;
enum status vhdx_write(struct vhd_image *image, uint64_t offset, const void *buffer,
                       size_t length) MUST_CHECK;
enum status vhdx_zero(struct vhd_image *image, uint64_t offset, uint64_t length) MUST_CHECK;
enum status vhdx_flush(struct vhd_image *image) MUST_CHECK;
enum status vhdx_map(struct vhd_image *image, uint64_t offset, uint64_t limit, bool holes,
                     struct vhd_extent *out) MUST_CHECK;
void vhdx_locate(struct vhd_image *image, uint64_t offset, uint64_t limit, uint64_t *file_offset,
                 uint64_t *length);

// merge_linkage.c: the operations of the image.
enum status vhdx_begin_merge(struct vhd_image *child, struct vhd_image *parent) MUST_CHECK;
enum status vhdx_finish_merge(struct vhd_image *child, struct vhd_image *parent) MUST_CHECK;

// Writes x->locator into the file and commits. The session has begun.
enum status vhdx_write_locator(struct vhdx *x) MUST_CHECK;

// resize.c, compact.c, set_identity.c: the operations of the image.
enum status vhdx_resize(struct vhd_image *image, uint64_t virtual_size) MUST_CHECK;
enum status vhdx_compact(struct vhd_image *image, const struct vhd_compact *how) MUST_CHECK;
enum status vhdx_set_identity(struct vhd_image *image,
                              const struct vhd_set_identity *how) MUST_CHECK;

#endif
