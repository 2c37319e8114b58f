// The door to Hyper-V Replica logs ([MS-HRL]): files of writes to a disk, oldest first, that are
// shipped to the replica and applied there. Reading, checking, applying, writing.
//
// A log is a header, then groups: the data of some writes, back to back, and a metadata block that
// describes them. EOLLocation in the header is 0 from the log's creation until it is closed; a log
// that was not closed may lack its last writes, and whoever depends on all of them must compare
// the disks again. Its complete groups can be listed.
//
// The format has no free fields: what a tracker must know besides (which disk, up to where a log
// was shipped) belongs into a file beside the log, not into it.
//
// One thread uses a log at a time. Offsets and lengths are bytes of the virtual disk unless said
// otherwise; memory is bounded whatever the log's size.
#ifndef VREP_VHD_HRL_H
#define VREP_VHD_HRL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/guid.h"
#include "base/status.h"
#include "vhd/file/file.h"
#include "vhd/vhd.h"

// Versions, major in the upper half. 1.0 was used locally by Windows Server 2012 and 2012 R2; it
// has no Vhd2DataWriteGuid and is otherwise read alike. Other major versions are refused.
#define HRL_VERSION_1 0x00010000u
#define HRL_VERSION_2 0x00020000u

// MetadataSize, of a block with its header: 512-byte steps.
#define HRL_METADATA_SIZE_DEFAULT 4096u
#define HRL_METADATA_SIZE_MAX     (1u << 20) // bounds what a damaged header makes us allocate

// The longest write that becomes one entry; longer ones become several. The 32-bit sum of so many
// bytes cannot wrap, so the checksum of data that reached the file only in part never fits by
// chance where the rest reads as zeros, and is never 0, which says "not recorded".
#define HRL_DATA_LENGTH_MAX (16u << 20)

// ---- reading ----

struct hrl;

struct hrl_open {
    const struct file_system *fs; // NULL: the operating system's
    enum file_share share;        // FILE_SHARE_ANYTHING looks at a log that is being written
    uint32_t wait_ms;             // how long a sharing violation is retried
};

struct hrl_info {
    uint32_t version;
    bool closed;             // false: EOLLocation is 0; only complete groups are counted and listed
    uint64_t file_size;      // bytes of the log's file
    uint64_t end;            // where in the file the last complete group ends
    uint64_t groups;         // metadata blocks, empty ones included
    uint64_t writes;         // entries in them
    uint64_t data;           // bytes of all writes together
    uint64_t stated_entries; // TotalMetadataEntries, which nothing depends on
    uint64_t original_size;  // OriginalSize and CurrentSize: of the log, in bytes
    uint64_t current_size;
    uint32_t metadata_size;
    int32_t error_code;          // ErrorCode; not 0: its writer met a failure
    struct guid unique_id;       // of this log
    struct guid previous_id;     // of the log before it; zero for the first
    struct guid data_write_guid; // Vhd2DataWriteGuid: the disk's when it was closed; zero in 1.0
    int64_t created_ms;          // since 1970-01-01 UTC
    int64_t modified_ms;
    char creator[32]; // "ct 10.0", for people
};

// One write.
struct hrl_entry {
    uint64_t number;        // in the log, from 0
    uint64_t group;         // from 0
    uint64_t offset;        // on the disk
    uint32_t length;        // bytes
    uint32_t data_checksum; // 0: not recorded, as in Hyper-V's own logs
    uint64_t data_at;       // where in the log's file its data begins
    int64_t time_ms;        // since 1970-01-01 UTC
};

// Opens a log and checks its structure: header, and every metadata block with its entries, from the
// last back to the first. A log that was not closed is searched for its complete groups, whose data
// is then read and checked as well; the first that is not whole ends the list. (A guest that knew
// where its writes go in the log could put a group of its own behind the last complete one: do not
// rely on such a log.) STATUS_NOT_A_DISK: no replica log; STATUS_UNSUPPORTED: its version or file
// type; STATUS_DAMAGED; and what opening a file gives.
enum status hrl_open(const char *path, const struct hrl_open *how, struct hrl **out) MUST_CHECK;

