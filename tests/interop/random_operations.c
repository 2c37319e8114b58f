// Thousands of random operations on a disk, compared with a model in memory all the way: what is
// read, what the map says, what `check` says of every file. Repeatable by its seed.
//
//     interop_random_operations                                   every kind, fewer operations
//     interop_random_operations --list                            the kinds
//     interop_random_operations --kind K --seed N --operations N --folder F --show N
//
// With --show the disk is closed after every N operations and at the end; a line says
// "show LEAF MODEL DEPTH", where the model is a file with the leaf's content, and the run goes on
// when it has read a line. interop/cross_reads.py lets other programs read the disk meanwhile.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/os.h"
#include "tests/support/layered_disk.h"
#include "tests/support/must.h"
#include "tests/support/random.h"
#include "tests/support/temp.h"
#include "vhd/errors.h"

#define KIB               1024u
#define MIB               (1024u * KIB)
#define VHD_SIZE_MIN      (3u * MIB)
#define DEFAULT_COUNT     500
#define LARGE_WRITE_MAX   (3u * MIB)
#define PERCENT_UNALIGNED 70

struct kind {
    const char *name;
    enum vhd_format format;
    enum vhd_type type; // differencing: children come and go over a dynamic base
    uint64_t size;
    uint32_t block_size;
    uint32_t sector_size;
};

// Odd sizes: no multiple of a block, nor of 4 KiB, nor of a cylinder.
static const struct kind kinds[] = {
    {"vhd-fixed", VHD_FORMAT_VHD, VHD_TYPE_FIXED, 9 * MIB + 1536, 0, 512},
    {"vhd-dynamic", VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC, 33 * MIB + 1536, 0, 512},
    {"vhd-dynamic-512k", VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC, 19 * MIB + 512, 512 * KIB, 512},
    {"vhd-differencing", VHD_FORMAT_VHD, VHD_TYPE_DIFFERENCING, 21 * MIB + 1536, 0, 512},
    {"vhd-differencing-512k", VHD_FORMAT_VHD, VHD_TYPE_DIFFERENCING, 11 * MIB + 512, 512 * KIB,
     512},
    {"vhdx-fixed", VHD_FORMAT_VHDX, VHD_TYPE_FIXED, 11 * MIB + 1024, 0, 512},
    {"vhdx-dynamic-1m", VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC, 30 * MIB + 1024, 1 * MIB, 512},
    {"vhdx-dynamic-8m-odd", VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC, 30 * MIB + 512, 8 * MIB, 512},
    {"vhdx-dynamic-4k", VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC, 25 * MIB + 8192, 2 * MIB, 4096},
    {"vhdx-fixed-4k", VHD_FORMAT_VHDX, VHD_TYPE_FIXED, 9 * MIB + 4096, 0, 4096},
    {"vhdx-differencing", VHD_FORMAT_VHDX, VHD_TYPE_DIFFERENCING, 21 * MIB + 3072, 1 * MIB, 512},
    {"vhdx-differencing-4k", VHD_FORMAT_VHDX, VHD_TYPE_DIFFERENCING, 21 * MIB + 8192, 4 * MIB,
     4096},
};

#define KIND_COUNT (sizeof kinds / sizeof *kinds)

struct run {
    const struct kind *kind;
    struct random random;
    struct layered_disk *d;
    uint8_t *buffer; // LARGE_WRITE_MAX
    uint64_t number; // of the operation
};

static void doing(struct run *r, const char *what, uint64_t a, uint64_t b)
{
    snprintf(r->d->doing, sizeof r->d->doing, "operation %" PRIu64 ": %s %" PRIu64 " %" PRIu64,
             r->number, what, a, b);
    if (getenv("VREP_TEST_TRACE"))
        fprintf(stderr, "%s\n", r->d->doing);
}

static uint64_t leaf_size(const struct run *r)
{
    return layered_disk_leaf(r->d)->size;
}

