// Valid VHDX files that no program of ours writes: every block state, geometry and layout.
#include "tests/support/forge/disks.h"

#include <stdio.h>
#include <string.h>

void forge_begin_vhdx(struct forged *d, struct forge_vhdx *f, const char *path,
                      const struct forge_shape *shape)
{
    forge_vhdx_begin(f, d->fs, path, shape);
    d->leaf = path;
    if (d->model.size == 0)
        forge_model_begin(&d->model, f->size, f->sector_size);
}

uint64_t forge_full_block(struct forged *d, struct forge_vhdx *f, uint64_t block, uint8_t tag)
{
    uint64_t sectors = f->block_size / f->sector_size;
    forge_model_paint(&d->model, block * sectors, sectors, tag);
    return forge_vhdx_put_block(f, block, FORGE_FULL, tag);
}

// A block without data whose sectors are zeros, also where the parent has some.
static void hidden_block(struct forged *d, struct forge_vhdx *f, uint64_t block, unsigned state,
                         uint64_t anchor_mib)
{
    uint64_t sectors = f->block_size / f->sector_size;
    forge_vhdx_put_entry(f, forge_vhdx_block_at(f, block), anchor_mib, state);
    forge_model_paint(&d->model, block * sectors, sectors, 0);
}

// Old data that must never come up.
static uint64_t old_data(struct forge_vhdx *f, uint64_t block)
{
    uint64_t mib = forge_vhdx_room(f, f->block_size / FORGE_MIB);
    forge_vhdx_put_sectors(f, mib, block, block * (f->block_size / f->sector_size), 8, 0xEE);
    return mib;
}

// Sectors of a partially present block that are here; `first` counts from the disk's beginning.
void forge_present_sectors(struct forged *d, struct forge_vhdx *f, uint64_t block, uint64_t mib,
                           uint64_t bitmap, uint64_t first, uint64_t count, uint8_t tag)
{
    forge_vhdx_put_sectors(f, mib, block, first, count, tag);
    forge_vhdx_put_bits(f, bitmap, first, count);
    forge_model_paint(&d->model, first, count, tag);
}

uint64_t forge_bitmap(struct forge_vhdx *f, uint64_t chunk)
{
    uint64_t mib = forge_vhdx_room(f, 1);
    forge_vhdx_put_entry(f, forge_vhdx_chunk_at(f, chunk), mib, FORGE_FULL);
    return mib;
}

uint64_t forge_partial_block(struct forge_vhdx *f, uint64_t block)
{
    // What is not marked as present is junk.
    return forge_vhdx_put_block(f, block, FORGE_PARTIAL, 0xEE);
}

static void states_of(struct forged *d, struct forge_vhdx *f)
{
    forge_full_block(d, f, 0, 1);
    hidden_block(d, f, 2, FORGE_UNDEFINED, 0);
    hidden_block(d, f, 3, FORGE_ZERO, 0);
    hidden_block(d, f, 4, FORGE_UNMAPPED, 0);
    hidden_block(d, f, 5, FORGE_UNDEFINED, old_data(f, 5));
    hidden_block(d, f, 6, FORGE_UNMAPPED, old_data(f, 6));
    forge_full_block(d, f, 8, 2);
    forge_full_block(d, f, 7, 3);
}

static void dynamic_states(struct forged *d)
{
    struct forge_vhdx f;
    const struct forge_shape shape = {.size = 12 * FORGE_MIB, .block_size = 1 << 20};
    forge_begin_vhdx(d, &f, FORGE_BASE, &shape);
    states_of(d, &f);
}

static void dynamic_4k(struct forged *d)
{
    struct forge_vhdx f;
    const struct forge_shape shape = {
        .size = 17 * FORGE_MIB + 4096, .block_size = 2 << 20, .sector_size = 4096};
    forge_begin_vhdx(d, &f, FORGE_BASE, &shape);
    states_of(d, &f);
}

static void fixed_states(struct forged *d)
{
    struct forge_vhdx f;
    const struct forge_shape shape = {
        .size = 10 * FORGE_MIB, .block_size = 1 << 20, .parameters = FORGE_FIXED};
    forge_begin_vhdx(d, &f, FORGE_BASE, &shape);
    states_of(d, &f);
    forge_full_block(d, &f, 1, 4);
    forge_full_block(d, &f, 9, 5);
    forge_vhdx_room(&f, 3);
}

