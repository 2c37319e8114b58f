#include "tests/support/layered_disk.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/os.h"
#include "tests/support/must.h"
#include "vhd/errors.h"

#define READ_SIZE (1u << 20)

_Noreturn void layered_disk_die(const struct layered_disk *d, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: %s: ", d->depth > 0 ? d->layers[d->depth - 1].path : d->folder, d->doing);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\nTo repeat it: %s\n", d->repeat);
    va_end(arguments);
    fflush(NULL);
    _Exit(1); // the files stay for whoever looks into it
}

void layered_disk_must(const struct layered_disk *d, enum status status)
{
    if (status != STATUS_OK)
        layered_disk_die(d, "%s: %s %s", status_name(status), status_last()->message,
                         status_last()->action);
}

static char *layer_path(const struct layered_disk *d, const char *name)
{
    return must(os_path_join(d->folder, name));
}

struct layered_disk *layered_disk_new(const struct vhd_create *how, uint64_t capacity,
                                      const char *folder, const char *repeat)
{
    struct layered_disk *d = must_alloc(sizeof *d);
    *d = (struct layered_disk){
        .how = *how, .capacity = capacity, .folder = folder, .repeat = repeat, .doing = "create"};
    char *path = layer_path(d, how->format == VHD_FORMAT_VHDX ? "base.vhdx" : "base.vhd");
    layered_disk_must(d, vhd_create(path, how));
    d->layers[d->depth++] = (struct layer){path, must_alloc(capacity), how->virtual_size};
    return d;
}

void layered_disk_free(struct layered_disk *d)
{
    if (d->disk)
        vhd_abandon(d->disk);
    for (unsigned i = 0; i < d->depth; i++) {
        free(d->layers[i].path);
        free(d->layers[i].model);
    }
    free(d);
}

void layered_disk_open(struct layered_disk *d, bool writable)
{
    const struct vhd_open how = {
        .fs = d->how.fs,
        .writable = writable,
        .share = writable ? FILE_SHARE_NOTHING : FILE_SHARE_DENY_WRITE,
        .wait_ms = FILE_SHARING_WAIT_MS,
    };
    struct vhd_info info;
    layered_disk_must(d, vhd_open(layered_disk_leaf(d)->path, &how, &d->disk));
    vhd_get_info(d->disk, &info);
    if (info.virtual_size != layered_disk_leaf(d)->size)
        layered_disk_die(d, "the disk has %" PRIu64 " bytes, not %" PRIu64, info.virtual_size,
                         layered_disk_leaf(d)->size);
    if (info.depth != d->depth)
        layered_disk_die(d, "%u layers, not %u", info.depth, d->depth);
}

void layered_disk_close(struct layered_disk *d)
{
    struct vhd *disk = d->disk;
    d->disk = NULL;
    layered_disk_must(d, vhd_close(disk));
}

void layered_disk_write(struct layered_disk *d, uint64_t offset, const void *data, size_t length)
{
    layered_disk_must(d, vhd_write(d->disk, offset, data, length));
    memcpy(layered_disk_leaf(d)->model + offset, data, length);
}

void layered_disk_zero(struct layered_disk *d, uint64_t offset, uint64_t length)
{
    layered_disk_must(d, vhd_zero(d->disk, offset, length));
    memset(layered_disk_leaf(d)->model + offset, 0, (size_t)length);
}

void layered_disk_read(struct layered_disk *d, uint64_t offset, size_t length)
{
    const uint8_t *model = layered_disk_leaf(d)->model;
    uint8_t *data = must_alloc(length);
    layered_disk_must(d, vhd_read(d->disk, offset, data, length));
    for (size_t i = 0; memcmp(data, model + offset, length) != 0 && i < length; i++)
        if (data[i] != model[offset + i])
            layered_disk_die(d, "reading %zu bytes at %" PRIu64 ": %02x at %" PRIu64 ", not %02x",
                             length, offset, data[i], offset + i, model[offset + i]);
    free(data);
}

