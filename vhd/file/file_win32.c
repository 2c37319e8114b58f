#include "vhd/file/file.h"

#include <windows.h>
#include <winioctl.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "base/checked.h"
#include "base/os.h"
#include "base/os_win32.h"
#include "vhd/file/common.h"

#define TRANSFER_MAX (16u * 1024 * 1024)
#define ERROR_VIRTDISK_NOT_PLAIN_FILE \
    0xC03A001Au // "must be uncompressed and unencrypted and must not be sparse"

struct win32_file {
    struct file file;
    HANDLE handle;
    bool changed; // since it was opened
};

static HANDLE handle_of(struct file *file)
{
    return ((struct win32_file *)file)->handle;
}

static void mark_changed(struct file *file)
{
    ((struct win32_file *)file)->changed = true;
}

// Where a ReadFile or WriteFile on a synchronous handle starts.
static OVERLAPPED position(uint64_t offset)
{
    return (OVERLAPPED){.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
}

static enum status standard_info(struct file *file, FILE_STANDARD_INFO *info)
{
    if (GetFileInformationByHandleEx(handle_of(file), FileStandardInfo, info, sizeof *info))
        return STATUS_OK;
    return status_fail_win32(GetLastError(), "Cannot look at the file \"%s\"", file->path);
}

static enum status win32_size(struct file *file, uint64_t *size)
{
    FILE_STANDARD_INFO info;
    enum status s = standard_info(file, &info);
    if (s == STATUS_OK)
        *size = (uint64_t)info.EndOfFile.QuadPart;
    return s;
}

static enum status win32_read(struct file *file, uint64_t offset, void *buffer, size_t size)
{
    enum status s = file_check_range(file, offset, size);
    if (s != STATUS_OK)
        return s;
    uint8_t *p = buffer;
    for (size_t done = 0; done < size;) {
        OVERLAPPED at = position(offset + done);
        DWORD n = 0;
        BOOL ok =
            ReadFile(handle_of(file), p + done, (DWORD)min_u64(size - done, TRANSFER_MAX), &n, &at);
        if (!ok && GetLastError() != ERROR_HANDLE_EOF)
            return status_fail_win32(GetLastError(),
                                     "Cannot read %zu bytes at %llu of the file \"%s\"", size,
                                     (unsigned long long)offset, file->path);
        if (!ok || n == 0)
            return file_fail_short(file, offset, size);
        done += n;
    }
    return STATUS_OK;
}

static enum status win32_write(struct file *file, uint64_t offset, const void *buffer, size_t size)
{
    enum status s = file_check_range(file, offset, size);
    if (s != STATUS_OK)
        return s;
    mark_changed(file);
    const uint8_t *p = buffer;
    for (size_t done = 0; done < size;) {
        OVERLAPPED at = position(offset + done);
        DWORD n = 0;
        if (!WriteFile(handle_of(file), p + done, (DWORD)min_u64(size - done, TRANSFER_MAX), &n,
                       &at))
            return status_fail_win32(GetLastError(),
                                     "Cannot write %zu bytes at %llu of the file \"%s\"", size,
                                     (unsigned long long)offset, file->path);
        if (n == 0) // some redirectors say success on a full volume
            return status_fail_win32(ERROR_DISK_FULL, "Cannot write the file \"%s\"", file->path);
        done += n;
    }
    return STATUS_OK;
}

static enum status win32_flush(struct file *file)
{
    if (FlushFileBuffers(handle_of(file)))
        return STATUS_OK;
    return status_fail_win32(GetLastError(), "Cannot flush the file \"%s\"", file->path);
}

static enum status win32_set_size(struct file *file, uint64_t size)
{
    enum status s = file_check_range(file, size, 0);
    if (s != STATUS_OK)
        return s;
    mark_changed(file);
    FILE_END_OF_FILE_INFO info = {.EndOfFile.QuadPart = (LONGLONG)size};
    if (SetFileInformationByHandle(handle_of(file), FileEndOfFileInfo, &info, sizeof info))
        return STATUS_OK;
    return status_fail_win32(GetLastError(), "Cannot set the size of the file \"%s\" to %llu bytes",
                             file->path, (unsigned long long)size);
}

// Writes zeros: FSCTL_SET_ZERO_DATA makes holes only in files that are sparse, and ours never are.
static enum status win32_zero(struct file *file, uint64_t offset, uint64_t length)
{
    uint64_t inside;
    enum status s = file_extend_for_zero(file, offset, length, &inside);
    return s == STATUS_OK ? file_write_zeros(file, offset, inside) : s;
}

// Sets the space that the file takes; less than its size would cut it, so `bytes` is never below
// that.
static enum status set_allocation(struct file *file, uint64_t bytes)
{
    mark_changed(file);
    FILE_ALLOCATION_INFO info = {.AllocationSize.QuadPart = (LONGLONG)bytes};
    if (SetFileInformationByHandle(handle_of(file), FileAllocationInfo, &info, sizeof info))
        return STATUS_OK;
    DWORD error = GetLastError();
    if (error == ERROR_CALL_NOT_IMPLEMENTED || error == ERROR_NOT_SUPPORTED ||
        error == ERROR_INVALID_FUNCTION)
        return status_fail(STATUS_UNSUPPORTED, error,
                           "The file system of \"%s\" cannot reserve space.", file->path);
    return status_fail_win32(error, "Cannot reserve %llu bytes for the file \"%s\"",
                             (unsigned long long)bytes, file->path);
}

static enum status win32_reserve(struct file *file, uint64_t offset, uint64_t length)
{
    FILE_STANDARD_INFO info;
    enum status s = file_check_range(file, offset, length);
    if (s == STATUS_OK)
        s = standard_info(file, &info);
    if (s != STATUS_OK || length == 0)
        return s;
    // A file that is not sparse has no holes: only the space past its end can be missing.
    uint64_t taken =
        max_u64((uint64_t)info.AllocationSize.QuadPart, (uint64_t)info.EndOfFile.QuadPart);
    return set_allocation(file, max_u64(offset + length, taken));
}

static enum status win32_trim_reservation(struct file *file)
{
    uint64_t size;
    enum status s = win32_size(file, &size);
    if (s != STATUS_OK)
        return s;
    s = set_allocation(file, size);
    return s == STATUS_UNSUPPORTED ? STATUS_OK : s;
}

static enum status win32_extent(struct file *file, uint64_t offset, enum file_extent_kind *kind,
                                uint64_t *length)
{
    enum status s = file_rest(file, offset, length);
    if (s == STATUS_OK)
        *kind = FILE_EXTENT_DATA;
    return s;
}

static enum status basic_info(HANDLE h, const char *path, BY_HANDLE_FILE_INFORMATION *info)
{
    if (GetFileInformationByHandle(h, info))
        return STATUS_OK;
    return status_fail_win32(GetLastError(), "Cannot look at the file \"%s\"", path);
}

static enum status win32_identify(struct file *file, struct file_id *id)
{
    FILE_ID_INFO info;
    struct file_id result = {0};
    if (GetFileInformationByHandleEx(handle_of(file), FileIdInfo, &info, sizeof info)) {
        result.volume = info.VolumeSerialNumber;
        memcpy(result.file, &info.FileId, sizeof result.file);
    } else { // file systems without 128-bit ids
        BY_HANDLE_FILE_INFORMATION basic;
        enum status s = basic_info(handle_of(file), file->path, &basic);
        if (s != STATUS_OK)
            return s;
        uint64_t index = (uint64_t)basic.nFileIndexHigh << 32 | basic.nFileIndexLow;
        result.volume = basic.dwVolumeSerialNumber;
        memcpy(result.file, &index, sizeof index);
    }
    *id = result;
    return STATUS_OK;
}

static enum status win32_write_time(struct file *file, uint64_t *time)
{
    FILETIME written;
    if (!GetFileTime(handle_of(file), NULL, NULL, &written))
        return status_fail_win32(GetLastError(), "Cannot look at the file \"%s\"", file->path);
    *time = (uint64_t)written.dwHighDateTime << 32 | written.dwLowDateTime;
    return STATUS_OK;
}

// NTFS sets the time of the last write when it likes, at the latest some time after the close; a
// power cut that took it back would look like a foreign write. Set by hand, it stays what it is,
// and the flush makes it stable.
static void settle_write_time(HANDLE h)
{
    FILETIME now;
    GetSystemTimePreciseAsFileTime(&now);
    FILE_BASIC_INFO info = {
        .LastWriteTime = {.LowPart = now.dwLowDateTime, .HighPart = (LONG)now.dwHighDateTime}};
    if (SetFileInformationByHandle(h, FileBasicInfo, &info, sizeof info))
        FlushFileBuffers(h);
}

static void win32_close(struct file *file)
{
    if (((struct win32_file *)file)->changed)
        settle_write_time(handle_of(file));
    CloseHandle(handle_of(file));
    free(file->path);
    free(file);
}

static const struct file_ops win32_file_ops = {
    .read = win32_read,
    .write = win32_write,
    .flush = win32_flush,
    .size = win32_size,
    .set_size = win32_set_size,
    .zero = win32_zero,
    .reserve = win32_reserve,
    .trim_reservation = win32_trim_reservation,
    .extent = win32_extent,
    .identify = win32_identify,
    .write_time = win32_write_time,
    .close = win32_close,
};

static enum status fail_device(const char *path)
{
    status_fail(STATUS_UNSUPPORTED, 0,
                "\"%s\" is a device (a pass-through disk or a pipe), not a regular file.", path);
    return status_advise(0, "Give the path of a VHD or VHDX file; pass-through disks cannot be "
                            "replicated.");
}

static enum status fail_in_use(DWORD error, const char *path)
{
    status_fail_win32(error, "The file \"%s\" is in use by another process", path);
    return status_advise(0, "Shut down the virtual machine that uses the disk, detach the disk in "
                            "Disk Management (or with Dismount-VHD), or wait for the backup or "
                            "antivirus program that has it open, then try again.");
}

// What NTFS does to a file that vhdmp refuses, and the command that mends it.
static enum status check_plain(DWORD attributes, const char *path)
{
    static const struct {
        DWORD attribute;
        const char *word;
        const char *mend_before;
        const char *mend_after;
    } kinds[] = {
        {FILE_ATTRIBUTE_SPARSE_FILE, "sparse", "fsutil sparse setflag", " 0"},
        {FILE_ATTRIBUTE_COMPRESSED, "compressed", "compact /u", ""},
        {FILE_ATTRIBUTE_ENCRYPTED, "encrypted", "cipher /d", ""},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!(attributes & kinds[i].attribute))
            continue;
        status_fail(STATUS_UNSUPPORTED, ERROR_VIRTDISK_NOT_PLAIN_FILE,
                    "The file \"%s\" is %s, which Windows does not allow for a virtual disk.", path,
                    kinds[i].word);
        return status_advise(0, "Run: %s \"%s\"%s", kinds[i].mend_before, path,
                             kinds[i].mend_after);
    }
    return STATUS_OK;
}

