// The door to VHD and VHDX disks: open a whole chain, read, write, map, create, merge.
//
// A `struct vhd` is an open disk with all its parents. One thread uses it at a time; a second
// thread opens the disk a second time (read-only opens do not exclude each other). Offsets and
// lengths are bytes of the virtual disk, multiples of its logical sector size unless said
// otherwise. Errors carry ERROR_VHD_* numbers (0xC03A00xx, vhd/errors.h) in status_details.os_code
// where one exists.
#ifndef VREP_VHD_H
#define VREP_VHD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/guid.h"
#include "base/status.h"
#include "vhd/file/file.h"

// Numbers are VIRTUAL_STORAGE_TYPE_DEVICE_*.
enum vhd_format { VHD_FORMAT_VHD = 2, VHD_FORMAT_VHDX = 3 };

// Numbers are the VHD footer's disk type.
enum vhd_type { VHD_TYPE_FIXED = 2, VHD_TYPE_DYNAMIC = 3, VHD_TYPE_DIFFERENCING = 4 };

#define VHD_SECTOR_SIZE_MAX 4096
#define VHD_CHAIN_DEPTH_MAX 64              // longer chains are refused; vhdmp's own limit is lower
#define VHDX_SIZE_MAX       (64ull << 40)   // [MS-VHDX] 2.6.2.2
#define VHD1_SIZE_MAX       (2040ull << 30) // dynamic and differencing VHD

struct vhd;

// Whose code works on the operating system's disk files: ours, or Windows' through virtdisk.dll.
// Other file systems (tests) are always worked on natively.
enum vhd_backend { VHD_BACKEND_NATIVE, VHD_BACKEND_VIRTDISK };

// Chooses once, before any disk is opened; native until then. STATUS_UNSUPPORTED: this system has
// no virtdisk.dll that works (Wine's is a stub, which is told without calling into it).
enum status vhd_choose_backend(enum vhd_backend backend) MUST_CHECK;

// What suits this system: virtdisk on Windows, native elsewhere. And what was chosen.
enum vhd_backend vhd_default_backend(void);
enum vhd_backend vhd_chosen_backend(void);

// "native" or "virtdisk".
const char *vhd_backend_name(enum vhd_backend backend);

struct vhd_open {
    const struct file_system *fs; // NULL: the operating system's
    bool writable;                // the leaf; parents are opened for reading, deny-write
    enum file_share share;        // of the leaf; not FILE_SHARE_ANYTHING when writable
    bool native;                  // even where virtdisk is the backend
    bool no_parents;              // the leaf alone, for info; reads that need a parent fail
    bool low_io_priority;
    bool bypass_cache; // as in struct file_open; of the leaf
    uint32_t wait_ms;  // how long sharing violations are retried; FILE_SHARING_WAIT_MS is usual
};

// Opens a disk; with FILE_SHARE_ANYTHING its parents too take no lock. The format is told by its
// contents, never by its name. A VHDX with a live log is replayed: into the file when writable, in
// memory when read-only ([MS-VHDX] 2.3.3). Damaged: STATUS_DAMAGED; neither VHD nor VHDX:
// STATUS_NOT_A_DISK; a parent missing: STATUS_PARENT_MISSING, changed since:
// STATUS_PARENT_MISMATCH; held by others: STATUS_IN_USE; required features that we do not know:
// STATUS_UNSUPPORTED.
// Whichever backend was chosen, these are native: a look (FILE_SHARE_ANYTHING), a read-only open of
// a chain with a live log, which virtdisk would replay into the file, and a read-only open of a
// differencing disk alone. virtdisk itself decides how others may share what it has open, and knows
// no I/O priority.
enum status vhd_open(const char *path, const struct vhd_open *how, struct vhd **out) MUST_CHECK;

// Flushes (writable) and closes; frees `disk` whatever the result. A VHDX closed after a successful
// flush has no live log.
enum status vhd_close(struct vhd *disk);

// Closes without writing anything more, as a crash would; for use after a failed flush or write.
void vhd_abandon(struct vhd *disk);

