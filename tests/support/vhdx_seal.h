// Makes the checksums of a changed VHDX right again, so that what is behind them is reached.
#ifndef VREP_TESTS_SUPPORT_VHDX_SEAL_H
#define VREP_TESTS_SUPPORT_VHDX_SEAL_H

#include "base/endian.h"
#include "tests/support/mem_fs.h"
#include "vhd/vhdx/layout.h"

#define VHDX_SEAL_CHECKSUM_OFFSET 4 // in a header and in a region table

static inline void vhdx_seal(struct mem_fs *fs, const char *path, uint64_t at, size_t size)
{
    static uint8_t raw[VHDX_REGION_TABLE_SIZE];
    uint8_t checksum[4];
    mem_fs_peek(fs, path, at, raw, size);
    store_le32(checksum, vhdx_checksum(raw, size, VHDX_SEAL_CHECKSUM_OFFSET));
    mem_fs_poke(fs, path, at + VHDX_SEAL_CHECKSUM_OFFSET, checksum, sizeof checksum);
}

// Both headers and both region tables.
static inline void vhdx_seal_all(struct mem_fs *fs, const char *path)
{
    vhdx_seal(fs, path, VHDX_HEADER1_OFFSET, VHDX_HEADER_SIZE);
    vhdx_seal(fs, path, VHDX_HEADER2_OFFSET, VHDX_HEADER_SIZE);
    vhdx_seal(fs, path, VHDX_REGION_TABLE1_OFFSET, VHDX_REGION_TABLE_SIZE);
    vhdx_seal(fs, path, VHDX_REGION_TABLE2_OFFSET, VHDX_REGION_TABLE_SIZE);
}

#endif
