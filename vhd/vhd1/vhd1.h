// The inside of vhd/vhd1/: Microsoft's "Virtual Hard Disk Image Format Specification", version 1.0.
// All fields are big-endian, all sectors 512 bytes. Section names in comments are that document's.
#ifndef VREP_VHD_VHD1_VHD1_H
#define VREP_VHD_VHD1_VHD1_H

#include "vhd/format.h"
#include "vhd/holes.h"

#define VHD1_SECTOR             512u
#define VHD1_FOOTER_SIZE        512u
#define VHD1_LEGACY_FOOTER_SIZE 511u // Virtual PC before 2004
#define VHD1_HEADER_SIZE        1024u
#define VHD1_BAT_UNUSED         0xffffffffu
#define VHD1_DATA_ALIGNMENT \
    4096u // where Windows puts a block's data; the bitmap lies just before it
#define VHD1_BLOCK_SIZE_DEFAULT (2u << 20)
#define VHD1_BLOCK_SIZE_SMALL   (512u << 10) // Windows opens only these two
#define VHD1_BLOCK_SIZE_MAX \
    (256u << 20) // far above what any program writes; bounds the bitmap's size
// 2040 GiB in blocks of 512 KiB; bounds the memory that a damaged header can make us take.
#define VHD1_BLOCKS_MAX 4177920u

struct vhd1;

// ---- footer.c: "Hard Disk Footer Format" ----

