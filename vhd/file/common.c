#include "vhd/file/common.h"

#include "base/checked.h"
#include "base/os.h"

#define ZERO_CHUNK   (256u * 1024)
#define OFFSET_LIMIT ((uint64_t)INT64_MAX)

enum status file_check_range(const struct file *file, uint64_t offset, uint64_t length)
{
    if (range_fits(offset, length, OFFSET_LIMIT))
        return STATUS_OK;
    return status_fail(STATUS_INVALID_ARGUMENT, 0,
                       "Byte %llu of the file \"%s\" is beyond what a file can hold.",
                       (unsigned long long)offset, file->path);
}

enum status file_fail_short(struct file *file, uint64_t offset, size_t size)
{
    uint64_t end = 0;
    enum status s = file_size(file, &end);
    if (s != STATUS_OK)
        return s;
    return status_fail(STATUS_DAMAGED, 0,
                       "The file \"%s\" ends at byte %llu; %zu bytes at %llu were wanted.",
                       file->path, (unsigned long long)end, size, (unsigned long long)offset);
}

enum status file_rest(struct file *file, uint64_t offset, uint64_t *length)
{
    uint64_t size;
    enum status s = file_size(file, &size);
    if (s != STATUS_OK)
        return s;
    if (offset >= size)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "Byte %llu is past the end of the file \"%s\" (%llu bytes).",
                           (unsigned long long)offset, file->path, (unsigned long long)size);
    *length = size - offset;
    return STATUS_OK;
}

enum status file_extend_for_zero(struct file *file, uint64_t offset, uint64_t length,
                                 uint64_t *inside)
{
    uint64_t size;
    enum status s = file_check_range(file, offset, length);
    if (s == STATUS_OK)
        s = file_size(file, &size);
    if (s == STATUS_OK && offset + length > size)
        s = file->ops->set_size(file, offset + length);
    if (s == STATUS_OK)
        *inside = offset < size ? min_u64(length, size - offset) : 0;
    return s;
}

enum status file_write_zeros(struct file *file, uint64_t offset, uint64_t length)
{
    static const uint8_t zeros[ZERO_CHUNK];
    while (length > 0) {
        size_t step = (size_t)min_u64(length, sizeof zeros);
        enum status s = file_write(file, offset, zeros, step);
        if (s != STATUS_OK)
            return s;
        offset += step;
        length -= step;
    }
    return STATUS_OK;
}

enum status file_os_remove(const struct file_system *fs, const char *path)
{
    (void)fs;
    return os_remove_file(path);
}

bool file_os_exists(const struct file_system *fs, const char *path)
{
    (void)fs;
    return os_file_exists(path);
}