// What DESIGN calls the identity of a disk: tells whether anybody else wrote it.
struct vhd_identity {
    enum vhd_format format;
    uint64_t virtual_size;
    struct guid guid;         // VHDX: DataWriteGuid of the current header; VHD: unique id
    uint64_t sequence_number; // VHDX: the current header's SequenceNumber; VHD: 0
    uint64_t file_size;       // VHD: length of the file; VHDX: 0
    uint64_t write_time;      // VHD: last write time of the file (100 ns since 1601); VHDX: 0
};

// True when a disk that had the identity `saved` shows `now` and nobody else wrote it in between.
bool vhd_identity_unchanged(const struct vhd_identity *saved, const struct vhd_identity *now);

struct vhd_info {
    enum vhd_format format;
    enum vhd_type type;
    uint64_t virtual_size;
    uint32_t logical_sector_size;
    uint32_t physical_sector_size;
    uint32_t block_size;         // 0 for a fixed VHD
    struct guid virtual_disk_id; // VHDX: Virtual Disk ID; VHD: unique id
    struct guid parent_linkage;  // differencing only: VHDX parent_linkage, VHD parent unique id
    struct vhd_identity identity;
    uint64_t file_size;  // of the leaf file
    uint64_t allocated;  // bytes of virtual disk that the leaf holds blocks for
    bool log_live;       // VHDX: the file on disk has a log to replay
    bool change_tracked; // vhd_is_change_tracked, when it was opened
    uint64_t write_time; // 100 ns since 1601
    struct file_id file_id;
    char creator[64];
    const char *path;        // of the leaf, absolute; owned by the disk
    const char *parent_path; // resolved; NULL when there is none; owned by the disk
    unsigned depth;          // 1: no parent
};

// Never fails; `info` is valid until the disk is closed or written.
void vhd_get_info(struct vhd *disk, struct vhd_info *info);

// The open parent of `disk` (owned by it), NULL when there is none. For read-only inspection of a
// chain.
struct vhd *vhd_parent(struct vhd *disk);

// Reads through the whole chain. STATUS_INVALID_ARGUMENT: outside the disk or not sector-aligned.
enum status vhd_read(struct vhd *disk, uint64_t offset, void *buffer, size_t length) MUST_CHECK;

// Writes to the leaf. Not stable before vhd_flush. After a failure the disk is poisoned: further
// writes and flushes fail; vhd_abandon it and open it again.
enum status vhd_write(struct vhd *disk, uint64_t offset, const void *buffer,
                      size_t length) MUST_CHECK;

// Makes a range read as zeros, without using space where the format can (a child's zero hides the
// parent's data).
enum status vhd_zero(struct vhd *disk, uint64_t offset, uint64_t length) MUST_CHECK;

// Everything written before is stable and reachable afterwards.
enum status vhd_flush(struct vhd *disk) MUST_CHECK;

enum vhd_extent_kind {
    VHD_EXTENT_DATA,   // may be anything
    VHD_EXTENT_ZERO,   // reads as zeros, known without reading
    VHD_EXTENT_PARENT, // leaf map only: the leaf says "see my parent"
};

struct vhd_extent {
    uint64_t offset;
    uint64_t length;
    enum vhd_extent_kind kind;
};

enum vhd_map_scope {
    VHD_MAP_CHAIN, // what a reader sees: DATA or ZERO
    VHD_MAP_LEAF,  // what the leaf itself holds: DATA, ZERO or PARENT
};

// The extent that starts at `offset` (< virtual size), at sector granularity where the format knows
// it, as long as its kind lasts but not longer than `limit` bytes (which may reach beyond the end).
enum status vhd_map(struct vhd *disk, enum vhd_map_scope scope, uint64_t offset, uint64_t limit,
                    struct vhd_extent *out) MUST_CHECK;

struct vhd_create {
    const struct file_system *fs;
    enum vhd_format format;
    enum vhd_type type;
    uint64_t virtual_size; // multiple of the logical sector size
    uint32_t block_size;   // 0: 32 MiB for a dynamic VHDX, else 2 MiB; ignored for a fixed VHD
    uint32_t logical_sector_size;       // 0: 512. VHDX: 512 or 4096; VHD: 512
    uint32_t physical_sector_size;      // 0: 4096. VHD: not stored
    const struct guid *virtual_disk_id; // NULL: a new one
    // DIFFERENCING, and only then: the disk to make it over, in that one's format, with its sizes
    // and Virtual Disk ID. Everything above is 0 but fs, type and block_size.
    const char *parent_path;
};