// As qemu-img 7.2 writes subformat=fixed: all blocks ZERO, without a place, in a file of full
// length; nothing marked as required; its order of regions and items.
static void fixed_as_qemu(struct forged *d)
{
    struct forge_vhdx f;
    const struct forge_shape shape = {
        .size = 24 * FORGE_MIB, .block_size = 8 << 20, .parameters = FORGE_FIXED};
    forge_begin_vhdx(d, &f, FORGE_BASE, &shape);
    f.regions[FORGE_BAT].offset = 2 * FORGE_MIB;
    f.regions[FORGE_METADATA].offset = 3 * FORGE_MIB;
    f.regions[FORGE_BAT].required = f.regions[FORGE_METADATA].required = 0;
    mem_fs_clear(d->fs, FORGE_BASE, 2 * FORGE_MIB, 2 * FORGE_MIB);
    forge_vhdx_write_both_regions(&f);
    forge_vhdx_write_values(&f);
    for (uint64_t block = 0; block < 3; block++)
        hidden_block(d, &f, block, FORGE_ZERO, 0);
    f.next_mib = 8;
    forge_vhdx_room(&f, 24);
}

// A parent in which every sector has data.
void forge_full_base(struct forged *d, uint64_t size, uint32_t block_size, uint32_t sector_size)
{
    struct forge_vhdx f;
    const struct forge_shape shape = {
        .size = size, .block_size = block_size, .sector_size = sector_size};
    forge_begin_vhdx(d, &f, FORGE_BASE, &shape);
    for (uint64_t block = 0; block * block_size < size; block++)
        forge_full_block(d, &f, block, (uint8_t)(0x40 + block % 16));
}

void forge_begin_child(struct forged *d, struct forge_vhdx *f, const char *path, const char *parent,
                       uint64_t size, uint32_t block_size)
{
    struct guid linkage = forge_guid(forge_crc32c((const uint8_t *)parent, strlen(parent)));
    const struct forge_shape shape = {
        .size = size,
        .block_size = block_size,
        .sector_size = d->model.sector_size,
        .parameters = FORGE_DIFFERENCING,
        .parent = parent + 1,
        .parent_linkage = &linkage,
    };
    forge_begin_vhdx(d, f, path, &shape);
    forge_vhdx_set_pair(f, "absolute_win32_path", parent);
    forge_vhdx_write_values(f);
}

// Single sectors, runs over bytes and pages of the bitmap, bits of blocks that are not partially
// present, and bits past the end of the disk, as Windows sets them.
static void odd_runs(struct forged *d, struct forge_vhdx *f, uint64_t first_block)
{
    uint64_t sectors = f->block_size / f->sector_size, start = first_block * sectors;
    uint64_t bitmap = forge_bitmap(f, start / (1ull << 23));
    uint64_t mib = forge_partial_block(f, first_block);
    forge_present_sectors(d, f, first_block, mib, bitmap, start, 1, 0x21);
    forge_present_sectors(d, f, first_block, mib, bitmap, start + 7, 2, 0x22);
    forge_present_sectors(d, f, first_block, mib, bitmap, start + 15, 19, 0x23);
    forge_present_sectors(d, f, first_block, mib, bitmap, start + sectors - 1, 1, 0x24);
    forge_vhdx_put_bits(f, bitmap, start + sectors, 64);
    mib = forge_partial_block(f, first_block + 2);
    forge_present_sectors(d, f, first_block + 2, mib, bitmap, start + 2 * sectors + 100, 3, 0x25);
}

