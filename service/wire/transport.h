// A stream of bytes between two hosts behind a table, so that TLS can take TCP's place.
#ifndef VREP_SERVICE_WIRE_TRANSPORT_H
#define VREP_SERVICE_WIRE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct stream;

struct stream_ops {
    // All of `size` bytes within `deadline_ms` of no progress, or STATUS_CONNECTION.
    enum status (*send)(struct stream *stream, const void *data, size_t size, uint32_t deadline_ms);
    // At least one byte, at most `size`. *received 0: the peer ended the stream in order. Nothing
    // came within `deadline_ms`: STATUS_TIMEOUT, and the stream can be used on.
    enum status (*receive)(struct stream *stream, void *data, size_t size, uint32_t deadline_ms,
                           size_t *received);
    // Makes both directions fail at once, for good; any thread.
    void (*interrupt)(struct stream *stream);
    // Ends our direction in order: the peer sees the end behind what was sent; receiving goes on.
    void (*finish)(struct stream *stream);
    void (*close)(struct stream *stream); // frees
};

struct stream {
    const struct stream_ops *ops;
    char *peer; // "192.0.2.7:50123", for messages
};

#define TRANSPORT_CONNECT_MS 10000 // a host that does not answer a SYN within this is unreachable

// Connects to host:port. STATUS_CONNECTION names both (event 29292). `give_up` (may be NULL) is
// asked at least every 200 ms; true ends the attempt with STATUS_CANCELLED.
enum status transport_connect(const char *host, uint16_t port, uint32_t deadline_ms,
                              bool (*give_up)(void *context), void *context,
                              struct stream **out) MUST_CHECK;

// STATUS_REFUSED unless `address` is a loopback address: connections are not encrypted yet.
// STATUS_NOT_FOUND: it does not exist.
enum status transport_check_address(const char *address) MUST_CHECK;

struct listener;

// Listens. Anything but a loopback address is STATUS_REFUSED until connections are encrypted. Port
// 0: any free one.
enum status transport_listen(const char *address, uint16_t port, struct listener **out) MUST_CHECK;
uint16_t transport_port(const struct listener *listener);
// Waits for a connection; STATUS_CANCELLED after transport_stop, from any thread.
enum status transport_accept(struct listener *listener, struct stream **out) MUST_CHECK;
void transport_stop(struct listener *listener);
void transport_close(struct listener *listener);

#endif
