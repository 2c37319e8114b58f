#include "tests/support/mem_fs.h"

#include <pthread.h>

#include "base/checked.h"
#include "tests/support/must.h"
#include "tests/support/sparse.h"

#define COPY_STEP        (1024u * 1024)
#define TICKS_PER_SECOND 10000000
#define START_TIME       (UINT64_C(134000000000000000)) // some day in 2025

struct mem_node {
    char *path;
    struct sparse contents;
    uint64_t id;
    uint64_t write_time;
    struct mem_file *open; // list
    bool removed;          // frees itself with its last open file
};

struct mem_fs {
    struct file_system system; // first: the table's functions get a pointer to it
    pthread_mutex_t mutex;
    struct mem_node **nodes;
    size_t node_count;
    uint64_t capacity;
    uint64_t next_id;
    uint64_t now; // goes on by a second with every change
};

struct mem_file {
    struct file file;
    struct mem_fs *fs;
    struct mem_node *node;
    struct mem_file *next;
    struct file_open how;
};

static struct mem_fs *fs_of(const struct file_system *system)
{
    return (struct mem_fs *)system;
}

static struct mem_file *self(struct file *file)
{
    return (struct mem_file *)file;
}

static struct mem_node *find(const struct mem_fs *fs, const char *path)
{
    for (size_t i = 0; i < fs->node_count; i++) {
        if (strcmp(fs->nodes[i]->path, path) == 0)
            return fs->nodes[i];
    }
    return NULL;
}

static struct mem_node *find_existing(const struct mem_fs *fs, const char *path)
{
    struct mem_node *node = find(fs, path);
    if (!node) {
        fprintf(stderr, "mem_fs: there is no file \"%s\"\n", path);
        abort();
    }
    return node;
}

static void touch(struct mem_fs *fs, struct mem_node *node)
{
    fs->now += TICKS_PER_SECOND;
    node->write_time = fs->now;
}

static struct mem_node *add_node(struct mem_fs *fs, const char *path)
{
    struct mem_node *node = must_alloc(sizeof *node);
    node->path = must_copy(path);
    node->id = fs->next_id++;
    touch(fs, node);
    fs->nodes = must(realloc(fs->nodes, (fs->node_count + 1) * sizeof *fs->nodes));
    fs->nodes[fs->node_count++] = node;
    return node;
}

static void free_node(struct mem_node *node)
{
    sparse_free(&node->contents);
    free(node->path);
    free(node);
}

static void unlink_node(struct mem_fs *fs, struct mem_node *node)
{
    size_t i = 0;
    while (fs->nodes[i] != node)
        i++;
    fs->node_count--;
    memmove(fs->nodes + i, fs->nodes + i + 1, (fs->node_count - i) * sizeof *fs->nodes);
    if (node->open)
        node->removed = true;
    else
        free_node(node);
}

uint64_t mem_fs_used(const struct mem_fs *fs)
{
    uint64_t pages = 0;
    for (size_t i = 0; i < fs->node_count; i++)
        pages += fs->nodes[i]->contents.pages;
    return pages * SPARSE_PAGE_SIZE;
}

static enum status check_room(const struct mem_file *f, uint64_t offset, uint64_t length)
{
    if (f->fs->capacity == UINT64_MAX)
        return STATUS_OK;
    uint64_t wanted = sparse_missing(&f->node->contents, offset, length) * SPARSE_PAGE_SIZE;
    uint64_t used = mem_fs_used(f->fs);
    if (wanted == 0 || (used <= f->fs->capacity && wanted <= f->fs->capacity - used))
        return STATUS_OK;
    return status_fail(STATUS_NO_SPACE, 0, "Cannot write the file \"%s\": the volume is full.",
                       f->file.path);
}

static enum status check_range(const struct file *file, uint64_t offset, uint64_t length)
{
    if (range_fits(offset, length, INT64_MAX))
        return STATUS_OK;
    return status_fail(STATUS_INVALID_ARGUMENT, 0, "Byte %llu of \"%s\" is beyond any file.",
                       (unsigned long long)offset, file->path);
}

