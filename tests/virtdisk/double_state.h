// What the parts of the double share.
#ifndef VREP_TESTS_VIRTDISK_DOUBLE_STATE_H
#define VREP_TESTS_VIRTDISK_DOUBLE_STATE_H

#include <windows.h>

#include <pthread.h>
#include <stdbool.h>

#include "vhd/chain.h"
#include "vhd/virtdisk/api.h"

#define DOUBLE_PENDING_MAX 8

struct double_handle;

// An I/O that was started and is done when its result is asked for: until then a reader's buffer
// holds nothing, and a writer's must stay as it is.
struct double_io {
    OVERLAPPED *overlapped; // NULL: free
    uint8_t *to;            // of a read
    const uint8_t *from;    // of a write
    DWORD size;
};

// Long work, in a thread of its own.
struct double_work {
    OVERLAPPED *overlapped; // NULL: none
    pthread_t thread;
    bool joined;
    DWORD (*run)(struct double_handle *handle);
    // Guarded by the state's mutex.
    DWORD result; // ERROR_IO_PENDING while it runs
    uint64_t done;
    uint64_t total;
    bool cancel;
    // Parameters.
    struct virtdisk_merge merge;
    struct virtdisk_resize resize;
    uint32_t flags;
};

struct double_handle {
    struct double_handle *next;
    char *path;
    enum vhd_format format;
    bool read_only;
    bool info_only;
    bool no_parents;
    bool attached;
    bool attached_read_only;
    struct vhd *disk; // natively open; NULL: closed for work that opens it by itself
    unsigned transfers;
    struct double_io io[DOUBLE_PENDING_MAX];
    struct double_work work;
};

extern pthread_mutex_t double_mutex;

// Counts the call; false: it has to fail with *error (double_fail).
bool double_enter(const char *function, DWORD *error);

// A rule was broken: counts it, says it, returns `error`.
DWORD double_broken(DWORD error, const char *rule);

// NULL: no handle of ours, and a rule is broken.
struct double_handle *double_find(HANDLE handle);

struct double_handle *double_add(void);
void double_remove(struct double_handle *handle);

// The error number for the failure just recorded, as virtdisk would give it.
DWORD double_error(void);

// A resiliency GUID has to be a new one each time.
bool double_is_new_guid(const struct guid *guid);

uint32_t double_step_ms(void);

// Change tracking: switched, told of a write, and the name of the present moment (false: it is
// off).
void double_track(const struct double_handle *handle, bool on);
void double_note_write(const struct double_handle *handle, uint64_t offset, uint64_t length);
bool double_moment(const struct double_handle *handle, char *id, size_t size);

// Opens handle->disk as the handle says.
DWORD double_open_disk(struct double_handle *handle);

// The functions of the table.
DWORD WINAPI double_open(const struct virtdisk_storage_type *type, const WCHAR *path,
                         uint32_t access, uint32_t flags, const struct virtdisk_open *parameters,
                         HANDLE *handle);
DWORD WINAPI double_create(const struct virtdisk_storage_type *type, const WCHAR *path,
                           uint32_t access, void *security, uint32_t flags, uint32_t provider_flags,
                           const struct virtdisk_create *parameters, OVERLAPPED *overlapped,
                           HANDLE *handle);
DWORD WINAPI double_attach(HANDLE handle, void *security, uint32_t flags, uint32_t provider_flags,
                           const struct virtdisk_attach *parameters, OVERLAPPED *overlapped);
DWORD WINAPI double_get_info(HANDLE handle, ULONG *size, struct virtdisk_info *info,
                             ULONG *size_used);
DWORD WINAPI double_set_info(HANDLE handle, const struct virtdisk_set_info *info);
DWORD WINAPI double_merge(HANDLE handle, uint32_t flags, const struct virtdisk_merge *parameters,
                          OVERLAPPED *overlapped);
DWORD WINAPI double_resize(HANDLE handle, uint32_t flags, const struct virtdisk_resize *parameters,
                           OVERLAPPED *overlapped);
DWORD WINAPI double_compact(HANDLE handle, uint32_t flags,
                            const struct virtdisk_compact *parameters, OVERLAPPED *overlapped);
DWORD WINAPI double_progress(HANDLE handle, OVERLAPPED *overlapped,
                             struct virtdisk_progress *progress);
DWORD WINAPI double_query_changes(HANDLE handle, const WCHAR *tracking_id, uint64_t offset,
                                  uint64_t length, uint32_t flags, struct virtdisk_range *ranges,
                                  ULONG *range_count, uint64_t *processed);
BOOL WINAPI double_read(HANDLE handle, void *buffer, DWORD size, DWORD *done,
                        OVERLAPPED *overlapped);
BOOL WINAPI double_write(HANDLE handle, const void *buffer, DWORD size, DWORD *done,
                         OVERLAPPED *overlapped);
BOOL WINAPI double_flush(HANDLE handle);
BOOL WINAPI double_result(HANDLE handle, OVERLAPPED *overlapped, DWORD *done, BOOL wait);
BOOL WINAPI double_cancel(HANDLE handle, OVERLAPPED *overlapped);
BOOL WINAPI double_close(HANDLE handle);

#endif
