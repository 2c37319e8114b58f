#include "tests/support/fault_fs.h"

#include <pthread.h>

#include "tests/support/must.h"

struct fault_fs {
    struct file_system system; // first: the table's functions get a pointer to it
    const struct file_system *under;
    pthread_mutex_t mutex;
    unsigned kinds;
    uint64_t nth;
    enum status status;
    bool for_ever;
    uint64_t calls;
    bool fired;
    unsigned open_files;
};

struct fault_file {
    struct file file;
    struct file *under;
    struct fault_fs *fault;
};

static struct fault_fs *fs_of(const struct file_system *system)
{
    return (struct fault_fs *)system;
}

static struct fault_file *self(struct file *file)
{
    return (struct fault_file *)file;
}

// Counts a call. STATUS_OK: it goes through.
static enum status pass(struct fault_fs *fault, enum fault_kind kind, const char *what,
                        const char *path)
{
    enum status s = STATUS_OK;
    pthread_mutex_lock(&fault->mutex);
    if (fault->kinds & kind) {
        fault->calls++;
        bool hit = fault->nth != 0 &&
                   (fault->calls == fault->nth || (fault->for_ever && fault->calls > fault->nth));
        if (hit) {
            fault->fired = true;
            s = status_fail(fault->status, 0, "A test made call %llu fail: %s \"%s\".",
                            (unsigned long long)fault->calls, what, path);
        }
    }
    pthread_mutex_unlock(&fault->mutex);
    return s;
}

static enum status fault_read(struct file *file, uint64_t offset, void *buffer, size_t size)
{
    struct fault_file *f = self(file);
    enum status s = pass(f->fault, FAULT_READ, "read", file->path);
    return s == STATUS_OK ? file_read(f->under, offset, buffer, size) : s;
}

// What a call whose first half was carried out returns: the failure that was asked for, or a real
// one.
static enum status half(enum status fault, enum status of_the_half)
{
    return of_the_half == STATUS_OK ? fault : of_the_half;
}

// Whole sectors: what no disk tears, a failing one does not tear either.
static uint64_t first_half(uint64_t length)
{
    return length / 2 / 512 * 512;
}

static enum status fault_write(struct file *file, uint64_t offset, const void *buffer, size_t size)
{
    struct fault_file *f = self(file);
    enum status s = pass(f->fault, FAULT_WRITE, "write", file->path);
    return s == STATUS_OK ? file_write(f->under, offset, buffer, size)
                          : half(s, file_write(f->under, offset, buffer, (size_t)first_half(size)));
}

static enum status fault_flush(struct file *file)
{
    struct fault_file *f = self(file);
    enum status s = pass(f->fault, FAULT_FLUSH, "flush", file->path);
    return s == STATUS_OK ? file_flush(f->under) : s;
}

static enum status fault_size(struct file *file, uint64_t *size)
{
    struct fault_file *f = self(file);
    enum status s = pass(f->fault, FAULT_LOOK, "size", file->path);
    return s == STATUS_OK ? file_size(f->under, size) : s;
}

static enum status fault_set_size(struct file *file, uint64_t size)
{
    struct fault_file *f = self(file);
    enum status s = pass(f->fault, FAULT_SET_SIZE, "set_size", file->path);
    return s == STATUS_OK ? f->under->ops->set_size(f->under, size) : s;
}

static enum status fault_zero(struct file *file, uint64_t offset, uint64_t length)
{
    struct fault_file *f = self(file);
    enum status s = pass(f->fault, FAULT_WRITE, "zero", file->path);
    return s == STATUS_OK ? f->under->ops->zero(f->under, offset, length)
                          : half(s, f->under->ops->zero(f->under, offset, first_half(length)));
}

static enum status fault_reserve(struct file *file, uint64_t offset, uint64_t length)
{
    struct fault_file *f = self(file);
    enum status s = pass(f->fault, FAULT_RESERVE, "reserve", file->path);
    return s == STATUS_OK ? f->under->ops->reserve(f->under, offset, length) : s;
}

static enum status fault_trim_reservation(struct file *file)
{
    struct fault_file *f = self(file);
    enum status s = pass(f->fault, FAULT_RESERVE, "trim_reservation", file->path);
    return s == STATUS_OK ? f->under->ops->trim_reservation(f->under) : s;
}

static enum status fault_extent(struct file *file, uint64_t offset, enum file_extent_kind *kind,
                                uint64_t *length)
{
    struct fault_file *f = self(file);
    enum status s = pass(f->fault, FAULT_LOOK, "extent", file->path);
    return s == STATUS_OK ? f->under->ops->extent(f->under, offset, kind, length) : s;
}

