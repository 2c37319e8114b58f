// VHDX files whose log has to be replayed, and is not as simple as ours are.
#include "tests/support/forge/disks.h"

#include <string.h>

#define FIRST_NUMBER 0x123456789ABCull

// Eight blocks of 1 MiB, the first two with data.
static void begin(struct forged *d, struct forge_vhdx *f)
{
    const struct forge_shape shape = {.size = 8 * FORGE_MIB, .block_size = 1 << 20};
    forge_begin_vhdx(d, f, FORGE_BASE, &shape);
    forge_full_block(d, f, 0, 1);
    forge_full_block(d, f, 1, 2);
}

static struct forge_log *begin_log(struct forge_vhdx *f)
{
    struct guid guid = forge_guid(900);
    return forge_log_new(f, &guid, FIRST_NUMBER);
}

static void end_log(struct forge_log *log)
{
    forge_log_name(log);
    forge_log_free(log);
}

// Data is in its place; only the log's entry in work says so. A block that is not `shown` stays
// hidden, for its entry must not be replayed.
static void logged_block(struct forged *d, struct forge_log *log, uint64_t block, uint8_t tag,
                         bool shown)
{
    struct forge_vhdx *f = log->f;
    uint64_t mib = forge_vhdx_room(f, 1);
    forge_vhdx_put_sectors(f, mib, block, block * 2048, 2048, tag);
    forge_log_entry(log, forge_vhdx_block_at(f, block), mib, FORGE_FULL);
    log->last = mem_fs_size(f->fs, f->path);
    log->flushed = log->last;
    if (shown)
        forge_model_paint(&d->model, block * 2048, 2048, tag);
}

static void one_entry(struct forged *d)
{
    struct forge_vhdx f;
    begin(d, &f);
    struct forge_log *log = begin_log(&f);
    logged_block(d, log, 3, 5, true);
    logged_block(d, log, 1, 6, true);
    forge_log_end(log);
    end_log(log);
}

// As Windows begins a session, and nothing else.
static void empty_entry(struct forged *d)
{
    struct forge_vhdx f;
    begin(d, &f);
    struct forge_log *log = begin_log(&f);
    forge_log_end(log);
    end_log(log);
}

// All entries from the tail on count, the later ones over the earlier ones.
static void many_entries(struct forged *d)
{
    struct forge_vhdx f;
    begin(d, &f);
    struct forge_log *log = begin_log(&f);
    log->tail = forge_log_end(log);
    for (uint8_t i = 0; i < 40; i++) {
        logged_block(d, log, 2 + i % 6, (uint8_t)(10 + i), true);
        forge_log_end(log);
    }
    end_log(log);
}

// The tail moves late, as in Windows' files; what is before it is in its place, and has changed
// since.
static void lazy_tail(struct forged *d)
{
    struct forge_vhdx f;
    begin(d, &f);
    struct forge_log *log = begin_log(&f);
    logged_block(d, log, 7, 0xEE, false);
    forge_log_end(log);
    forge_log_forget(log);
    log->tail = log->at;
    for (uint8_t i = 0; i < 3; i++) {
        logged_block(d, log, 2 + i, (uint8_t)(20 + i), true);
        forge_log_end(log);
    }
    end_log(log);
}

// An entry, and then a sequence, that go over the end of the ring.
static void wrapped(struct forged *d)
{
    struct forge_vhdx f;
    begin(d, &f);
    struct forge_log *log = begin_log(&f);
    log->at = f.headers[1].log_length - 5 * FORGE_SECTOR;
    log->tail = log->at;
    logged_block(d, log, 2, 30, true);
    forge_log_end(log);
    logged_block(d, log, 3, 31, true);
    forge_log_page(log, f.regions[FORGE_METADATA].offset);
    forge_log_page(log, f.regions[FORGE_METADATA].offset + 16 * FORGE_SECTOR);
    forge_log_end(log);
    logged_block(d, log, 2, 32, true);
    forge_log_end(log);
    end_log(log);
}