static enum status check_writable(struct file *file, uint64_t offset, uint64_t length)
{
    if (!self(file)->how.writable)
        return status_fail(STATUS_ACCESS_DENIED, 0, "The file \"%s\" is open for reading only.",
                           file->path);
    return check_range(file, offset, length);
}

static enum status mem_read(struct file *file, uint64_t offset, void *buffer, size_t size)
{
    struct mem_file *f = self(file);
    enum status s = check_range(file, offset, size);
    if (s != STATUS_OK)
        return s;
    pthread_mutex_lock(&f->fs->mutex);
    uint64_t end = f->node->contents.size;
    if (!range_fits(offset, size, end) && size > 0)
        s = status_fail(STATUS_DAMAGED, 0,
                        "The file \"%s\" ends at byte %llu; %zu bytes at %llu were wanted.",
                        file->path, (unsigned long long)end, size, (unsigned long long)offset);
    else
        sparse_read(&f->node->contents, offset, buffer, size);
    pthread_mutex_unlock(&f->fs->mutex);
    return s;
}

static enum status mem_write(struct file *file, uint64_t offset, const void *buffer, size_t size)
{
    struct mem_file *f = self(file);
    enum status s = check_writable(file, offset, size);
    if (s != STATUS_OK)
        return s;
    pthread_mutex_lock(&f->fs->mutex);
    s = check_room(f, offset, size);
    if (s == STATUS_OK) {
        sparse_write(&f->node->contents, offset, buffer, size);
        touch(f->fs, f->node);
    }
    pthread_mutex_unlock(&f->fs->mutex);
    return s;
}

static enum status mem_flush(struct file *file)
{
    (void)file;
    return STATUS_OK;
}

static enum status mem_size(struct file *file, uint64_t *size)
{
    struct mem_file *f = self(file);
    pthread_mutex_lock(&f->fs->mutex);
    *size = f->node->contents.size;
    pthread_mutex_unlock(&f->fs->mutex);
    return STATUS_OK;
}

static enum status mem_set_size(struct file *file, uint64_t size)
{
    struct mem_file *f = self(file);
    enum status s = check_writable(file, size, 0);
    if (s != STATUS_OK)
        return s;
    pthread_mutex_lock(&f->fs->mutex);
    sparse_set_size(&f->node->contents, size);
    touch(f->fs, f->node);
    pthread_mutex_unlock(&f->fs->mutex);
    return STATUS_OK;
}

static enum status mem_zero(struct file *file, uint64_t offset, uint64_t length)
{
    struct mem_file *f = self(file);
    enum status s = check_writable(file, offset, length);
    if (s != STATUS_OK)
        return s;
    pthread_mutex_lock(&f->fs->mutex);
    sparse_zero(&f->node->contents, offset, length);
    touch(f->fs, f->node);
    pthread_mutex_unlock(&f->fs->mutex);
    return STATUS_OK;
}

static enum status mem_reserve(struct file *file, uint64_t offset, uint64_t length)
{
    struct mem_file *f = self(file);
    enum status s = check_writable(file, offset, length);
    if (s != STATUS_OK)
        return s;
    pthread_mutex_lock(&f->fs->mutex);
    s = check_room(f, offset, length);
    if (s == STATUS_OK && length > 0)
        sparse_reserve(&f->node->contents, offset, length);
    pthread_mutex_unlock(&f->fs->mutex);
    return s;
}

static enum status mem_trim_reservation(struct file *file)
{
    struct mem_file *f = self(file);
    pthread_mutex_lock(&f->fs->mutex);
    sparse_trim(&f->node->contents);
    pthread_mutex_unlock(&f->fs->mutex);
    return STATUS_OK;
}

