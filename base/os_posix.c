#include "base/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os_path.h"
#include "base/utf.h"

void *os_alloc_data(size_t size)
{
    void *data;
    return posix_memalign(&data, OS_DATA_ALIGNMENT, size) == 0 ? data : NULL;
}

void os_free_data(void *data)
{
    free(data);
}

enum status os_random(void *buffer, size_t size)
{
    uint8_t *p = buffer;
    while (size > 0) {
        ssize_t n = getrandom(p, size, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return status_fail_errno(errno, "The system's random generator failed");
        p += n;
        size -= (size_t)n;
    }
    return STATUS_OK;
}

enum status os_host_name(char **out)
{
    char name[HOST_NAME_MAX + 1];
    if (gethostname(name, sizeof name) != 0)
        return status_fail_errno(errno, "Cannot find this host's name");
    char *copy = strdup(name);
    if (!copy)
        return status_no_memory("this host's name");
    *out = copy;
    return STATUS_OK;
}

uint32_t os_process_id(void)
{
    return (uint32_t)getpid();
}

enum status os_program_folder(char **out)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n < 0)
        return status_fail_errno(errno, "Cannot find this program's folder");
    path[n] = '\0';
    char *folder = os_path_folder(path);
    if (!folder)
        return status_no_memory("this program's folder");
    *out = folder;
    return STATUS_OK;
}

size_t os_path_root_length(const char *path)
{
    return path[0] == '/';
}

// Removes "//", "." and ".." from an absolute path, in place.
static void resolve_dots(char *path)
{
    size_t used = 0;
    for (const char *p = path; *p;) {
        while (*p == '/')
            p++;
        size_t length = strcspn(p, "/");
        if (length == 2 && p[0] == '.' && p[1] == '.') {
            while (used > 0 && path[--used] != '/') {
            }
        } else if (length > 0 && !(length == 1 && p[0] == '.')) {
            path[used++] = '/';
            memmove(path + used, p, length); // used <= p - path: this never overtakes what is read
            used += length;
        }
        p += length;
    }
    if (used == 0)
        path[used++] = '/';
    path[used] = '\0';
}

enum status os_absolute_path(const char *path, char **out)
{
    size_t length = strlen(path);
    if (length == 0 || length >= OS_PATH_MAX)
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "A path of %zu bytes is empty or too long.",
                           length);
    if (!utf8_is_valid(path, length))
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "The path \"%s\" is not valid UTF-8.", path);
    char *absolute;
    if (os_path_is_absolute(path)) {
        absolute = strdup(path);
    } else {
        char *current = getcwd(NULL, 0);
        if (!current)
            return status_fail_errno(errno, "Cannot find the current folder");
        absolute = os_path_join(current, path);
        free(current);
    }
    if (!absolute)
        return status_no_memory("a path");
    resolve_dots(absolute);
    *out = absolute;
    return STATUS_OK;
}

enum status os_make_folder(const char *path, bool private_to_owner)
{
    return mkdir(path, private_to_owner ? 0700 : 0777) == 0
               ? STATUS_OK
               : status_fail_errno(errno, "Cannot create the folder \"%s\"", path);
}

bool os_folder_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

enum status os_list_folder(const char *path, bool (*each)(void *context, const char *name),
                           void *context)
{
    DIR *folder = opendir(path);
    if (!folder)
        return status_fail_errno(errno, "Cannot open the folder \"%s\"", path);
    enum status s = STATUS_OK;
    for (bool more = true; more;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry) {
            if (errno != 0)
                s = status_fail_errno(errno, "Cannot read the folder \"%s\"", path);
            break;
        }
        const char *name = entry->d_name;
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && utf8_is_valid(name, strlen(name)))
            more = each(context, name);
    }
    closedir(folder);
    return s;
}

bool os_file_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

// Shortens `path`, which is absolute, to the uppermost folder that lies on the same device.
static enum status climb(char *path)
{
    struct stat here, above;
    if (stat(path, &here) != 0)
        return status_fail_errno(errno, "Cannot look at \"%s\"", path);
    for (;;) {
        char *slash = strrchr(path, '/');
        char *root = slash == path ? slash + 1 : slash;
        if (*root == '\0')
            return STATUS_OK;
        char cut = *root;
        *root = '\0';
        if (stat(path, &above) != 0 || above.st_dev != here.st_dev) {
            *root = cut;
            return STATUS_OK;
        }
    }
}

enum status os_volume_name(const char *path, char **out)
{
    char *real = realpath(path, NULL);
    if (!real)
        return status_fail_errno(errno, "Cannot find the volume of \"%s\"", path);
    enum status s = climb(real);
    if (s == STATUS_OK)
        *out = real;
    else
        free(real);
    return s;
}