static void child_states(struct forged *d)
{
    struct forge_vhdx f;
    forge_full_base(d, 21 * FORGE_MIB + 1536, 1 << 20, 512);
    forge_begin_child(d, &f, FORGE_CHILD, FORGE_BASE, d->model.size, 1 << 20);
    states_of(d, &f);
    odd_runs(d, &f, 10);
    // All bits of a partially present block, and none.
    uint64_t bitmap = 0;
    uint8_t raw[8];
    mem_fs_peek(d->fs, FORGE_CHILD, forge_vhdx_chunk_at(&f, 0), raw, sizeof raw);
    memcpy(&bitmap, raw, sizeof bitmap);
    bitmap /= FORGE_MIB;
    uint64_t mib = forge_partial_block(&f, 15);
    forge_present_sectors(d, &f, 15, mib, bitmap, 15 * 2048, 2048, 0x31);
    forge_partial_block(&f, 17);
    // The last block is cut; Windows sets the bits up to the end of the page.
    mib = forge_partial_block(&f, 21);
    forge_present_sectors(d, &f, 21, mib, bitmap, 21 * 2048 + 2, 1, 0x32);
    forge_vhdx_put_bits(&f, bitmap, 21 * 2048 + 3, 2048);
}

static void child_4k(struct forged *d)
{
    struct forge_vhdx f;
    forge_full_base(d, 40 * FORGE_MIB, 4 << 20, 4096);
    forge_begin_child(d, &f, FORGE_CHILD, FORGE_BASE, d->model.size, 2 << 20);
    states_of(d, &f);
    odd_runs(d, &f, 12);
}

// A bitmap that is there, though no block needs it.
static void child_unused_bitmap(struct forged *d)
{
    struct forge_vhdx f;
    forge_full_base(d, 6 * FORGE_MIB, 1 << 20, 512);
    forge_begin_child(d, &f, FORGE_CHILD, FORGE_BASE, d->model.size, 2 << 20);
    forge_vhdx_put_bits(&f, forge_bitmap(&f, 0), 0, 4096);
    forge_full_block(d, &f, 1, 0x51);
}

// Two chunks of 4096 blocks: the second bitmap, and a table that is longer than a page.
static void child_two_chunks(struct forged *d)
{
    struct forge_vhdx f;
    const struct forge_shape shape = {.size = 4100 * FORGE_MIB + 512, .block_size = 32 << 20};
    forge_begin_vhdx(d, &f, FORGE_BASE, &shape);
    forge_begin_child(d, &f, FORGE_CHILD, FORGE_BASE, d->model.size, 1 << 20);
    forge_full_block(d, &f, 4095, 0x11);
    odd_runs(d, &f, 4096);
    odd_runs(d, &f, 510);
    forge_full_block(d, &f, 0, 0x12);
}

static void blocks_of_256_mib(struct forged *d)
{
    struct forge_vhdx f;
    const struct forge_shape shape = {.size = 700 * FORGE_MIB, .block_size = 256u << 20};
    forge_begin_vhdx(d, &f, FORGE_BASE, &shape);
    uint64_t mib = forge_vhdx_room(&f, 256), sectors = f.block_size / 512;
    forge_vhdx_put_entry(&f, forge_vhdx_block_at(&f, 2), mib, FORGE_FULL);
    forge_vhdx_put_sectors(&f, mib, 2, 2 * sectors + 9, 3, 7);
    forge_model_paint(&d->model, 2 * sectors + 9, 3, 7);
    hidden_block(d, &f, 1, FORGE_UNMAPPED, forge_vhdx_room(&f, 256));
}

static void child_of_256_mib(struct forged *d)
{
    struct forge_vhdx f;
    blocks_of_256_mib(d);
    forge_begin_child(d, &f, FORGE_CHILD, FORGE_BASE, d->model.size, 256u << 20);
    uint64_t bitmap = forge_bitmap(&f, 0), mib = forge_vhdx_room(&f, 256);
    uint64_t sectors = f.block_size / 512;
    forge_vhdx_put_entry(&f, forge_vhdx_block_at(&f, 2), mib, FORGE_PARTIAL);
    forge_present_sectors(d, &f, 2, mib, bitmap, 2 * sectors + 10, 5, 8);
    forge_present_sectors(d, &f, 2, mib, bitmap, 2 * sectors + 4097, 1, 9);
}

// 64 TiB in blocks of 1 MiB: the largest table that there can be.
static void largest(struct forged *d)
{
    struct forge_vhdx f;
    const struct forge_shape shape = {.size = VHDX_SIZE_MAX, .block_size = 1 << 20};
    forge_begin_vhdx(d, &f, FORGE_BASE, &shape);
    forge_full_block(d, &f, 0, 1);
    forge_full_block(d, &f, 12345678, 2);
    forge_full_block(d, &f, (64ull << 20) - 1, 3);
}

