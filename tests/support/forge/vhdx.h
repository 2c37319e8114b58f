// VHDX files byte by byte, without the code that is tested: an encoder of its own for every
// structure of [MS-VHDX], so that disks can be made which our writer never makes.
#ifndef VREP_TESTS_SUPPORT_FORGE_VHDX_H
#define VREP_TESTS_SUPPORT_FORGE_VHDX_H

#include <stdbool.h>

#include "base/guid.h"
#include "tests/support/forge/model.h"
#include "tests/support/mem_fs.h"

#define FORGE_KIB 1024ull
#define FORGE_MIB (1024 * FORGE_KIB)

#define FORGE_HEADER1       (64 * FORGE_KIB)
#define FORGE_HEADER2       (128 * FORGE_KIB)
#define FORGE_HEADER_SIZE   4096
#define FORGE_REGIONS1      (192 * FORGE_KIB)
#define FORGE_REGIONS2      (256 * FORGE_KIB)
#define FORGE_TABLE_SIZE    (64 * FORGE_KIB) // of regions, and of metadata
#define FORGE_REGIONS_SHOWN 8
#define FORGE_ITEMS_MAX     2048
#define FORGE_PAIRS_MAX     8

// Numbers of the items in the order in which they are written; user items follow.
enum forge_item_number {
    FORGE_PARAMETERS,
    FORGE_SIZE,
    FORGE_LOGICAL,
    FORGE_PHYSICAL,
    FORGE_DISK_ID,
    FORGE_LOCATOR,
    FORGE_ITEMS_KNOWN,
};

struct forge_header {
    uint64_t sequence_number;
    struct guid file_write_guid, data_write_guid, log_guid;
    uint16_t log_version, version;
    uint32_t log_length;
    uint64_t log_offset;
};

struct forge_region {
    struct guid guid;
    uint64_t offset;
    uint32_t length;
    uint32_t required;
};

struct forge_item {
    struct guid guid;
    uint32_t offset; // in the region
    uint32_t length;
    uint32_t flags;
    uint32_t reserved;
};

struct forge_pair {
    char key[32]; // ASCII, as the value
    char value[160];
};

// A file under construction. forge_vhdx_begin fills in what Windows would write; whoever wants
// something else changes it and calls the function that writes that part again.
struct forge_vhdx {
    struct mem_fs *fs;
    const char *path;
    uint64_t size;
    uint32_t block_size, sector_size, physical_sector_size;
    uint32_t parameters; // flags: 1 fixed, 2 differencing
    struct guid disk_id;
    struct forge_header headers[2];
    struct forge_region regions[FORGE_REGIONS_SHOWN]; // BAT, metadata, others
    uint32_t region_count;
    struct forge_item items[FORGE_ITEMS_MAX];
    uint32_t item_count;
    struct forge_pair pairs[FORGE_PAIRS_MAX];
    uint32_t pair_count;
    uint64_t next_mib; // where forge_vhdx_room goes on
};

#define FORGE_BAT      0
#define FORGE_METADATA 1

#define FORGE_FIXED        1u
#define FORGE_DIFFERENCING 2u

struct forge_shape {
    uint64_t size;
    uint32_t block_size;
    uint32_t sector_size; // 0: 512
    uint32_t parameters;
    const char *parent;                // name of the file, beside
    const struct guid *parent_linkage; // of a differencing disk
};

// The GUID number `n`.
struct guid forge_guid(uint32_t n);

uint32_t forge_crc32c(const uint8_t *data, size_t size);

// Writes a whole empty disk: header 2 is current; log at 1 MiB, metadata at 2, BAT at 3, room after
// it. The DataWriteGuid is a function of the path.
void forge_vhdx_begin(struct forge_vhdx *f, struct mem_fs *fs, const char *path,
                      const struct forge_shape *shape);

void forge_vhdx_write_header(const struct forge_vhdx *f, unsigned slot);
void forge_vhdx_write_headers(const struct forge_vhdx *f);
// `copy`: 0 or 1.
void forge_vhdx_write_regions(const struct forge_vhdx *f, unsigned copy);
void forge_vhdx_write_both_regions(const struct forge_vhdx *f);
// Only the table; forge_vhdx_write_values writes what the known items say, and the locator.
void forge_vhdx_write_items(const struct forge_vhdx *f);
void forge_vhdx_write_values(struct forge_vhdx *f);

// Adds an item of `length` bytes with a pattern behind all others and writes the table.
void forge_vhdx_add_item(struct forge_vhdx *f, const struct guid *guid, uint32_t flags,
                         uint32_t length);
void forge_vhdx_add_region(struct forge_vhdx *f, const struct guid *guid, uint32_t required);

// The value of `key` in the locator, new or changed; written by forge_vhdx_write_values.
void forge_vhdx_set_pair(struct forge_vhdx *f, const char *key, const char *value);

// Room in the file for `mib` MiB, in MiB; the file is made longer.
uint64_t forge_vhdx_room(struct forge_vhdx *f, uint64_t mib);

uint64_t forge_vhdx_ratio(const struct forge_vhdx *f); // blocks of a chunk
// Where the entries of a payload block and of a chunk's sector bitmap lie in the file.
uint64_t forge_vhdx_block_at(const struct forge_vhdx *f, uint64_t block);
uint64_t forge_vhdx_chunk_at(const struct forge_vhdx *f, uint64_t chunk);
// Bytes of the table.
uint64_t forge_vhdx_table_size(const struct forge_vhdx *f);

void forge_vhdx_put_entry(const struct forge_vhdx *f, uint64_t at, uint64_t mib, unsigned state);

// Gives a block a place, fills it with the tag's pattern (of its virtual sectors), and says so in
// its entry. Returns the place in MiB.
uint64_t forge_vhdx_put_block(struct forge_vhdx *f, uint64_t block, unsigned state, uint8_t tag);

// Fills sectors of the virtual disk in the block that lies at `mib`.
void forge_vhdx_put_sectors(const struct forge_vhdx *f, uint64_t mib, uint64_t block,
                            uint64_t first, uint64_t count, uint8_t tag);

// Sets `count` bits of the bitmap block at `mib` from the bit of virtual sector `first` on.
void forge_vhdx_put_bits(const struct forge_vhdx *f, uint64_t mib, uint64_t first, uint64_t count);

#endif
