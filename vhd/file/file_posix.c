#include "vhd/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/os.h"
#include "vhd/file/common.h"
#include "vhd/file/ofd_lock.h"

#define RETRY_PERIOD_MS      50
#define WRITE_BEHIND         (4u << 20)  // the system starts to write so much at the latest
#define READ_AHEAD           (8u << 20)  // of what is read in order, as far as there is data
#define READ_AHEAD_MIN       (64u << 10) // smaller reads are not the beginning of much
#define TRANSFER_MAX         (1u << 30)  // the system moves less than 2 GiB a call
#define BYPASS_MIN           (1u << 20)  // smaller writes gain nothing
#define BYPASS_ALIGNMENT     4096u       // of the position in the file and in memory
#define SECONDS_1601_TO_1970 UINT64_C(11644473600)

struct posix_file {
    struct file file;
    int fd;
    bool low_io_priority;
    bool bypass_cache; // until the file system refuses
    bool changed;      // since it was opened
    size_t unsent;     // bytes in the cache since the system was told to begin with them
    uint64_t read_end; // of the last reading
    uint64_t ahead;    // the system was told to read up to here
};

static struct posix_file *self(struct file *file)
{
    return (struct posix_file *)file;
}

// The I/O class belongs to the thread, not to the file. Lowest best-effort and not idle: idle can
// starve for ever.
static void lower_io_priority(const struct posix_file *f)
{
    static _Thread_local bool lowered;
    if (!f->low_io_priority || lowered)
        return;
    lowered = true; // a kernel that refuses now refuses always
    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7));
}

static enum status posix_size(struct file *file, uint64_t *size)
{
    struct stat info;
    if (fstat(self(file)->fd, &info) != 0)
        return status_fail_errno(errno, "Cannot look at the file \"%s\"", file->path);
    *size = (uint64_t)info.st_size;
    return STATUS_OK;
}

// Tells the system to read on behind [offset, offset + size) while that is worked on, unless all of
// it was in the cache, where what follows probably is, too. The system's own read-ahead, which is
// off, does not know of holes: it fills the cache with their zeros, at the cost of data.
static void read_ahead(struct posix_file *f, uint64_t offset, size_t size, bool was_cached)
{
    uint64_t end = offset + size;
    bool in_order = offset >= f->read_end && offset - f->read_end <= READ_AHEAD;
    f->read_end = end;
    if (!in_order || size < READ_AHEAD_MIN || (was_cached && f->ahead <= offset)) {
        f->ahead = 0;
        return;
    }
    f->ahead = max_u64(f->ahead, end);
    if (f->ahead - end > READ_AHEAD / 2)
        return;
    off_t data = lseek(f->fd, (off_t)f->ahead, SEEK_DATA);
    f->ahead = end + READ_AHEAD;
    if (data < 0 || (uint64_t)data >= f->ahead)
        return;
    off_t hole = lseek(f->fd, data, SEEK_HOLE);
    if (hole > data)
        f->ahead = min_u64(f->ahead, (uint64_t)hole);
    posix_fadvise(f->fd, data, (off_t)f->ahead - data, POSIX_FADV_WILLNEED);
}

// What the cache has of it, from its beginning, in bytes.
static size_t read_cached(const struct posix_file *f, uint64_t offset, uint8_t *p, size_t size)
{
    const struct iovec part = {.iov_base = p, .iov_len = min_u64(size, TRANSFER_MAX)};
    ssize_t n = preadv2(f->fd, &part, 1, (off_t)offset, RWF_NOWAIT);
    return n > 0 ? (size_t)n : 0;
}