// Creates a disk that reads as zeros, or as its parent. An existing file is STATUS_EXISTS; a
// failure leaves no file behind. A parent with a live log is replayed and closed clean first (then
// and only then is it opened for writing).
enum status vhd_create(const char *path, const struct vhd_create *how) MUST_CHECK;

// vhd_create of a child over `parent_path` with blocks of 2 MiB.
enum status vhd_create_child(const char *child_path, const char *parent_path,
                             const struct file_system *fs) MUST_CHECK;

// Looks in the folder of the disk `path` for one that names it as its parent; *child_path
// (allocated) is the first found, NULL when there is none. Files are looked at, without a lock,
// when their name ends as a disk's does (.vhd, .vhdx, .avhd, .avhdx). Fails as vhd_open does for
// `path` alone.
enum status vhd_find_child(const char *path, char **child_path) MUST_CHECK;

// The same without the child `except`: before that child is merged, which makes all others useless.
enum status vhd_find_other_child(const char *path, const char *except,
                                 char **child_path) MUST_CHECK;

// True when Hyper-V's resilient change tracking has files beside the disk (PATH.rct, PATH.mrt).
// Nobody here touches those. A change of the disk by anybody but Hyper-V makes them stale, which
// Windows notices: backups that rely on them become full ones.
bool vhd_is_change_tracked(const char *path, const struct file_system *fs);

// True when the name is one that Hyper-V gives to a checkpoint of a virtual machine
// (NAME_GUID.avhdx): merging such a disk does not tell the machine's configuration of it.
bool vhd_is_checkpoint(const char *path);

// The differencing disks of a folder, for a caller who asks for the children of many disks in it.
struct vhd_children;

// vhd_find_other_child (`except` may be NULL) that looks into each folder once: *known is NULL at
// first, then what was found in the folder of the last disk; the caller frees it.
enum status vhd_find_among_children(struct vhd_children **known, const char *path,
                                    const char *except, char **child_path) MUST_CHECK;

// NULL is fine.
void vhd_children_free(struct vhd_children *children);

// What long work says while it runs: bytes done and in all; returning false stops it at a safe
// point (STATUS_CANCELLED). May be NULL.
typedef bool vhd_progress(void *context, uint64_t done, uint64_t total);

struct vhd_merge {
    const struct file_system *fs;
    bool low_io_priority;
    unsigned levels;        // 0 and 1: into the parent; 2: that one into the next too; ...
    vhd_progress *progress; // stopped: the merge can be run again
    void *context;
};

// What a merge of a child will need of its parent's volume.
struct vhd_merge_need {
    uint64_t data;       // bytes of data and zeros to copy
    uint64_t growth;     // bytes by which the parent's file grows at most
    uint64_t allocation; // that, and the file's holes that will be filled
    bool reserved;       // after vhd_merge_reserve: the file system holds the room
};

enum status vhd_merge_plan(const char *child_path, const struct file_system *fs,
                           struct vhd_merge_need *need) MUST_CHECK;

// Takes that room on the parent's volume without changing the parent's contents or size. Nobody,
// the caller included, may hold the parent. Where the file system cannot reserve (Wine), or not
// beyond the closing of the file (Windows), need->reserved is false and it is only known that the
// room is there now. STATUS_NO_SPACE: names both figures; nothing past the end of the parent's file
// is kept. Doing it again is harmless.
enum status vhd_merge_reserve(const char *child_path, const struct file_system *fs,
                              struct vhd_merge_need *need) MUST_CHECK;

// Gives reserved room past the end of the parent's file back (a merge does so itself); its contents
// were never changed.
enum status vhd_merge_release(const char *child_path, const struct file_system *fs) MUST_CHECK;

// Copies the child's content into its parent. Restartable at any point, by anybody, until it
// returned STATUS_OK once: the parent_linkage2 protocol of [MS-VHDX] 2.2.2 note 12. Both files are
// closed and stable when it returns; the child is left in place for the caller to delete. A parent
// that matches neither linkage: STATUS_PARENT_MISMATCH, nothing written.
// With several levels the child is merged into its parent, then that one into the next, and so on,
// each of them as above: at any moment the leaf opens and reads as it did, and running the same
// again ends right, as do the single merges one after the other. vhd_merge_files tells before what
// may be deleted afterwards.
enum status vhd_merge(const char *child_path, const struct vhd_merge *how) MUST_CHECK;