// Closes and frees; NULL is allowed.
void hrl_close(struct hrl *log);

void hrl_get_info(const struct hrl *log, struct hrl_info *info);

// Starts over at the first write.
void hrl_rewind(struct hrl *log);

// The next write in the order in which they were made; *found is false behind the last.
enum status hrl_next(struct hrl *log, struct hrl_entry *entry, bool *found) MUST_CHECK;

// Reads `length` bytes of a write's data from `offset` within it. STATUS_INVALID_ARGUMENT: outside.
enum status hrl_read(struct hrl *log, const struct hrl_entry *entry, uint32_t offset, void *buffer,
                     size_t length) MUST_CHECK;

// Reads a write's data and compares it with its checksum: STATUS_DAMAGED when it differs. Data
// without a recorded checksum passes.
enum status hrl_verify(struct hrl *log, const struct hrl_entry *entry) MUST_CHECK;

struct hrl_apply {
    bool unclosed;          // also a log that was not closed: its complete groups
    vhd_progress *progress; // in bytes of data; stopped between two groups. May be NULL
    void *context;
};

struct hrl_applied {
    uint64_t writes;
    uint64_t bytes;
};

// Makes the log's writes, in their order, on an open writable disk, and flushes it. First every
// write must lie on the disk and consist of whole sectors (STATUS_MISMATCH: the log belongs to
// another disk or size; nothing was changed). The data of a group is checked before anything of the
// group is applied (STATUS_DAMAGED: what came before that group is applied, *out tells). An
// unclosed log is STATUS_REFUSED unless asked for. Can be run again from the start, any number of
// times, with the same result. After a failure of the disk, abandon it as after vhd_write. *out is
// always set.
enum status hrl_apply(struct hrl *log, struct vhd *disk, const struct hrl_apply *how,
                      struct hrl_applied *out) MUST_CHECK;

// Checks a log like vhd_check a disk: header, blocks, entries, all data. Names of findings:
// docs/formats.md. A log is never repaired, for what it lacks is known only to the disk that it
// comes from: how->repair is STATUS_UNSUPPORTED. STATUS_OK: it was looked at. Fails as hrl_open
// does, but for STATUS_DAMAGED.
enum status hrl_check(const char *path, const struct vhd_check *how,
                      struct vhd_checked *out) MUST_CHECK;

// ---- writing ----

struct hrl_writer;

struct hrl_create {
    const struct file_system *fs;   // NULL: the operating system's
    uint32_t metadata_size;         // 0: HRL_METADATA_SIZE_DEFAULT
    const struct guid *previous_id; // UniqueId of the log before; NULL: this is the first
};

// Creates a log that holds nothing and is open, stable on return. The file must not exist
// (STATUS_EXISTS); a failure leaves none behind. Others may read it meanwhile.
enum status hrl_create(const char *path, const struct hrl_create *how,
                       struct hrl_writer **out) MUST_CHECK;

// UniqueId of the log.
struct guid hrl_writer_id(const struct hrl_writer *writer);

// Bytes of the log's file so far, the block to come included.
uint64_t hrl_writer_size(const struct hrl_writer *writer);

// Appends one write of the disk. It is in the log for certain after hrl_flush. A failure poisons
// the log: what was flushed stays, everything further fails with STATUS_IO, and the log cannot be
// closed any more.
enum status hrl_append(struct hrl_writer *writer, uint64_t offset, const void *data,
                       size_t length) MUST_CHECK;

// Everything appended before is stable and complete afterwards. A power cut before that leaves of
// the groups since the last flush some first ones, each whole or not at all.
enum status hrl_flush(struct hrl_writer *writer) MUST_CHECK;

// Flushes, sets EOLLocation and Vhd2DataWriteGuid (`data_write_guid` of the disk now; NULL: none,
// for a VHD) and closes; stable on return. Frees `writer` whatever the result; after a failure the
// log is one that was not closed.
enum status hrl_finish(struct hrl_writer *writer, const struct guid *data_write_guid) MUST_CHECK;

// Closes without writing anything more: the log stays unclosed. NULL is allowed.
void hrl_abandon(struct hrl_writer *writer);

#endif
