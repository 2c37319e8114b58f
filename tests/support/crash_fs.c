#include "tests/support/crash_record.h"

#include "tests/support/must.h"

struct crash_file {
    struct file file;
    struct file *under; // of crash->now
    struct crash_fs *crash;
    size_t number;
};

static struct crash_fs *fs_of(const struct file_system *system)
{
    return (struct crash_fs *)system;
}

static struct crash_file *self(struct file *file)
{
    return (struct crash_file *)file;
}

static void add_name(void *context, const char *path)
{
    crash_names_add(context, path);
}

struct crash_names crash_names_of(const struct mem_fs *fs)
{
    struct crash_names names = {0};
    mem_fs_each(fs, add_name, &names);
    return names;
}

void crash_names_add(struct crash_names *names, const char *path)
{
    names->paths = must(realloc(names->paths, (names->count + 1) * sizeof *names->paths));
    names->paths[names->count++] = must_copy(path);
}

void crash_names_set(struct crash_names *names, size_t file, const char *path)
{
    free(names->paths[file]);
    names->paths[file] = path ? must_copy(path) : NULL;
}

void crash_names_free(struct crash_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->paths[i]);
    free(names->paths);
    *names = (struct crash_names){0};
}

static size_t number_of(const struct crash_fs *crash, const char *path)
{
    size_t i = 0;
    while (!crash->names.paths[i] || strcmp(crash->names.paths[i], path) != 0)
        i++;
    return i;
}

static struct crash_operation *record(struct crash_fs *crash, enum crash_kind kind, size_t file)
{
    if (crash->count == crash->capacity) {
        crash->capacity = crash->capacity ? crash->capacity * 2 : 64;
        crash->operations =
            must(realloc(crash->operations, crash->capacity * sizeof *crash->operations));
    }
    struct crash_operation *op = &crash->operations[crash->count++];
    *op = (struct crash_operation){.kind = kind, .file = file};
    return op;
}

static void record_range(struct crash_file *f, enum crash_kind kind, uint64_t offset,
                         uint64_t length, const void *data)
{
    struct crash_operation *op = record(f->crash, kind, f->number);
    op->offset = offset;
    op->length = length;
    if (data && length > 0) {
        op->data = must(malloc((size_t)length));
        memcpy(op->data, data, (size_t)length);
    }
}

static enum status crash_read(struct file *file, uint64_t offset, void *buffer, size_t size)
{
    return file_read(self(file)->under, offset, buffer, size);
}

static enum status crash_write(struct file *file, uint64_t offset, const void *buffer, size_t size)
{
    struct crash_file *f = self(file);
    pthread_mutex_lock(&f->crash->mutex);
    enum status s = file_write(f->under, offset, buffer, size);
    if (s == STATUS_OK && size > 0)
        record_range(f, CRASH_WRITE, offset, size, buffer);
    pthread_mutex_unlock(&f->crash->mutex);
    return s;
}

static enum status crash_flush(struct file *file)
{
    struct crash_file *f = self(file);
    pthread_mutex_lock(&f->crash->mutex);
    record(f->crash, CRASH_FLUSH, f->number);
    f->crash->flushes++;
    pthread_mutex_unlock(&f->crash->mutex);
    return STATUS_OK;
}

static enum status crash_size(struct file *file, uint64_t *size)
{
    return file_size(self(file)->under, size);
}

static enum status crash_set_size(struct file *file, uint64_t size)
{
    struct crash_file *f = self(file);
    pthread_mutex_lock(&f->crash->mutex);
    enum status s = f->under->ops->set_size(f->under, size);
    if (s == STATUS_OK)
        record_range(f, CRASH_SET_SIZE, 0, size, NULL);
    pthread_mutex_unlock(&f->crash->mutex);
    return s;
}

static enum status crash_zero(struct file *file, uint64_t offset, uint64_t length)
{
    struct crash_file *f = self(file);
    pthread_mutex_lock(&f->crash->mutex);
    enum status s = f->under->ops->zero(f->under, offset, length);
    if (s == STATUS_OK && length > 0)
        record_range(f, CRASH_ZERO, offset, length, NULL);
    pthread_mutex_unlock(&f->crash->mutex);
    return s;
}

static enum status crash_reserve(struct file *file, uint64_t offset, uint64_t length)
{
    struct file *under = self(file)->under;
    return under->ops->reserve(under, offset, length);
}

static enum status crash_trim_reservation(struct file *file)
{
    struct file *under = self(file)->under;
    return under->ops->trim_reservation(under);
}

static enum status crash_extent(struct file *file, uint64_t offset, enum file_extent_kind *kind,
                                uint64_t *length)
{
    struct file *under = self(file)->under;
    return under->ops->extent(under, offset, kind, length);
}

