// Writes the forged disks (tests/support/forge) into a folder, for other programs to read and for
// fuzzers to start from:
//
//     tool_forge FOLDER [--faults] [--at-most BYTES] [--seed N]
//
// Each disk gets a folder NAME with the leaf and its parents; what the leaf reads as goes beside
// the folder as NAME.raw, a sparse file, for disks of at most 1 GiB. A line for each disk goes to
// standard output: name, leaf, virtual size, bytes of a sector. --faults: the faulty disks instead,
// with finding and status of an opening and no contents. --at-most: leaves out disks whose leaf is
// longer.
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "tests/support/forge/forge.h"
#include "tests/support/must.h"

#define RAW_MAX (1ull << 30)

struct options {
    const char *folder;
    bool faults;
    uint64_t at_most;
    uint64_t seed;
};

static void die(const char *what)
{
    fprintf(stderr, "tool_forge: %s: %s\n", what, status_last()->message);
    exit(1);
}

struct exported {
    const struct mem_fs *fs;
    const char *folder;
};

static char *join(const char *folder, const char *name)
{
    return must(os_path_join(folder, name));
}

static void export_file(void *context, const char *path)
{
    const struct exported *e = context;
    char *to = join(e->folder, path + 1);
    if (mem_fs_export(e->fs, path, to) != STATUS_OK)
        die(to);
    free(to);
}

// The contents, with holes where they are zeros.
static void write_raw(const struct forge_model *model, const char *path)
{
    struct mem_fs *fs = mem_fs_new();
    uint64_t sectors = model->size / model->sector_size, same;
    mem_fs_put(fs, "/raw", "", 0);
    mem_fs_resize(fs, "/raw", model->size);
    for (uint64_t at = 0; at < sectors; at += same) {
        uint8_t tag = forge_model_tag(model, at, sectors - at < 2048 ? sectors - at : 2048, &same);
        if (tag == 0)
            continue;
        uint8_t *data = must_alloc((size_t)same * model->sector_size);
        forge_fill(data, tag, at, same, model->sector_size);
        mem_fs_poke(fs, "/raw", at * model->sector_size, data, (size_t)same * model->sector_size);
        free(data);
    }
    if (mem_fs_export(fs, "/raw", path) != STATUS_OK)
        die(path);
    mem_fs_free(fs);
}

static void export_disk(const struct options *o, const char *name, const struct forged *d)
{
    char *folder = join(o->folder, name);
    struct exported e = {d->fs, folder};
    if (os_make_folders(folder, false) != STATUS_OK)
        die(folder);
    mem_fs_each(d->fs, export_file, &e);
    free(folder);
}

static bool is_wanted(const struct options *o, const struct forged *d)
{
    return mem_fs_size(d->fs, d->leaf) <= o->at_most;
}

static void write_valid(const struct options *o)
{
    const struct forge_disk *maker;
    for (size_t i = 0; (maker = forge_disk_at(i)) != NULL; i++) {
        struct forged d;
        forge_make(maker, o->seed + i, &d);
        if (is_wanted(o, &d)) {
            char raw[128];
            export_disk(o, maker->name, &d);
            snprintf(raw, sizeof raw, "%s.raw", maker->name);
            char *path = join(o->folder, raw);
            if (d.model.size <= RAW_MAX)
                write_raw(&d.model, path);
            free(path);
            printf("%s\t%s\t%" PRIu64 "\t%u\n", maker->name, d.leaf + 1, d.model.size,
                   (unsigned)d.model.sector_size);
        }
        forge_free(&d);
    }
}

static void write_faults(const struct options *o)
{
    const struct forge_fault *fault;
    for (size_t i = 0; (fault = forge_fault_at(i)) != NULL; i++) {
        struct forged d;
        forge_make_fault(fault, o->seed + i, &d);
        if (is_wanted(o, &d)) {
            export_disk(o, fault->name, &d);
            printf("%s\t%s\t%s\t%s\n", fault->name, d.leaf + 1, fault->finding,
                   status_name(fault->open));
        }
        forge_free(&d);
    }
}

int main(int argc, char **argv)
{
    struct options o = {.at_most = UINT64_MAX, .seed = 1};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--faults") == 0)
            o.faults = true;
        else if (strcmp(argv[i], "--at-most") == 0 && i + 1 < argc)
            o.at_most = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            o.seed = strtoull(argv[++i], NULL, 10);
        else
            o.folder = argv[i];
    }
    if (!o.folder) {
        fputs("tool_forge FOLDER [--faults] [--at-most BYTES] [--seed N]\n", stderr);
        return 2;
    }
    if (o.faults)
        write_faults(&o);
    else
        write_valid(&o);
    return 0;
}
