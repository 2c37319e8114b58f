// The region tables ([MS-VHDX] 2.2.3).
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "vhd/vhdx/check.h"

struct copies {
    uint8_t raw[2][VHDX_REGION_TABLE_SIZE];
    enum status status[2]; // of taking it apart
    struct vhdx_regions regions[2];
};

static const uint64_t copy_offset[2] = {VHDX_REGION_TABLE1_OFFSET, VHDX_REGION_TABLE2_OFFSET};

static bool is_known(const struct guid *guid)
{
    return guid_equal(guid, &vhdx_guid_bat) || guid_equal(guid, &vhdx_guid_metadata);
}

static void check_entry(struct vhdx_check *c, uint32_t index, const struct vhdx_region *region)
{
    char text[GUID_TEXT_SIZE];
    if (!vhdx_region_is_placed(region))
        VHDX_DAMAGE(c, "region-misplaced",
                    "region table: entry %" PRIu32 " lies at %" PRIu64 ", length %" PRIu32
                    "; both must be whole MiB past the headers.",
                    index, region->offset, region->length);
    if (region->required && !is_known(&region->guid))
        VHDX_DAMAGE(c, "region-unknown-required",
                    "region table: the file needs a region that is not known here: %s.",
                    guid_format(&region->guid, text));
}

static void check_pair(struct vhdx_check *c, uint32_t i, const struct vhdx_region *a, uint32_t j,
                       const struct vhdx_region *b)
{
    if (guid_equal(&a->guid, &b->guid))
        VHDX_DAMAGE(c, "region-duplicate",
                    "region table: entries %" PRIu32 " and %" PRIu32 " have the same GUID.", i, j);
    else if (a->offset < b->offset + b->length && b->offset < a->offset + a->length)
        VHDX_DAMAGE(c, "region-overlap",
                    "region table: entries %" PRIu32 " and %" PRIu32 " overlap.", i, j);
}

// Everything that is wrong with a table that has the right checksum and is refused nevertheless.
static void check_entries(struct vhdx_check *c, const uint8_t *raw)
{
    uint32_t count = vhdx_region_table_count(raw);
    bool has_bat = false, has_metadata = false;
    if (count > VHDX_REGIONS_MAX) {
        VHDX_DAMAGE(c, "region-count", "region table: %" PRIu32 " entries, more than %d.", count,
                    VHDX_REGIONS_MAX);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct vhdx_region region, other;
        uint32_t reserved;
        vhdx_region_table_entry(raw, i, &region, &reserved);
        check_entry(c, i, &region);
        for (uint32_t j = 0; j < i; j++) {
            vhdx_region_table_entry(raw, j, &other, &reserved);
            check_pair(c, j, &other, i, &region);
        }
        has_bat |= guid_equal(&region.guid, &vhdx_guid_bat);
        has_metadata |= guid_equal(&region.guid, &vhdx_guid_metadata);
        if (guid_equal(&region.guid, &vhdx_guid_metadata) &&
            region.length > VHDX_METADATA_REGION_MAX)
            VHDX_DAMAGE(c, "region-metadata-size",
                        "region table: the metadata region has %" PRIu32
                        " bytes, more than 128 MiB.",
                        region.length);
    }
    if (!has_bat)
        VHDX_DAMAGE(c, "region-bat-missing", "region table: there is no BAT region.");
    if (!has_metadata)
        VHDX_DAMAGE(c, "region-metadata-missing", "region table: there is no metadata region.");
}

// Harmless oddities of a table that is in use.
static void note_entries(struct vhdx_check *c, const uint8_t *raw)
{
    for (uint32_t i = 0; i < vhdx_region_table_count(raw); i++) {
        struct vhdx_region region;
        uint32_t reserved;
        char text[GUID_TEXT_SIZE];
        vhdx_region_table_entry(raw, i, &region, &reserved);
        if (reserved != 0)
            VHDX_NOTE(c, "region-reserved",
                      "region table: entry %" PRIu32 " has reserved bits that are not zero.", i);
        if (!is_known(&region.guid))
            VHDX_NOTE(c, "region-unknown",
                      "region table: an optional region that is not known here is kept: %s.",
                      guid_format(&region.guid, text));
        else if (!region.required)
            VHDX_NOTE(
                c, "region-not-required",
                "region table: entry %" PRIu32 " is not marked as required, as QEMU writes it.", i);
    }
}