static enum status crash_identify(struct file *file, struct file_id *id)
{
    struct file *under = self(file)->under;
    return under->ops->identify(under, id);
}

static enum status crash_write_time(struct file *file, uint64_t *time)
{
    struct file *under = self(file)->under;
    return under->ops->write_time(under, time);
}

static void crash_close(struct file *file)
{
    file_close(self(file)->under);
    free(file->path);
    free(file);
}

static const struct file_ops crash_file_ops = {
    .read = crash_read,
    .write = crash_write,
    .flush = crash_flush,
    .size = crash_size,
    .set_size = crash_set_size,
    .zero = crash_zero,
    .reserve = crash_reserve,
    .trim_reservation = crash_trim_reservation,
    .extent = crash_extent,
    .identify = crash_identify,
    .write_time = crash_write_time,
    .close = crash_close,
};

static enum status crash_open(const struct file_system *system, const char *path,
                              const struct file_open *how, struct file **out)
{
    struct crash_fs *crash = fs_of(system);
    const struct file_system *now = mem_fs_system(crash->now);
    struct file *under;
    pthread_mutex_lock(&crash->mutex);
    enum status s = now->open(now, path, how, &under);
    if (s == STATUS_OK) {
        if (how->create) {
            record(crash, CRASH_CREATE, crash->names.count)->path = must_copy(path);
            crash_names_add(&crash->names, path);
        }
        struct crash_file *f = must_alloc(sizeof *f);
        f->file = (struct file){.ops = &crash_file_ops, .path = must_copy(path)};
        f->under = under;
        f->crash = crash;
        f->number = number_of(crash, path);
        *out = &f->file;
    }
    pthread_mutex_unlock(&crash->mutex);
    return s;
}

static enum status crash_remove(const struct file_system *system, const char *path)
{
    struct crash_fs *crash = fs_of(system);
    const struct file_system *now = mem_fs_system(crash->now);
    pthread_mutex_lock(&crash->mutex);
    enum status s = now->remove(now, path);
    if (s == STATUS_OK) {
        size_t file = number_of(crash, path);
        record(crash, CRASH_REMOVE, file);
        crash_names_set(&crash->names, file, NULL);
    }
    pthread_mutex_unlock(&crash->mutex);
    return s;
}

static enum status crash_rename(const struct file_system *system, const char *from, const char *to)
{
    struct crash_fs *crash = fs_of(system);
    const struct file_system *now = mem_fs_system(crash->now);
    pthread_mutex_lock(&crash->mutex);
    enum status s = now->rename(now, from, to);
    if (s == STATUS_OK) {
        size_t file = number_of(crash, from);
        record(crash, CRASH_RENAME, file)->path = must_copy(to);
        crash_names_set(&crash->names, file, to);
    }
    pthread_mutex_unlock(&crash->mutex);
    return s;
}

static bool crash_exists(const struct file_system *system, const char *path)
{
    const struct file_system *now = mem_fs_system(fs_of(system)->now);
    return now->exists(now, path);
}

static enum status crash_free_space(const struct file_system *system, const char *path,
                                    uint64_t *bytes)
{
    const struct file_system *now = mem_fs_system(fs_of(system)->now);
    return now->free_space(now, path, bytes);
}

struct crash_fs *crash_fs_new(const struct mem_fs *start)
{
    struct crash_fs *crash = must_alloc(sizeof *crash);
    crash->system = (struct file_system){
        .open = crash_open,
        .remove = crash_remove,
        .rename = crash_rename,
        .exists = crash_exists,
        .free_space = crash_free_space,
    };
    pthread_mutex_init(&crash->mutex, NULL);
    crash->start = start ? mem_fs_clone(start) : mem_fs_new();
    crash->now = mem_fs_clone(crash->start);
    crash->names = crash_names_of(crash->start);
    return crash;
}

void crash_fs_free(struct crash_fs *crash)
{
    if (!crash)
        return;
    crash_states_forget(crash);
    mem_fs_free(crash->now);
    mem_fs_free(crash->start);
    crash_names_free(&crash->names);
    for (size_t i = 0; i < crash->count; i++) {
        free(crash->operations[i].data);
        free(crash->operations[i].path);
    }
    free(crash->operations);
    pthread_mutex_destroy(&crash->mutex);
    free(crash);
}

const struct file_system *crash_fs_system(struct crash_fs *crash)
{
    return &crash->system;
}

const struct mem_fs *crash_fs_now(const struct crash_fs *crash)
{
    return crash->now;
}

size_t crash_fs_operations(const struct crash_fs *crash)
{
    return crash->count;
}

size_t crash_fs_flushes(const struct crash_fs *crash)
{
    return crash->flushes;
}
