// VHD files byte by byte ("Virtual Hard Disk Image Format Specification" 1.0), without the code
// that is tested.
#ifndef VREP_TESTS_SUPPORT_FORGE_VHD_H
#define VREP_TESTS_SUPPORT_FORGE_VHD_H

#include <stdbool.h>

#include "base/guid.h"
#include "tests/support/forge/model.h"
#include "tests/support/mem_fs.h"

#define FORGE_FOOTER_SIZE 512u
#define FORGE_HEADER_AT   512u
#define FORGE_SPARSE_SIZE 1024u // of the dynamic disk header
#define FORGE_UNUSED      0xffffffffu

enum forge_vhd_type { FORGE_VHD_FIXED = 2, FORGE_VHD_DYNAMIC = 3, FORGE_VHD_DIFFERENCING = 4 };

struct forge_vhd_shape {
    enum forge_vhd_type type;
    uint64_t size;
    uint32_t block_size;    // 0: 2 MiB
    const char *creator;    // four characters; NULL: "win "
    uint64_t header_at;     // 0: behind the footer's copy
    uint64_t table_at;      // 0: behind the header (and the locators)
    uint32_t entries;       // of the table; 0: what the size needs
    bool padded_with_zeros; // the table's last sector, as Disk2vhd does; else with FF
    bool aligned;           // data of blocks at 4 KiB, as Windows does
    bool legacy_footer;     // 511 bytes at the end
    bool space_in_sectors;  // of locators, as the specification says; else bytes
    const char *parent;     // path of the parent file; differencing
    const struct guid *parent_id;
};

struct forge_vhd {
    struct mem_fs *fs;
    const char *path;
    struct forge_vhd_shape shape;
    uint32_t entries;
    uint64_t end; // where the next block, or the footer, goes
    struct guid id;
    uint8_t footer[FORGE_FOOTER_SIZE];
    uint8_t header[FORGE_SPARSE_SIZE];
};

// Puts the right checksum into a footer or header that has been changed.
void forge_vhd_sum_footer(uint8_t footer[FORGE_FOOTER_SIZE]);
void forge_vhd_sum_header(uint8_t header[FORGE_SPARSE_SIZE]);

// Writes everything but blocks and trailing footer. The unique id is a function of the path.
void forge_vhd_begin(struct forge_vhd *f, struct mem_fs *fs, const char *path,
                     const struct forge_vhd_shape *shape);

// The unique id of the disk at `path`.
struct guid forge_vhd_id(const char *path);

// Room for a block in the file; `marked`: all bits of its bitmap are set. Returns where its bitmap
// is.
uint64_t forge_vhd_put_block(struct forge_vhd *f, uint32_t block, bool marked);

void forge_vhd_put_entry(const struct forge_vhd *f, uint32_t block, uint32_t sector);

// Fills sectors of the disk in the block at `place`, with or without setting their bits.
void forge_vhd_put_sectors(const struct forge_vhd *f, uint64_t place, uint32_t block,
                           uint64_t first, uint64_t count, uint8_t tag, bool bits);

uint32_t forge_vhd_bitmap_size(const struct forge_vhd *f);

// Where the table lies.
uint64_t forge_vhd_table_at(const struct forge_vhd *f);

// Writes f->footer at the end of the file.
void forge_vhd_end(struct forge_vhd *f);

#endif
