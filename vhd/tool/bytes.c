// cat and write: a disk's content from and to the standard streams.
#define _FILE_OFFSET_BITS 64 // a redirected file may be larger than MinGW's usual off_t
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/os.h"
#include "vhd/tool/tool.h"

// Input whose length is not known beforehand is held in memory until it is.
#define PIPE_INPUT_MAX (64u << 20)

static enum status emit(const void *data, size_t size)
{
    return fwrite(data, 1, size, stdout) == size
               ? STATUS_OK
               : status_fail_errno(errno, "Standard output cannot be written");
}

static enum status emit_range(struct vhd *disk, uint64_t offset, uint64_t end)
{
    uint8_t *chunk = os_alloc_data(TOOL_CHUNK);
    struct progress progress;
    uint64_t start = offset;
    enum status status = chunk ? STATUS_OK : status_no_memory("the data");

    progress_start(&progress, "reading");
    while (status == STATUS_OK && offset < end) {
        size_t size = (size_t)min_u64(end - offset, TOOL_CHUNK - offset % VHD_SECTOR_SIZE_MAX);
        status = tool_read_bytes(disk, offset, chunk, size);
        if (status == STATUS_OK)
            status = emit(chunk, size);
        offset += size;
        progress_update(&progress, offset - start, end - start);
    }
    if (status == STATUS_OK && fflush(stdout) != 0)
        status = status_fail_errno(errno, "Standard output cannot be written");
    progress_end(&progress);
    os_free_data(chunk);
    return status;
}

static enum status beyond_end(const struct vhd_info *info, uint64_t offset, uint64_t length)
{
    return status_fail(STATUS_INVALID_ARGUMENT, 0,
                       "%s: %" PRIu64 " bytes at %" PRIu64
                       " reach beyond the disk's end at %" PRIu64 ".",
                       info->path, length, offset, info->virtual_size);
}

enum status verb_cat(const struct arguments *a, int *exit_code)
{
    (void)exit_code;
    struct vhd_info info;
    struct vhd *disk;
    uint64_t offset, length;

    enum status status = arguments_size(a, OPTION_OFFSET, 0, &offset);
    if (status == STATUS_OK)
        status = tool_open_reader(a->files[0], &disk);
    if (status != STATUS_OK)
        return status;
    vhd_get_info(disk, &info);
    uint64_t rest = offset < info.virtual_size ? info.virtual_size - offset : 0;
    status = arguments_size(a, OPTION_LENGTH, rest, &length);
    if (status == STATUS_OK && !range_fits(offset, length, info.virtual_size))
        status = beyond_end(&info, offset, length);
    if (status == STATUS_OK)
        status = emit_range(disk, offset, offset + length);
    vhd_abandon(disk);
    return status;
}

// Standard input, and how much of it there is.
struct input {
    uint64_t length;
    uint8_t *held; // all of it when it came from a pipe and is short; NULL: still to be read
};

static enum status hold_pipe(struct input *input)
{
    struct buffer data = {0};
    enum status status = STATUS_OK;
    while (status == STATUS_OK && data.size <= PIPE_INPUT_MAX) {
        status = buffer_reserve(&data, TOOL_CHUNK);
        if (status != STATUS_OK)
            break;
        size_t got = fread(data.data + data.size, 1, TOOL_CHUNK, stdin);
        data.size += got;
        if (got < TOOL_CHUNK)
            break;
    }
    if (status == STATUS_OK && ferror(stdin))
        status = status_fail_errno(errno, "Standard input cannot be read");
    if (status == STATUS_OK && data.size > PIPE_INPUT_MAX) {
        (void)status_fail(STATUS_INVALID_ARGUMENT, 0,
                          "standard input is a pipe with more than %u MiB and an unknown end.",
                          PIPE_INPUT_MAX >> 20);
        status = status_advise(0, "Say with --length how many bytes it has, or redirect a file.");
    }
    if (status != STATUS_OK) {
        buffer_free(&data);
        return status;
    }
    input->held = data.data;
    input->length = data.size;
    return STATUS_OK;
}

static enum status measure_input(const struct arguments *a, struct input *input)
{
    struct stat about;
    *input = (struct input){0};
    if (arguments_have(a, OPTION_LENGTH))
        return arguments_size(a, OPTION_LENGTH, 0, &input->length);
    off_t position = lseek(fileno(stdin), 0, SEEK_CUR);
    if (position >= 0 && fstat(fileno(stdin), &about) == 0 && S_ISREG(about.st_mode)) {
        input->length = about.st_size > position ? (uint64_t)(about.st_size - position) : 0;
        return STATUS_OK;
    }
    return hold_pipe(input);
}

static enum status take_input(uint8_t *chunk, size_t size)
{
    if (fread(chunk, 1, size, stdin) == size)
        return STATUS_OK;
    return ferror(stdin) ? status_fail_errno(errno, "Standard input cannot be read")
                         : status_fail(STATUS_INVALID_ARGUMENT, 0,
                                       "standard input ended before all bytes had come.");
}

static enum status write_input(struct vhd *disk, uint64_t offset, const struct input *input)
{
    uint8_t *chunk = os_alloc_data(TOOL_CHUNK);
    struct progress progress;
    uint64_t done = 0;
    enum status status = chunk ? STATUS_OK : status_no_memory("the data");

    progress_start(&progress, "writing");
    while (status == STATUS_OK && done < input->length) {
        uint64_t at = offset + done;
        // Only the first and the last chunk are not whole sectors.
        size_t size = (size_t)min_u64(input->length - done, TOOL_CHUNK - at % VHD_SECTOR_SIZE_MAX);
        if (!input->held)
            status = take_input(chunk, size);
        if (status == STATUS_OK)
            status = tool_write_bytes(disk, at, input->held ? input->held + done : chunk, size);
        done += size;
        progress_update(&progress, done, input->length);
    }
    progress_end(&progress);
    os_free_data(chunk);
    return status;
}

enum status verb_write(const struct arguments *a, int *exit_code)
{
    (void)exit_code;
    const struct vhd_open how = {
        .writable = true, .share = FILE_SHARE_DENY_WRITE, .wait_ms = FILE_SHARING_WAIT_MS};
    struct input input = {0};
    struct vhd_info info;
    struct vhd *disk;
    uint64_t offset;

    enum status status = arguments_size(a, OPTION_OFFSET, 0, &offset);
    if (status == STATUS_OK && !arguments_have(a, OPTION_FORCE))
        status = tool_refuse_parent(a->files[0], NULL);
    if (status == STATUS_OK)
        status = vhd_open(a->files[0], &how, &disk);
    if (status != STATUS_OK)
        return status;
    vhd_get_info(disk, &info);
    tool_warn_of_tracking(info.path);
    status = measure_input(a, &input);
    if (status == STATUS_OK && !range_fits(offset, input.length, info.virtual_size))
        status = beyond_end(&info, offset, input.length);
    if (status == STATUS_OK)
        status = write_input(disk, offset, &input);
    free(input.held);
    if (status == STATUS_OK)
        return vhd_close(disk);
    struct status_details failure = *status_last();
    (void)vhd_close(disk);
    return status_restore(&failure);
}
