// Files as disk formats need them: exact reads and writes at offsets, flushes that mean it, locks
// that others respect. All disk I/O goes through these two tables; tests put a fault, a power cut
// or a slow disk behind them.
#ifndef VREP_VHD_FILE_H
#define VREP_VHD_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

// What others may do with the file while we hold it.
enum file_share {
    FILE_SHARE_DENY_WRITE, // others may read (Windows FILE_SHARE_READ)
    FILE_SHARE_NOTHING,    // others may not open it
    FILE_SHARE_ANYTHING,   // a look: others may read, write and delete; takes no lock at all
};

struct file_open {
    bool writable;
    bool create; // must not exist before (STATUS_EXISTS)
    enum file_share share;
    bool low_io_priority; // reads and writes yield to others' (Windows: priority hint; Linux: the
                          // thread's I/O class)
    // Large writes go around the system's cache where it can be told so call by call (Linux): for
    // much data that nobody will read soon. Quicker with buffers aligned to 4 KiB; no other effect.
    bool bypass_cache;
    uint32_t wait_ms; // how long a sharing violation is retried (scanners hold files briefly); 0:
                      // not at all
};

#define FILE_SHARING_WAIT_MS 5000

// Which file this is, whatever its spelling: two paths with equal ids are one file.
struct file_id {
    uint64_t volume;
    uint8_t file[16];
};

enum file_extent_kind { FILE_EXTENT_DATA, FILE_EXTENT_HOLE };

struct file;

struct file_ops {
    // Exactly `size` bytes. Past the end of the file: STATUS_DAMAGED ("ends at ..., wanted ...").
    enum status (*read)(struct file *file, uint64_t offset, void *buffer, size_t size);
    // Exactly `size` bytes; extends the file. STATUS_NO_SPACE when the volume is full.
    enum status (*write)(struct file *file, uint64_t offset, const void *buffer, size_t size);
    // Everything written before is stable afterwards. After a failure nothing is known of it: give
    // the file up.
    enum status (*flush)(struct file *file);
    enum status (*size)(struct file *file, uint64_t *size);
    // Cuts or extends (with zeros; a hole where the file system can, never the NTFS sparse
    // attribute).
    enum status (*set_size)(struct file *file, uint64_t size);
    // Makes [offset, offset+length) read as zeros, extending if needed, without using space where
    // that can be done (what `reserve` took there is then given back).
    enum status (*zero)(struct file *file, uint64_t offset, uint64_t length);
    // Takes space for [offset, offset+length), holes included, without changing size or contents
    // (fallocate KEEP_SIZE, FileAllocationInfo). STATUS_UNSUPPORTED where the file system cannot;
    // STATUS_NO_SPACE may leave a part reserved. Past the end of the file it lasts on Windows until
    // the file is closed.
    enum status (*reserve)(struct file *file, uint64_t offset, uint64_t length);
    // Gives back what lies reserved past the end of the file; fine where nothing can be reserved.
    enum status (*trim_reservation)(struct file *file);
    // The extent at `offset` (STATUS_INVALID_ARGUMENT when not below the size): kind and length. A
    // file system that cannot tell says DATA to the end.
    enum status (*extent)(struct file *file, uint64_t offset, enum file_extent_kind *kind,
                          uint64_t *length);
    enum status (*identify)(struct file *file, struct file_id *id);
    // Time of the last write, 100 ns units since 1601-01-01 UTC.
    enum status (*write_time)(struct file *file, uint64_t *time);
    // Closes; never fails (flush first where it matters). A file that was changed keeps its time of
    // last write over a power cut from then on. Frees `file`.
    void (*close)(struct file *file);
};

// An open file. One thread at a time. `path` is for messages.
struct file {
    const struct file_ops *ops;
    char *path;
};

struct file_system {
    // STATUS_NOT_FOUND, STATUS_EXISTS, STATUS_ACCESS_DENIED, STATUS_IN_USE (names who may hold it
    // and what to do), STATUS_UNSUPPORTED (not a regular file; on Windows: a writable file that is
    // sparse, compressed or encrypted).
    enum status (*open)(const struct file_system *fs, const char *path, const struct file_open *how,
                        struct file **out);
    // Removes a file and makes that stable.
    enum status (*remove)(const struct file_system *fs, const char *path);
    // Renames within a folder and makes that stable. An existing target is STATUS_EXISTS.
    enum status (*rename)(const struct file_system *fs, const char *from, const char *to);
    bool (*exists)(const struct file_system *fs, const char *path);
    // Bytes that this process may still write on the volume of `path` (an existing file or folder).
    enum status (*free_space)(const struct file_system *fs, const char *path, uint64_t *bytes);
    // What `reserve` took past the end of a file goes back when the file is closed (Windows,
    // [MS-FSCC] 2.4.4): it proves that there is room, and keeps it only as long as the file is
    // open.
    bool reservation_ends_with_close;
};

// The operating system's files. Linux: open-file-description locks on QEMU's bytes (100+n held,
// 200+n denied), so that QEMU and we respect each other. Windows: share modes.
const struct file_system *file_system_os(void);

// Thin calls, so that callers read well.
static inline enum status file_read(struct file *f, uint64_t offset, void *buffer, size_t size)
{
    return f->ops->read(f, offset, buffer, size);
}
static inline enum status file_write(struct file *f, uint64_t offset, const void *buffer,
                                     size_t size)
{
    return f->ops->write(f, offset, buffer, size);
}
static inline enum status file_flush(struct file *f)
{
    return f->ops->flush(f);
}
static inline enum status file_size(struct file *f, uint64_t *size)
{
    return f->ops->size(f, size);
}
static inline void file_close(struct file *f)
{
    if (f)
        f->ops->close(f);
}

#endif
