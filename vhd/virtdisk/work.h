// Long work by virtdisk: started with an OVERLAPPED, asked for its progress, cancelled. Needs
// <windows.h> before it.
#ifndef VREP_VHD_VIRTDISK_WORK_H
#define VREP_VHD_VIRTDISK_WORK_H

#include "vhd/virtdisk/disk.h"

// One piece of work on a handle of its own.
struct virtdisk_work {
    const char *path;       // absolute
    uint32_t open_flags;    // VIRTDISK_OPEN_FLAG_*
    vhd_progress *progress; // may be NULL
    void *context;
    uint64_t before; // bytes that count as done when it begins,
    uint64_t share;  // that it stands for,
    uint64_t total;  // and in all; 0: nothing to tell
    // virtdisk_work_begin's
    const struct virtdisk_api *api;
    HANDLE handle;
    OVERLAPPED overlapped;
    bool cancelled;
};

// Opens w->path for writing; virtdisk_work_end closes it, whatever the result.
enum status virtdisk_work_begin(struct virtdisk_work *w, enum vhd_format format) MUST_CHECK;
void virtdisk_work_end(struct virtdisk_work *w);

// Waits for the work that was started on w->handle with w->overlapped and the result `error`;
// tells its progress, and cancels it when that says so (STATUS_CANCELLED). `verb`: "merge".
enum status virtdisk_work_finish(struct virtdisk_work *w, const char *verb, DWORD error) MUST_CHECK;

#endif
