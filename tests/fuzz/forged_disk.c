// Patches of the disks that tests/support/forge makes, valid but unusual ones and ones with a
// fault: chains, wrapped logs, all states of blocks, bitmaps, large sectors. The whole chain is
// opened, mapped, read, written, and its leaf is checked and repaired.
//
//   byte 0: which disk (valid ones first, then faulty ones); bit 0 of byte 1: checksums of a VHDX
//   are made right. Then any number of: place in the leaf (64 KiB units, 1 byte), offset in it (2
//   bytes), length (1 byte), the bytes
#include <string.h>

#include "base/endian.h"
#include "tests/support/disk_laws.h"
#include "tests/support/forge/forge.h"
#include "tests/support/vhdx_seal.h"

#define DISKS_MAX 256
#define INPUT_MAX (1u << 14)
#define UNIT      (64u * 1024)
#define SEAL      1u
#define KEPT_MAX  (2u << 20) // bytes of a disk that is kept for the next inputs

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct forged disks[DISKS_MAX];

// Makes the disk of this number unless it is there; false: there are fewer.
static bool make_disk(size_t number)
{
    struct forged *d = &disks[number];
    const struct forge_disk *valid;
    const struct forge_fault *faulty;
    size_t valid_count = 0;
    if (d->fs)
        return true;
    while ((valid = forge_disk_at(valid_count)) != NULL && valid_count < number)
        valid_count++;
    if (valid)
        forge_make(valid, 1, d);
    else if ((faulty = forge_fault_at(number - valid_count)) != NULL)
        forge_make_fault(faulty, 1, d);
    return d->fs != NULL;
}

// A copy of the disk of this number and the path of its leaf; NULL: there are fewer.
static struct mem_fs *copy_of_disk(size_t number, const char **leaf)
{
    struct forged *d = &disks[number];
    if (!make_disk(number))
        return NULL;
    struct mem_fs *fs = mem_fs_clone(d->fs);
    *leaf = d->leaf;
    if (mem_fs_used(d->fs) > KEPT_MAX) {
        forge_free(d);
        *d = (struct forged){0};
    }
    return fs;
}

static void apply_patches(struct mem_fs *fs, const char *path, const uint8_t *data, size_t size)
{
    while (size >= 4) {
        uint64_t at = (uint64_t)data[0] * UNIT + load_le16(data + 1);
        size_t length = data[3] < size - 4 ? data[3] : size - 4;
        mem_fs_poke(fs, path, at, data + 4, length);
        data += 4 + length;
        size -= 4 + length;
    }
}

static void seal(struct mem_fs *fs, const char *path)
{
    char signature[8];
    mem_fs_peek(fs, path, 0, signature, sizeof signature);
    if (memcmp(signature, "vhdxfile", sizeof signature) == 0)
        vhdx_seal_all(fs, path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *leaf;
    struct mem_fs *fs = size >= 2 && size <= INPUT_MAX ? copy_of_disk(data[0], &leaf) : NULL;
    if (!fs)
        return 0;
    apply_patches(fs, leaf, data + 2, size - 2);
    if (data[1] & SEAL)
        seal(fs, leaf);
    disk_laws(fs, leaf, false);
    mem_fs_free(fs);
    return 0;
}
