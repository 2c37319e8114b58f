#include "tests/support/shadow.h"

#include "tests/support/must.h"
#include "tests/support/test.h"

#define READ_AT_ONCE (1u << 20)
#define ZERO_PERCENT 25

struct shadow *shadow_new(uint64_t size, uint32_t sector_size)
{
    struct shadow *shadow = must_alloc(sizeof *shadow);
    shadow->bytes = must_alloc((size_t)size);
    shadow->size = size;
    shadow->sector_size = sector_size;
    return shadow;
}

struct shadow *shadow_clone(const struct shadow *from)
{
    struct shadow *shadow = shadow_new(from->size, from->sector_size);
    memcpy(shadow->bytes, from->bytes, (size_t)from->size);
    return shadow;
}

void shadow_free(struct shadow *shadow)
{
    if (shadow)
        free(shadow->bytes);
    free(shadow);
}

struct shadow_change shadow_change(struct shadow *shadow, struct random *r, uint64_t longest)
{
    uint64_t sectors = shadow->size / shadow->sector_size;
    uint64_t first = random_below(r, sectors);
    uint64_t most = longest / shadow->sector_size;
    uint64_t count = 1 + random_below(r, most < sectors - first ? most : sectors - first);
    struct shadow_change change = {
        .offset = first * shadow->sector_size,
        .length = count * shadow->sector_size,
        .zero = random_chance(r, ZERO_PERCENT),
    };
    if (change.zero)
        memset(shadow->bytes + change.offset, 0, (size_t)change.length);
    else
        random_fill(r, shadow->bytes + change.offset, (size_t)change.length);
    return change;
}

enum status shadow_apply(const struct shadow *shadow, const struct shadow_change *change,
                         struct vhd *disk)
{
    return change->zero ? vhd_zero(disk, change->offset, change->length)
                        : vhd_write(disk, change->offset, shadow->bytes + change->offset,
                                    (size_t)change->length);
}

void shadow_change_disk(struct shadow *shadow, struct random *r, uint64_t longest, struct vhd *disk)
{
    struct shadow_change change = shadow_change(shadow, r, longest);
    assert_ok(shadow_apply(shadow, &change, disk));
}

static bool same_content(const struct shadow *shadow, struct vhd *disk)
{
    uint8_t *read = must_alloc(READ_AT_ONCE);
    bool same = true;
    for (uint64_t at = 0; at < shadow->size && same; at += READ_AT_ONCE) {
        uint64_t rest = shadow->size - at;
        size_t size = rest < READ_AT_ONCE ? (size_t)rest : READ_AT_ONCE;
        if (vhd_read(disk, at, read, size) != STATUS_OK) {
            print_error("reading at %llu: %s\n", (unsigned long long)at, status_last()->message);
            same = false;
        }
        for (size_t i = 0; same && i < size; i++) {
            same = read[i] == shadow->bytes[at + i];
            if (!same)
                print_error("byte %llu is %02x instead of %02x\n", (unsigned long long)(at + i),
                            read[i], shadow->bytes[at + i]);
        }
    }
    free(read);
    return same;
}

static bool is_zero(const uint8_t *bytes, uint64_t length)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, (size_t)length - 1) == 0;
}

static bool true_map(const struct shadow *shadow, struct vhd *disk)
{
    for (uint64_t at = 0; at < shadow->size;) {
        struct vhd_extent extent;
        if (vhd_map(disk, VHD_MAP_CHAIN, at, UINT64_MAX, &extent) != STATUS_OK ||
            extent.offset != at || extent.length == 0 || extent.length > shadow->size - at) {
            print_error("no map at %llu: %s\n", (unsigned long long)at, status_last()->message);
            return false;
        }
        if (extent.kind == VHD_EXTENT_ZERO && !is_zero(shadow->bytes + at, extent.length)) {
            print_error("the map says zero for %llu bytes at %llu\n",
                        (unsigned long long)extent.length, (unsigned long long)at);
            return false;
        }
        at += extent.length;
    }
    return true;
}

bool shadow_equals(const struct shadow *shadow, struct vhd *disk)
{
    struct vhd_info info;
    vhd_get_info(disk, &info);
    if (info.virtual_size != shadow->size) {
        print_error("the disk has %llu bytes instead of %llu\n",
                    (unsigned long long)info.virtual_size, (unsigned long long)shadow->size);
        return false;
    }
    return same_content(shadow, disk) && true_map(shadow, disk);
}