// The power failed while the last entry was written: it does not count.
static void torn_head(struct forged *d)
{
    struct forge_vhdx f;
    begin(d, &f);
    struct forge_log *log = begin_log(&f);
    log->tail = 0;
    logged_block(d, log, 4, 40, true);
    forge_log_end(log);
    logged_block(d, log, 5, 41, true);
    forge_log_end(log);
    logged_block(d, log, 6, 0xEE, false);
    uint32_t at = forge_log_end(log);
    forge_log_tear(log, at, 2 * FORGE_SECTOR);
    end_log(log);
}

// Entries of sessions before, valid but for their GUID, with larger numbers, before and behind
// ours.
static void stale_entries(struct forged *d)
{
    struct forge_vhdx f;
    begin(d, &f);
    struct guid other = forge_guid(901);
    struct forge_log *log = forge_log_new(&f, &other, FIRST_NUMBER << 8);
    for (int i = 0; i < 30; i++) {
        logged_block(d, log, 7, 0xEE, false);
        forge_log_end(log);
    }
    forge_log_free(log);
    log = begin_log(&f);
    log->tail = log->at = 10 * FORGE_SECTOR;
    logged_block(d, log, 2, 50, true);
    forge_log_end(log);
    logged_block(d, log, 3, 51, true);
    forge_log_end(log);
    end_log(log);
}

// Two valid sequences of one log: the one with the larger numbers counts.
static void two_sequences(struct forged *d)
{
    struct forge_vhdx f;
    begin(d, &f);
    struct forge_log *log = begin_log(&f);
    log->sequence_number += 100;
    log->at = 40 * FORGE_SECTOR;
    logged_block(d, log, 2, 55, true);
    forge_log_end(log);
    log->sequence_number -= 50;
    log->at = 80 * FORGE_SECTOR;
    forge_log_forget(log);
    logged_block(d, log, 7, 0xEE, false);
    forge_log_end(log);
    log->sequence_number = FIRST_NUMBER;
    log->at = 0;
    forge_log_forget(log);
    logged_block(d, log, 6, 0xEE, false);
    forge_log_end(log);
    end_log(log);
}

// Zero descriptors: over a table page that a later entry fills in part, over a whole block, and of
// no length.
static void zeros(struct forged *d)
{
    struct forge_vhdx f;
    begin(d, &f);
    uint64_t mib = forge_full_block(d, &f, 5, 60);
    struct forge_log *log = begin_log(&f);
    log->tail = 0;
    forge_log_zero(log, f.regions[FORGE_BAT].offset, 2 * FORGE_SECTOR);
    forge_log_zero(log, mib * FORGE_MIB + 4096, FORGE_MIB - 8192);
    forge_log_zero(log, f.regions[FORGE_BAT].offset, 0);
    forge_log_end(log);
    forge_model_paint(&d->model, 0, 2 * 2048, 0);
    forge_model_paint(&d->model, 5 * 2048 + 8, 2048 - 16, 0);
    logged_block(d, log, 3, 61, true);
    forge_log_entry(log, forge_vhdx_block_at(&f, 5), mib, FORGE_FULL);
    forge_log_end(log);
    end_log(log);
}

// The file has to grow: what it gets is zeros, but for a page that the log itself brings.
static void growth(struct forged *d)
{
    struct forge_vhdx f;
    begin(d, &f);
    struct forge_log *log = begin_log(&f);
    log->tail = 0;
    uint64_t mib = f.next_mib;
    uint8_t page[FORGE_SECTOR];
    forge_log_entry(log, forge_vhdx_block_at(&f, 6), mib + 3, FORGE_FULL);
    forge_log_entry(log, forge_vhdx_block_at(&f, 7), mib, FORGE_FULL);
    forge_log_page(log, FORGE_REGIONS1);
    forge_fill(page, 70, 6 * 2048 + 16, 8, 512);
    memcpy(log->descriptors[log->count - 1].page, page, sizeof page);
    log->descriptors[log->count - 1].offset = (mib + 3) * FORGE_MIB + 8192;
    log->last = (mib + 4) * FORGE_MIB;
    forge_log_end(log);
    forge_model_paint(&d->model, 6 * 2048, 2 * 2048, 0);
    forge_model_paint(&d->model, 6 * 2048 + 16, 8, 70);
    end_log(log);
}

