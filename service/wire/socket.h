// The system's sockets as far as service/wire/tcp.c needs them. All sockets are non-blocking;
// waiting is socket_wait. Failures are recorded with the system's code and text.
#ifndef VREP_SERVICE_WIRE_SOCKET_H
#define VREP_SERVICE_WIRE_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef intptr_t socket_handle; // a number of the system: a file descriptor or a SOCKET
#define SOCKET_NONE ((socket_handle)-1)

// An address as the system keeps it.
struct socket_address {
    _Alignas(16) uint8_t bytes[128]; // struct sockaddr_storage
    uint32_t length;
};

#define SOCKET_ADDRESSES_MAX 16
#define SOCKET_ADDRESS_TEXT  64 // "[fe80::1]:65535"

// Makes the system's network usable; any number of times.
enum status socket_start(void) MUST_CHECK;

// The addresses of a host's name or number, in the order to try. `passive`: for listening.
enum status socket_resolve(const char *host, uint16_t port, bool passive,
                           struct socket_address addresses[SOCKET_ADDRESSES_MAX],
                           size_t *count) MUST_CHECK;
bool socket_is_loopback(const struct socket_address *address);
// "192.0.2.7:50123"; "?" when it cannot be told. Returns `text`.
char *socket_address_text(const struct socket_address *address, char text[SOCKET_ADDRESS_TEXT]);

// Begins to connect; *connected false: wait until writable, then ask socket_connect_result.
enum status socket_connect(const struct socket_address *address, socket_handle *out,
                           bool *connected) MUST_CHECK;
enum status socket_connect_result(socket_handle s) MUST_CHECK;

// Listens, for this program alone (another one on the same address: STATUS_IN_USE).
enum status socket_listen(const struct socket_address *address, socket_handle *out,
                          uint16_t *port) MUST_CHECK;
// *out SOCKET_NONE: nobody is waiting (any more).
enum status socket_accept(socket_handle listener, socket_handle *out,
                          struct socket_address *peer) MUST_CHECK;

enum socket_event { SOCKET_READABLE, SOCKET_WRITABLE };
// Waits until the event, an error or the peer's end, at most `ms`; *ready false: the time is over.
enum status socket_wait(socket_handle s, enum socket_event event, uint32_t ms,
                        bool *ready) MUST_CHECK;

// *done 0: would block. Receiving: *ended true: the peer has ended its direction.
enum status socket_send(socket_handle s, const void *data, size_t size, size_t *done) MUST_CHECK;
enum status socket_receive(socket_handle s, void *data, size_t size, size_t *done,
                           bool *ended) MUST_CHECK;

// Small segments go out at once: the frames are gathered before they are sent.
void socket_set_no_delay(socket_handle s);
void socket_finish(socket_handle s); // ends the sending direction
void socket_shutdown(socket_handle s);
void socket_close(socket_handle s); // SOCKET_NONE is fine

#endif