// Mostly a few sectors, sometimes several blocks; near an edge of a block more often than by
// chance.
static void random_range(struct run *r, uint64_t *offset, uint64_t *length)
{
    static const uint32_t longest[] = {1, 1, 4, 16, 64, 64, 512, LARGE_WRITE_MAX / 512};
    uint32_t sector = r->kind->sector_size;
    uint64_t sectors = leaf_size(r) / sector;
    uint64_t most = longest[random_below(&r->random, sizeof longest / sizeof *longest)];
    uint64_t count =
        1 + random_below(&r->random, max_u64(1, min_u64(most, LARGE_WRITE_MAX / sector)));
    uint64_t first = random_below(&r->random, sectors);
    if (!random_chance(&r->random, PERCENT_UNALIGNED))
        first -= first % (64 * KIB / sector);
    count = min_u64(count, sectors - first);
    *offset = first * sector;
    *length = count * sector;
}

static void op_write(struct run *r)
{
    uint64_t offset, length;
    random_range(r, &offset, &length);
    doing(r, "write", offset, length);
    random_fill(&r->random, r->buffer, (size_t)length);
    layered_disk_write(r->d, offset, r->buffer, (size_t)length);
}

static void op_write_zeros(struct run *r)
{
    uint64_t offset, length;
    random_range(r, &offset, &length);
    doing(r, "write zeros", offset, length);
    memset(r->buffer, 0, (size_t)length);
    layered_disk_write(r->d, offset, r->buffer, (size_t)length);
}

static void op_zero(struct run *r)
{
    uint64_t offset, length;
    random_range(r, &offset, &length);
    if (random_chance(&r->random, 10))
        length = align_down(min_u64(length * 100, leaf_size(r) - offset), r->kind->sector_size);
    doing(r, "zero", offset, length);
    layered_disk_zero(r->d, offset, length);
}

static void op_read(struct run *r)
{
    uint64_t offset, length;
    random_range(r, &offset, &length);
    doing(r, "read", offset, length);
    layered_disk_read(r->d, offset, (size_t)length);
}

static void op_map(struct run *r)
{
    uint64_t offset, length;
    random_range(r, &offset, &length);
    doing(r, "map", offset, 0);
    layered_disk_map(r->d, offset);
}

static void op_flush(struct run *r)
{
    doing(r, "flush", 0, 0);
    layered_disk_must(r->d, vhd_flush(r->d->disk));
}

static void op_reopen(struct run *r)
{
    doing(r, "reopen", 0, 0);
    layered_disk_close(r->d);
    layered_disk_open(r->d, true);
}

// As a crash after a flush: the log stays live, is replayed in memory, then into the file.
static void op_abandon(struct run *r)
{
    doing(r, "flush and abandon", 0, 0);
    layered_disk_must(r->d, vhd_flush(r->d->disk));
    vhd_abandon(r->d->disk);
    r->d->disk = NULL;
    if (random_chance(&r->random, 50))
        layered_disk_verify(r->d);
    layered_disk_open(r->d, true);
}

static void op_check(struct run *r)
{
    doing(r, "check", 0, 0);
    layered_disk_close(r->d);
    layered_disk_check(r->d);
    layered_disk_open(r->d, true);
}

static void op_child(struct run *r)
{
    if (r->kind->type != VHD_TYPE_DIFFERENCING || r->d->depth == LAYERS_MAX)
        return;
    doing(r, "child", r->d->depth, 0);
    layered_disk_close(r->d);
    layered_disk_add_child(r->d);
    layered_disk_open(r->d, true);
}

// Stops the work after so many steps.
static bool count_down(void *context, uint64_t done, uint64_t total)
{
    uint64_t *steps = context;
    (void)done;
    (void)total;
    return (*steps)-- > 0;
}