// The files that such a merge is about: the child, its parent and so on, and last the one that
// stays. Allocated array of allocated paths, ended by NULL, for vhd_free_paths. After the merge all
// but the last can go, in this order: whatever a crash leaves of them, the first that is left still
// opens, holds the merged content and may be merged again. Fails as vhd_merge does, nothing
// written.
enum status vhd_merge_files(const char *child_path, unsigned levels, const struct file_system *fs,
                            char ***paths) MUST_CHECK;

// Frees an array of paths and what is in it; NULL is fine.
void vhd_free_paths(char **paths);

struct vhd_resize {
    const struct file_system *fs;
    uint64_t virtual_size;  // multiple of the logical sector size
    bool unsafe;            // cut off data that is not zero (ALLOW_UNSAFE_VIRTUAL_SIZE)
    vhd_progress *progress; // of the look at what is to be cut off, which alone takes long
    void *context;
};

// Changes the virtual size of the disk `path`, which nobody else may hold. What is cut off must
// read as zeros (VHD_ERROR_RESIZE_WOULD_TRUNCATE_DATA, nothing changed) unless `unsafe`; what is
// added does. Stopped by `progress`: STATUS_CANCELLED, nothing changed. A crash leaves the old size
// or the new one. A differencing VHD, and a disk that has children, are refused:
// STATUS_UNSUPPORTED, STATUS_REFUSED. Fixed disks keep their kind.
enum status vhd_resize(const char *path, const struct vhd_resize *how) MUST_CHECK;

struct vhd_compact {
    const struct file_system *fs;
    bool low_io_priority;
    vhd_progress *progress;
    void *context;
};

struct vhd_compacted {
    uint64_t size_before; // of the file, in bytes
    uint64_t size_after;
};

// Drops the blocks of a dynamic disk that hold only zeros, moves others into the room that they
// leave, and cuts the file. Contents, identity (DataWriteGuid, unique id) and children stay valid.
// Safe at every crash; can be run again. A fixed disk is STATUS_UNSUPPORTED.
enum status vhd_compact(const char *path, const struct vhd_compact *how,
                        struct vhd_compacted *out) MUST_CHECK;

enum vhd_problem_kind {
    VHD_PROBLEM_NOTE,       // harmless; known from files of other programs, or a log to be replayed
    VHD_PROBLEM_REPAIRABLE, // `repair` mends it without a guess about the contents
    VHD_PROBLEM_DAMAGE,     // contents are or may be lost
};

struct vhd_problem {
    enum vhd_problem_kind kind;
    const char *name;    // stable, for scripts: "bat-offset-overlap"
    const char *message; // a sentence: what, where, what it means; owned by the checker
    bool repaired;       // by this call
};

struct vhd_check {
    const struct file_system *fs;
    bool repair; // opens the file for writing; changes only what is REPAIRABLE
    void (*problem)(void *context, const struct vhd_problem *problem); // called for each; not NULL
    vhd_progress *progress;
    void *context; // of both
};

struct vhd_checked {
    uint64_t notes;
    uint64_t problems; // REPAIRABLE and DAMAGE found
    uint64_t repaired; // of those
};

// Checks the structure of one file (its parents only for the linkage), however damaged it is, with
// bounded memory. STATUS_OK: it was looked at whole; what was found is in *out. Fails when it could
// not be looked at: STATUS_NOT_FOUND, STATUS_IN_USE, STATUS_NOT_A_DISK, STATUS_IO. check.c.
enum status vhd_check(const char *path, const struct vhd_check *how,
                      struct vhd_checked *out) MUST_CHECK;

struct vhd_set_identity {
    const struct file_system *fs;
    const struct guid *virtual_disk_id; // NULL: stays
    uint32_t physical_sector_size;      // 0: stays; VHDX only
};

// Changes what a guest sees of the disk's identity. VHDX: Virtual Disk ID and physical sector size
// (logged; DataWriteGuid changes); VHD: the unique id, which makes its children useless (a disk
// that has any is STATUS_REFUSED).
enum status vhd_set_identity(const char *path, const struct vhd_set_identity *how) MUST_CHECK;

#endif
