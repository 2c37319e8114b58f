#include "ps/client/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

struct link {
    int socket;    // -1: not connected
    int cancel[2]; // pipe; a byte in it is a cancel
    struct sockaddr_un address;
};

enum status link_new(const char *name, struct link **out)
{
    struct link *t = calloc(1, sizeof *t);
    if (!t)
        return status_no_memory("the connection to the service");
    t->socket = -1;
    t->address.sun_family = AF_UNIX;
    size_t length = strlen(name);
    enum status s = STATUS_OK;
    if (length >= sizeof t->address.sun_path)
        s = status_fail(STATUS_INVALID_ARGUMENT, 0,
                        "The path of the control socket, '%s', is longer than %zu bytes.", name,
                        sizeof t->address.sun_path - 1);
    else if (pipe2(t->cancel, O_CLOEXEC | O_NONBLOCK) != 0)
        s = status_fail_errno(errno, "A pipe cannot be created");
    if (s != STATUS_OK) {
        free(t);
        return s;
    }
    memcpy(t->address.sun_path, name, length + 1);
    *out = t;
    return STATUS_OK;
}

void link_free(struct link *t)
{
    if (!t)
        return;
    link_disconnect(t);
    close(t->cancel[0]);
    close(t->cancel[1]);
    free(t);
}

void link_disconnect(struct link *t)
{
    if (t->socket >= 0)
        close(t->socket);
    t->socket = -1;
}

static enum status cancelled(void)
{
    return status_fail(STATUS_CANCELLED, 0, "The request was cancelled by its caller.");
}

// Waits for `events` of the socket (none: only for time and cancel) until `deadline`, monotonic.
static enum status wait_until(struct link *t, short events, int64_t deadline)
{
    struct pollfd wait[2] = {{.fd = t->cancel[0], .events = POLLIN},
                             {.fd = events ? t->socket : -1, .events = events}};
    for (;;) {
        int64_t left = deadline - clock_mono_ms();
        int ready = poll(wait, 2, left > 0 ? (int)(left < INT32_MAX ? left : INT32_MAX) : 0);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0)
            return status_fail_errno(errno, "The connection to the service cannot be waited for");
        if (wait[0].revents)
            return cancelled();
        if (ready > 0)
            return STATUS_OK;
        return status_fail(STATUS_TIMEOUT, 0, "The service did not answer in time.");
    }
}

static enum status unavailable(int error)
{
    status_fail(STATUS_UNAVAILABLE, (uint32_t)error, "The connection to the service broke: %s.",
                error ? strerror(error) : "the service ended it");
    return status_advise(0, "Look whether the VRep service still runs, then try again.");
}

// Somebody else could wait at the name while the service does not run.
static enum status check_server(struct link *t)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(t->socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return status_fail_errno(errno, "The service's user cannot be determined");
    if (peer.uid == 0 || peer.uid == geteuid())
        return STATUS_OK;
    return status_fail(STATUS_ACCESS_DENIED, 0, "User %lu, not the VRep service, listens at '%s'.",
                       (unsigned long)peer.uid, t->address.sun_path);
}

static enum status connect_failed(struct link *t, int error)
{
    if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR) {
        status_fail(STATUS_UNAVAILABLE, (uint32_t)error,
                    "The VRep service is not running: nobody listens at '%s'.",
                    t->address.sun_path);
        return status_advise(
            0, geteuid() == 0 ? "Start it, or name the right one with --instance."
                              : "Start it, or name the right one with --instance. The service "
                                "of root is reached by root only.");
    }
    enum status s =
        status_fail_errno(error, "The control socket '%s' cannot be opened", t->address.sun_path);
    if (s == STATUS_ACCESS_DENIED)
        return status_advise(0, "Run the command as root, or as the user of the service.");
    return s;
}

enum status link_connect(struct link *t, uint32_t deadline_ms)
{
    int64_t deadline = clock_mono_ms() + deadline_ms;
    link_disconnect(t);
    for (;;) {
        t->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (t->socket < 0)
            return status_fail_errno(errno, "A socket cannot be created");
        if (connect(t->socket, (const struct sockaddr *)&t->address, sizeof t->address) == 0)
            break;
        int error = errno;
        link_disconnect(t);
        if (error == EINTR)
            continue;
        if (error != EAGAIN) // full: many clients at once
            return connect_failed(t, error);
        if (clock_mono_ms() >= deadline)
            return status_fail(STATUS_TIMEOUT, 0, "The service took no connection within %u ms.",
                               deadline_ms);
        enum status s = link_sleep(t, 10);
        if (s != STATUS_OK)
            return s;
    }
    enum status s = check_server(t);
    if (s != STATUS_OK)
        link_disconnect(t);
    return s;
}

bool link_is_connected(struct link *t)
{
    char byte;
    // The service says nothing unasked, so that readable means ended.
    return t->socket >= 0 && recv(t->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

enum status link_send(struct link *t, const void *data, size_t size, uint32_t deadline_ms)
{
    int64_t deadline = clock_mono_ms() + deadline_ms;
    size_t sent = 0;
    while (sent < size) {
        enum status s = wait_until(t, POLLOUT, deadline);
        if (s != STATUS_OK)
            return s;
        ssize_t done = send(t->socket, (const char *)data + sent, size - sent, MSG_NOSIGNAL);
        if (done >= 0)
            sent += (size_t)done;
        else if (errno != EAGAIN && errno != EINTR)
            return unavailable(errno);
    }
    return STATUS_OK;
}

enum status link_receive(struct link *t, void *data, size_t size, uint32_t deadline_ms, size_t *got)
{
    int64_t deadline = clock_mono_ms() + deadline_ms;
    for (;;) {
        enum status s = wait_until(t, POLLIN, deadline);
        if (s != STATUS_OK)
            return s;
        ssize_t done = recv(t->socket, data, size, 0);
        if (done > 0) {
            *got = (size_t)done;
            return STATUS_OK;
        }
        if (done == 0 || (errno != EAGAIN && errno != EINTR))
            return unavailable(done == 0 ? 0 : errno);
    }
}

enum status link_sleep(struct link *t, uint32_t ms)
{
    enum status s = wait_until(t, 0, clock_mono_ms() + ms);
    return s == STATUS_TIMEOUT ? STATUS_OK : s;
}

void link_cancel(struct link *t)
{
    // A full pipe holds a byte already.
    ssize_t ignored = write(t->cancel[1], "", 1);
    (void)ignored;
}

void link_clear_cancel(struct link *t)
{
    char bytes[64];
    while (read(t->cancel[0], bytes, sizeof bytes) > 0) {
    }
}