static uint64_t check_extent(struct layered_disk *d, uint64_t offset)
{
    const struct layer *leaf = layered_disk_leaf(d);
    struct vhd_extent extent;
    layered_disk_must(d, vhd_map(d->disk, VHD_MAP_CHAIN, offset, leaf->size, &extent));
    if (extent.offset != offset || extent.length == 0 ||
        !range_fits(offset, extent.length, leaf->size) || extent.kind == VHD_EXTENT_PARENT)
        layered_disk_die(d, "the map at %" PRIu64 " says %" PRIu64 " bytes at %" PRIu64, offset,
                         extent.length, extent.offset);
    if (extent.kind == VHD_EXTENT_ZERO &&
        !bytes_are_zero(leaf->model + offset, (size_t)extent.length))
        layered_disk_die(d, "the map calls %" PRIu64 " bytes at %" PRIu64 " zero", extent.length,
                         offset);
    return extent.length;
}

void layered_disk_map(struct layered_disk *d, uint64_t offset)
{
    (void)check_extent(d, offset);
}

void layered_disk_verify(struct layered_disk *d)
{
    uint64_t size = layered_disk_leaf(d)->size;
    layered_disk_open(d, false);
    for (uint64_t at = 0; at < size; at += READ_SIZE)
        layered_disk_read(d, at, (size_t)min_u64(READ_SIZE, size - at));
    for (uint64_t at = 0; at < size;)
        at += check_extent(d, at);
    layered_disk_close(d);
}

static void show_problem(void *context, const struct vhd_problem *problem)
{
    const struct layered_disk *d = context;
    if (problem->kind != VHD_PROBLEM_NOTE)
        layered_disk_die(d, "check: %s: %s", problem->name, problem->message);
}

void layered_disk_check(struct layered_disk *d)
{
    const struct vhd_check how = {.fs = d->how.fs, .problem = show_problem, .context = d};
    for (unsigned i = 0; i < d->depth; i++) {
        struct vhd_checked found;
        layered_disk_must(d, vhd_check(d->layers[i].path, &how, &found));
    }
}

void layered_disk_add_child(struct layered_disk *d)
{
    const struct layer *parent = layered_disk_leaf(d);
    const char *extension = d->how.format == VHD_FORMAT_VHDX ? "avhdx" : "avhd";
    char name[32];
    snprintf(name, sizeof name, "child%u.%s", ++d->children, extension);
    char *path = layer_path(d, name);
    layered_disk_must(d, vhd_create_child(path, parent->path, d->how.fs));
    uint8_t *model = must_alloc(d->capacity);
    memcpy(model, parent->model, (size_t)parent->size);
    d->layers[d->depth] = (struct layer){path, model, parent->size};
    d->depth++;
}

bool layered_disk_resize(struct layered_disk *d, uint64_t size, bool unsafe)
{
    struct layer *leaf = layered_disk_leaf(d);
    const struct vhd_resize how = {.fs = d->how.fs, .virtual_size = size, .unsafe = unsafe};
    uint64_t cut = size < leaf->size ? leaf->size - size : 0;
    bool refuse = !unsafe && !bytes_are_zero(leaf->model + size, (size_t)cut);
    enum status status = vhd_resize(leaf->path, &how);
    if (!refuse) {
        layered_disk_must(d, status);
        memset(leaf->model + size, 0, (size_t)cut);
        leaf->size = size;
    } else if (status != STATUS_REFUSED ||
               status_last()->os_code != VHD_ERROR_RESIZE_WOULD_TRUNCATE_DATA) {
        layered_disk_die(d, "cutting off data is %s", status_name(status));
    }
    return !refuse;
}

void layered_disk_drop(struct layered_disk *d, unsigned levels)
{
    struct layer *target = &d->layers[d->depth - 1 - levels];
    struct layer *leaf = layered_disk_leaf(d);
    uint8_t *content = leaf->model;
    leaf->model = target->model;
    target->model = content;
    target->size = leaf->size;
    for (; levels > 0; levels--) {
        struct layer *dropped = layered_disk_leaf(d);
        layered_disk_must(d, os_remove_file(dropped->path));
        free(dropped->path);
        free(dropped->model);
        d->depth--;
    }
}