static enum status flush_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return status_fail_errno(errno, "Cannot open the folder \"%s\"", folder);
    // EINVAL: a file system whose folders need no flush (some network and FUSE ones).
    enum status s = fsync(fd) == 0 || errno == EINVAL
                        ? STATUS_OK
                        : status_fail_errno(errno, "Cannot flush the folder \"%s\"", folder);
    close(fd);
    return s;
}

enum status os_flush_folder_of(const char *path)
{
    char *folder = os_path_folder(path);
    if (!folder)
        return status_no_memory("a path");
    enum status s = flush_folder(folder);
    free(folder);
    return s;
}

enum status os_remove_file(const char *path)
{
    if (unlink(path) != 0)
        return status_fail_errno(errno, "Cannot remove the file \"%s\"", path);
    return os_flush_folder_of(path);
}

enum status os_remove_folder(const char *path)
{
    if (rmdir(path) != 0)
        return status_fail_errno(errno, "Cannot remove the folder \"%s\"", path);
    return os_flush_folder_of(path);
}

static enum status read_all(int fd, const char *path, size_t limit, char **data, size_t *size)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return status_fail_errno(errno, "Cannot look at the file \"%s\"", path);
    if (!S_ISREG(info.st_mode))
        return status_fail(STATUS_UNSUPPORTED, 0, "\"%s\" is not a regular file.", path);
    if ((uint64_t)info.st_size > limit)
        return status_fail(STATUS_DAMAGED, 0,
                           "The file \"%s\" has %lld bytes; more than %zu cannot be right.", path,
                           (long long)info.st_size, limit);
    size_t wanted = (size_t)info.st_size;
    char *text = malloc(wanted + 1);
    if (!text)
        return status_no_memory("the contents of a file");
    size_t got = 0;
    while (got < wanted) {
        ssize_t n = read(fd, text + got, wanted - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(text);
            return status_fail_errno(errno, "Cannot read the file \"%s\"", path);
        }
        if (n == 0) // cut meanwhile
            break;
        got += (size_t)n;
    }
    text[got] = '\0';
    *data = text;
    *size = got;
    return STATUS_OK;
}

enum status os_read_file(const char *path, size_t limit, char **data, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return status_fail_errno(errno, "Cannot open the file \"%s\"", path);
    enum status s = read_all(fd, path, limit, data, size);
    close(fd);
    return s;
}

// Not through a name that is there already: it may be a link of somebody who may write the folder.
static enum status write_new(const char *path, const char *data, size_t size, mode_t mode)
{
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return status_fail_errno(errno, "Cannot create the file \"%s\"", path);
    enum status s = fchmod(fd, mode) == 0
                        ? STATUS_OK
                        : status_fail_errno(errno, "Cannot set the mode of the file \"%s\"", path);
    while (s == STATUS_OK && size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            s = status_fail_errno(errno, "Cannot write the file \"%s\"", path);
            break;
        }
        data += n;
        size -= (size_t)n;
    }
    if (s == STATUS_OK && fsync(fd) != 0)
        s = status_fail_errno(errno, "Cannot flush the file \"%s\"", path);
    close(fd);
    return s;
}

static enum status replace_file(const char *path, const void *data, size_t size, mode_t mode)
{
    size_t length = strlen(path);
    char *fresh = malloc(length + sizeof ".new");
    if (!fresh)
        return status_no_memory("a file name");
    memcpy(fresh, path, length);
    memcpy(fresh + length, ".new", sizeof ".new");
    enum status s = write_new(fresh, data, size, mode);
    if (s == STATUS_OK && rename(fresh, path) != 0)
        s = status_fail_errno(errno, "Cannot replace the file \"%s\"", path);
    if (s == STATUS_OK)
        s = os_flush_folder_of(path);
    else
        unlink(fresh);
    free(fresh);
    return s;
}

enum status os_replace_file(const char *path, const void *data, size_t size)
{
    return replace_file(path, data, size, 0600);
}

enum status os_publish_file(const char *path, const void *data, size_t size)
{
    return replace_file(path, data, size, 0644);
}

void os_print(bool to_stderr, const char *utf8)
{
    FILE *stream = to_stderr ? stderr : stdout;
    fputs(utf8, stream);
    fflush(stream);
}

bool os_stdout_is_terminal(void)
{
    return isatty(STDOUT_FILENO);
}

enum status os_arguments(int *argc, char ***argv)
{
    for (int i = 0; i < *argc; i++) {
        if (!utf8_is_valid((*argv)[i], strlen((*argv)[i])))
            return status_fail(STATUS_INVALID_ARGUMENT, 0, "Argument %d is not valid UTF-8.", i);
    }
    return STATUS_OK;
}
