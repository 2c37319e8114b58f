// Any bytes as a replica log: opened, listed, read, checked, applied. The first byte says whether
// checksums are made right first, of the header and of everything that could be a metadata block,
// so that what is behind them is reached, and whether the log counts as closed where it ends.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "tests/support/mem_fs.h"
#include "vhd/hrl.h"
#include "vhd/hrl/layout.h"

#define LOG             "/disk.hrl"
#define DISK            "/disk.vhd"
#define DISK_SIZE       (4u << 20)
#define INPUT_MAX       (1u << 18)
#define HEADER_CHECKSUM 40
#define HEADER_END      44
#define HEADER_METADATA 56
#define BLOCK_CHECKSUM  12
#define ENTRY_CHECKSUM  8
#define SEAL            1u
#define CLOSE           2u
#define OPEN            4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_ok(enum status status)
{
    if (status)
        abort();
}

static void seal(uint8_t *at, size_t size, size_t checksum_at)
{
    store_le32(at + checksum_at, hrl_checksum(at, size, checksum_at));
}

// Everything between that has a small count of entries is taken for a block.
static void seal_blocks(uint8_t *file, size_t size, uint32_t metadata_size)
{
    for (size_t at = HRL_HEADER_SIZE; at + HRL_BLOCK_HEADER_SIZE <= size; at += HRL_SECTOR) {
        uint32_t count = load_le32(file + at + 8);
        if (count > hrl_block_room(metadata_size) || size - at < metadata_size)
            continue;
        for (uint32_t i = 0; i < count; i++)
            seal(file + at + HRL_BLOCK_HEADER_SIZE + i * HRL_ENTRY_SIZE, HRL_ENTRY_SIZE,
                 ENTRY_CHECKSUM);
        seal(file + at, HRL_BLOCK_HEADER_SIZE, BLOCK_CHECKSUM);
    }
}

static void prepare(uint8_t *file, size_t size, unsigned how)
{
    if (size < HRL_HEADER_SIZE)
        return;
    if (how & CLOSE)
        store_le64(file + HEADER_END, size);
    if (how & OPEN)
        store_le64(file + HEADER_END, 0);
    uint32_t metadata_size = load_le32(file + HEADER_METADATA);
    if (!(how & SEAL))
        return;
    seal(file, HRL_HEADER_SIZE, HEADER_CHECKSUM);
    if (metadata_size >= HRL_SECTOR && metadata_size <= HRL_METADATA_SIZE_MAX)
        seal_blocks(file, size, metadata_size);
}

static const struct mem_fs *empty_disk(void)
{
    static struct mem_fs *fs;
    if (fs)
        return fs;
    fs = mem_fs_new();
    const struct vhd_create how = {.fs = mem_fs_system(fs),
                                   .format = VHD_FORMAT_VHD,
                                   .type = VHD_TYPE_FIXED,
                                   .virtual_size = DISK_SIZE};
    must_be_ok(vhd_create(DISK, &how));
    return fs;
}

// Lists everything; true when all data has its checksum.
static bool list(struct hrl *log)
{
    struct hrl_info info;
    struct hrl_entry entry;
    bool found = true, whole = true;
    uint64_t count = 0, data = 0;
    hrl_get_info(log, &info);
    while (found) {
        uint8_t byte;
        must_be_ok(hrl_next(log, &entry, &found));
        if (!found)
            break;
        assert(entry.number == count++ && entry.group < info.groups);
        assert(entry.data_at + entry.length <= info.end);
        data += entry.length;
        if (entry.length > 0)
            must_be_ok(hrl_read(log, &entry, entry.length - 1, &byte, 1));
        if (hrl_verify(log, &entry))
            whole = false;
    }
    assert(count == info.writes && data == info.data);
    assert(info.closed || whole);
    return whole;
}

static void apply(const struct file_system *fs, struct hrl *log, bool whole)
{
    const struct vhd_open open = {.fs = fs, .writable = true, .share = FILE_SHARE_NOTHING};
    const struct hrl_apply how = {.unclosed = true};
    struct hrl_applied applied;
    struct hrl_info info;
    struct vhd *disk;
    hrl_get_info(log, &info);
    must_be_ok(vhd_open(DISK, &open, &disk));
    enum status status = hrl_apply(log, disk, &how, &applied);
    assert(status || (whole && applied.writes == info.writes));
    assert(status != STATUS_MISMATCH || applied.writes == 0);
    must_be_ok(vhd_close(disk));
}

static void count(void *context, const struct vhd_problem *problem)
{
    *(bool *)context |= problem->kind == VHD_PROBLEM_DAMAGE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_MAX)
        return 0;
    uint8_t *file = malloc(size);
    if (!file)
        return 0;
    memcpy(file, data + 1, size - 1);
    prepare(file, size - 1, data[0]);
    struct mem_fs *fs = mem_fs_clone(empty_disk());
    mem_fs_put(fs, LOG, file, size - 1);
    free(file);

    const struct hrl_open how = {.fs = mem_fs_system(fs), .share = FILE_SHARE_DENY_WRITE};
    bool damaged = false;
    const struct vhd_check check = {.fs = how.fs, .problem = count, .context = &damaged};
    struct vhd_checked checked;
    struct hrl *log;
    enum status opened = hrl_open(LOG, &how, &log);
    if (opened == STATUS_OK) {
        bool whole = list(log);
        apply(how.fs, log, whole);
        hrl_close(log);
        must_be_ok(hrl_check(LOG, &check, &checked));
        assert(whole || damaged);
    } else if (hrl_check(LOG, &check, &checked) == STATUS_OK) {
        assert(opened == STATUS_DAMAGED && damaged);
    }
    mem_fs_free(fs);
    return 0;
}
