#include "tests/support/forge/vhdx_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "tests/support/must.h"

#define ENTRY_HEADER    64
#define DESCRIPTOR_SIZE 32

struct forge_log *forge_log_new(struct forge_vhdx *f, const struct guid *guid,
                                uint64_t sequence_number)
{
    struct forge_log *log = must_alloc(sizeof *log);
    log->f = f;
    log->guid = *guid;
    log->sequence_number = sequence_number;
    log->tail = UINT32_MAX;
    log->flushed = log->last = mem_fs_size(f->fs, f->path);
    log->shadow = mem_fs_clone(f->fs);
    return log;
}

void forge_log_free(struct forge_log *log)
{
    mem_fs_free(log->shadow);
    free(log);
}

void forge_log_forget(struct forge_log *log)
{
    mem_fs_free(log->shadow);
    log->shadow = mem_fs_clone(log->f->fs);
}

void forge_log_page(struct forge_log *log, uint64_t offset)
{
    uint32_t i = log->count++;
    log->descriptors[i].zero = false;
    log->descriptors[i].offset = offset;
    log->descriptors[i].length = FORGE_SECTOR;
    mem_fs_peek(log->f->fs, log->f->path, offset, log->descriptors[i].page, FORGE_SECTOR);
}

// The descriptor of the entry in work that changes the page at `offset`; a new one if none does.
static uint32_t find_page(struct forge_log *log, uint64_t offset)
{
    for (uint32_t i = 0; i < log->count; i++)
        if (!log->descriptors[i].zero && log->descriptors[i].offset == offset)
            return i;
    forge_log_page(log, offset);
    mem_fs_peek(log->shadow, log->f->path, offset, log->descriptors[log->count - 1].page,
                FORGE_SECTOR);
    return log->count - 1;
}

void forge_log_change(struct forge_log *log, uint64_t at, uint64_t value)
{
    uint32_t i = find_page(log, at / FORGE_SECTOR * FORGE_SECTOR);
    store_le64(log->descriptors[i].page + at % FORGE_SECTOR, value);
    mem_fs_poke(log->shadow, log->f->path, at / FORGE_SECTOR * FORGE_SECTOR,
                log->descriptors[i].page, FORGE_SECTOR);
}

void forge_log_zero(struct forge_log *log, uint64_t offset, uint64_t length)
{
    uint32_t i = log->count++;
    log->descriptors[i].zero = true;
    log->descriptors[i].offset = offset;
    log->descriptors[i].length = length;
    mem_fs_clear(log->shadow, log->f->path, offset, length);
}

void forge_log_entry(struct forge_log *log, uint64_t at, uint64_t mib, unsigned state)
{
    forge_log_change(log, at, mib * FORGE_MIB | state);
}

static void encode_descriptor(const struct forge_log *log, uint32_t i, uint8_t *raw)
{
    const uint8_t *page = log->descriptors[i].page;
    memcpy(raw, log->descriptors[i].zero ? "zero" : "desc", 4);
    if (log->descriptors[i].zero) {
        store_le64(raw + 8, log->descriptors[i].length);
    } else {
        memcpy(raw + 4, page + FORGE_SECTOR - 4, 4);
        memcpy(raw + 8, page, 8);
    }
    store_le64(raw + 16, log->descriptors[i].offset);
    store_le64(raw + 24, log->sequence_number);
}

static void encode_sector(const struct forge_log *log, uint32_t i, uint8_t *raw)
{
    memcpy(raw, "data", 4);
    store_le32(raw + 4, (uint32_t)(log->sequence_number >> 32));
    memcpy(raw + 8, log->descriptors[i].page + 8, FORGE_SECTOR - 12);
    store_le32(raw + FORGE_SECTOR - 4, (uint32_t)log->sequence_number);
}

static void put_ring(const struct forge_log *log, uint32_t at, const uint8_t *raw, uint32_t length)
{
    const struct forge_header *h = &log->f->headers[1];
    for (uint32_t done = 0; done < length; done += FORGE_SECTOR)
        mem_fs_poke(log->f->fs, log->f->path, h->log_offset + (at + done) % h->log_length,
                    raw + done, FORGE_SECTOR);
}

uint32_t forge_log_end(struct forge_log *log)
{
    uint32_t in_front =
        (ENTRY_HEADER + log->count * DESCRIPTOR_SIZE + FORGE_SECTOR - 1) / FORGE_SECTOR;
    uint32_t pages = 0;
    for (uint32_t i = 0; i < log->count; i++)
        pages += !log->descriptors[i].zero;
    uint32_t length = (in_front + pages) * FORGE_SECTOR, at = log->at;
    uint8_t *raw = must_alloc(length);
    memcpy(raw, "loge", 4);
    store_le32(raw + 8, length);
    store_le32(raw + 12, log->tail == UINT32_MAX ? at : log->tail);
    store_le64(raw + 16, log->sequence_number);
    store_le32(raw + 24, log->count);
    memcpy(raw + 32, &log->guid, 16);
    store_le64(raw + 48, log->flushed);
    store_le64(raw + 56, log->last);
    uint8_t *sector = raw + in_front * FORGE_SECTOR;
    for (uint32_t i = 0; i < log->count; i++) {
        encode_descriptor(log, i, raw + ENTRY_HEADER + i * DESCRIPTOR_SIZE);
        if (!log->descriptors[i].zero) {
            encode_sector(log, i, sector);
            sector += FORGE_SECTOR;
        }
    }
    store_le32(raw + 4, forge_crc32c(raw, length));
    put_ring(log, at, raw, length);
    free(raw);
    log->count = 0;
    log->sequence_number++;
    log->at = (at + length) % log->f->headers[1].log_length;
    return at;
}

void forge_log_name(const struct forge_log *log)
{
    log->f->headers[0].log_guid = log->f->headers[1].log_guid = log->guid;
    forge_vhdx_write_headers(log->f);
}

void forge_log_tear(const struct forge_log *log, uint32_t at, uint32_t length)
{
    const struct forge_header *h = &log->f->headers[1];
    uint64_t place = h->log_offset + (at + length - FORGE_SECTOR) % h->log_length + 100;
    uint8_t byte;
    mem_fs_peek(log->f->fs, log->f->path, place, &byte, 1);
    byte ^= 0xff;
    mem_fs_poke(log->f->fs, log->f->path, place, &byte, 1);
}
