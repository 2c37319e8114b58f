#include "vhd/vhd1/vhd1.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/endian.h"
#include "vhd/errors.h"

enum {
    FOOTER_FEATURES = 8,
    FOOTER_VERSION = 12,
    FOOTER_DATA_OFFSET = 16,
    FOOTER_TIME = 24,
    FOOTER_CREATOR = 28,
    FOOTER_CREATOR_VERSION = 32,
    FOOTER_CREATOR_OS = 36,
    FOOTER_ORIGINAL_SIZE = 40,
    FOOTER_CURRENT_SIZE = 48,
    FOOTER_GEOMETRY = 56, // cylinders (2), heads, sectors
    FOOTER_TYPE = 60,
    FOOTER_CHECKSUM = 64,
    FOOTER_UNIQUE_ID = 68,
    FOOTER_SAVED_STATE = 84,
    FOOTER_HIDDEN = 85, // tapdisk's
    FOOTER_RESERVED = 86,
};

#define FOOTER_COOKIE      "conectix"
#define FOOTER_COOKIE_SIZE 8
#define FEATURES_RESERVED  2u // always set
#define FEATURES_TEMPORARY 1u
#define FORMAT_VERSION     0x00010000u
// QEMU 7.2 takes the size from CHS for every creator that it does not know; with Windows' name it
// reads CurrentSize.
#define CREATOR          "win "
#define CREATOR_VERSION  0x000A0000u
#define CREATOR_OS       "Wi2k"
#define TAPDISK          "tap\0"
#define TAPDISK_REVERSED 1u
#define EPOCH_2000_MS    946684800000ll // 2000-01-01T00:00:00Z

uint32_t vhd1_checksum(const uint8_t *data, size_t size, size_t checksum_at)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i++)
        if (i < checksum_at || i >= checksum_at + 4)
            sum += data[i];
    return ~sum;
}

// "CHS Calculation", the appendix.
static void store_geometry(uint8_t field[4], uint64_t size)
{
    uint32_t total = (uint32_t)min_u64(size / VHD1_SECTOR, 65535u * 16 * 255);
    uint32_t sectors, heads, cylinder_heads;

    if (total >= 65535u * 16 * 63) {
        sectors = 255;
        heads = 16;
        cylinder_heads = total / sectors;
    } else {
        sectors = 17;
        cylinder_heads = total / sectors;
        heads = (cylinder_heads + 1023) / 1024;
        if (heads < 4)
            heads = 4;
        if (cylinder_heads >= heads * 1024 || heads > 16) {
            sectors = 31;
            heads = 16;
            cylinder_heads = total / sectors;
        }
        if (cylinder_heads >= heads * 1024) {
            sectors = 63;
            heads = 16;
            cylinder_heads = total / sectors;
        }
    }
    store_be16(field, (uint16_t)(cylinder_heads / heads));
    field[2] = (uint8_t)heads;
    field[3] = (uint8_t)sectors;
}

void vhd1_footer_build(struct vhd1_footer *footer, enum vhd_type type, uint64_t size,
                       const struct guid *id)
{
    uint8_t *raw = footer->raw;

    *footer = (struct vhd1_footer){
        .data_offset = type == VHD_TYPE_FIXED ? UINT64_MAX : VHD1_FOOTER_SIZE,
        .current_size = size,
        .type = type,
        .unique_id = *id,
    };
    memcpy(raw, FOOTER_COOKIE, FOOTER_COOKIE_SIZE);
    store_be32(raw + FOOTER_FEATURES, FEATURES_RESERVED);
    store_be32(raw + FOOTER_VERSION, FORMAT_VERSION);
    store_be64(raw + FOOTER_DATA_OFFSET, footer->data_offset);
    store_be32(raw + FOOTER_TIME, (uint32_t)((clock_wall_ms() - EPOCH_2000_MS) / 1000));
    memcpy(raw + FOOTER_CREATOR, CREATOR, 4);
    store_be32(raw + FOOTER_CREATOR_VERSION, CREATOR_VERSION);
    memcpy(raw + FOOTER_CREATOR_OS, CREATOR_OS, 4);
    store_be64(raw + FOOTER_ORIGINAL_SIZE, size);
    store_be64(raw + FOOTER_CURRENT_SIZE, size);
    store_geometry(raw + FOOTER_GEOMETRY, size);
    store_be32(raw + FOOTER_TYPE, (uint32_t)type);
    memcpy(raw + FOOTER_UNIQUE_ID, id->bytes, sizeof id->bytes);
    store_be32(raw + FOOTER_CHECKSUM, vhd1_checksum(raw, VHD1_FOOTER_SIZE, FOOTER_CHECKSUM));
}