// The log brings other region tables: the table of blocks has moved.
static void moved_table(struct forged *d)
{
    struct forge_vhdx f;
    begin(d, &f);
    uint64_t old = f.regions[FORGE_BAT].offset;
    uint64_t mib = forge_full_block(d, &f, 4, 80);
    f.regions[FORGE_BAT].offset = forge_vhdx_room(&f, 1) * FORGE_MIB;
    forge_vhdx_put_entry(&f, forge_vhdx_block_at(&f, 4), mib, FORGE_FULL);
    forge_model_paint(&d->model, 0, 2 * 2048, 0);
    forge_vhdx_write_both_regions(&f);
    struct forge_log *log = begin_log(&f);
    for (uint64_t at = 0; at < 2 * FORGE_TABLE_SIZE; at += FORGE_SECTOR)
        forge_log_page(log, FORGE_REGIONS1 + at);
    f.regions[FORGE_BAT].offset = old;
    forge_vhdx_write_both_regions(&f);
    forge_log_end(log);
    end_log(log);
}

// More descriptors than fit into the entry's first sector.
static void many_pages(struct forged *d)
{
    struct forge_vhdx f;
    begin(d, &f);
    struct forge_log *log = begin_log(&f);
    for (uint64_t page = 0; page < 150; page++)
        forge_log_page(log, f.regions[FORGE_METADATA].offset + page * FORGE_SECTOR);
    logged_block(d, log, 2, 90, true);
    forge_log_end(log);
    mem_fs_clear(d->fs, FORGE_BASE, f.regions[FORGE_METADATA].offset, 100 * FORGE_SECTOR);
    end_log(log);
}

// A bitmap and the entries of a child's table.
static void in_a_child(struct forged *d)
{
    struct forge_vhdx f;
    forge_full_base(d, 8 * FORGE_MIB, 1 << 20, 512);
    forge_begin_child(d, &f, FORGE_CHILD, FORGE_BASE, d->model.size, 1 << 20);
    uint64_t bitmap = forge_vhdx_room(&f, 1), mib = forge_vhdx_room(&f, 1);
    forge_present_sectors(d, &f, 2, mib, bitmap, 2 * 2048 + 3, 5, 95);
    struct forge_log *log = begin_log(&f);
    forge_log_page(log, bitmap * FORGE_MIB);
    mem_fs_clear(d->fs, FORGE_CHILD, bitmap * FORGE_MIB, FORGE_SECTOR);
    forge_log_entry(log, forge_vhdx_block_at(&f, 2), mib, FORGE_PARTIAL);
    forge_log_entry(log, forge_vhdx_chunk_at(&f, 0), bitmap, FORGE_FULL);
    forge_log_entry(log, forge_vhdx_block_at(&f, 3), 0, FORGE_ZERO);
    forge_model_paint(&d->model, 3 * 2048, 2048, 0);
    forge_log_end(log);
    end_log(log);
}

// A parent with a live log, under a clean child.
static void in_a_parent(struct forged *d)
{
    struct forge_vhdx f;
    one_entry(d);
    forge_begin_child(d, &f, FORGE_CHILD, FORGE_BASE, d->model.size, 2 << 20);
    forge_full_block(d, &f, 2, 99);
}

const struct forge_disk forge_log_disks[] = {
    {"log-one-entry", one_entry},
    {"log-empty-entry", empty_entry},
    {"log-many-entries", many_entries},
    {"log-lazy-tail", lazy_tail},
    {"log-wrapped", wrapped},
    {"log-torn-head", torn_head},
    {"log-stale-entries", stale_entries},
    {"log-two-sequences", two_sequences},
    {"log-zeros", zeros},
    {"log-growth", growth},
    {"log-moved-table", moved_table},
    {"log-many-pages", many_pages},
    {"log-in-a-child", in_a_child},
    {"log-in-a-parent", in_a_parent},
};
const size_t forge_log_disk_count = sizeof forge_log_disks / sizeof *forge_log_disks;