// A new file inherits compression from its folder: takes it off again.
static void make_plain(HANDLE h)
{
    USHORT format = COMPRESSION_FORMAT_NONE;
    DWORD returned;
    DeviceIoControl(h, FSCTL_SET_COMPRESSION, &format, sizeof format, NULL, 0, &returned, NULL);
}

static enum status check_file(HANDLE h, const char *path, const struct file_open *how)
{
    if (GetFileType(h) != FILE_TYPE_DISK)
        return fail_device(path);
    BY_HANDLE_FILE_INFORMATION info;
    enum status s = basic_info(h, path, &info);
    if (s == STATUS_OK && how->create && (info.dwFileAttributes & FILE_ATTRIBUTE_COMPRESSED)) {
        make_plain(h);
        s = basic_info(h, path, &info);
    }
    return s == STATUS_OK && how->writable ? check_plain(info.dwFileAttributes, path) : s;
}

// Opens, trying again while others hold the file.
static enum status open_handle(const WCHAR *wide, const char *path, const struct file_open *how,
                               HANDLE *out)
{
    static const DWORD share[] = {
        [FILE_SHARE_DENY_WRITE] = FILE_SHARE_READ,
        [FILE_SHARE_NOTHING] = 0,
        [FILE_SHARE_ANYTHING] = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
    };
    DWORD access = GENERIC_READ | (how->writable ? GENERIC_WRITE : 0);
    struct os_win32_retry retry;
    os_win32_retry_begin(&retry, how->wait_ms);
    for (;;) {
        HANDLE h =
            CreateFileW(wide, access, share[how->share], NULL,
                        how->create ? CREATE_NEW : OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
        if (h != INVALID_HANDLE_VALUE) {
            *out = h;
            return STATUS_OK;
        }
        DWORD error = GetLastError();
        if (os_win32_is_sharing_violation(error) && os_win32_retry(&retry))
            continue;
        if (os_win32_is_sharing_violation(error))
            return fail_in_use(error, path);
        return status_fail_win32(error, "Cannot %s the file \"%s\"",
                                 how->create ? "create" : "open", path);
    }
}

// True for what is not below a drive, a share or a volume: \\.\PhysicalDrive0, \\?\GLOBALROOT\...
// and the like.
static bool is_device_path(const WCHAR *wide)
{
    if (wcsncmp(wide, L"\\\\.\\", 4) == 0)
        return true;
    if (wcsncmp(wide, L"\\\\?\\", 4) != 0)
        return false;
    const WCHAR *rest = wide + 4;
    return !(iswalpha(rest[0]) && rest[1] == L':') && _wcsnicmp(rest, L"UNC\\", 4) != 0 &&
           _wcsnicmp(rest, L"Volume{", 7) != 0;
}

static enum status fail_folder(const char *path)
{
    status_fail(STATUS_UNSUPPORTED, 0, "\"%s\" is not a regular file but a folder.", path);
    return status_advise(0, "Give the path of a VHD or VHDX file.");
}

static enum status open_checked(const char *path, const struct file_open *how, HANDLE *out)
{
    WCHAR *wide = os_wide_path(path);
    if (!wide)
        return status_last()->status;
    HANDLE h = INVALID_HANDLE_VALUE;
    bool device = is_device_path(wide); // then not even looked at, for that alone can do things
    DWORD attributes = device ? INVALID_FILE_ATTRIBUTES : GetFileAttributesW(wide);
    enum status s;
    if (device)
        s = fail_device(path);
    else if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY))
        s = fail_folder(path);
    else
        s = open_handle(wide, path, how, &h);
    if (s == STATUS_OK)
        s = check_file(h, path, how);
    if (s == STATUS_OK) {
        *out = h;
    } else if (h != INVALID_HANDLE_VALUE) {
        CloseHandle(h);
        if (how->create)
            DeleteFileW(wide);
    }
    free(wide);
    return s;
}