static enum status mem_extent(struct file *file, uint64_t offset, enum file_extent_kind *kind,
                              uint64_t *length)
{
    struct mem_file *f = self(file);
    enum status s = STATUS_OK;
    pthread_mutex_lock(&f->fs->mutex);
    uint64_t end = f->node->contents.size;
    if (offset >= end)
        s = status_fail(STATUS_INVALID_ARGUMENT, 0, "Byte %llu is past the end of \"%s\".",
                        (unsigned long long)offset, file->path);
    else
        *kind =
            sparse_extent(&f->node->contents, offset, length) ? FILE_EXTENT_DATA : FILE_EXTENT_HOLE;
    pthread_mutex_unlock(&f->fs->mutex);
    return s;
}

static enum status mem_identify(struct file *file, struct file_id *id)
{
    *id = (struct file_id){.volume = 1};
    memcpy(id->file, &self(file)->node->id, sizeof self(file)->node->id);
    return STATUS_OK;
}

static enum status mem_write_time(struct file *file, uint64_t *time)
{
    struct mem_file *f = self(file);
    pthread_mutex_lock(&f->fs->mutex);
    *time = f->node->write_time;
    pthread_mutex_unlock(&f->fs->mutex);
    return STATUS_OK;
}

static void mem_close(struct file *file)
{
    struct mem_file *f = self(file);
    struct mem_fs *fs = f->fs;
    pthread_mutex_lock(&fs->mutex);
    struct mem_file **place = &f->node->open;
    while (*place != f)
        place = &(*place)->next;
    *place = f->next;
    if (f->node->removed && !f->node->open)
        free_node(f->node);
    pthread_mutex_unlock(&fs->mutex);
    free(file->path);
    free(f);
}

static const struct file_ops mem_file_ops = {
    .read = mem_read,
    .write = mem_write,
    .flush = mem_flush,
    .size = mem_size,
    .set_size = mem_set_size,
    .zero = mem_zero,
    .reserve = mem_reserve,
    .trim_reservation = mem_trim_reservation,
    .extent = mem_extent,
    .identify = mem_identify,
    .write_time = mem_write_time,
    .close = mem_close,
};

// Does what `holder` allows others leave room for what `user` does?
static bool allows(const struct file_open *holder, const struct file_open *user)
{
    return holder->share == FILE_SHARE_ANYTHING ||
           (holder->share == FILE_SHARE_DENY_WRITE && !user->writable);
}

static enum status check_sharing(const struct mem_node *node, const struct file_open *how)
{
    for (const struct mem_file *other = node->open; other; other = other->next) {
        if (!allows(&other->how, how) || !allows(how, &other->how))
            return status_fail(STATUS_IN_USE, 0, "The file \"%s\" is in use.", node->path);
    }
    return STATUS_OK;
}

// Removing and renaming needs everybody who has the file open to have agreed.
static enum status check_names_free(const struct mem_node *node)
{
    for (const struct mem_file *other = node->open; other; other = other->next) {
        if (other->how.share != FILE_SHARE_ANYTHING)
            return status_fail(STATUS_IN_USE, 0, "The file \"%s\" is in use.", node->path);
    }
    return STATUS_OK;
}

static enum status fail_missing(const char *path)
{
    return status_fail(STATUS_NOT_FOUND, 0, "The file \"%s\" does not exist.", path);
}

static enum status open_node(struct mem_fs *fs, const char *path, const struct file_open *how,
                             struct mem_node **out)
{
    struct mem_node *node = find(fs, path);
    if (how->create && node)
        return status_fail(STATUS_EXISTS, 0, "The file \"%s\" exists already.", path);
    if (!how->create && !node)
        return fail_missing(path);
    if (node) {
        enum status s = check_sharing(node, how);
        if (s != STATUS_OK)
            return s;
    }
    *out = node ? node : add_node(fs, path);
    return STATUS_OK;
}

