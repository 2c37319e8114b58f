// vrepdisk: what its verbs share.
#ifndef VREP_VHD_TOOL_TOOL_H
#define VREP_VHD_TOOL_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buffer.h"
#include "vhd/vhd.h"

// ---- arguments.c ----

enum option {
    OPTION_BACKEND,
    OPTION_BLOCK_SIZE,
    OPTION_FORCE,
    OPTION_FORMAT,
    OPTION_HELP,
    OPTION_JSON,
    OPTION_LEAF,
    OPTION_LENGTH,
    OPTION_LEVELS,
    OPTION_LOGICAL_SECTOR,
    OPTION_OFFSET,
    OPTION_PARENT,
    OPTION_PHYSICAL_SECTOR,
    OPTION_QUIET,
    OPTION_REPAIR,
    OPTION_SIZE,
    OPTION_TYPE,
    OPTION_UNSAFE,
    OPTION_VIRTUAL_DISK_ID,
    OPTION_COUNT
};

#define TOOL_FILES_MAX 2

struct arguments {
    const char *files[TOOL_FILES_MAX];
    unsigned file_count;
    const char *values[OPTION_COUNT]; // NULL: not given; "" for an option without a value
};

// "--size" for OPTION_SIZE.
const char *option_name(enum option option);

// Sorts the words after the verb. `allowed`: bit 1 << option. STATUS_INVALID_ARGUMENT names the
// word.
enum status arguments_parse(int count, char *const words[], uint32_t allowed,
                            struct arguments *out) MUST_CHECK;

static inline bool arguments_have(const struct arguments *a, enum option option)
{
    return a->values[option] != NULL;
}

// A number of bytes with an optional suffix K, M, G or T (powers of 1024); `preset` when the option
// is absent.
enum status arguments_size(const struct arguments *a, enum option option, uint64_t preset,
                           uint64_t *out) MUST_CHECK;

// The same where the value has 32 bits.
enum status arguments_size32(const struct arguments *a, enum option option, uint32_t preset,
                             uint32_t *out) MUST_CHECK;

// --format, or what the extension of `path` says, or VHDX.
enum status arguments_format(const struct arguments *a, const char *path,
                             enum vhd_format *out) MUST_CHECK;

// --type: fixed or dynamic (the default).
enum status arguments_type(const struct arguments *a, enum vhd_type *out) MUST_CHECK;

// --backend: native or virtdisk; what suits this system when it is not given.
enum status arguments_backend(const struct arguments *a, enum vhd_backend *out) MUST_CHECK;

// ---- disk.c ----

// Bytes that are copied, compared or written at once.
#define TOOL_CHUNK (4u << 20)

// Opens for reading; others may read meanwhile, nobody may write.
enum status tool_open_reader(const char *path, struct vhd **out) MUST_CHECK;

// Any bytes of the disk, not only whole sectors. `buffer` holds `length` bytes.
enum status tool_read_bytes(struct vhd *disk, uint64_t offset, void *buffer,
                            size_t length) MUST_CHECK;
enum status tool_write_bytes(struct vhd *disk, uint64_t offset, const void *buffer,
                             size_t length) MUST_CHECK;

// Refuses a disk that others were made over, for a write to it makes them useless. `except` (may be
// NULL) is a child that does not count.
enum status tool_refuse_parent(const char *path, const char *except) MUST_CHECK;

// Writes `text` to standard output and empties it.
enum status tool_print(struct buffer *text) MUST_CHECK;

// Appends the object as text of several lines.
enum status tool_put_json(const json_t *object, struct buffer *out) MUST_CHECK;

// A line on standard error about something that is no failure.
void tool_warn(const char *format, ...) PRINTF_LIKE(1, 2);

// Tells, before `path` is changed, that Hyper-V's change tracking of it becomes stale.
void tool_warn_of_tracking(const char *path);

// ---- progress.c ----

// A bar on standard error when that is a terminal; otherwise nothing.
struct progress {
    const char *what;
    bool shown;
    bool drawn; // at least once
    int64_t started_ms;
    int64_t drawn_ms;
};

// No bars from now on (--quiet).
void progress_silence(void);

void progress_start(struct progress *progress, const char *what);
void progress_update(struct progress *progress, uint64_t done, uint64_t total);
void progress_end(struct progress *progress);

// The vhd_progress of long work that can be stopped at safe points; the context is a struct
// progress. Stops the work after Ctrl-C (interrupt_watch).
bool progress_step(void *progress, uint64_t done, uint64_t total);

// ---- interrupt.c ----

// From now on the first Ctrl-C (SIGINT) or SIGTERM is only noted, so that the work can stop at a
// safe point; a second one ends the program at once.
void interrupt_watch(void);
bool interrupt_came(void);

// ---- the verbs ----

// `*exit_code` is 0 unless the verb sets another for success (compare: 1 for "different").
enum status verb_info(const struct arguments *a, int *exit_code) MUST_CHECK;
enum status verb_map(const struct arguments *a, int *exit_code) MUST_CHECK;
enum status verb_cat(const struct arguments *a, int *exit_code) MUST_CHECK;
enum status verb_write(const struct arguments *a, int *exit_code) MUST_CHECK;
enum status verb_create(const struct arguments *a, int *exit_code) MUST_CHECK;
enum status verb_child(const struct arguments *a, int *exit_code) MUST_CHECK;
enum status verb_resize(const struct arguments *a, int *exit_code) MUST_CHECK;
enum status verb_compact(const struct arguments *a, int *exit_code) MUST_CHECK;
enum status verb_set(const struct arguments *a, int *exit_code) MUST_CHECK;
enum status verb_merge(const struct arguments *a, int *exit_code) MUST_CHECK;
enum status verb_check(const struct arguments *a, int *exit_code) MUST_CHECK;
enum status verb_compare(const struct arguments *a, int *exit_code) MUST_CHECK;
enum status verb_convert(const struct arguments *a, int *exit_code) MUST_CHECK;

// hrl.c
enum status verb_hrl_info(const struct arguments *a, int *exit_code) MUST_CHECK;
enum status verb_hrl_check(const struct arguments *a, int *exit_code) MUST_CHECK;
enum status verb_hrl_cat(const struct arguments *a, int *exit_code) MUST_CHECK;
enum status verb_hrl_apply(const struct arguments *a, int *exit_code) MUST_CHECK;

#endif
