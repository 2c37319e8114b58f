// Any bytes as a VHD: opened alone, for reading and for writing, mapped, read and written, checked
// and repaired. The first byte says whether the checksums are made right first, so that the checks
// behind them are reached.
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "tests/support/disk_laws.h"
#include "vhd/vhd1/vhd1.h"

#define PATH            "/disk.vhd"
#define INPUT_MAX       (1u << 20)
#define FOOTER_CHECKSUM 64
#define HEADER_CHECKSUM 36

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seal(uint8_t *file, size_t size, uint64_t at, size_t length, size_t checksum_at)
{
    if (at <= size && length <= size - at)
        store_be32(file + at + checksum_at, vhd1_checksum(file + at, length, checksum_at));
}

static void seal_all(uint8_t *file, size_t size)
{
    seal(file, size, VHD1_FOOTER_SIZE, VHD1_HEADER_SIZE, HEADER_CHECKSUM);
    seal(file, size, 0, VHD1_FOOTER_SIZE, FOOTER_CHECKSUM);
    if (size >= VHD1_FOOTER_SIZE)
        seal(file, size, size - VHD1_FOOTER_SIZE, VHD1_FOOTER_SIZE, FOOTER_CHECKSUM);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_MAX)
        return 0;
    uint8_t *file = malloc(size);
    if (!file)
        return 0;
    memcpy(file, data + 1, size - 1);
    if (data[0] & 1)
        seal_all(file, size - 1);
    struct mem_fs *fs = mem_fs_new();
    mem_fs_put(fs, PATH, file, size - 1);
    free(file);
    disk_laws(fs, PATH, true);
    mem_fs_free(fs);
    return 0;
}
