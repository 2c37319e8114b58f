#include "tests/support/forge/forge.h"

#include "tests/support/forge/disks.h"

const struct forge_disk *forge_disk_at(size_t index)
{
    const struct {
        const struct forge_disk *disks;
        size_t count;
    } parts[] = {
        {forge_vhdx_disks, forge_vhdx_disk_count},
        {forge_log_disks, forge_log_disk_count},
        {forge_vhd_disks, forge_vhd_disk_count},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (index < parts[i].count)
            return &parts[i].disks[index];
        index -= parts[i].count;
    }
    return NULL;
}

const struct forge_fault *forge_fault_at(size_t index)
{
    const struct {
        const struct forge_fault *faults;
        size_t count;
    } parts[] = {
        {forge_vhdx_faults, forge_vhdx_fault_count},
        {forge_metadata_faults, forge_metadata_fault_count},
        {forge_table_faults, forge_table_fault_count},
        {forge_vhd_faults, forge_vhd_fault_count},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (index < parts[i].count)
            return &parts[i].faults[index];
        index -= parts[i].count;
    }
    return NULL;
}

static void begin(struct forged *out, uint64_t seed)
{
    *out = (struct forged){.fs = mem_fs_new(), .random = random_start(seed)};
}

void forge_make(const struct forge_disk *disk, uint64_t seed, struct forged *out)
{
    begin(out, seed);
    disk->make(out);
}

void forge_make_fault(const struct forge_fault *fault, uint64_t seed, struct forged *out)
{
    begin(out, seed);
    fault->make(out);
}

void forge_free(struct forged *d)
{
    forge_model_free(&d->model);
    mem_fs_free(d->fs);
}
