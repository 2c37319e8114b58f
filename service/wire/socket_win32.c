#include "service/wire/socket.h"

#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/os_win32.h"

_Static_assert(sizeof(struct sockaddr_storage) <= 128,
               "an address fits into struct socket_address");

static pthread_once_t start_once = PTHREAD_ONCE_INIT;
static int start_error;

static void start(void)
{
    WSADATA data;
    start_error = WSAStartup(MAKEWORD(2, 2), &data);
}

enum status socket_start(void)
{
    pthread_once(&start_once, start);
    return start_error == 0 ? STATUS_OK
                            : status_fail_win32((DWORD)start_error, "Starting Winsock failed");
}

enum status socket_resolve(const char *host, uint16_t port, bool passive,
                           struct socket_address addresses[SOCKET_ADDRESSES_MAX], size_t *count)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = passive ? AI_PASSIVE : 0};
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo *found;
    int error = getaddrinfo(host, service, &hints, &found);
    if (error != 0)
        return status_fail_win32((DWORD)error, "Resolving the host name '%s' failed", host);
    size_t n = 0;
    for (struct addrinfo *a = found; a && n < SOCKET_ADDRESSES_MAX; a = a->ai_next) {
        if (a->ai_addrlen > sizeof addresses[n].bytes)
            continue;
        memcpy(addresses[n].bytes, a->ai_addr, a->ai_addrlen);
        addresses[n++].length = (uint32_t)a->ai_addrlen;
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
    char host[NI_MAXHOST], port[8];
    const struct sockaddr *a = (const void *)address->bytes;
    if (getnameinfo(a, (int)address->length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        snprintf(text, SOCKET_ADDRESS_TEXT, "?");
    else
        snprintf(text, SOCKET_ADDRESS_TEXT, a->sa_family == AF_INET6 ? "[%.50s]:%s" : "%.50s:%s",
                 host, port);
    return text;
}

static bool would_block(int error)
{
    return error == WSAEWOULDBLOCK || error == WSAEINTR;
}

static enum status open_socket(const struct socket_address *address, socket_handle *out)
{
    const struct sockaddr *a = (const void *)address->bytes;
    SOCKET s = WSASocketW(a->sa_family, SOCK_STREAM, 0, NULL, 0,
                          WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    if (s == INVALID_SOCKET)
        return status_fail_win32((DWORD)WSAGetLastError(), "Opening a socket failed");
    u_long on = 1;
    if (ioctlsocket(s, (long)FIONBIO, &on) != 0) {
        enum status st = status_fail_win32((DWORD)WSAGetLastError(), "Opening a socket failed");
        closesocket(s);
        return st;
    }
    *out = (socket_handle)s;
    return STATUS_OK;
}

enum status socket_connect(const struct socket_address *address, socket_handle *out,
                           bool *connected)
{
    socket_handle s = SOCKET_NONE;
    enum status st = open_socket(address, &s);
    if (st != STATUS_OK)
        return st;
    bool done = connect((SOCKET)s, (const void *)address->bytes, (int)address->length) == 0;
    int error = done ? 0 : WSAGetLastError();
    if (!done && !would_block(error)) {
        st = status_fail_win32((DWORD)error, "Connecting failed");
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
    int size = sizeof error;
    if (getsockopt((SOCKET)s, SOL_SOCKET, SO_ERROR, (char *)&error, &size) != 0)
        error = WSAGetLastError();
    return error == 0 ? STATUS_OK : status_fail_win32((DWORD)error, "Connecting failed");
}

enum status socket_listen(const struct socket_address *address, socket_handle *out, uint16_t *port)
{
    socket_handle s = SOCKET_NONE;
    enum status st = open_socket(address, &s);
    if (st != STATUS_OK)
        return st;
    int on = 1; // without it, any program may bind the same port again and take our connections
    struct sockaddr_storage local;
    int size = sizeof local;
    if (setsockopt((SOCKET)s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (const char *)&on, sizeof on) != 0 ||
        bind((SOCKET)s, (const void *)address->bytes, (int)address->length) != 0 ||
        listen((SOCKET)s, SOMAXCONN) != 0 || getsockname((SOCKET)s, (void *)&local, &size) != 0) {
        st = status_fail_win32((DWORD)WSAGetLastError(), "Listening failed");
        socket_close(s);
        return st;
    }
    *port = ntohs(local.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&local)->sin6_port
                                              : ((struct sockaddr_in *)(void *)&local)->sin_port);
    *out = s;
    return STATUS_OK;
}

enum status socket_accept(socket_handle listener, socket_handle *out, struct socket_address *peer)
{
    int size = sizeof peer->bytes;
    SOCKET s = accept((SOCKET)listener, (void *)peer->bytes, &size); // inherits FIONBIO
    if (s == INVALID_SOCKET) {
        int error = WSAGetLastError();
        if (would_block(error) || error == WSAECONNRESET) {
            *out = SOCKET_NONE;
            return STATUS_OK;
        }
        return status_fail_win32((DWORD)error, "Accepting a connection failed");
    }
    SetHandleInformation((HANDLE)s, HANDLE_FLAG_INHERIT, 0);
    u_long on = 1;
    if (ioctlsocket(s, (long)FIONBIO, &on) != 0) {
        enum status st =
            status_fail_win32((DWORD)WSAGetLastError(), "Accepting a connection failed");
        closesocket(s);
        return st;
    }
    peer->length = (uint32_t)size;
    *out = (socket_handle)s;
    return STATUS_OK;
}

enum status socket_wait(socket_handle s, enum socket_event event, uint32_t ms, bool *ready)
{
    WSAPOLLFD p = {.fd = (SOCKET)s,
                   .events = (SHORT)(event == SOCKET_READABLE ? POLLRDNORM : POLLWRNORM)};
    int n = WSAPoll(&p, 1, (INT)ms);
    if (n < 0)
        return status_fail_win32((DWORD)WSAGetLastError(), "Waiting for the network failed");
    *ready = n > 0;
    return STATUS_OK;
}

enum status socket_send(socket_handle s, const void *data, size_t size, size_t *done)
{
    int n = send((SOCKET)s, data, size > INT32_MAX ? INT32_MAX : (int)size, 0);
    if (n < 0 && !would_block(WSAGetLastError())) {
        uint32_t error = (uint32_t)WSAGetLastError();
        return status_fail(STATUS_CONNECTION, error, "Sending failed with Winsock error %u.",
                           error);
    }
    *done = n < 0 ? 0 : (size_t)n;
    return STATUS_OK;
}

enum status socket_receive(socket_handle s, void *data, size_t size, size_t *done, bool *ended)
{
    int n = recv((SOCKET)s, data, size > INT32_MAX ? INT32_MAX : (int)size, 0);
    if (n < 0 && !would_block(WSAGetLastError())) {
        uint32_t error = (uint32_t)WSAGetLastError();
        return status_fail(STATUS_CONNECTION, error, "Receiving failed with Winsock error %u.",
                           error);
    }
    *done = n < 0 ? 0 : (size_t)n;
    *ended = n == 0;
    return STATUS_OK;
}

void socket_set_no_delay(socket_handle s)
{
    int on = 1;
    setsockopt((SOCKET)s, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on);
}

void socket_finish(socket_handle s)
{
    shutdown((SOCKET)s, SD_SEND);
}

void socket_shutdown(socket_handle s)
{
    shutdown((SOCKET)s, SD_BOTH);
}

void socket_close(socket_handle s)
{
    if (s != SOCKET_NONE)
        closesocket((SOCKET)s);
}
