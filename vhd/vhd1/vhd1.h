// The inside of vhd/vhd1/: Microsoft's "Virtual Hard Disk Image Format Specification", version 1.0.
// All fields are big-endian, all sectors 512 bytes. Section names in comments are that document's.
#ifndef VREP_VHD_VHD1_VHD1_H
#define VREP_VHD_VHD1_VHD1_H

#include "vhd/format.h"

#define VHD1_SECTOR             512u
#define VHD1_FOOTER_SIZE        512u
#define VHD1_LEGACY_FOOTER_SIZE 511u // Virtual PC before 2004
#define VHD1_HEADER_SIZE        1024u
#define VHD1_BAT_UNUSED         0xffffffffu
#define VHD1_DATA_ALIGNMENT \
    4096u // where Windows puts a block's data; the bitmap lies just before it
#define VHD1_BLOCK_SIZE_DEFAULT (2u << 20)
#define VHD1_BLOCK_SIZE_MAX \
    (256u << 20) // far above what any program writes; bounds the bitmap's size

// ---- footer.c: "Hard Disk Footer Format" ----

struct vhd1_footer {
    uint8_t raw[VHD1_FOOTER_SIZE]; // as found; written back unchanged when the disk grows
    uint64_t data_offset;          // of the dynamic header; UINT64_MAX for a fixed disk
    uint64_t current_size;         // the truth about the disk's size; CHS is never believed
    enum vhd_type type;
    struct guid unique_id;
};

// Fills in a new footer: what Windows 10 writes, with the present time. `id` is the disk's unique
// id.
void vhd1_footer_build(struct vhd1_footer *footer, enum vhd_type type, uint64_t size,
                       const struct guid *id);

// Checks `raw` and takes it apart. Failures name `path`: STATUS_DAMAGED, STATUS_UNSUPPORTED
// (version, type).
enum status vhd1_footer_parse(const uint8_t raw[VHD1_FOOTER_SIZE], const char *path,
                              struct vhd1_footer *footer) MUST_CHECK;

// Where a footer was found.
struct vhd1_footer_place {
    bool trailing;     // a valid footer ends the file
    bool leading;      // the copy at 0 equals it (always true for a fixed disk, which has none)
    uint64_t data_end; // where the trailing footer begins; the file's size when there is none
};

// Reads the footer at the end of the file or, when that one is bad, the copy at 0 of a dynamic or
// differencing disk.
enum status vhd1_footer_read(struct file *file, uint64_t file_size, struct vhd1_footer *footer,
                             struct vhd1_footer_place *place) MUST_CHECK;

// "win  10.0": the creator application and its version, for people.
void vhd1_footer_creator(const struct vhd1_footer *footer, char text[], size_t size);

// One's complement of the sum of all bytes but the four at `checksum_at` ("Checksum").
uint32_t vhd1_checksum(const uint8_t *data, size_t size, size_t checksum_at);

// ---- header.c: "Dynamic Disk Header Format" ----

#define VHD1_LOCATORS 8

struct vhd1_locator {
    uint32_t code;   // W2ku, W2ru: the ones that we read
    uint32_t length; // bytes
    uint64_t offset; // in the file
};

struct vhd1_header {
    uint64_t table_offset;
    uint32_t max_entries;
    uint32_t block_size;
    struct guid parent_id;
    struct vhd1_locator locators[VHD1_LOCATORS];
};

// Writes the header of a dynamic disk into `raw`.
void vhd1_header_build(uint8_t raw[VHD1_HEADER_SIZE], uint64_t table_offset, uint32_t max_entries,
                       uint32_t block_size);

// Reads and checks the header that `footer` points to.
enum status vhd1_header_read(struct file *file, uint64_t file_size,
                             const struct vhd1_footer *footer,
                             struct vhd1_header *header) MUST_CHECK;

// The paths where the parent of the child `path` may be, in the order to try: relative, absolute.
// See vhd_image_ops.
enum status vhd1_parent_paths(struct file *file, uint64_t file_size,
                              const struct vhd1_header *header, char ***out) MUST_CHECK;

// ---- bat.c: "Block Allocation Table and Data Blocks" ----

struct vhd1_bat {
    uint64_t offset;   // in the file
    uint32_t count;    // entries that the disk's size needs; any further ones are ignored
    uint32_t *entries; // file sector of the block's bitmap, or VHD1_BAT_UNUSED
    uint8_t *dirty;    // one a sector of the table: entries in memory that the file does not have
    bool any_dirty;
};

uint32_t vhd1_bitmap_size(uint32_t block_size);

// Where a block's bitmap goes so that its data is aligned as Windows does it: at or after `offset`.
uint64_t vhd1_slot(uint64_t offset, uint32_t bitmap_size);

// Reads the table and checks that blocks lie behind it, within the file, and apart from each other.
enum status vhd1_bat_load(struct file *file, uint64_t file_size, const struct vhd1_footer *footer,
                          const struct vhd1_header *header, struct vhd1_bat *bat) MUST_CHECK;

void vhd1_bat_set(struct vhd1_bat *bat, uint32_t block, uint32_t sector);

// Writes the entries that vhd1_bat_set changed. The blocks that they point to must be stable.
enum status vhd1_bat_store(struct file *file, struct vhd1_bat *bat) MUST_CHECK;

void vhd1_bat_free(struct vhd1_bat *bat);

// ---- image.c, io.c ----

struct vhd1 {
    struct vhd_image image; // first: the door holds a pointer to it
    struct vhd1_footer footer;
    struct vhd1_header header; // not for a fixed disk
    struct vhd1_bat bat;       // the same
    uint32_t bitmap_size;
    uint8_t *bitmap_full; // one a block: all bits of its bitmap are known to be set
    uint64_t data_end;    // new blocks go here or behind
    uint64_t file_size;
    uint64_t write_time;
    struct file_id file_id;
};

static inline struct vhd1 *vhd1_of(struct vhd_image *image)
{
    return (struct vhd1 *)image;
}

enum status vhd1_read(struct vhd_image *image, uint64_t offset, void *buffer,
                      size_t length) MUST_CHECK;
enum status vhd1_write(struct vhd_image *image, uint64_t offset, const void *buffer,
                       size_t length) MUST_CHECK;
enum status vhd1_zero(struct vhd_image *image, uint64_t offset, uint64_t length) MUST_CHECK;
enum status vhd1_flush(struct vhd_image *image) MUST_CHECK;
enum status vhd1_map(struct vhd_image *image, uint64_t offset, uint64_t limit,
                     struct vhd_extent *out) MUST_CHECK;

#endif
