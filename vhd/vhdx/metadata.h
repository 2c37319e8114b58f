// The metadata region: its table and the items that describe the disk ([MS-VHDX] 2.6).
#ifndef VREP_VHD_VHDX_METADATA_H
#define VREP_VHD_VHDX_METADATA_H

#include <stdbool.h>

#include "vhd/vhdx/region.h"
#include "vhd/vhdx/view.h"

#define VHDX_METADATA_IS_USER         1u
#define VHDX_METADATA_IS_VIRTUAL_DISK 2u
#define VHDX_METADATA_IS_REQUIRED     4u
#define VHDX_METADATA_FLAGS           7u // all of them; the other bits are reserved

struct vhdx_metadata_item {
    struct guid guid;
    uint32_t offset; // in the region; 0 with length 0: an empty item
    uint32_t length;
    uint32_t flags; // VHDX_METADATA_IS_...
    bool user;      // one of them: of a program, not of the format
    uint32_t index; // of its entry in the table
};

struct vhdx_metadata {
    uint64_t virtual_size;
    uint32_t block_size;
    bool leave_blocks_allocated; // fixed
    bool has_parent;             // differencing
    uint32_t logical_sector_size;
    uint32_t physical_sector_size;
    struct guid virtual_disk_id;
    struct vhdx_metadata_item *items; // all, unknown ones too; freed by vhdx_metadata_free
    size_t item_count;
};

// Reads and checks the metadata region. STATUS_DAMAGED: table or an item breaks the format;
// STATUS_UNSUPPORTED: a required item that we do not know, or an unfinished file.
enum status vhdx_metadata_read(const struct vhdx_view *view, const struct vhdx_region *region,
                               struct vhdx_metadata *out) MUST_CHECK;

void vhdx_metadata_free(struct vhdx_metadata *metadata);

// The parts of the raw table, for whoever wants to see more of a damaged one than the first fault:
// how many entries it claims (false: not a metadata table), and entry `index` with its flags as
// they are.
bool vhdx_metadata_table_count(const uint8_t raw[VHDX_METADATA_TABLE_SIZE], uint32_t *count);
uint32_t vhdx_metadata_table_entry(const uint8_t raw[VHDX_METADATA_TABLE_SIZE], uint32_t index,
                                   struct vhdx_metadata_item *item);

// True when an item lies where one may in a region of `region_length` bytes.
bool vhdx_metadata_item_is_placed(const struct vhdx_metadata_item *item, uint32_t region_length);

// Orders of items, for qsort: by GUID and kind, which no two share, and by place.
int vhdx_metadata_by_guid(const void *a, const void *b);
int vhdx_metadata_by_offset(const void *a, const void *b);

// The flags that an item of the format has, and how many bytes at least; 0: not one of these.
uint32_t vhdx_metadata_known(const struct guid *guid, uint32_t *size);

// The system item with this GUID, or the one of either kind; NULL when there is none.
struct vhdx_metadata_item *vhdx_metadata_find(const struct vhdx_metadata *metadata,
                                              const struct guid *guid);
struct vhdx_metadata_item *vhdx_metadata_find_item(const struct vhdx_metadata *metadata,
                                                   const struct guid *guid, bool user);

// Bytes of the five items that every file has.
#define VHDX_METADATA_FIXED_ITEMS_SIZE 40

// Size of a table entry and where entry `index` lies in the region.
#define VHDX_METADATA_ENTRY_SIZE 32
uint32_t vhdx_metadata_entry_offset(uint32_t index);

// Where the flags lie in an entry.
#define VHDX_METADATA_FLAGS_OFFSET 24

// Changes offset and length in the raw table entry of an item.
void vhdx_metadata_entry_move(uint8_t entry[VHDX_METADATA_ENTRY_SIZE], uint32_t offset,
                              uint32_t length);

// Appends an entry to a raw table. False: there is no room for one more.
bool vhdx_metadata_table_append(uint8_t raw[VHDX_METADATA_TABLE_SIZE],
                                const struct vhdx_metadata_item *item);

// Removes entry `index`; the last one takes its place.
void vhdx_metadata_table_remove(uint8_t raw[VHDX_METADATA_TABLE_SIZE], uint32_t index);

// Builds the region of a new file: table and items packed as Windows packs them. `locator` may be
// NULL. Entries for metadata->items come last: they say where the contents, which are the caller's
// to write, belong. *raw is allocated, *size a multiple of VHDX_PAGE_SIZE. STATUS_INVALID_ARGUMENT:
// the locator does not fit; STATUS_UNSUPPORTED: so many items do not.
enum status vhdx_metadata_encode(const struct vhdx_metadata *metadata, const uint8_t *locator,
                                 size_t locator_size, uint8_t **raw, size_t *size) MUST_CHECK;

#endif
