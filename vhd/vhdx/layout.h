// Where things are in a VHDX file and how large they may be ([MS-VHDX] 2.1 to 2.6). All numbers in
// the file are little-endian.
#ifndef VREP_VHD_VHDX_LAYOUT_H
#define VREP_VHD_VHDX_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/crc32c.h"
#include "base/guid.h"

#define VHDX_KIB 1024ull
#define VHDX_MIB (1024 * VHDX_KIB)

// Every structure past the headers starts at a multiple of 1 MiB; the log moves pages of 4 KiB.
#define VHDX_ALIGNMENT VHDX_MIB
#define VHDX_PAGE_SIZE 4096

// No file of a 64 TiB disk is larger: its blocks, their bitmaps, the largest table and the largest
// log.
#define VHDX_FILE_SIZE_MAX (128ull << 40)

// 2.2.1 file type identifier: 8 bytes signature, 512 bytes UTF-16 creator; the first 64 KiB never
// change.
#define VHDX_IDENTIFIER_SIZE (64 * VHDX_KIB)
#define VHDX_CREATOR_OFFSET  8
#define VHDX_CREATOR_UNITS   256
extern const char vhdx_identifier_signature[8];

// 2.2.2 headers
#define VHDX_HEADER1_OFFSET (64 * VHDX_KIB)
#define VHDX_HEADER2_OFFSET (128 * VHDX_KIB)
#define VHDX_HEADER_SIZE    4096
#define VHDX_LOG_LENGTH_MAX (1u << 30) // the limit of Windows' driver

// 2.2.3 region tables
#define VHDX_REGION_TABLE1_OFFSET (192 * VHDX_KIB)
#define VHDX_REGION_TABLE2_OFFSET (256 * VHDX_KIB)
#define VHDX_REGION_TABLE_SIZE    (64 * VHDX_KIB)
#define VHDX_REGIONS_MAX          2047

// 2.4, 2.5 blocks
#define VHDX_BLOCK_SIZE_MIN    (1u << 20)
#define VHDX_BLOCK_SIZE_MAX    (256u << 20)
#define VHDX_BITMAP_BLOCK_SIZE VHDX_MIB
#define VHDX_BITMAP_BLOCK_BITS (1ull << 23)

// 2.6.1 metadata table
#define VHDX_METADATA_TABLE_SIZE    (64 * VHDX_KIB)
#define VHDX_METADATA_ITEMS_MAX     2047
#define VHDX_METADATA_ITEM_SIZE_MAX (1u << 20)
#define VHDX_METADATA_REGION_MAX    (128u << 20) // the limit of Windows' driver

// Where we place items that Windows does not pack; the format asks for none.
#define VHDX_METADATA_ITEM_ALIGNMENT 8

extern const struct guid vhdx_guid_bat;
extern const struct guid vhdx_guid_metadata;
extern const struct guid vhdx_guid_file_parameters;
extern const struct guid vhdx_guid_virtual_disk_size;
extern const struct guid vhdx_guid_virtual_disk_id;
extern const struct guid vhdx_guid_logical_sector_size;
extern const struct guid vhdx_guid_physical_sector_size;
extern const struct guid vhdx_guid_parent_locator;
extern const struct guid vhdx_guid_incomplete_file;
extern const struct guid vhdx_guid_locator_type;

// The CRC-32C of `size` bytes with the four bytes at `field` taken as zero, as headers, region
// tables and log entries hold it.
uint32_t vhdx_checksum(const uint8_t *data, size_t size, size_t field);

#endif