static void smallest(struct forged *d)
{
    struct forge_vhdx f;
    const struct forge_shape shape = {.size = 512, .block_size = 1 << 20};
    forge_begin_vhdx(d, &f, FORGE_BASE, &shape);
    forge_full_block(d, &f, 0, 1);
}

// Everything in another place than usual, with regions and items that nobody knows.
static void any_layout(struct forged *d)
{
    struct forge_vhdx f;
    const struct forge_shape shape = {.size = 9 * FORGE_MIB, .block_size = 1 << 20};
    struct guid unknown = forge_guid(1000), user = forge_guid(1001), empty = forge_guid(1002);
    forge_begin_vhdx(d, &f, FORGE_BASE, &shape);
    mem_fs_clear(d->fs, FORGE_BASE, FORGE_MIB, 3 * FORGE_MIB);
    f.next_mib = 30;
    forge_full_block(d, &f, 3, 1);
    f.regions[FORGE_METADATA].offset = 22 * FORGE_MIB;
    f.regions[FORGE_BAT].offset = 40 * FORGE_MIB;
    f.regions[FORGE_BAT].length = 3 * FORGE_MIB;
    for (int i = 0; i < 2; i++) {
        f.headers[i].log_offset = 24 * FORGE_MIB;
        f.headers[i].log_length = 2 * FORGE_MIB;
    }
    f.next_mib = 44;
    forge_vhdx_write_headers(&f);
    forge_vhdx_add_region(&f, &unknown, 0);
    forge_vhdx_write_values(&f);
    forge_vhdx_add_item(&f, &user, 1, 5000);
    forge_vhdx_add_item(&f, &user, 2, 16);
    forge_vhdx_add_item(&f, &empty, 1, 0);
    forge_full_block(d, &f, 0, 2);
    forge_full_block(d, &f, 3, 3);
}

// Items in the order of QEMU, and metadata at the end of a long region.
static void any_items(struct forged *d)
{
    struct forge_vhdx f;
    const struct forge_shape shape = {.size = 3 * FORGE_MIB, .block_size = 1 << 20};
    forge_begin_vhdx(d, &f, FORGE_BASE, &shape);
    static const uint32_t places[] = {200, 500, 300, 100, 400};
    for (uint32_t i = 0; i < 5; i++)
        f.items[i].offset = 900 * 1024 + places[i];
    forge_vhdx_write_values(&f);
    forge_full_block(d, &f, 2, 1);
}

static void equal_numbers(struct forged *d)
{
    struct forge_vhdx f;
    const struct forge_shape shape = {.size = 3 * FORGE_MIB, .block_size = 1 << 20};
    forge_begin_vhdx(d, &f, FORGE_BASE, &shape);
    f.headers[0].sequence_number = f.headers[1].sequence_number = 1;
    forge_vhdx_write_headers(&f);
    forge_full_block(d, &f, 1, 1);
}

// The older header names a log that is not there, and another place for it.
static void first_header_current(struct forged *d)
{
    struct forge_vhdx f;
    const struct forge_shape shape = {.size = 3 * FORGE_MIB, .block_size = 1 << 20};
    forge_begin_vhdx(d, &f, FORGE_BASE, &shape);
    f.headers[0].sequence_number = 8;
    f.headers[1].log_guid = forge_guid(5);
    f.headers[1].log_offset = 77 * FORGE_MIB;
    forge_vhdx_write_headers(&f);
    forge_full_block(d, &f, 1, 1);
}

static void no_log(struct forged *d)
{
    struct forge_vhdx f;
    const struct forge_shape shape = {.size = 3 * FORGE_MIB, .block_size = 1 << 20};
    forge_begin_vhdx(d, &f, FORGE_BASE, &shape);
    for (int i = 0; i < 2; i++) {
        f.headers[i].log_length = 0;
        f.headers[i].log_offset = 0;
        f.headers[i].log_version = 1;
    }
    forge_vhdx_write_headers(&f);
    forge_full_block(d, &f, 1, 1);
}

