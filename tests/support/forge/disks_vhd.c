// Valid VHD files as other programs write them, and stranger ones.
#include "tests/support/forge/disks.h"

void forge_begin_vhd(struct forged *d, struct forge_vhd *f, const char *path,
                     const struct forge_vhd_shape *shape)
{
    forge_vhd_begin(f, d->fs, path, shape);
    d->leaf = path;
    if (d->model.size == 0)
        forge_model_begin(&d->model, shape->size, 512);
}

static void put_sectors(struct forged *d, struct forge_vhd *f, uint64_t place, uint32_t block,
                        uint64_t first, uint64_t count, uint8_t tag, bool bits)
{
    forge_vhd_put_sectors(f, place, block, first, count, tag, bits);
    forge_model_paint(&d->model, first, count, tag);
}

void forge_vhd_full_block(struct forged *d, struct forge_vhd *f, uint32_t block, uint8_t tag)
{
    uint64_t sectors = f->shape.block_size / 512;
    put_sectors(d, f, forge_vhd_put_block(f, block, true), block, block * sectors, sectors, tag,
                false);
}

static void fill_fixed(struct forged *d, struct forge_vhd *f, uint64_t first, uint64_t count,
                       uint8_t tag)
{
    uint8_t raw[512];
    for (uint64_t sector = first; sector < first + count; sector++) {
        forge_fill(raw, tag, sector, 1, 512);
        mem_fs_poke(d->fs, f->path, sector * 512, raw, sizeof raw);
    }
    forge_model_paint(&d->model, first, count, tag);
}

static void fixed(struct forged *d)
{
    struct forge_vhd f;
    const struct forge_vhd_shape shape = {.type = FORGE_VHD_FIXED, .size = 4 * FORGE_MIB + 512};
    forge_begin_vhd(d, &f, FORGE_VHD_BASE, &shape);
    fill_fixed(d, &f, 0, 100, 1);
    fill_fixed(d, &f, 8000, 193, 2);
    forge_vhd_end(&f);
}

static void fixed_legacy(struct forged *d)
{
    struct forge_vhd f;
    const struct forge_vhd_shape shape = {
        .type = FORGE_VHD_FIXED, .size = 4 * FORGE_MIB, .legacy_footer = true, .creator = "vpc "};
    forge_begin_vhd(d, &f, FORGE_VHD_BASE, &shape);
    fill_fixed(d, &f, 5, 100, 1);
    forge_vhd_end(&f);
}

// The guest wrote what a VHDX begins with to the beginning of its disk, and what a footer begins
// with to the end.
static void fixed_in_disguise(struct forged *d)
{
    struct forge_vhd f;
    const struct forge_vhd_shape shape = {.type = FORGE_VHD_FIXED, .size = 4 * FORGE_MIB};
    forge_begin_vhd(d, &f, FORGE_VHD_BASE, &shape);
    fill_fixed(d, &f, 0, 1, FORGE_TAG_VHDX);
    fill_fixed(d, &f, 4 * FORGE_MIB / 512 - 1, 1, FORGE_TAG_VHD);
    forge_vhd_end(&f);
}

static void dynamic_as(struct forged *d, const struct forge_vhd_shape *shape)
{
    struct forge_vhd f;
    forge_begin_vhd(d, &f, FORGE_VHD_BASE, shape);
    forge_vhd_full_block(d, &f, 4, 1);
    forge_vhd_full_block(d, &f, 0, 2);
    forge_vhd_full_block(d, &f, 3, 3);
    forge_vhd_end(&f);
}

static void dynamic_windows(struct forged *d)
{
    const struct forge_vhd_shape shape = {
        .type = FORGE_VHD_DYNAMIC, .size = 9 * FORGE_MIB + 1024, .aligned = true};
    dynamic_as(d, &shape);
}

static void dynamic_qemu(struct forged *d)
{
    const struct forge_vhd_shape shape = {
        .type = FORGE_VHD_DYNAMIC, .size = 10 * FORGE_MIB, .creator = "qem2"};
    dynamic_as(d, &shape);
}

static void dynamic_disk2vhd(struct forged *d)
{
    const struct forge_vhd_shape shape = {.type = FORGE_VHD_DYNAMIC,
                                          .size = 10 * FORGE_MIB,
                                          .creator = "d2v",
                                          .padded_with_zeros = true};
    dynamic_as(d, &shape);
}

static void dynamic_legacy(struct forged *d)
{
    const struct forge_vhd_shape shape = {.type = FORGE_VHD_DYNAMIC,
                                          .size = 10 * FORGE_MIB,
                                          .creator = "vpc ",
                                          .legacy_footer = true};
    dynamic_as(d, &shape);
}

static void dynamic_small_blocks(struct forged *d)
{
    const struct forge_vhd_shape shape = {
        .type = FORGE_VHD_DYNAMIC, .size = 3 * FORGE_MIB, .block_size = 512 << 10, .aligned = true};
    dynamic_as(d, &shape);
}

// More entries than the disk needs, and a header behind its table.
static void dynamic_any_layout(struct forged *d)
{
    const struct forge_vhd_shape shape = {.type = FORGE_VHD_DYNAMIC,
                                          .size = 10 * FORGE_MIB,
                                          .entries = 300,
                                          .header_at = 4096,
                                          .table_at = 1024};
    dynamic_as(d, &shape);
}