static enum status mem_open(const struct file_system *system, const char *path,
                            const struct file_open *how, struct file **out)
{
    struct mem_fs *fs = fs_of(system);
    struct mem_node *node = NULL;
    pthread_mutex_lock(&fs->mutex);
    enum status s = open_node(fs, path, how, &node);
    if (s == STATUS_OK) {
        struct mem_file *f = must_alloc(sizeof *f);
        f->file = (struct file){.ops = &mem_file_ops, .path = must_copy(path)};
        f->fs = fs;
        f->node = node;
        f->how = *how;
        f->next = node->open;
        node->open = f;
        *out = &f->file;
    }
    pthread_mutex_unlock(&fs->mutex);
    return s;
}

static enum status mem_remove(const struct file_system *system, const char *path)
{
    struct mem_fs *fs = fs_of(system);
    pthread_mutex_lock(&fs->mutex);
    struct mem_node *node = find(fs, path);
    enum status s = node ? check_names_free(node) : fail_missing(path);
    if (s == STATUS_OK)
        unlink_node(fs, node);
    pthread_mutex_unlock(&fs->mutex);
    return s;
}

static enum status mem_rename(const struct file_system *system, const char *from, const char *to)
{
    struct mem_fs *fs = fs_of(system);
    pthread_mutex_lock(&fs->mutex);
    struct mem_node *node = find(fs, from);
    enum status s = node ? check_names_free(node) : fail_missing(from);
    if (s == STATUS_OK && find(fs, to))
        s = status_fail(STATUS_EXISTS, 0, "The file \"%s\" exists already.", to);
    if (s == STATUS_OK) {
        free(node->path);
        node->path = must_copy(to);
    }
    pthread_mutex_unlock(&fs->mutex);
    return s;
}

static bool mem_exists(const struct file_system *system, const char *path)
{
    struct mem_fs *fs = fs_of(system);
    pthread_mutex_lock(&fs->mutex);
    bool exists = find(fs, path) != NULL;
    pthread_mutex_unlock(&fs->mutex);
    return exists;
}

static enum status mem_free_space(const struct file_system *system, const char *path,
                                  uint64_t *bytes)
{
    struct mem_fs *fs = fs_of(system);
    (void)path;
    pthread_mutex_lock(&fs->mutex);
    uint64_t used = mem_fs_used(fs);
    *bytes = fs->capacity > used ? fs->capacity - used : 0;
    pthread_mutex_unlock(&fs->mutex);
    return STATUS_OK;
}

struct mem_fs *mem_fs_new(void)
{
    struct mem_fs *fs = must_alloc(sizeof *fs);
    fs->system = (struct file_system){
        .open = mem_open,
        .remove = mem_remove,
        .rename = mem_rename,
        .exists = mem_exists,
        .free_space = mem_free_space,
    };
    pthread_mutex_init(&fs->mutex, NULL);
    fs->capacity = UINT64_MAX;
    fs->next_id = 1;
    fs->now = START_TIME;
    return fs;
}

struct mem_fs *mem_fs_clone(const struct mem_fs *from)
{
    struct mem_fs *fs = mem_fs_new();
    fs->capacity = from->capacity;
    fs->next_id = from->next_id;
    fs->now = from->now;
    fs->node_count = from->node_count;
    fs->nodes = from->node_count ? must(malloc(from->node_count * sizeof *fs->nodes)) : NULL;
    for (size_t i = 0; i < from->node_count; i++) {
        struct mem_node *node = must(malloc(sizeof *node));
        *node = *from->nodes[i];
        node->path = must_copy(node->path);
        node->contents = sparse_clone(&from->nodes[i]->contents);
        node->open = NULL;
        fs->nodes[i] = node;
    }
    return fs;
}

void mem_fs_free(struct mem_fs *fs)
{
    if (!fs)
        return;
    for (size_t i = 0; i < fs->node_count; i++) {
        if (fs->nodes[i]->open) {
            fprintf(stderr, "mem_fs: the file \"%s\" is still open\n", fs->nodes[i]->path);
            abort();
        }
        free_node(fs->nodes[i]);
    }
    free(fs->nodes);
    pthread_mutex_destroy(&fs->mutex);
    free(fs);
}

const struct file_system *mem_fs_system(struct mem_fs *fs)
{
    return &fs->system;
}

