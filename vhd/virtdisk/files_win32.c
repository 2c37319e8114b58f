// Whether somebody writes a disk's files between our look at them and virtdisk's opening.
#include <windows.h>

#include "vhd/virtdisk/disk.h"

#include <stdlib.h>
#include <string.h>

#include "base/os_win32.h"

struct virtdisk_file {
    char *path;
    BY_HANDLE_FILE_INFORMATION seen;
};

// Asks for no data, so that no share mode of whoever holds the file is in the way.
static enum status look(const char *path, BY_HANDLE_FILE_INFORMATION *seen)
{
    WCHAR *wide = os_wide_path(path);
    if (!wide)
        return status_last()->status;
    HANDLE h = CreateFileW(wide, FILE_READ_ATTRIBUTES,
                           FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                           OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    free(wide);
    bool ok = h != INVALID_HANDLE_VALUE && GetFileInformationByHandle(h, seen);
    enum status status =
        ok ? STATUS_OK : status_fail_win32(GetLastError(), "Cannot look at the file \"%s\"", path);
    if (h != INVALID_HANDLE_VALUE)
        CloseHandle(h);
    return status;
}

enum status virtdisk_files_see(struct virtdisk_files *files, struct vhd *native)
{
    *files = (struct virtdisk_files){.files = calloc(native->depth, sizeof *files->files)};
    enum status status = files->files ? STATUS_OK : status_no_memory("the files of a disk");
    for (struct vhd *disk = native; status == STATUS_OK && disk; disk = vhd_parent(disk)) {
        struct virtdisk_file *file = &files->files[files->count];
        file->path = strdup(disk->path);
        if (!file->path)
            return status_no_memory("a path");
        files->count++;
        status = look(file->path, &file->seen);
    }
    return status;
}

static bool is_same_file(const BY_HANDLE_FILE_INFORMATION *a, const BY_HANDLE_FILE_INFORMATION *b)
{
    return a->dwVolumeSerialNumber == b->dwVolumeSerialNumber &&
           a->nFileIndexHigh == b->nFileIndexHigh && a->nFileIndexLow == b->nFileIndexLow;
}

static bool is_unwritten(const BY_HANDLE_FILE_INFORMATION *a, const BY_HANDLE_FILE_INFORMATION *b)
{
    return is_same_file(a, b) && a->nFileSizeHigh == b->nFileSizeHigh &&
           a->nFileSizeLow == b->nFileSizeLow &&
           CompareFileTime(&a->ftLastWriteTime, &b->ftLastWriteTime) == 0;
}

enum status virtdisk_files_compare(const struct virtdisk_files *files,
                                   const struct virtdisk_api *api, HANDLE handle,
                                   const struct vhd_info *info, bool *same)
{
    BY_HANDLE_FILE_INFORMATION now = {0};
    struct virtdisk_info *told;
    enum status status = STATUS_OK;
    *same = true;
    for (size_t i = files->count; i-- > 0 && *same;) {
        status = look(files->files[i].path, &now);
        if (status != STATUS_OK)
            return status;
        *same = is_unwritten(&files->files[i].seen, &now);
        if (*same || i > 0 || info->format != VHD_FORMAT_VHDX)
            continue;
        status =
            virtdisk_get_info(api, files->files[i].path, handle, VIRTDISK_GET_IDENTIFIER, &told);
        if (status != STATUS_OK)
            return status;
        *same = guid_equal(&told->identifier, &info->identity.guid);
        free(told);
    }
    return STATUS_OK;
}

void virtdisk_files_free(struct virtdisk_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->files[i].path);
    free(files->files);
    *files = (struct virtdisk_files){0};
}

enum status virtdisk_fail_changed(const char *path)
{
    (void)status_fail(STATUS_IN_USE, 0,
                      "%s, or a disk that it was made from, was changed by another program while "
                      "it was being opened.",
                      path);
    return status_advise(0, "Find out which program writes the disk, end it, and try again.");
}