static enum status fs_open(const struct file_system *fs, const char *path,
                           const struct file_open *how, struct file **out)
{
    (void)fs;
    struct win32_file *f = malloc(sizeof *f);
    char *copy = strdup(path);
    HANDLE h = INVALID_HANDLE_VALUE;
    enum status s = f && copy ? open_checked(path, how, &h) : status_no_memory("an open file");
    if (s == STATUS_OK && how->create)
        s = os_flush_folder_of(path);
    if (s != STATUS_OK) {
        if (h != INVALID_HANDLE_VALUE)
            CloseHandle(h);
        free(copy);
        free(f);
        return s;
    }
    if (how->low_io_priority) { // a file system that has no priorities refuses, and serves us
                                // anyway
        FILE_IO_PRIORITY_HINT_INFO hint = {.PriorityHint = IoPriorityHintLow};
        SetFileInformationByHandle(h, FileIoPriorityHintInfo, &hint, sizeof hint);
    }
    *f = (struct win32_file){.file = {.ops = &win32_file_ops, .path = copy}, .handle = h};
    *out = &f->file;
    return STATUS_OK;
}

static enum status fs_rename(const struct file_system *fs, const char *from, const char *to)
{
    (void)fs;
    WCHAR *wide_from = os_wide_path(from);
    WCHAR *wide_to = wide_from ? os_wide_path(to) : NULL;
    if (!wide_to) {
        free(wide_from);
        return status_last()->status;
    }
    struct os_win32_retry retry;
    os_win32_retry_begin(&retry, FILE_SHARING_WAIT_MS);
    DWORD error;
    do {
        error = MoveFileExW(wide_from, wide_to, MOVEFILE_WRITE_THROUGH) ? ERROR_SUCCESS
                                                                        : GetLastError();
    } while (os_win32_is_sharing_violation(error) && os_win32_retry(&retry));
    free(wide_to);
    free(wide_from);
    return error == ERROR_SUCCESS
               ? os_flush_folder_of(to)
               : status_fail_win32(error, "Cannot rename the file \"%s\" to \"%s\"", from, to);
}

static enum status fs_free_space(const struct file_system *fs, const char *path, uint64_t *bytes)
{
    (void)fs;
    WCHAR *wide = os_wide_path(path);
    if (!wide)
        return status_last()->status;
    ULARGE_INTEGER available;
    BOOL ok = GetDiskFreeSpaceExW(wide, &available, NULL, NULL);
    free(wide);
    if (!ok) { // `path` may be a file: its folder then
        char *folder = os_path_folder(path);
        wide = folder ? os_wide_path(folder) : NULL;
        ok = wide && GetDiskFreeSpaceExW(wide, &available, NULL, NULL);
        free(wide);
        free(folder);
    }
    if (!ok)
        return status_fail_win32(GetLastError(), "Cannot find the free space of \"%s\"", path);
    *bytes = available.QuadPart;
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
        .reservation_ends_with_close = true,
    };
    return &fs;
}