// Junk where nobody reads: behind the table's last entry, as QEMU 5.2 left it.
static void junk_behind_table(struct forged *d)
{
    struct forge_vhdx f;
    const struct forge_shape shape = {.size = 3 * FORGE_MIB, .block_size = 1 << 20};
    forge_begin_vhdx(d, &f, FORGE_BASE, &shape);
    forge_full_block(d, &f, 1, 1);
    forge_vhdx_put_entry(&f, f.regions[FORGE_BAT].offset + 3 * 8, 0, 2);
    forge_vhdx_room(&f, 4);
}

static void chain_of_five(struct forged *d)
{
    static const char *const paths[] = {FORGE_BASE, "/c1.avhdx", "/c2.avhdx", "/c3.avhdx",
                                        "/c4.avhdx"};
    static const uint32_t block_sizes[] = {0, 2 << 20, 1 << 20, 8 << 20, 1 << 20};
    struct forge_vhdx f;
    forge_full_base(d, 24 * FORGE_MIB, 1 << 20, 512);
    for (uint64_t i = 1; i < 5; i++) {
        forge_begin_child(d, &f, paths[i], paths[i - 1], d->model.size, block_sizes[i]);
        uint64_t sectors = block_sizes[i] / 512, bitmap = forge_bitmap(&f, 0);
        uint64_t mib = forge_partial_block(&f, 0);
        forge_present_sectors(d, &f, 0, mib, bitmap, 3 * i, 7, (uint8_t)(0x60 + i));
        hidden_block(d, &f, 1, i % 2 ? FORGE_ZERO : FORGE_UNMAPPED, 0);
        if (i == 3)
            continue; // whose third block is the last
        mib = forge_partial_block(&f, 2 + i);
        forge_present_sectors(d, &f, 2 + i, mib, bitmap, (2 + i) * sectors + i, 900,
                              (uint8_t)(0x70 + i));
    }
}

// Beyond its end the parent is zeros.
static void child_larger(struct forged *d)
{
    struct forge_vhdx f;
    struct forged base = *d;
    forge_full_base(&base, 3 * FORGE_MIB + 512, 1 << 20, 512);
    forge_model_begin(&d->model, 8 * FORGE_MIB, 512);
    for (size_t i = 0; i < base.model.count; i++)
        forge_model_paint(&d->model, base.model.runs[i].first, base.model.runs[i].count,
                          base.model.runs[i].tag);
    forge_model_free(&base.model);
    forge_begin_child(d, &f, FORGE_CHILD, FORGE_BASE, 8 * FORGE_MIB, 1 << 20);
    forge_full_block(d, &f, 5, 0x11);
}

// Locators have their keys in any order, and keys that nobody knows.
static void any_locator(struct forged *d)
{
    struct forge_vhdx f;
    forge_full_base(d, 3 * FORGE_MIB, 1 << 20, 512);
    forge_begin_child(d, &f, FORGE_CHILD, FORGE_BASE, d->model.size, 1 << 20);
    struct forge_pair first = f.pairs[0];
    f.pairs[0] = f.pairs[1];
    f.pairs[1] = first;
    forge_vhdx_set_pair(&f, "volume_path",
                        "\\\\?\\Volume{00000000-0000-0000-0000-000000000000}\\x");
    forge_vhdx_set_pair(&f, "some_key", "some value");
    forge_vhdx_set_pair(&f, "Relative_path", "no");
    forge_vhdx_write_values(&f);
    forge_full_block(d, &f, 2, 0x11);
}

// A merge was cut off after the parent had its new DataWriteGuid: the second linkage fits.
static void merge_begun(struct forged *d)
{
    struct forge_vhdx f;
    char text[GUID_TEXT_SIZE], linkage[160];
    struct guid old = forge_guid(4711),
                now = forge_guid(forge_crc32c((const uint8_t *)FORGE_BASE, strlen(FORGE_BASE)));
    forge_full_base(d, 3 * FORGE_MIB, 1 << 20, 512);
    forge_begin_child(d, &f, FORGE_CHILD, FORGE_BASE, d->model.size, 1 << 20);
    snprintf(linkage, sizeof linkage, "{%s}", guid_format(&old, text));
    forge_vhdx_set_pair(&f, "parent_linkage", linkage);
    snprintf(linkage, sizeof linkage, "{%s}", guid_format(&now, text));
    forge_vhdx_set_pair(&f, "parent_linkage2", linkage);
    forge_vhdx_write_values(&f);
    forge_full_block(d, &f, 2, 0x11);
}

