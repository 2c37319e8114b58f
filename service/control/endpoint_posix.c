#include "service/control/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/control_name.h"
#include "base/os.h"

#define BACKLOG     64
#define ACCOUNT_MAX 256

struct endpoint {
    int socket;
    int lock;    // of the folder, held as long as the socket: tells a live owner from a dead one
    int wake[2]; // pipe; a byte ends endpoint_accept
    char *path;
};

struct channel {
    int socket;
};

// A folder that another user made or may write to would let him put his own socket there.
static enum status check_folder(const char *folder)
{
    struct stat facts;
    if (lstat(folder, &facts) != 0)
        return status_fail_errno(errno, "The folder '%s' cannot be examined", folder);
    if (S_ISDIR(facts.st_mode) && facts.st_uid == geteuid() && (facts.st_mode & 077) == 0)
        return STATUS_OK;
    status_fail(STATUS_ACCESS_DENIED, 0,
                "The folder '%s' of the control socket is not private to the user of this service.",
                folder);
    return status_advise(0, "Remove it, or give it this owner and mode 0700.");
}

// A folder can be locked like a file, and needs no file beside the socket.
static enum status take_lock(struct endpoint *endpoint, const char *folder)
{
    endpoint->lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (endpoint->lock < 0)
        return status_fail_errno(errno, "The folder '%s' cannot be opened", folder);
    if (flock(endpoint->lock, LOCK_EX | LOCK_NB) == 0)
        return STATUS_OK;
    if (errno != EWOULDBLOCK)
        return status_fail_errno(errno, "The folder '%s' cannot be locked", folder);
    status_fail(STATUS_IN_USE, 0, "Another service of this instance has '%s'.", endpoint->path);
    return status_advise(0, "Stop it, or start this one with another --instance.");
}

static enum status listen_at(struct endpoint *endpoint)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(endpoint->path) >= sizeof address.sun_path)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "The path of the control socket, '%s', is longer than %zu bytes.",
                           endpoint->path, sizeof address.sun_path - 1);
    memcpy(address.sun_path, endpoint->path, strlen(endpoint->path) + 1);
    // The lock is ours, so what lies here was left by a service that ended without order.
    if (unlink(endpoint->path) != 0 && errno != ENOENT)
        return status_fail_errno(errno, "The old control socket '%s' cannot be removed",
                                 endpoint->path);
    endpoint->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (endpoint->socket < 0)
        return status_fail_errno(errno, "The control socket cannot be created");
    // Nobody else enters the folder, so the moment between bind and chmod is harmless.
    if (bind(endpoint->socket, (const struct sockaddr *)&address, sizeof address) != 0 ||
        chmod(endpoint->path, 0600) != 0 || listen(endpoint->socket, BACKLOG) != 0)
        return status_fail_errno(errno, "The control socket '%s' cannot be opened", endpoint->path);
    return STATUS_OK;
}

enum status endpoint_open(const char *instance, struct endpoint **out)
{
    struct endpoint *endpoint = malloc(sizeof *endpoint);
    if (!endpoint)
        return status_no_memory("the control socket");
    *endpoint = (struct endpoint){.socket = -1, .lock = -1, .wake = {-1, -1}};
    char *folder = NULL;
    enum status s = control_name(instance, &endpoint->path);
    if (s == STATUS_OK) {
        folder = os_path_folder(endpoint->path);
        s = folder ? os_make_folders(folder, true) : status_no_memory("the control socket");
    }
    if (s == STATUS_OK)
        s = check_folder(folder);
    if (s == STATUS_OK && pipe2(endpoint->wake, O_CLOEXEC | O_NONBLOCK) != 0)
        s = status_fail_errno(errno, "A pipe cannot be created");
    if (s == STATUS_OK)
        s = take_lock(endpoint, folder);
    if (s == STATUS_OK)
        s = listen_at(endpoint);
    free(folder);
    if (s == STATUS_OK)
        *out = endpoint;
    else
        endpoint_close(endpoint);
    return s;
}