static enum status fault_identify(struct file *file, struct file_id *id)
{
    struct fault_file *f = self(file);
    enum status s = pass(f->fault, FAULT_LOOK, "identify", file->path);
    return s == STATUS_OK ? f->under->ops->identify(f->under, id) : s;
}

static enum status fault_write_time(struct file *file, uint64_t *time)
{
    struct fault_file *f = self(file);
    enum status s = pass(f->fault, FAULT_LOOK, "write_time", file->path);
    return s == STATUS_OK ? f->under->ops->write_time(f->under, time) : s;
}

static void fault_close(struct file *file)
{
    struct fault_file *f = self(file);
    pthread_mutex_lock(&f->fault->mutex);
    f->fault->open_files--;
    pthread_mutex_unlock(&f->fault->mutex);
    file_close(f->under);
    free(file->path);
    free(file);
}

static const struct file_ops fault_file_ops = {
    .read = fault_read,
    .write = fault_write,
    .flush = fault_flush,
    .size = fault_size,
    .set_size = fault_set_size,
    .zero = fault_zero,
    .reserve = fault_reserve,
    .trim_reservation = fault_trim_reservation,
    .extent = fault_extent,
    .identify = fault_identify,
    .write_time = fault_write_time,
    .close = fault_close,
};

static enum status fault_open(const struct file_system *system, const char *path,
                              const struct file_open *how, struct file **out)
{
    struct fault_fs *fault = fs_of(system);
    struct file *under;
    enum status s = pass(fault, FAULT_OPEN, how->create ? "create" : "open", path);
    if (s == STATUS_OK)
        s = fault->under->open(fault->under, path, how, &under);
    if (s != STATUS_OK)
        return s;
    struct fault_file *f = must_alloc(sizeof *f);
    f->file = (struct file){.ops = &fault_file_ops, .path = must_copy(path)};
    f->under = under;
    f->fault = fault;
    pthread_mutex_lock(&fault->mutex);
    fault->open_files++;
    pthread_mutex_unlock(&fault->mutex);
    *out = &f->file;
    return STATUS_OK;
}

static enum status fault_remove(const struct file_system *system, const char *path)
{
    struct fault_fs *fault = fs_of(system);
    enum status s = pass(fault, FAULT_NAMES, "remove", path);
    return s == STATUS_OK ? fault->under->remove(fault->under, path) : s;
}

static enum status fault_rename(const struct file_system *system, const char *from, const char *to)
{
    struct fault_fs *fault = fs_of(system);
    enum status s = pass(fault, FAULT_NAMES, "rename", from);
    return s == STATUS_OK ? fault->under->rename(fault->under, from, to) : s;
}

static bool fault_exists(const struct file_system *system, const char *path)
{
    const struct file_system *under = fs_of(system)->under;
    return under->exists(under, path);
}

static enum status fault_free_space(const struct file_system *system, const char *path,
                                    uint64_t *bytes)
{
    struct fault_fs *fault = fs_of(system);
    enum status s = pass(fault, FAULT_LOOK, "free_space", path);
    return s == STATUS_OK ? fault->under->free_space(fault->under, path, bytes) : s;
}

struct fault_fs *fault_fs_new(const struct file_system *under)
{
    struct fault_fs *fault = must_alloc(sizeof *fault);
    fault->system = (struct file_system){
        .open = fault_open,
        .remove = fault_remove,
        .rename = fault_rename,
        .exists = fault_exists,
        .free_space = fault_free_space,
    };
    fault->under = under;
    pthread_mutex_init(&fault->mutex, NULL);
    return fault;
}

void fault_fs_free(struct fault_fs *fault)
{
    if (!fault)
        return;
    if (fault->open_files != 0) {
        fprintf(stderr, "fault_fs: %u files are still open\n", fault->open_files);
        abort();
    }
    pthread_mutex_destroy(&fault->mutex);
    free(fault);
}

const struct file_system *fault_fs_system(struct fault_fs *fault)
{
    return &fault->system;
}

void fault_fs_arm(struct fault_fs *fault, unsigned kinds, uint64_t nth, enum status status,
                  bool for_ever)
{
    pthread_mutex_lock(&fault->mutex);
    fault->kinds = kinds;
    fault->nth = nth;
    fault->status = status;
    fault->for_ever = for_ever;
    fault->calls = 0;
    fault->fired = false;
    pthread_mutex_unlock(&fault->mutex);
}

uint64_t fault_fs_calls(const struct fault_fs *fault)
{
    return fault->calls;
}

bool fault_fs_fired(const struct fault_fs *fault)
{
    return fault->fired;
}