void mem_fs_set_capacity(struct mem_fs *fs, uint64_t bytes)
{
    fs->capacity = bytes;
}

void mem_fs_put(struct mem_fs *fs, const char *path, const void *data, size_t size)
{
    struct mem_node *node = find(fs, path);
    if (!node)
        node = add_node(fs, path);
    sparse_free(&node->contents);
    sparse_write(&node->contents, 0, data, size);
    touch(fs, node);
}

// Copies all of a file, holes as holes.
static enum status copy_contents(struct file *from, struct file *to)
{
    uint64_t size, length;
    enum status s = file_size(from, &size);
    if (s == STATUS_OK)
        s = to->ops->set_size(to, size);
    uint8_t *buffer = must(malloc(COPY_STEP));
    for (uint64_t at = 0; s == STATUS_OK && at < size; at += length) {
        enum file_extent_kind kind;
        s = from->ops->extent(from, at, &kind, &length);
        if (s != STATUS_OK || kind == FILE_EXTENT_HOLE)
            continue;
        length = min_u64(length, COPY_STEP);
        s = file_read(from, at, buffer, (size_t)length);
        if (s == STATUS_OK)
            s = file_write(to, at, buffer, (size_t)length);
    }
    free(buffer);
    return s;
}

static enum status copy_file(const struct file_system *from_fs, const char *from_path,
                             const struct file_system *to_fs, const char *to_path)
{
    struct file *from = NULL;
    struct file *to = NULL;
    struct file_open read_it = {.share = FILE_SHARE_ANYTHING};
    struct file_open make_it = {.writable = true, .create = true, .share = FILE_SHARE_NOTHING};
    enum status s = from_fs->open(from_fs, from_path, &read_it, &from);
    if (s == STATUS_OK)
        s = to_fs->open(to_fs, to_path, &make_it, &to);
    if (s == STATUS_OK)
        s = copy_contents(from, to);
    file_close(to);
    file_close(from);
    return s;
}

enum status mem_fs_import(struct mem_fs *fs, const char *os_path, const char *path)
{
    return copy_file(file_system_os(), os_path, &fs->system, path);
}

enum status mem_fs_export(const struct mem_fs *fs, const char *path, const char *os_path)
{
    return copy_file(&fs->system, path, file_system_os(), os_path);
}

bool mem_fs_has(const struct mem_fs *fs, const char *path)
{
    return find(fs, path) != NULL;
}

uint64_t mem_fs_size(const struct mem_fs *fs, const char *path)
{
    return find_existing(fs, path)->contents.size;
}

void mem_fs_peek(const struct mem_fs *fs, const char *path, uint64_t offset, void *buffer,
                 size_t size)
{
    sparse_read(&find_existing(fs, path)->contents, offset, buffer, size);
}

void mem_fs_poke(struct mem_fs *fs, const char *path, uint64_t offset, const void *data,
                 size_t size)
{
    struct mem_node *node = find_existing(fs, path);
    sparse_write(&node->contents, offset, data, size);
    touch(fs, node);
}

void mem_fs_resize(struct mem_fs *fs, const char *path, uint64_t size)
{
    struct mem_node *node = find_existing(fs, path);
    sparse_set_size(&node->contents, size);
    touch(fs, node);
}

void mem_fs_clear(struct mem_fs *fs, const char *path, uint64_t offset, uint64_t length)
{
    struct mem_node *node = find_existing(fs, path);
    sparse_zero(&node->contents, offset, length);
    touch(fs, node);
}

bool mem_fs_equal(const struct mem_fs *a, const char *path_a, const struct mem_fs *b,
                  const char *path_b)
{
    const struct mem_node *left = find(a, path_a);
    const struct mem_node *right = find(b, path_b);
    return left && right && sparse_equal(&left->contents, &right->contents);
}

void mem_fs_each(const struct mem_fs *fs, void (*each)(void *context, const char *path),
                 void *context)
{
    for (size_t i = 0; i < fs->node_count; i++)
        each(context, fs->nodes[i]->path);
}