static void op_merge(struct run *r)
{
    if (r->d->depth < 2)
        return;
    unsigned levels = 1 + (unsigned)random_below(&r->random, r->d->depth - 1);
    unsigned stops = random_chance(&r->random, 30) ? 1 + (unsigned)random_below(&r->random, 3) : 0;
    uint64_t steps;
    struct vhd_merge how = {.levels = levels, .progress = count_down, .context = &steps};
    enum status status;

    layered_disk_close(r->d);
    do {
        steps = stops > 0 ? random_below(&r->random, 300) : UINT64_MAX;
        doing(r, "merge", levels, steps);
        status = vhd_merge(layered_disk_leaf(r->d)->path, &how);
        if (status == STATUS_CANCELLED)
            layered_disk_verify(r->d);
    } while (status == STATUS_CANCELLED && stops-- > 0);
    layered_disk_must(r->d, status);
    layered_disk_drop(r->d, levels);
    layered_disk_verify(r->d);
    layered_disk_open(r->d, true);
}

static void resize(struct run *r, uint64_t size, bool unsafe)
{
    doing(r, "resize", size, unsafe);
    layered_disk_close(r->d);
    if (layered_disk_resize(r->d, size, unsafe))
        layered_disk_verify(r->d);
    layered_disk_open(r->d, true);
}

// Between a quarter of the first size and twice of it.
static uint64_t random_size(struct run *r)
{
    uint32_t sector = r->kind->sector_size;
    uint64_t least = max_u64(r->kind->size / 4, VHD_SIZE_MIN) / sector;
    return (least + random_below(&r->random, r->d->capacity / sector - least + 1)) * sector;
}

// A child is given its parent's size again, for only such are merged; what was cut off must not
// come back from the parent. Children that are VHDs are not resized.
static void op_resize(struct run *r)
{
    uint64_t before = leaf_size(r);
    uint64_t size = random_size(r);
    bool unsafe = random_chance(&r->random, 30);

    if (r->d->depth > 1 && r->kind->format == VHD_FORMAT_VHD)
        return;
    if (size < before && random_chance(&r->random, 50))
        layered_disk_zero(r->d, size, before - size);
    resize(r, size, unsafe);
    if (r->d->depth == 1)
        return;
    for (int i = 0; i < 8; i++)
        op_write(r);
    resize(r, before, true);
}

// Not of a fixed disk. Stopped, it is as good as before.
static void op_compact(struct run *r)
{
    uint64_t steps = random_chance(&r->random, 30) ? random_below(&r->random, 20) : UINT64_MAX;
    const struct vhd_compact how = {.progress = count_down, .context = &steps};
    struct vhd_compacted sizes = {0};

    doing(r, "compact", steps, 0);
    layered_disk_close(r->d);
    enum status status = vhd_compact(layered_disk_leaf(r->d)->path, &how, &sizes);
    bool expected = status == STATUS_OK || status == STATUS_CANCELLED;
    if (r->kind->type == VHD_TYPE_FIXED ? status != STATUS_UNSUPPORTED : !expected)
        layered_disk_die(r->d, "%s: %s", status_name(status), status_last()->message);
    if (sizes.size_after > sizes.size_before)
        layered_disk_die(r->d, "the file has grown by it");
    layered_disk_check(r->d);
    layered_disk_verify(r->d);
    layered_disk_open(r->d, true);
}

static void op_identity(struct run *r)
{
    if (r->d->depth > 1)
        return;
    struct guid id;
    struct vhd_info info;
    const struct vhd_set_identity how = {.virtual_disk_id = &id};

    doing(r, "identity", 0, 0);
    random_fill(&r->random, &id, sizeof id);
    layered_disk_close(r->d);
    layered_disk_must(r->d, vhd_set_identity(layered_disk_leaf(r->d)->path, &how));
    layered_disk_open(r->d, true);
    vhd_get_info(r->d->disk, &info);
    if (!guid_equal(&info.virtual_disk_id, &id))
        layered_disk_die(r->d, "it is another one");
}

static const struct {
    void (*run)(struct run *r);
    unsigned weight;
} operations[] = {
    {op_check, 3},        {op_resize, 4},  {op_compact, 3}, {op_identity, 2}, {op_write, 400},
    {op_write_zeros, 30}, {op_zero, 100},  {op_read, 300},  {op_map, 60},     {op_flush, 40},
    {op_reopen, 20},      {op_abandon, 5}, {op_child, 6},   {op_merge, 5},
};

#define OPERATION_COUNT (sizeof operations / sizeof *operations)