// Blocks of a random disk in random order, with random states.
static void random_blocks(struct forged *d, struct forge_vhdx *f, uint64_t blocks, bool child)
{
    uint64_t bitmap = child ? forge_bitmap(f, 0) : 0;
    uint64_t sectors = f->block_size / f->sector_size;
    uint64_t step = 1 + 2 * random_below(&d->random, blocks); // odd: meets all of a power of two
    for (uint64_t i = 0, block = 0; i < blocks; i++, block = (block + step) % blocks) {
        static const unsigned states[] = {FORGE_ABSENT,   FORGE_UNDEFINED, FORGE_ZERO,
                                          FORGE_UNMAPPED, FORGE_FULL,      FORGE_FULL,
                                          FORGE_PARTIAL};
        unsigned state = states[random_below(&d->random, child ? 7 : 6)];
        if (state == FORGE_FULL) {
            forge_full_block(d, f, block, (uint8_t)(1 + random_below(&d->random, 200)));
        } else if (state == FORGE_PARTIAL) {
            uint64_t mib = forge_partial_block(f, block);
            for (int run = 0; run < 6; run++) {
                uint64_t first = random_below(&d->random, sectors);
                uint64_t count = 1 + random_below(&d->random, min_u64(40, sectors - first));
                forge_present_sectors(d, f, block, mib, bitmap, block * sectors + first, count,
                                      (uint8_t)(1 + random_below(&d->random, 200)));
            }
        } else if (state != FORGE_ABSENT) {
            bool anchor = state != FORGE_ZERO && random_chance(&d->random, 50);
            hidden_block(d, f, block, state, anchor ? old_data(f, block) : 0);
        }
        if (random_chance(&d->random, 20))
            forge_vhdx_room(f, 1 + random_below(&d->random, 3));
    }
}

static void random_dynamic(struct forged *d)
{
    struct forge_vhdx f;
    struct forge_shape shape = {.block_size = 1u << (20 + random_below(&d->random, 3)),
                                .sector_size = random_chance(&d->random, 50) ? 512 : 4096};
    shape.size = 16ull * shape.block_size - random_below(&d->random, 100) * shape.sector_size;
    forge_begin_vhdx(d, &f, FORGE_BASE, &shape);
    random_blocks(d, &f, 16, false);
}

static void random_child(struct forged *d)
{
    struct forge_vhdx f;
    random_dynamic(d);
    uint32_t block_size = 1u << (20 + random_below(&d->random, 2));
    forge_begin_child(d, &f, FORGE_CHILD, FORGE_BASE, d->model.size, block_size);
    random_blocks(d, &f, 8, true);
}

const struct forge_disk forge_vhdx_disks[] = {
    {"vhdx-dynamic-states", dynamic_states},
    {"vhdx-dynamic-4k", dynamic_4k},
    {"vhdx-fixed-states", fixed_states},
    {"vhdx-fixed-as-qemu", fixed_as_qemu},
    {"vhdx-child-states", child_states},
    {"vhdx-child-4k", child_4k},
    {"vhdx-child-unused-bitmap", child_unused_bitmap},
    {"vhdx-child-two-chunks", child_two_chunks},
    {"vhdx-256-mib", blocks_of_256_mib},
    {"vhdx-child-256-mib", child_of_256_mib},
    {"vhdx-largest", largest},
    {"vhdx-smallest", smallest},
    {"vhdx-any-layout", any_layout},
    {"vhdx-any-items", any_items},
    {"vhdx-equal-numbers", equal_numbers},
    {"vhdx-first-header-current", first_header_current},
    {"vhdx-no-log", no_log},
    {"vhdx-junk-behind-table", junk_behind_table},
    {"vhdx-chain-of-five", chain_of_five},
    {"vhdx-child-larger", child_larger},
    {"vhdx-any-locator", any_locator},
    {"vhdx-merge-begun", merge_begun},
    {"vhdx-random-dynamic", random_dynamic},
    {"vhdx-random-child", random_child},
};
const size_t forge_vhdx_disk_count = sizeof forge_vhdx_disks / sizeof *forge_vhdx_disks;