static enum status posix_read(struct file *file, uint64_t offset, void *buffer, size_t size)
{
    struct posix_file *f = self(file);
    enum status s = file_check_range(file, offset, size);
    if (s != STATUS_OK)
        return s;
    lower_io_priority(f);
    uint8_t *p = buffer;
    size_t done = read_cached(f, offset, p, size);
    read_ahead(f, offset, size, done == size);
    while (done < size) {
        size_t step = (size_t)min_u64(size - done, TRANSFER_MAX);
        ssize_t n = pread(f->fd, p + done, step, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return status_fail_errno(errno, "Cannot read %zu bytes at %llu of the file \"%s\"",
                                     size, (unsigned long long)offset, file->path);
        if (n == 0)
            return file_fail_short(file, offset, size);
        done += (size_t)n;
    }
    return STATUS_OK;
}

// O_DIRECT is a flag of the open file: locks stay, and it can be set for one call.
static bool set_direct(const struct posix_file *f, bool on)
{
    int flags = fcntl(f->fd, F_GETFL);
    return flags >= 0 && fcntl(f->fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

// Writes what can go around the cache; *done tells how much that was, the rest is for the usual
// way. What fails there is told by it too.
static void write_direct(struct posix_file *f, uint64_t offset, const uint8_t *data, size_t size,
                         size_t *done)
{
    size_t whole = (size_t)align_down(size, BYPASS_ALIGNMENT);
    *done = 0;
    if (!f->bypass_cache || whole < BYPASS_MIN ||
        !is_aligned(offset | (uintptr_t)data, BYPASS_ALIGNMENT))
        return;
    f->bypass_cache = set_direct(f, true);
    while (f->bypass_cache && *done < whole) {
        size_t step = (size_t)min_u64(whole - *done, TRANSFER_MAX);
        ssize_t n = pwrite(f->fd, data + *done, step, (off_t)(offset + *done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0 || !is_aligned((uint64_t)n, BYPASS_ALIGNMENT))
            f->bypass_cache = false;
        if (n > 0)
            *done += (size_t)n;
    }
    (void)set_direct(f, false);
}

// A flush that finds everything still to do waits for all of it, while nothing else goes on.
static void write_behind(struct posix_file *f)
{
    if (f->unsent < WRITE_BEHIND)
        return;
    f->unsent = 0;
    sync_file_range(f->fd, 0, 0, SYNC_FILE_RANGE_WRITE); // a failure is the flush's to tell
}

static enum status posix_write(struct file *file, uint64_t offset, const void *buffer, size_t size)
{
    struct posix_file *f = self(file);
    enum status s = file_check_range(file, offset, size);
    if (s != STATUS_OK)
        return s;
    lower_io_priority(f);
    f->changed = true;
    const uint8_t *p = buffer;
    size_t done;
    write_direct(f, offset, p, size, &done);
    f->unsent += size - done;
    while (done < size) {
        size_t step = (size_t)min_u64(size - done, TRANSFER_MAX);
        ssize_t n = pwrite(f->fd, p + done, step, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return status_fail_errno(errno, "Cannot write %zu bytes at %llu of the file \"%s\"",
                                     size, (unsigned long long)offset, file->path);
        done += (size_t)n;
    }
    write_behind(f);
    return STATUS_OK;
}

static enum status posix_flush(struct file *file)
{
    if (fdatasync(self(file)->fd) == 0)
        return STATUS_OK;
    return status_fail_errno(errno, "Cannot flush the file \"%s\"", file->path);
}

static enum status posix_set_size(struct file *file, uint64_t size)
{
    enum status s = file_check_range(file, size, 0);
    if (s != STATUS_OK)
        return s;
    int result;
    self(file)->changed = true;
    do {
        result = ftruncate(self(file)->fd, (off_t)size);
    } while (result != 0 && errno == EINTR);
    if (result == 0)
        return STATUS_OK;
    return status_fail_errno(errno, "Cannot set the size of the file \"%s\" to %llu bytes",
                             file->path, (unsigned long long)size);
}

// fallocate, EINTR-safe. 0 or an errno value.
static int allocate(struct posix_file *f, int mode, uint64_t offset, uint64_t length)
{
    int result;
    f->changed = true;
    do {
        result = fallocate(f->fd, mode, (off_t)offset, (off_t)length);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

static bool allocation_unsupported(int error)
{
    return error == EOPNOTSUPP || error == ENOSYS;
}

static enum status posix_zero(struct file *file, uint64_t offset, uint64_t length)
{
    uint64_t inside;
    enum status s = file_extend_for_zero(file, offset, length, &inside);
    if (s != STATUS_OK || inside == 0)
        return s;
    lower_io_priority(self(file));
    int error = allocate(self(file), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, inside);
    if (error == 0)
        return STATUS_OK;
    if (allocation_unsupported(error))
        return file_write_zeros(file, offset, inside);
    return status_fail_errno(error, "Cannot zero %llu bytes at %llu of the file \"%s\"",
                             (unsigned long long)inside, (unsigned long long)offset, file->path);
}

static enum status posix_reserve(struct file *file, uint64_t offset, uint64_t length)
{
    enum status s = file_check_range(file, offset, length);
    if (s != STATUS_OK || length == 0)
        return s;
    int error = allocate(self(file), FALLOC_FL_KEEP_SIZE, offset, length);
    if (error == 0)
        return STATUS_OK;
    if (allocation_unsupported(error))
        return status_fail(STATUS_UNSUPPORTED, (uint32_t)error,
                           "The file system of \"%s\" cannot reserve space.", file->path);
    return status_fail_errno(error, "Cannot reserve %llu bytes at %llu of the file \"%s\"",
                             (unsigned long long)length, (unsigned long long)offset, file->path);
}

static enum status posix_trim_reservation(struct file *file)
{
    uint64_t size;
    enum status s = posix_size(file, &size);
    return s == STATUS_OK ? posix_set_size(file, size) : s; // cuts the blocks past the end
}

// A hole, the end of the file, or a system that knows of no holes.
static enum status extent_of_no_data(struct file *file, uint64_t offset,
                                     enum file_extent_kind *kind, uint64_t *length)
{
    enum status s = file_rest(file, offset, length);
    if (s != STATUS_OK)
        return s;
    *kind = FILE_EXTENT_DATA;
    off_t data = lseek(self(file)->fd, (off_t)offset, SEEK_DATA);
    if (data < 0 && errno == ENXIO) {
        *kind = FILE_EXTENT_HOLE; // to the end
    } else if (data > (off_t)offset) {
        *kind = FILE_EXTENT_HOLE;
        *length = min_u64(*length, (uint64_t)data - offset);
    } else if (data < 0 && errno != EINVAL && errno != EOPNOTSUPP) {
        return status_fail_errno(errno, "Cannot look for holes in the file \"%s\"", file->path);
    }
    return STATUS_OK;
}

static enum status posix_extent(struct file *file, uint64_t offset, enum file_extent_kind *kind,
                                uint64_t *length)
{
    // One call where there is data, for that is asked most.
    off_t hole = lseek(self(file)->fd, (off_t)offset, SEEK_HOLE);
    if (hole <= (off_t)offset)
        return extent_of_no_data(file, offset, kind, length);
    *kind = FILE_EXTENT_DATA;
    *length = (uint64_t)hole - offset;
    return STATUS_OK;
}

static enum status posix_identify(struct file *file, struct file_id *id)
{
    struct stat info;
    if (fstat(self(file)->fd, &info) != 0)
        return status_fail_errno(errno, "Cannot look at the file \"%s\"", file->path);
    uint64_t inode = info.st_ino;
    *id = (struct file_id){.volume = info.st_dev};
    memcpy(id->file, &inode, sizeof inode);
    return STATUS_OK;
}

static enum status posix_write_time(struct file *file, uint64_t *time)
{
    struct stat info;
    if (fstat(self(file)->fd, &info) != 0)
        return status_fail_errno(errno, "Cannot look at the file \"%s\"", file->path);
    *time = ((uint64_t)info.st_mtim.tv_sec + SECONDS_1601_TO_1970) * 10000000 +
            (uint64_t)info.st_mtim.tv_nsec / 100;
    return STATUS_OK;
}

static void posix_close(struct file *file)
{
    // fdatasync leaves the time of the last write behind; a power cut that took it back would look
    // like a foreign write.
    if (self(file)->changed)
        fsync(self(file)->fd);
    close(self(file)->fd);
    free(file->path);
    free(file);
}

static const struct file_ops posix_file_ops = {
    .read = posix_read,
    .write = posix_write,
    .flush = posix_flush,
    .size = posix_size,
    .set_size = posix_set_size,
    .zero = posix_zero,
    .reserve = posix_reserve,
    .trim_reservation = posix_trim_reservation,
    .extent = posix_extent,
    .identify = posix_identify,
    .write_time = posix_write_time,
    .close = posix_close,
};

static enum status check_regular(const struct stat *info, const char *path)
{
    if (S_ISREG(info->st_mode))
        return STATUS_OK;
    if (S_ISBLK(info->st_mode) || S_ISCHR(info->st_mode)) {
        status_fail(STATUS_UNSUPPORTED, 0,
                    "\"%s\" is a device (a pass-through disk), not a regular file.", path);
        return status_advise(0, "Give the path of a VHD or VHDX file; pass-through disks cannot be "
                                "replicated.");
    }
    status_fail(STATUS_UNSUPPORTED, 0, "\"%s\" is not a regular file%s.", path,
                S_ISDIR(info->st_mode) ? " but a folder" : "");
    return status_advise(0, "Give the path of a VHD or VHDX file.");
}

// Opens and proves that it is a regular file; a device is not even opened, for that alone can do
// things.
static enum status open_regular(const char *path, const struct file_open *how, int *out)
{
    struct stat info;
    int flags = (how->writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    if (how->create) {
        flags |= O_CREAT | O_EXCL;
    } else if (stat(path, &info) == 0) {
        enum status s = check_regular(&info, path);
        if (s != STATUS_OK)
            return s;
    }
    int fd = open(path, flags, 0600);
    if (fd < 0)
        return status_fail_errno(errno, "Cannot %s the file \"%s\"",
                                 how->create ? "create" : "open", path);
    enum status s = fstat(fd, &info) == 0
                        ? check_regular(&info, path)
                        : status_fail_errno(errno, "Cannot look at the file \"%s\"", path);
    if (s != STATUS_OK) {
        close(fd);
        return s;
    }
    *out = fd;
    return STATUS_OK;
}

// Opens and locks, trying again while others hold the file.
static enum status open_locked(const char *path, const struct file_open *how, int *out)
{
    int64_t deadline = clock_mono_ms() + how->wait_ms;
    for (;;) {
        int fd = -1;
        enum status s = open_regular(path, how, &fd);
        if (s == STATUS_OK)
            s = ofd_lock_take(fd, how);
        if (s == STATUS_OK) {
            *out = fd;
            return STATUS_OK;
        }
        bool last = s != STATUS_IN_USE || how->create || clock_mono_ms() >= deadline;
        if (last && s == STATUS_IN_USE && fd >= 0)
            s = ofd_lock_fail(fd, path);
        if (fd >= 0)
            close(fd);
        if (last)
            return s;
        clock_sleep_ms(RETRY_PERIOD_MS);
    }
}

static enum status fs_open(const struct file_system *fs, const char *path,
                           const struct file_open *how, struct file **out)
{
    (void)fs;
    struct posix_file *f = malloc(sizeof *f);
    char *copy = strdup(path);
    int fd = -1;
    enum status s = f && copy ? open_locked(path, how, &fd) : status_no_memory("an open file");
    if (s == STATUS_OK && how->create) {
        s = os_flush_folder_of(path);
        if (s != STATUS_OK) {
            close(fd);
            unlink(path);
        }
    }
    if (s != STATUS_OK) {
        free(copy);
        free(f);
        return s;
    }
    posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM); // see read_ahead
    *f = (struct posix_file){.file = {.ops = &posix_file_ops, .path = copy},
                             .fd = fd,
                             .low_io_priority = how->low_io_priority,
                             .bypass_cache = how->bypass_cache};
    *out = &f->file;
    return STATUS_OK;
}

static enum status fs_rename(const struct file_system *fs, const char *from, const char *to)
{
    (void)fs;
    int result = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);
    if (result != 0 && (errno == EINVAL || errno == ENOSYS)) { // a file system without that flag
        errno = EEXIST;
        result = os_file_exists(to) ? -1 : rename(from, to);
    }
    if (result != 0)
        return status_fail_errno(errno, "Cannot rename the file \"%s\" to \"%s\"", from, to);
    return os_flush_folder_of(to);
}

static enum status fs_free_space(const struct file_system *fs, const char *path, uint64_t *bytes)
{
    (void)fs;
    struct statvfs info;
    if (statvfs(path, &info) != 0)
        return status_fail_errno(errno, "Cannot find the free space of \"%s\"", path);
    if (multiply_overflows(info.f_bavail, info.f_frsize, bytes))
        *bytes = UINT64_MAX;
    return STATUS_OK;
}

const struct file_system *file_system_os(void)
{
    static const struct file_system fs = {
        .open = fs_open,
        .remove = file_os_remove,
        .rename = fs_rename,
        .exists = file_os_exists,
        .free_space = fs_free_space,
    };
    return &fs;
}