static void one_operation(struct run *r)
{
    unsigned sum = 0;
    for (size_t i = 0; i < OPERATION_COUNT; i++)
        sum += operations[i].weight;
    unsigned at = (unsigned)random_below(&r->random, sum);
    size_t chosen = 0;
    for (; at >= operations[chosen].weight; chosen++)
        at -= operations[chosen].weight;
    r->number++;
    operations[chosen].run(r);
}

static void save_model(const struct run *r, const char *path)
{
    FILE *file = fopen(path, "wb");
    size_t size = (size_t)leaf_size(r);
    if (!file || fwrite(layered_disk_leaf(r->d)->model, 1, size, file) != size || fclose(file) != 0)
        layered_disk_die(r->d, "%s cannot be written", path);
}

// Lets others look at the closed disk.
static void show(struct run *r)
{
    char answer[16];
    char *path = must(os_path_join(r->d->folder, "model.raw"));
    save_model(r, path);
    printf("show %s %s %u\n", layered_disk_leaf(r->d)->path, path, r->d->depth);
    fflush(stdout);
    if (!fgets(answer, sizeof answer, stdin))
        layered_disk_die(r->d, "nobody looks any more");
    free(path);
}

static void look(struct run *r, bool others_too)
{
    doing(r, "verify", 0, 0);
    layered_disk_close(r->d);
    layered_disk_verify(r->d);
    layered_disk_check(r->d);
    if (others_too)
        show(r);
    layered_disk_open(r->d, true);
}

static void run_kind(const struct kind *kind, uint64_t seed, uint64_t count, uint64_t show_every,
                     const char *folder)
{
    char repeat[160];
    snprintf(repeat, sizeof repeat,
             "interop_random_operations --kind %s --seed %" PRIu64 " --operations %" PRIu64
             " --show 0 --folder EMPTY",
             kind->name, seed, count);
    const struct vhd_create how = {
        .format = kind->format,
        .type = kind->type == VHD_TYPE_FIXED ? VHD_TYPE_FIXED : VHD_TYPE_DYNAMIC,
        .virtual_size = kind->size,
        .block_size = kind->block_size,
        .logical_sector_size = kind->sector_size,
    };
    struct run r = {
        .kind = kind, .random = random_start(seed), .buffer = must_alloc(LARGE_WRITE_MAX)};
    r.d = layered_disk_new(&how, kind->size * 2, folder, repeat);
    layered_disk_open(r.d, true);
    while (r.number < count) {
        one_operation(&r);
        if (r.number == count || (show_every && r.number % show_every == 0))
            look(&r, show_every > 0);
    }
    // In the end there is one file of the first size, which even programs read that know no
    // children and take the size at creation for the size.
    while (r.d->depth > 1)
        op_merge(&r);
    resize(&r, kind->size, true);
    look(&r, show_every > 0);
    layered_disk_free(r.d);
    free(r.buffer);
    fprintf(stderr, "%s: %" PRIu64 " operations, seed %" PRIu64 "\n", kind->name, count, seed);
}

static int run_all(void)
{
    uint64_t seed = random_seed("random_operations");
    for (size_t i = 0; i < KIND_COUNT; i++) {
        const char *folder = temp_folder();
        run_kind(&kinds[i], seed, DEFAULT_COUNT, 0, folder);
        temp_remove(folder);
    }
    return 0;
}

static const char *argument(int argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    fprintf(stderr, "%s is missing\n", name);
    exit(2);
}

static uint64_t number(int argc, char **argv, const char *name)
{
    return strtoull(argument(argc, argv, name), NULL, 10);
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return run_all();
    if (strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < KIND_COUNT; i++)
            printf("%s\n", kinds[i].name);
        return 0;
    }
    const char *name = argument(argc, argv, "--kind");
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(kinds[i].name, name) != 0)
            continue;
        run_kind(&kinds[i], number(argc, argv, "--seed"), number(argc, argv, "--operations"),
                 number(argc, argv, "--show"), argument(argc, argv, "--folder"));
        return 0;
    }
    fprintf(stderr, "there is no kind %s\n", name);
    return 2;
}
