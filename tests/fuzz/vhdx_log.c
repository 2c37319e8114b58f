// Any bytes as a log: replayed in memory and into the file, with the same result. The input is laid
// into the ring sector by sector; its first byte says whether the checksums of what looks like
// entries are made right, and its second where in the ring it begins, so that entries wrap.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "tests/support/mem_fs.h"
#include "vhd/vhdx/log_entry.h"
#include "vhd/vhdx/log_replay.h"

#define PATH         "/disk.vhdx"
#define RING_OFFSET  VHDX_MIB
#define RING_LENGTH  ((uint32_t)VHDX_MIB)
#define RING_SECTORS (RING_LENGTH / VHDX_LOG_SECTOR)
#define FILE_SIZE    (4 * VHDX_MIB)
#define INPUT_MAX    (64u * 1024)
#define COMPARED_MAX (5 * VHDX_MIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_ok(enum status status)
{
    if (status)
        abort();
}

// The ring with the input in it. Entries are sealed from the last to the first, as an outer one
// covers inner ones.
static void lay_out(uint8_t *ring, const uint8_t *data, size_t size)
{
    static uint8_t entry[RING_LENGTH];
    uint32_t start = data[1] % RING_SECTORS;
    for (size_t i = 0; i < size - 2; i++)
        ring[(start * VHDX_LOG_SECTOR + i) % RING_LENGTH] = data[2 + i];
    if (!(data[0] & 1))
        return;
    for (uint32_t i = RING_SECTORS; i-- > 0;) {
        uint32_t at = (start + i) % RING_SECTORS * VHDX_LOG_SECTOR;
        struct vhdx_log_entry decoded;
        if (!vhdx_log_entry_decode(ring + at, RING_LENGTH, &decoded))
            continue;
        for (uint32_t k = 0; k < decoded.length; k++)
            entry[k] = ring[(at + k) % RING_LENGTH];
        store_le32(ring + at + VHDX_LOG_CHECKSUM_OFFSET,
                   vhdx_checksum(entry, decoded.length, VHDX_LOG_CHECKSUM_OFFSET));
    }
}

static struct mem_fs *with_ring(const uint8_t *data, size_t size)
{
    static struct mem_fs *empty;
    static uint8_t ring[RING_LENGTH];
    if (!empty) {
        static uint8_t file[FILE_SIZE];
        memset(file + 3 * VHDX_MIB, 0xee, VHDX_MIB);
        empty = mem_fs_new();
        mem_fs_put(empty, PATH, file, sizeof file);
    }
    memset(ring, 0, sizeof ring);
    lay_out(ring, data, size);
    struct mem_fs *fs = mem_fs_clone(empty);
    uint32_t start = data[1] % RING_SECTORS;
    for (uint32_t i = 0; i * VHDX_LOG_SECTOR < size - 2; i++) {
        uint32_t at = (start + i) % RING_SECTORS * VHDX_LOG_SECTOR;
        mem_fs_poke(fs, PATH, RING_OFFSET + at, ring + at, VHDX_LOG_SECTOR);
    }
    return fs;
}

static void compare(const struct vhdx_view *overlay, const struct vhdx_view *replayed)
{
    static uint8_t a[VHDX_PAGE_SIZE], b[VHDX_PAGE_SIZE];
    assert(overlay->size == replayed->size);
    uint64_t end = overlay->size < COMPARED_MAX ? overlay->size : COMPARED_MAX;
    // The headers changed.
    for (uint64_t at = VHDX_REGION_TABLE1_OFFSET; at + sizeof a <= end; at += sizeof a) {
        must_be_ok(vhdx_view_read(overlay, at, a, sizeof a));
        must_be_ok(vhdx_view_read(replayed, at, b, sizeof b));
        assert(memcmp(a, b, sizeof a) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_MAX)
        return 0;
    // All entries carry the GUID that the fuzzer writes most easily.
    struct vhdx_header header = {
        .version = 1, .log_length = RING_LENGTH, .log_offset = RING_OFFSET};
    memset(&header.log_guid, 'G', sizeof header.log_guid);
    struct mem_fs *fs = with_ring(data, size);
    struct mem_fs *copy = mem_fs_clone(fs);
    const struct file_open how = {.writable = true, .share = FILE_SHARE_NOTHING};
    struct file *file, *other;
    struct vhdx_view overlay, replayed;
    struct vhdx_headers headers = {.current = header, .slot = 1};
    must_be_ok(mem_fs_system(fs)->open(mem_fs_system(fs), PATH, &how, &file));
    must_be_ok(mem_fs_system(copy)->open(mem_fs_system(copy), PATH, &how, &other));
    must_be_ok(vhdx_view_init(&overlay, file));
    must_be_ok(vhdx_view_init(&replayed, other));
    enum status in_memory = vhdx_log_replay_to_view(&overlay, &header);
    enum status in_file = vhdx_log_replay_to_file(&replayed, &headers);
    assert(in_memory == in_file);
    if (!in_memory)
        compare(&overlay, &replayed);
    vhdx_view_free(&overlay);
    vhdx_view_free(&replayed);
    file_close(file);
    file_close(other);
    mem_fs_free(copy);
    mem_fs_free(fs);
    return 0;
}