// tapdisk marks what was written; the rest of the block is zeros.
static void dynamic_marked(struct forged *d)
{
    struct forge_vhd f;
    const struct forge_vhd_shape shape = {
        .type = FORGE_VHD_DYNAMIC, .size = 8 * FORGE_MIB, .creator = "tap"};
    forge_begin_vhd(d, &f, FORGE_VHD_BASE, &shape);
    uint64_t place = forge_vhd_put_block(&f, 2, false);
    put_sectors(d, &f, place, 2, 2 * 4096 + 3, 1, 1, true);
    put_sectors(d, &f, place, 2, 2 * 4096 + 14, 20, 2, true);
    put_sectors(d, &f, place, 2, 3 * 4096 - 1, 1, 3, true);
    forge_vhd_end(&f);
}

// The last block ends in the file where the disk ends.
static void dynamic_cut(struct forged *d)
{
    struct forge_vhd f;
    const struct forge_vhd_shape shape = {.type = FORGE_VHD_DYNAMIC, .size = 5 * FORGE_MIB};
    forge_begin_vhd(d, &f, FORGE_VHD_BASE, &shape);
    forge_vhd_full_block(d, &f, 0, 1);
    uint64_t place = forge_vhd_put_block(&f, 2, true);
    put_sectors(d, &f, place, 2, 2 * 4096, 2048, 2, false);
    f.end = place + forge_vhd_bitmap_size(&f) + FORGE_MIB;
    mem_fs_resize(d->fs, FORGE_VHD_BASE, f.end);
    forge_vhd_end(&f);
}

void forge_begin_vhd_child(struct forged *d, struct forge_vhd *f, const char *path,
                           const char *parent, bool windows)
{
    struct guid id = forge_vhd_id(parent);
    const struct forge_vhd_shape shape = {
        .type = FORGE_VHD_DIFFERENCING,
        .size = d->model.size,
        .aligned = windows,
        .space_in_sectors = !windows,
        .parent = parent,
        .parent_id = &id,
    };
    forge_begin_vhd(d, f, path, &shape);
}

static void full_base(struct forged *d)
{
    struct forge_vhd f;
    const struct forge_vhd_shape shape = {
        .type = FORGE_VHD_DYNAMIC, .size = 9 * FORGE_MIB, .aligned = true};
    forge_begin_vhd(d, &f, FORGE_VHD_BASE, &shape);
    for (uint32_t block = 0; block < 5; block++)
        forge_vhd_full_block(d, &f, block, (uint8_t)(0x40 + block));
    forge_vhd_end(&f);
}

// Runs within bytes and over them, and a block with all bits.
static void odd_runs(struct forged *d, struct forge_vhd *f, uint8_t tag)
{
    uint64_t place = forge_vhd_put_block(f, 1, false);
    put_sectors(d, f, place, 1, 4096 + tag % 8, 1, tag, true);
    put_sectors(d, f, place, 1, 4096 + 10, 2, (uint8_t)(tag + 1), true);
    put_sectors(d, f, place, 1, 4096 + 31, 18, (uint8_t)(tag + 2), true);
    put_sectors(d, f, place, 1, 8191, 1, (uint8_t)(tag + 3), true);
    forge_vhd_full_block(d, f, 3, (uint8_t)(tag + 4));
}

static void child_windows(struct forged *d)
{
    struct forge_vhd f;
    full_base(d);
    forge_begin_vhd_child(d, &f, FORGE_VHD_CHILD, FORGE_VHD_BASE, true);
    odd_runs(d, &f, 0x11);
    forge_vhd_end(&f);
}

static void child_by_the_book(struct forged *d)
{
    struct forge_vhd f;
    full_base(d);
    forge_begin_vhd_child(d, &f, FORGE_VHD_CHILD, FORGE_VHD_BASE, false);
    odd_runs(d, &f, 0x21);
    forge_vhd_end(&f);
}

static void chain_of_four(struct forged *d)
{
    static const char *const paths[] = {FORGE_VHD_BASE, "/c1.avhd", "/c2.avhd", "/c3.avhd"};
    full_base(d);
    for (uint8_t i = 1; i < 4; i++) {
        struct forge_vhd f;
        forge_begin_vhd_child(d, &f, paths[i], paths[i - 1], i % 2);
        if (i == 2)
            forge_vhd_full_block(d, &f, 0, 0x77);
        else
            odd_runs(d, &f, (uint8_t)(0x30 * i + i));
        forge_vhd_end(&f);
    }
}

const struct forge_disk forge_vhd_disks[] = {
    {"vhd-fixed", fixed},
    {"vhd-fixed-legacy", fixed_legacy},
    {"vhd-fixed-in-disguise", fixed_in_disguise},
    {"vhd-dynamic-windows", dynamic_windows},
    {"vhd-dynamic-qemu", dynamic_qemu},
    {"vhd-dynamic-disk2vhd", dynamic_disk2vhd},
    {"vhd-dynamic-legacy", dynamic_legacy},
    {"vhd-dynamic-small-blocks", dynamic_small_blocks},
    {"vhd-dynamic-any-layout", dynamic_any_layout},
    {"vhd-dynamic-marked", dynamic_marked},
    {"vhd-dynamic-cut", dynamic_cut},
    {"vhd-child-windows", child_windows},
    {"vhd-child-by-the-book", child_by_the_book},
    {"vhd-chain-of-four", chain_of_four},
};
const size_t forge_vhd_disk_count = sizeof forge_vhd_disks / sizeof *forge_vhd_disks;