enum status vhd1_footer_parse(const uint8_t raw[VHD1_FOOTER_SIZE], const char *path,
                              struct vhd1_footer *footer)
{
    if (memcmp(raw, FOOTER_COOKIE, FOOTER_COOKIE_SIZE) != 0)
        return status_fail(STATUS_DAMAGED, VHD_ERROR_DRIVE_FOOTER_MISSING,
                           "%s: no VHD footer is at its place.", path);
    uint32_t wanted = vhd1_checksum(raw, VHD1_FOOTER_SIZE, FOOTER_CHECKSUM);
    uint32_t stored = load_be32(raw + FOOTER_CHECKSUM);
    if (stored != wanted)
        return status_fail(STATUS_DAMAGED, VHD_ERROR_DRIVE_FOOTER_CHECKSUM_MISMATCH,
                           "%s: the VHD footer's checksum is %08x, its contents make %08x.", path,
                           (unsigned)stored, (unsigned)wanted);
    uint32_t version = load_be32(raw + FOOTER_VERSION);
    if (version >> 16 != FORMAT_VERSION >> 16)
        return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_FORMAT_UNSUPPORTED_VERSION,
                           "%s: the VHD format version %u.%u is not known; 1.0 is.", path,
                           (unsigned)(version >> 16), (unsigned)(version & 0xffff));
    uint32_t type = load_be32(raw + FOOTER_TYPE);
    if (type != VHD_TYPE_FIXED && type != VHD_TYPE_DYNAMIC && type != VHD_TYPE_DIFFERENCING)
        return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_INVALID_TYPE,
                           "%s: the VHD disk type %u is not known.", path, (unsigned)type);
    uint64_t size = load_be64(raw + FOOTER_CURRENT_SIZE);
    if (size == 0 || size % VHD1_SECTOR != 0 || (type != VHD_TYPE_FIXED && size > VHD1_SIZE_MAX) ||
        size > INT64_MAX - VHD1_FOOTER_SIZE)
        return status_fail(STATUS_DAMAGED, VHD_ERROR_INVALID_SIZE,
                           "%s: the VHD footer says that the disk has %llu bytes, which cannot be.",
                           path, (unsigned long long)size);

    memcpy(footer->raw, raw, VHD1_FOOTER_SIZE);
    footer->data_offset = load_be64(raw + FOOTER_DATA_OFFSET);
    footer->current_size = size;
    footer->type = (enum vhd_type)type;
    memcpy(footer->unique_id.bytes, raw + FOOTER_UNIQUE_ID, sizeof footer->unique_id.bytes);
    return STATUS_OK;
}

enum status vhd1_footer_read_trailing(struct file *file, uint64_t file_size,
                                      struct vhd1_footer *footer, uint64_t *data_end)
{
    uint8_t raw[VHD1_FOOTER_SIZE];
    if (file_size < sizeof raw)
        return status_fail(STATUS_NOT_A_DISK, VHD_ERROR_NOT_VIRTUAL_DISK,
                           "%s is too short for a virtual disk.", file->path);
    enum status status = file_read(file, file_size - sizeof raw, raw, sizeof raw);
    if (status != STATUS_OK)
        return status;
    *data_end = file_size - VHD1_FOOTER_SIZE;
    if (memcmp(raw, FOOTER_COOKIE, FOOTER_COOKIE_SIZE) != 0 &&
        memcmp(raw + 1, FOOTER_COOKIE, FOOTER_COOKIE_SIZE) == 0) {
        memmove(raw, raw + 1, VHD1_LEGACY_FOOTER_SIZE);
        raw[VHD1_LEGACY_FOOTER_SIZE] = 0;
        *data_end = file_size - VHD1_LEGACY_FOOTER_SIZE;
    }
    return vhd1_footer_parse(raw, file->path, footer);
}

// The copy at the beginning. A fixed disk has none: what its first sector holds is the guest's.
static enum status read_copy(struct file *file, struct vhd1_footer *copy)
{
    uint8_t raw[VHD1_FOOTER_SIZE];
    enum status status = file_read(file, 0, raw, sizeof raw);
    if (status == STATUS_OK)
        status = vhd1_footer_parse(raw, file->path, copy);
    if (status == STATUS_OK && copy->type == VHD_TYPE_FIXED)
        status = status_fail(STATUS_DAMAGED, VHD_ERROR_DRIVE_FOOTER_MISSING,
                             "%s: the footer at the beginning is of a fixed disk, which has none "
                             "there.",
                             file->path);
    return status;
}

// Nothing changes where a footer says that the header is. One that says something else is what a
// guest wrote to its disk, at the end of a file that lost its footer.
static bool is_stray(const struct vhd1_footer *trailing, const struct vhd1_footer *copy)
{
    return trailing->type != copy->type || trailing->data_offset != copy->data_offset;
}

