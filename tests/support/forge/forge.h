// The generator of disks that are valid but unusual, and of disks with a single fault, each with
// what it must read as or what must be said of it. Made by encoders of their own (vhdx.h, vhd.h),
// never by the code that is tested.
//
//     struct forged disk;
//     const struct forge_disk *maker;
//     for (size_t i = 0; (maker = forge_disk_at(i)) != NULL; i++) {
//         forge_make(maker, seed, &disk);
//         ... open disk.leaf on mem_fs_system(disk.fs); forge_model_differences(&disk.model,
//         opened) forge_free(&disk);
//     }
#ifndef VREP_TESTS_SUPPORT_FORGE_FORGE_H
#define VREP_TESTS_SUPPORT_FORGE_FORGE_H

#include <stdbool.h>

#include "tests/support/forge/model.h"
#include "tests/support/mem_fs.h"
#include "tests/support/random.h"

struct forged {
    struct mem_fs *fs;        // the leaf and its parents
    const char *leaf;         // path in it
    struct forge_model model; // what the leaf reads as
    struct random random;     // for the makers
};

// A valid disk.
struct forge_disk {
    const char *name;
    void (*make)(struct forged *d);
};

// Number `index` of all valid disks, in a fixed order; NULL past the last.
const struct forge_disk *forge_disk_at(size_t index);

// A disk with one fault, and the verdict.
struct forge_fault {
    const char *name;
    void (*make)(struct forged *d);
    const char *finding; // the name that vhd_check must report
    enum vhd_problem_kind kind;
    enum status open;   // what vhd_open for reading must say
    uint32_t open_code; // and its VHD_ERROR_* number
    bool read;          // it opens, and reads as the model says
};

const struct forge_fault *forge_fault_at(size_t index);

void forge_make(const struct forge_disk *disk, uint64_t seed, struct forged *out);
void forge_make_fault(const struct forge_fault *fault, uint64_t seed, struct forged *out);
void forge_free(struct forged *d);

#endif
