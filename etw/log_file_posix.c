#include "etw/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct log_file {
    int fd;
    char *path;
};

static enum status open_file(const char *path, int flags, struct log_file **out)
{
    struct log_file *file = malloc(sizeof *file);
    char *copy = strdup(path);
    if (!file || !copy) {
        free(file);
        free(copy);
        return status_no_memory("an event file");
    }
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0) {
        int error = errno;
        free(file);
        free(copy);
        return status_fail_errno(error, "'%s' cannot be opened", path);
    }
    *file = (struct log_file){.fd = fd, .path = copy};
    *out = file;
    return STATUS_OK;
}

enum status log_file_open_append(const char *path, struct log_file **out)
{
    return open_file(path, O_WRONLY | O_APPEND | O_CREAT, out);
}

enum status log_file_open_read(const char *path, struct log_file **out)
{
    return open_file(path, O_RDONLY, out);
}

enum status log_file_size(struct log_file *file, uint64_t *size)
{
    struct stat facts;
    if (fstat(file->fd, &facts) != 0)
        return status_fail_errno(errno, "The size of '%s' cannot be read", file->path);
    *size = (uint64_t)facts.st_size;
    return STATUS_OK;
}

enum status log_file_append(struct log_file *file, const void *data, size_t size)
{
    ssize_t done;
    do
        done = write(file->fd, data, size);
    while (done < 0 && errno == EINTR);
    if (done < 0)
        return status_fail_errno(errno, "'%s' cannot be written", file->path);
    if ((size_t)done < size) // the volume filled up in the middle
        return status_fail_errno(ENOSPC, "'%s' cannot be written", file->path);
    return STATUS_OK;
}

enum status log_file_read(struct log_file *file, uint64_t offset, void *data, size_t size,
                          size_t *got)
{
    size_t have = 0;
    while (have < size) {
        ssize_t done = pread(file->fd, (char *)data + have, size - have, (off_t)(offset + have));
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return status_fail_errno(errno, "'%s' cannot be read", file->path);
        if (done == 0)
            break;
        have += (size_t)done;
    }
    *got = have;
    return STATUS_OK;
}

void log_file_flush(struct log_file *file)
{
    fdatasync(file->fd);
}

void log_file_close(struct log_file *file)
{
    if (!file)
        return;
    close(file->fd);
    free(file->path);
    free(file);
}

enum status log_file_rename(const char *from, const char *to)
{
    if (rename(from, to) != 0)
        return status_fail_errno(errno, "'%s' cannot be renamed to '%s'", from, to);
    return STATUS_OK;
}
