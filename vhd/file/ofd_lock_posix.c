#include "vhd/file/ofd_lock.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define LOCK_HELD   100 // RAW_LOCK_PERM_BASE
#define LOCK_DENIED 200 // RAW_LOCK_SHARED_BASE
#define PERMISSIONS 4

// QEMU's BLK_PERM_*, as bits.
#define PERMISSION_CONSISTENT_READ 1u
#define PERMISSION_WRITE           2u
#define PERMISSION_WRITE_UNCHANGED 4u
#define PERMISSION_RESIZE          8u

#define HOLDER_SEARCH_MS \
    300 // a busy host has many descriptors; the search for a name may not hold anybody up

// The file system has no such locks (NFS without lockd, FUSE, old kernels): we go on without, as
// QEMU does.
static bool locks_missing(int error)
{
    return error == ENOLCK || error == EINVAL || error == ENOSYS || error == EOPNOTSUPP;
}

static int lock_byte(int fd, int command, short type, int byte, struct flock *lock)
{
    *lock = (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    int result;
    do {
        result = fcntl(fd, command, lock);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

// Shared locks on base + n for every permission n of the set.
static int take_bytes(int fd, int base, unsigned permissions)
{
    for (int n = 0; n < PERMISSIONS; n++) {
        struct flock lock;
        int error =
            permissions & 1u << n ? lock_byte(fd, F_OFD_SETLK, F_RDLCK, base + n, &lock) : 0;
        if (error != 0)
            return error;
    }
    return 0;
}

// True when somebody else has a lock on base + n for a permission n of the set.
static bool bytes_taken(int fd, int base, unsigned permissions)
{
    for (int n = 0; n < PERMISSIONS; n++) {
        struct flock lock;
        if (permissions & 1u << n && lock_byte(fd, F_OFD_GETLK, F_WRLCK, base + n, &lock) == 0 &&
            lock.l_type != F_UNLCK)
            return true;
    }
    return false;
}

static void release(int fd)
{
    struct flock lock;
    for (int n = 0; n < PERMISSIONS; n++) {
        lock_byte(fd, F_OFD_SETLK, F_UNLCK, LOCK_HELD + n, &lock);
        lock_byte(fd, F_OFD_SETLK, F_UNLCK, LOCK_DENIED + n, &lock);
    }
}

enum status ofd_lock_take(int fd, const struct file_open *how)
{
    if (how->share == FILE_SHARE_ANYTHING)
        return STATUS_OK;
    unsigned held = PERMISSION_CONSISTENT_READ;
    if (how->writable)
        held |= PERMISSION_WRITE | PERMISSION_RESIZE;
    unsigned denied = PERMISSION_WRITE | PERMISSION_RESIZE;
    if (how->share == FILE_SHARE_NOTHING)
        denied |= PERMISSION_CONSISTENT_READ | PERMISSION_WRITE_UNCHANGED;

    // First say what we do, then look for those whom it disturbs: of two who come at once, at least
    // one gives way.
    int error = take_bytes(fd, LOCK_HELD, held);
    if (error == 0)
        error = take_bytes(fd, LOCK_DENIED, denied);
    if (error != 0 && locks_missing(error))
        return STATUS_OK;
    if (error == 0 && !bytes_taken(fd, LOCK_DENIED, held) && !bytes_taken(fd, LOCK_HELD, denied))
        return STATUS_OK;
    release(fd); // QEMU's own locks are shared, so an error here is a foreign exclusive lock
    return STATUS_IN_USE;
}

// True when descriptor `name` of process `pid` has the file open and holds locks on it.
static bool holds_locks(const char *pid, const char *name, const struct stat *wanted)
{
    char path[64];
    struct stat found;
    snprintf(path, sizeof path, "/proc/%.16s/fd/%.16s", pid, name);
    if (stat(path, &found) != 0 || found.st_dev != wanted->st_dev || found.st_ino != wanted->st_ino)
        return false;
    snprintf(path, sizeof path, "/proc/%.16s/fdinfo/%.16s", pid, name);
    FILE *info = fopen(path, "re");
    if (!info)
        return false;
    char line[256];
    bool holds = false;
    while (!holds && fgets(line, sizeof line, info))
        holds = strncmp(line, "lock:", 5) == 0;
    fclose(info);
    return holds;
}

static bool process_holds(const char *pid, int own_fd, const struct stat *wanted)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%.16s/fd", pid);
    DIR *fds = opendir(path);
    if (!fds)
        return false;
    bool self = atol(pid) == (long)getpid();
    bool holds = false;
    for (const struct dirent *e; !holds && (e = readdir(fds));) {
        if (isdigit((unsigned char)e->d_name[0]) && !(self && atoi(e->d_name) == own_fd))
            holds = holds_locks(pid, e->d_name, wanted);
    }
    closedir(fds);
    return holds;
}

// Finds a process that holds locks on the file. The time is limited, and other users' processes are
// hidden from us: false does not mean that there is none.
static bool find_holder(int fd, long *pid, char *command, size_t size)
{
    struct stat wanted;
    DIR *processes = opendir("/proc");
    if (!processes)
        return false;
    bool found = false;
    int64_t deadline = clock_mono_ms() + HOLDER_SEARCH_MS;
    if (fstat(fd, &wanted) == 0) {
        for (const struct dirent *e; !found && (e = readdir(processes));) {
            if (clock_mono_ms() > deadline)
                break;
            if (!isdigit((unsigned char)e->d_name[0]) || !process_holds(e->d_name, fd, &wanted))
                continue;
            found = true;
            *pid = atol(e->d_name);
            char path[64];
            snprintf(path, sizeof path, "/proc/%.16s/comm", e->d_name);
            FILE *comm = fopen(path, "re");
            if (!comm || !fgets(command, (int)size, comm))
                snprintf(command, size, "unknown");
            command[strcspn(command, "\n")] = '\0';
            if (comm)
                fclose(comm);
        }
    }
    closedir(processes);
    return found;
}

enum status ofd_lock_fail(int fd, const char *path)
{
    long pid = 0;
    char command[64];
    if (!find_holder(fd, &pid, command, sizeof command)) {
        status_fail(STATUS_IN_USE, 0, "The file \"%s\" is in use by another process.", path);
        return status_advise(0, "Shut down the virtual machine that uses the disk, or end the "
                                "program that has it open (\"lslocks\" lists them), then try "
                                "again.");
    }
    if (pid == (long)getpid()) {
        status_fail(STATUS_IN_USE, 0, "The file \"%s\" is already open in this program.", path);
        return status_advise(0, "Wait until the other operation on the disk has ended.");
    }
    status_fail(STATUS_IN_USE, 0, "The file \"%s\" is in use by process %ld (%s).", path, pid,
                command);
    return status_advise(0,
                         "Shut down the virtual machine that uses the disk, or end process "
                         "%ld, then try again.",
                         pid);
}