struct vhd1_footer {
    uint8_t raw[VHD1_FOOTER_SIZE]; // as found; written back so behind new blocks
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

// The footer of 512 bytes, or of 511 as Virtual PC once wrote it, at the end of the file.
// *data_end: where it begins.
enum status vhd1_footer_read_trailing(struct file *file, uint64_t file_size,
                                      struct vhd1_footer *footer, uint64_t *data_end) MUST_CHECK;

// Reads the footer at the end of the file or, when that one is bad or not this disk's, the copy at
// 0 of a dynamic or differencing disk.
enum status vhd1_footer_read(struct file *file, uint64_t file_size, struct vhd1_footer *footer,
                             struct vhd1_footer_place *place) MUST_CHECK;

// What is unusual in a valid footer, and harmless.
enum {
    VHD1_ODD_FEATURES = 1,
    VHD1_ODD_DATA_OFFSET = 2, // of a fixed disk
    VHD1_ODD_GEOMETRY = 4,
    VHD1_ODD_SAVED_STATE = 8,
    VHD1_ODD_RESERVED = 16,
};
unsigned vhd1_footer_oddities(const struct vhd1_footer *footer);

// Change fields of the footer, CHS with the size, and the checksum.
void vhd1_footer_set_size(struct vhd1_footer *footer, uint64_t size);
void vhd1_footer_set_id(struct vhd1_footer *footer, const struct guid *id);

// Writes the footer to `at`, then its copy to the beginning (not of a fixed disk). Each is stable
// before the next, and the one at the end is believed: a cut between them leaves the new footer.
enum status vhd1_footers_write(struct file *file, const struct vhd1_footer *footer,
                               uint64_t at) MUST_CHECK;

bool vhd1_footer_is_tapdisk(const struct vhd1_footer *footer);

// True for the first tapdisk, whose sector bitmaps have the lowest bit first.
bool vhd1_footer_has_reversed_bitmaps(const struct vhd1_footer *footer);

// "win  10.0": the creator application and its version, for people.
void vhd1_footer_creator(const struct vhd1_footer *footer, char text[], size_t size);

// One's complement of the sum of all bytes but the four at `checksum_at` ("Checksum").
uint32_t vhd1_checksum(const uint8_t *data, size_t size, size_t checksum_at);

// ---- header.c: "Dynamic Disk Header Format" ----

#define VHD1_LOCATORS 8

#define VHD1_LOCATOR_W2KU     0x57326b75u // UTF-16LE, absolute
#define VHD1_LOCATOR_W2RU     0x57327275u // UTF-16LE, relative to the child's folder
#define VHD1_PARENT_NAME_SIZE 512u        // bytes of UTF-16BE

struct vhd1_locator {
    uint32_t code;
    uint32_t space;  // for its data: bytes in files of Windows, sectors in the specification
    uint32_t length; // bytes
    uint64_t offset; // in the file
};

struct vhd1_header {
    uint8_t raw[VHD1_HEADER_SIZE]; // as found, or as built
    uint64_t table_offset;
    uint32_t max_entries;
    uint32_t block_size;
    struct guid parent_id;                      // differencing only, as what follows
    uint8_t parent_name[VHD1_PARENT_NAME_SIZE]; // the last resort when there are no locators
    struct vhd1_locator locators[VHD1_LOCATORS];
};

// Fills in `raw` from the other fields.
void vhd1_header_build(struct vhd1_header *header);

// Changes the table's length in the header and in `raw`, within its first sector.
void vhd1_header_set_entries(struct vhd1_header *header, uint32_t max_entries);

// Makes the checksum in `raw` right.
void vhd1_header_seal(uint8_t raw[VHD1_HEADER_SIZE]);

// Checks `raw` and takes it apart. Failures name `path`.
enum status vhd1_header_parse(const uint8_t raw[VHD1_HEADER_SIZE], const char *path,
                              const struct vhd1_footer *footer,
                              struct vhd1_header *header) MUST_CHECK;

// True when reserved fields are not what the specification says.
bool vhd1_header_has_junk(const struct vhd1_header *header);

// True when any field that tells of a parent is not zero.
bool vhd1_header_names_parent(const struct vhd1_header *header);

// Reads and checks the header that `footer` points to.
enum status vhd1_header_read(struct file *file, uint64_t file_size,
                             const struct vhd1_footer *footer,
                             struct vhd1_header *header) MUST_CHECK;

// ---- locator.c: "Parent Locators" ----

// The path that a locator with UTF-16LE holds, *text allocated. STATUS_DAMAGED: it holds none.
enum status vhd1_locator_read(struct file *file, uint64_t file_size,
                              const struct vhd1_locator *locator, char **text) MUST_CHECK;

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

// What the blocks of an image lie between.
struct vhd1_layout {
    uint64_t end; // where the trailing footer begins; the file's size when there is none
    uint64_t header_at;
    uint64_t table_at;
    uint64_t table_size; // of the entries that are needed
    uint64_t virtual_size;
    uint32_t block_size;
    uint32_t bitmap_size;
};

struct vhd1_layout vhd1_layout_of(const struct vhd1_footer *footer,
                                  const struct vhd1_header *header, uint64_t end);

enum vhd1_fault { VHD1_NO_FAULT, VHD1_PAST_END, VHD1_ON_HEADERS };

// Whether the table itself, or block number `block` at `sector`, is at a possible place.
enum vhd1_fault vhd1_table_fault(const struct vhd1_layout *layout);
enum vhd1_fault vhd1_block_fault(const struct vhd1_layout *layout, uint32_t block, uint32_t sector);

// Reads `count` entries of the table at `offset`.
enum status vhd1_bat_read(struct file *file, uint64_t offset, uint32_t *entries,
                          uint32_t count) MUST_CHECK;

// The entries in use, in the order of the file, allocated (NULL when there is no memory).
uint32_t *vhd1_bat_sorted(const uint32_t *entries, uint32_t count, uint32_t *used);

// Where a block's bitmap goes so that its data is aligned as Windows does it: at or after `offset`.
uint64_t vhd1_slot(uint64_t offset, uint32_t bitmap_size);

// An empty table in memory, entries not filled in.
enum status vhd1_bat_alloc(struct vhd1_bat *bat, uint64_t offset, uint32_t count) MUST_CHECK;

// Reads the table and checks that it and the blocks are within the file, off the headers, and
// apart.
enum status vhd1_bat_load(struct file *file, const struct vhd1_layout *layout,
                          struct vhd1_bat *bat) MUST_CHECK;

void vhd1_bat_set(struct vhd1_bat *bat, uint32_t block, uint32_t sector);

// Writes the entries that vhd1_bat_set changed. The blocks that they point to must be stable.
enum status vhd1_bat_store(struct file *file, struct vhd1_bat *bat) MUST_CHECK;

void vhd1_bat_free(struct vhd1_bat *bat);

// ---- batmap.c ----

// tapdisk's map of the blocks that are full.
struct vhd1_batmap {
    bool present;
    uint64_t header_at; // where its header is or would be: behind the table
    uint64_t at;
    uint64_t size;
};

enum status vhd1_batmap_find(struct file *file, uint64_t file_size,
                             const struct vhd1_footer *footer, const struct vhd1_header *header,
                             struct vhd1_batmap *batmap) MUST_CHECK;

// Before blocks move or go away: removes the map, which only makes tapdisk slower. Stable on
// return.
enum status vhd1_batmap_drop(struct vhd1 *disk) MUST_CHECK;

// ---- bitmap.c: "Sector bitmap" ----
//
// One bit a sector of a block, the highest bit of a byte first: the sector was written. In a
// differencing disk a sector without its bit is the parent's. Bits that were set stay in memory
// until vhd1_flush, because they must not be in the file before their data.

struct vhd1_bitmap {
    uint32_t block;
    uint32_t missing; // bits that are not set
    bool used;
    bool dirty; // differs from the file's
    bool fresh; // of a block that no stable table entry points to
    uint8_t *bits;
};

// A cache: each block has one place where its bitmap may be.
struct vhd1_bitmaps {
    struct vhd1_bitmap *places;
    uint32_t count;
    bool reversed; // the lowest bit first
    bool any_dirty;
};

enum status vhd1_bitmaps_init(struct vhd1 *disk) MUST_CHECK;
void vhd1_bitmaps_free(struct vhd1_bitmaps *bitmaps);

// Makes an empty bitmap for a block that is about to get its place in the file. May flush the disk.
enum status vhd1_bitmap_new(struct vhd1 *disk, uint32_t block) MUST_CHECK;

// Sets the bits of `count` sectors from `first` on. May flush the disk before.
enum status vhd1_bitmap_set(struct vhd1 *disk, uint32_t block, uint32_t first,
                            uint32_t count) MUST_CHECK;

// Whether the sector `first` is *present, and how many from it on, at most `limit`, are the same.
enum status vhd1_bitmap_run(struct vhd1 *disk, uint32_t block, uint32_t first, uint32_t limit,
                            bool *present, uint32_t *count) MUST_CHECK;

// Before a block loses its place, with nothing dirty.
void vhd1_bitmap_forget(struct vhd1 *disk, uint32_t block);

// Writes the dirty bitmaps of blocks that are fresh, or of those that are not.
enum status vhd1_bitmaps_store(struct vhd1 *disk, bool fresh) MUST_CHECK;

// ---- create.c ----

// The sizes that Windows' API accepts; STATUS_INVALID_ARGUMENT otherwise.
enum status vhd1_check_size(const char *path, uint64_t size) MUST_CHECK;

// STATUS_INVALID_ARGUMENT unless a dynamic disk of `size` bytes can be written everywhere.
enum status vhd1_check_reach(const char *path, uint64_t size, uint32_t block_size) MUST_CHECK;

// Writes a part of a table, `bytes` long, without any block.
enum status vhd1_write_unused(struct file *file, uint64_t offset, uint64_t bytes) MUST_CHECK;

// ---- image.c, io.c, resize.c, compact.c ----

struct vhd1 {
    struct vhd_image image; // first: the door holds a pointer to it
    struct vhd1_footer footer;
    struct vhd1_header header; // not for a fixed disk
    struct vhd1_bat bat;       // the same
    uint32_t bitmap_size;
    uint8_t *bitmap_full; // one a block: all bits of its bitmap are known to be set
    struct vhd1_bitmaps bitmaps;
    uint64_t data_end;  // new blocks go here or behind
    uint64_t footer_at; // the trailing footer's offset
    struct vhd_known_data known_data;
    uint64_t file_size;
    uint64_t write_time;
    struct file_id file_id;
};

static inline struct vhd1 *vhd1_of(struct vhd_image *image)
{
    return (struct vhd1 *)image;
}

// Takes room for a block and its bitmap behind all others. The footer goes behind it first: from
// then on, whatever of the rest reaches the file, a valid footer ends it. What lies between is new
// to the file and reads as zeros.
enum status vhd1_allocate(struct vhd1 *disk, uint64_t *at) MUST_CHECK;

// Reads the table anew after the disk has another size.
enum status vhd1_reload(struct vhd1 *disk) MUST_CHECK;

// See vhd_image_ops.
enum status vhd1_read(struct vhd_image *image, uint64_t offset, void *buffer,
                      size_t length) MUST_CHECK;
enum status vhd1_write(struct vhd_image *image, uint64_t offset, const void *buffer,
                       size_t length) MUST_CHECK;
enum status vhd1_zero(struct vhd_image *image, uint64_t offset, uint64_t length) MUST_CHECK;
enum status vhd1_flush(struct vhd_image *image) MUST_CHECK;
enum status vhd1_map(struct vhd_image *image, uint64_t offset, uint64_t limit, bool holes,
                     struct vhd_extent *out) MUST_CHECK;
void vhd1_locate(struct vhd_image *image, uint64_t offset, uint64_t limit, uint64_t *file_offset,
                 uint64_t *length);
enum status vhd1_resize(struct vhd_image *image, uint64_t virtual_size) MUST_CHECK;
enum status vhd1_compact(struct vhd_image *image, const struct vhd_compact *how) MUST_CHECK;
enum status vhd1_set_identity(struct vhd_image *image,
                              const struct vhd_set_identity *how) MUST_CHECK;

#endif