enum status endpoint_accept(struct endpoint *endpoint, struct channel **out)
{
    struct pollfd wait[2] = {{.fd = endpoint->socket, .events = POLLIN},
                             {.fd = endpoint->wake[0], .events = POLLIN}};
    for (;;) {
        int ready = poll(wait, 2, -1);
        if (ready < 0 && errno != EINTR)
            return status_fail_errno(errno, "The control socket cannot be waited for");
        if (ready > 0 && wait[1].revents)
            return status_fail(STATUS_CANCELLED, 0, "The control server is stopping.");
        int client = accept4(endpoint->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
            continue;
        if (client < 0)
            return status_fail_errno(errno, "A connection to the control socket failed");
        struct channel *channel = malloc(sizeof *channel);
        if (!channel) {
            close(client);
            return status_no_memory("a control connection");
        }
        channel->socket = client;
        *out = channel;
        return STATUS_OK;
    }
}

void endpoint_interrupt(struct endpoint *endpoint)
{
    // A full pipe holds a byte already.
    ssize_t ignored = write(endpoint->wake[1], "", 1);
    (void)ignored;
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void endpoint_close(struct endpoint *endpoint)
{
    if (endpoint->socket >= 0)
        unlink(endpoint->path);
    close_if_open(endpoint->socket);
    close_if_open(endpoint->lock);
    close_if_open(endpoint->wake[0]);
    close_if_open(endpoint->wake[1]);
    free(endpoint->path);
    free(endpoint);
}

// Waits until the socket is ready for `events`; false: `deadline` (monotonic) passed.
static bool wait_until(int socket, short events, int64_t deadline)
{
    struct pollfd wait = {.fd = socket, .events = events};
    for (;;) {
        int64_t left = deadline - clock_mono_ms();
        int ready = poll(&wait, 1, left > 0 ? (int)left : 0);
        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

enum status channel_receive(struct channel *channel, void *data, size_t size, uint32_t deadline_ms,
                            size_t *got)
{
    int64_t deadline = clock_mono_ms() + deadline_ms;
    for (;;) {
        if (!wait_until(channel->socket, POLLIN, deadline))
            return status_fail(STATUS_TIMEOUT, 0, "The client sent nothing for %u ms.",
                               deadline_ms);
        ssize_t done = recv(channel->socket, data, size, 0);
        if (done < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        *got = done > 0 ? (size_t)done : 0; // a broken connection is a client that is gone
        return STATUS_OK;
    }
}

enum status channel_send(struct channel *channel, const void *data, size_t size,
                         uint32_t deadline_ms)
{
    int64_t deadline = clock_mono_ms() + deadline_ms;
    size_t sent = 0;
    while (sent < size) {
        ssize_t done = send(channel->socket, (const char *)data + sent, size - sent, MSG_NOSIGNAL);
        if (done >= 0) {
            sent += (size_t)done;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return status_fail(STATUS_CONNECTION, (uint32_t)errno, "The client is gone.");
        if (!wait_until(channel->socket, POLLOUT, deadline))
            return status_fail(STATUS_TIMEOUT, 0, "The client took no answer for %u ms.",
                               deadline_ms);
    }
    return STATUS_OK;
}

static enum status account_name(uid_t user, char **account)
{
    struct passwd entry;
    struct passwd *found = NULL;
    char strings[4096];
    struct buffer name = {0};
    enum status s;
    if (getpwuid_r(user, &entry, strings, sizeof strings, &found) == 0 && found)
        s = buffer_printf(&name, "%.*s", ACCOUNT_MAX, entry.pw_name);
    else
        s = buffer_printf(&name, "uid %lu", (unsigned long)user);
    if (s == STATUS_OK)
        *account = (char *)name.data;
    else
        buffer_free(&name);
    return s;
}

enum status channel_authorize(struct channel *channel, char **account)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(channel->socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return status_fail_errno(errno, "The client's user cannot be determined");
    if (peer.uid != 0 && peer.uid != geteuid()) {
        status_fail(STATUS_ACCESS_DENIED, EACCES, "User %lu may not control this service.",
                    (unsigned long)peer.uid);
        return status_advise(0, "Run the command as root, or as the user of the service.");
    }
    return account_name(peer.uid, account);
}

void channel_interrupt(struct channel *channel)
{
    shutdown(channel->socket, SHUT_RD);
}

void channel_close(struct channel *channel)
{
    close(channel->socket);
    free(channel);
}