enum status vhd1_footer_read(struct file *file, uint64_t file_size, struct vhd1_footer *footer,
                             struct vhd1_footer_place *place)
{
    struct vhd1_footer copy;
    enum status status = vhd1_footer_read_trailing(file, file_size, footer, &place->data_end);
    place->trailing = place->leading = status == STATUS_OK;
    if (status == STATUS_OK && footer->type == VHD_TYPE_FIXED)
        return STATUS_OK;
    if (status != STATUS_OK && status != STATUS_DAMAGED)
        return status;

    const struct status_details failure = *status_last();
    enum status copy_status = read_copy(file, &copy);
    if (copy_status != STATUS_OK && copy_status != STATUS_DAMAGED &&
        copy_status != STATUS_UNSUPPORTED)
        return copy_status;
    if (copy_status != STATUS_OK) {
        place->leading = false;
        return status == STATUS_OK ? STATUS_OK : status_restore(&failure);
    }
    if (status == STATUS_OK && !is_stray(footer, &copy)) {
        place->leading = memcmp(copy.raw, footer->raw, VHD1_FOOTER_SIZE) == 0;
        return STATUS_OK;
    }
    *footer = copy;
    place->trailing = false;
    place->leading = true;
    place->data_end = file_size;
    return STATUS_OK;
}

bool vhd1_footer_is_tapdisk(const struct vhd1_footer *footer)
{
    return memcmp(footer->raw + FOOTER_CREATOR, TAPDISK, sizeof TAPDISK - 1) == 0;
}

bool vhd1_footer_has_reversed_bitmaps(const struct vhd1_footer *footer)
{
    return vhd1_footer_is_tapdisk(footer) &&
           load_be32(footer->raw + FOOTER_CREATOR_VERSION) == TAPDISK_REVERSED;
}

unsigned vhd1_footer_oddities(const struct vhd1_footer *footer)
{
    const uint8_t *raw = footer->raw;
    uint8_t geometry[4];
    unsigned odd = 0;
    if ((load_be32(raw + FOOTER_FEATURES) & ~FEATURES_TEMPORARY) != FEATURES_RESERVED)
        odd |= VHD1_ODD_FEATURES;
    if (footer->type == VHD_TYPE_FIXED && footer->data_offset != UINT64_MAX)
        odd |= VHD1_ODD_DATA_OFFSET;
    store_geometry(geometry, footer->current_size);
    if (memcmp(raw + FOOTER_GEOMETRY, geometry, sizeof geometry) != 0)
        odd |= VHD1_ODD_GEOMETRY;
    if (raw[FOOTER_SAVED_STATE] != 0)
        odd |= VHD1_ODD_SAVED_STATE;
    if (raw[FOOTER_HIDDEN] != 0 && !vhd1_footer_is_tapdisk(footer))
        odd |= VHD1_ODD_RESERVED;
    for (size_t i = FOOTER_RESERVED; i < VHD1_FOOTER_SIZE; i++)
        if (raw[i] != 0)
            odd |= VHD1_ODD_RESERVED;
    return odd;
}

static void seal(struct vhd1_footer *footer)
{
    store_be32(footer->raw + FOOTER_CHECKSUM,
               vhd1_checksum(footer->raw, VHD1_FOOTER_SIZE, FOOTER_CHECKSUM));
}

void vhd1_footer_set_size(struct vhd1_footer *footer, uint64_t size)
{
    footer->current_size = size;
    store_be64(footer->raw + FOOTER_CURRENT_SIZE, size);
    store_geometry(footer->raw + FOOTER_GEOMETRY, size);
    seal(footer);
}

void vhd1_footer_set_id(struct vhd1_footer *footer, const struct guid *id)
{
    footer->unique_id = *id;
    memcpy(footer->raw + FOOTER_UNIQUE_ID, id->bytes, sizeof id->bytes);
    seal(footer);
}

enum status vhd1_footers_write(struct file *file, const struct vhd1_footer *footer, uint64_t at)
{
    enum status status = file_write(file, at, footer->raw, VHD1_FOOTER_SIZE);
    if (status == STATUS_OK)
        status = file_flush(file);
    if (status != STATUS_OK || footer->type == VHD_TYPE_FIXED)
        return status;
    status = file_write(file, 0, footer->raw, VHD1_FOOTER_SIZE);
    return status == STATUS_OK ? file_flush(file) : status;
}

void vhd1_footer_creator(const struct vhd1_footer *footer, char text[], size_t size)
{
    char name[5] = "";
    for (int i = 0; i < 4; i++) {
        uint8_t c = footer->raw[FOOTER_CREATOR + i];
        name[i] = (char)(c < 128 && isprint(c) ? c : ' ');
    }
    for (int i = 3; i >= 0 && name[i] == ' '; i--)
        name[i] = 0;
    uint32_t version = load_be32(footer->raw + FOOTER_CREATOR_VERSION);
    snprintf(text, size, "%s %u.%u", name, (unsigned)(version >> 16), (unsigned)(version & 0xffff));
}
