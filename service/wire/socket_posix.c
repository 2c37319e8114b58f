#include "service/wire/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

_Static_assert(sizeof(struct sockaddr_storage) <= 128,
               "an address fits into struct socket_address");

enum status socket_start(void)
{
    return STATUS_OK;
}

enum status socket_resolve(const char *host, uint16_t port, bool passive,
                           struct socket_address addresses[SOCKET_ADDRESSES_MAX], size_t *count)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0)};
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo *found;
    int error = getaddrinfo(host, service, &hints, &found);
    if (error == EAI_SYSTEM)
        return status_fail_errno(errno, "Resolving the host name '%s' failed", host);
    if (error != 0)
        return status_fail(STATUS_NOT_FOUND, 0, "Resolving the host name '%s' failed: %s.", host,
                           gai_strerror(error));
    size_t n = 0;
    for (struct addrinfo *a = found; a && n < SOCKET_ADDRESSES_MAX; a = a->ai_next) {
        if (a->ai_addrlen > sizeof addresses[n].bytes)
            continue;
        memcpy(addresses[n].bytes, a->ai_addr, a->ai_addrlen);
        addresses[n++].length = a->ai_addrlen;
    }
    freeaddrinfo(found);
    *count = n;
    return STATUS_OK;
}

bool socket_is_loopback(const struct socket_address *address)
{
    const struct sockaddr *a = (const void *)address->bytes;
    if (a->sa_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24) == 127;
    if (a->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
    return false;
}

char *socket_address_text(const struct socket_address *address, char text[SOCKET_ADDRESS_TEXT])
{
    char host[INET6_ADDRSTRLEN + 16], port[8];
    const struct sockaddr *a = (const void *)address->bytes;
    if (getnameinfo(a, address->length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        snprintf(text, SOCKET_ADDRESS_TEXT, "?");
    else
        snprintf(text, SOCKET_ADDRESS_TEXT, a->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
                 port);
    return text;
}

static enum status open_socket(const struct socket_address *address, socket_handle *out)
{
    const struct sockaddr *a = (const void *)address->bytes;
    int s = socket(a->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0)
        return status_fail_errno(errno, "Opening a socket failed");
    *out = s;
    return STATUS_OK;
}

enum status socket_connect(const struct socket_address *address, socket_handle *out,
                           bool *connected)
{
    socket_handle s = SOCKET_NONE;
    enum status st = open_socket(address, &s);
    if (st != STATUS_OK)
        return st;
    bool done = connect((int)s, (const void *)address->bytes, address->length) == 0;
    if (!done && errno != EINPROGRESS && errno != EINTR) {
        st = status_fail_errno(errno, "Connecting failed");
        socket_close(s);
        return st;
    }
    *out = s;
    *connected = done;
    return STATUS_OK;
}

enum status socket_connect_result(socket_handle s)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt((int)s, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    return error == 0 ? STATUS_OK : status_fail_errno(error, "Connecting failed");
}

enum status socket_listen(const struct socket_address *address, socket_handle *out, uint16_t *port)
{
    socket_handle s = SOCKET_NONE;
    enum status st = open_socket(address, &s);
    if (st != STATUS_OK)
        return st;
    int on = 1; // on POSIX this only overrides connections in TIME_WAIT, never a listener
    struct sockaddr_storage local;
    socklen_t size = sizeof local;
    if (setsockopt((int)s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind((int)s, (const void *)address->bytes, address->length) != 0 ||
        listen((int)s, SOMAXCONN) != 0 || getsockname((int)s, (void *)&local, &size) != 0) {
        st = status_fail_errno(errno, "Listening failed");
        socket_close(s);
        return st;
    }
    // NOLINTNEXTLINE(clang-analyzer-core.*): getsockname filled it
    *port = ntohs(local.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&local)->sin6_port
                                              : ((struct sockaddr_in *)(void *)&local)->sin_port);
    *out = s;
    return STATUS_OK;
}

enum status socket_accept(socket_handle listener, socket_handle *out, struct socket_address *peer)
{
    socklen_t size = sizeof peer->bytes;
    int s = accept4((int)listener, (void *)peer->bytes, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (s < 0) {
        // The last ones are the errors of a connection that ended before it was taken (accept(2)).
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED || errno == EPROTO ||
            errno == ENETDOWN || errno == EHOSTUNREACH || errno == ENETUNREACH) {
            *out = SOCKET_NONE;
            return STATUS_OK;
        }
        return status_fail_errno(errno, "Accepting a connection failed");
    }
    peer->length = size;
    *out = s;
    return STATUS_OK;
}

enum status socket_wait(socket_handle s, enum socket_event event, uint32_t ms, bool *ready)
{
    struct pollfd p = {.fd = (int)s, .events = event == SOCKET_READABLE ? POLLIN : POLLOUT};
    int n = poll(&p, 1, (int)ms);
    if (n < 0 && errno != EINTR)
        return status_fail_errno(errno, "Waiting for the network failed");
    *ready = n > 0;
    return STATUS_OK;
}

enum status socket_send(socket_handle s, const void *data, size_t size, size_t *done)
{
    ssize_t n = send((int)s, data, size, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return status_fail(STATUS_CONNECTION, (uint32_t)errno, "Sending failed: %s.",
                           strerror(errno));
    *done = n < 0 ? 0 : (size_t)n;
    return STATUS_OK;
}

enum status socket_receive(socket_handle s, void *data, size_t size, size_t *done, bool *ended)
{
    ssize_t n = recv((int)s, data, size, 0);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return status_fail(STATUS_CONNECTION, (uint32_t)errno, "Receiving failed: %s.",
                           strerror(errno));
    *done = n < 0 ? 0 : (size_t)n;
    *ended = n == 0;
    return STATUS_OK;
}

void socket_set_no_delay(socket_handle s)
{
    int on = 1;
    setsockopt((int)s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void socket_finish(socket_handle s)
{
    shutdown((int)s, SHUT_WR);
}

void socket_shutdown(socket_handle s)
{
    shutdown((int)s, SHUT_RDWR);
}

void socket_close(socket_handle s)
{
    if (s != SOCKET_NONE)
        close((int)s);
}