static bool same_places(const struct vhdx_regions *a, const struct vhdx_regions *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!guid_equal(&a->entries[i].guid, &b->entries[i].guid) ||
            a->entries[i].offset != b->entries[i].offset ||
            a->entries[i].length != b->entries[i].length)
            return false;
    return true;
}

static void compare_copies(struct vhdx_check *c, const struct copies *copies)
{
    if (memcmp(copies->raw[0], copies->raw[1], VHDX_REGION_TABLE_SIZE) == 0)
        return;
    if (!same_places(&copies->regions[0], &copies->regions[1])) {
        VHDX_DAMAGE(c, "region-copies-differ",
                    "the two copies of the region table name different regions; which one is right "
                    "cannot be told.");
        return;
    }
    c->x.regions.bad_copy = VHDX_REGION_TABLE2_OFFSET;
    VHDX_MENDABLE(c, "region-copies-differ",
                  "the two copies of the region table differ in bytes without a meaning.");
}

static void report_bad_copy(struct vhdx_check *c, unsigned bad)
{
    c->x.regions.bad_copy = copy_offset[bad];
    VHDX_MENDABLE(c, "region-copy-invalid",
                  "copy %u of the region table, at %" PRIu64 ", is damaged; the other one is used. "
                  "Other programs read the first only.",
                  bad + 1, copy_offset[bad]);
}

// Neither copy can be used: says why.
static void report_both_bad(struct vhdx_check *c, const struct copies *copies)
{
    c->stuck = true;
    for (unsigned i = 0; i < 2; i++)
        if (vhdx_region_table_is_whole(copies->raw[i])) {
            check_entries(c, copies->raw[i]);
            return;
        }
    VHDX_DAMAGE(c, "region-tables-invalid",
                "both copies of the region table have a wrong signature or checksum.");
}

static void check_in_file(struct vhdx_check *c)
{
    const struct vhdx_regions *regions = &c->x.regions;
    for (size_t i = 0; i < regions->count; i++) {
        const struct vhdx_region *region = &regions->entries[i];
        if (range_fits(region->offset, region->length, c->x.view.size))
            continue;
        VHDX_DAMAGE(c, "region-past-end",
                    "region table: entry %zu lies at %" PRIu64 ", length %" PRIu32
                    ", but the file ends at %" PRIu64 ".",
                    i, region->offset, region->length, c->x.view.size);
        c->stuck |= is_known(&region->guid);
    }
}

static void judge(struct vhdx_check *c, struct copies *copies)
{
    bool good[2] = {copies->status[0] == STATUS_OK, copies->status[1] == STATUS_OK};
    if (!good[0] && !good[1]) {
        report_both_bad(c, copies);
        return;
    }
    unsigned used = good[0] ? 0 : 1;
    c->x.regions = copies->regions[used];
    if (!good[1 - used])
        report_bad_copy(c, 1 - used);
    else
        compare_copies(c, copies);
    note_entries(c, copies->raw[used]);
    check_in_file(c);
}

enum status vhdx_check_regions(struct vhdx_check *c)
{
    struct copies *copies = calloc(1, sizeof *copies);
    if (!copies)
        return status_no_memory("the region tables of a VHDX file");
    enum status status = STATUS_OK;
    for (unsigned i = 0; i < 2 && !status && !c->stuck; i++) {
        status = vhdx_check_read(c, copy_offset[i], copies->raw[i], VHDX_REGION_TABLE_SIZE);
        if (!status && !c->stuck)
            copies->status[i] =
                vhdx_regions_decode(copies->raw[i], c->checker->path, &copies->regions[i]);
        if (copies->status[i] == STATUS_OUT_OF_MEMORY)
            status = STATUS_OUT_OF_MEMORY;
    }
    if (!status && !c->stuck)
        judge(c, copies);
    // The one in use belongs to the image now.
    for (unsigned i = 0; i < 2; i++)
        if (copies->regions[i].entries != c->x.regions.entries)
            vhdx_regions_free(&copies->regions[i]);
    free(copies);
    return status;
}
