// Streams over TCP. Waits are cut into slices, so that an interrupt or a stop acts within one on
// every system, whatever its poll makes of a socket that another thread shuts down.
#include "service/wire/transport.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "service/wire/socket.h"

#define WAIT_SLICE_MS           200
#define ACCEPT_FAILURE_PAUSE_MS 100 // out of descriptors: others may free some meanwhile

struct tcp_stream {
    struct stream stream; // first
    socket_handle socket;
    atomic_bool interrupted;
};

static struct tcp_stream *of(struct stream *stream)
{
    return (struct tcp_stream *)(void *)stream;
}

static enum status interrupted(const struct tcp_stream *tcp)
{
    return status_fail(STATUS_CONNECTION, 0, "The connection with %s was ended on this side.",
                       tcp->stream.peer);
}

// Waits for the event; false in *ready: the deadline has passed.
static enum status wait_until(struct tcp_stream *tcp, enum socket_event event, int64_t deadline,
                              bool *ready)
{
    for (;;) {
        if (atomic_load(&tcp->interrupted))
            return interrupted(tcp);
        int64_t left = deadline - clock_mono_ms();
        if (left <= 0) {
            *ready = false;
            return STATUS_OK;
        }
        bool now = false;
        uint32_t slice = left < WAIT_SLICE_MS ? (uint32_t)left : WAIT_SLICE_MS;
        enum status st = socket_wait(tcp->socket, event, slice, &now);
        if (st != STATUS_OK)
            return st;
        if (now) {
            *ready = true;
            return STATUS_OK;
        }
    }
}

static enum status tcp_send(struct stream *stream, const void *data, size_t size,
                            uint32_t deadline_ms)
{
    struct tcp_stream *tcp = of(stream);
    const uint8_t *next = data;
    while (size > 0) {
        if (atomic_load(&tcp->interrupted))
            return interrupted(tcp);
        size_t done = 0;
        enum status st = socket_send(tcp->socket, next, size, &done);
        if (st != STATUS_OK) {
            (void)status_context("The connection with %s is lost", stream->peer);
            return st;
        }
        next += done;
        size -= done;
        if (done > 0)
            continue;
        bool ready = false;
        st = wait_until(tcp, SOCKET_WRITABLE, clock_mono_ms() + deadline_ms, &ready);
        if (st != STATUS_OK)
            return st;
        if (!ready)
            return status_fail(STATUS_CONNECTION, 0, "%s has taken nothing for %u seconds.",
                               stream->peer, deadline_ms / 1000);
    }
    return STATUS_OK;
}

static enum status tcp_receive(struct stream *stream, void *data, size_t size, uint32_t deadline_ms,
                               size_t *received)
{
    struct tcp_stream *tcp = of(stream);
    int64_t deadline = clock_mono_ms() + deadline_ms;
    for (;;) {
        if (atomic_load(&tcp->interrupted))
            return interrupted(tcp);
        size_t done = 0;
        bool ended = false;
        enum status st = socket_receive(tcp->socket, data, size, &done, &ended);
        if (st != STATUS_OK) {
            (void)status_context("The connection with %s is lost", stream->peer);
            return st;
        }
        if (done > 0 || ended) {
            *received = done;
            return STATUS_OK;
        }
        bool ready = false;
        st = wait_until(tcp, SOCKET_READABLE, deadline, &ready);
        if (st != STATUS_OK)
            return st;
        if (!ready)
            return status_fail(STATUS_TIMEOUT, 0, "Nothing came from %s for %u seconds.",
                               stream->peer, deadline_ms / 1000);
    }
}

static void tcp_interrupt(struct stream *stream)
{
    struct tcp_stream *tcp = of(stream);
    atomic_store(&tcp->interrupted, true);
    socket_shutdown(tcp->socket);
}

static void tcp_finish(struct stream *stream)
{
    socket_finish(of(stream)->socket);
}

static void tcp_close(struct stream *stream)
{
    struct tcp_stream *tcp = of(stream);
    socket_close(tcp->socket);
    free(stream->peer);
    free(tcp);
}

static const struct stream_ops tcp_ops = {.send = tcp_send,
                                          .receive = tcp_receive,
                                          .interrupt = tcp_interrupt,
                                          .finish = tcp_finish,
                                          .close = tcp_close};

// Takes over the socket, also on failure.
static enum status new_stream(socket_handle s, const struct socket_address *peer,
                              struct tcp_stream **out)
{
    char text[SOCKET_ADDRESS_TEXT];
    struct tcp_stream *tcp = calloc(1, sizeof *tcp);
    char *copy = strdup(socket_address_text(peer, text));
    if (!tcp || !copy) {
        free(tcp);
        free(copy);
        socket_close(s);
        return status_no_memory("a connection");
    }
    tcp->stream.ops = &tcp_ops;
    tcp->stream.peer = copy;
    tcp->socket = s;
    atomic_init(&tcp->interrupted, false);
    *out = tcp;
    return STATUS_OK;
}

// One address; `give_up` may end the wait.
static enum status connect_one(const struct socket_address *address, int64_t deadline,
                               bool (*give_up)(void *context), void *context, struct stream **out)
{
    socket_handle s = SOCKET_NONE;
    bool connected = false;
    enum status st = socket_connect(address, &s, &connected);
    if (st != STATUS_OK)
        return st;
    while (!connected) {
        int64_t left = deadline - clock_mono_ms();
        if (left <= 0) {
            st = status_fail(STATUS_CONNECTION, 0, "Connecting timed out.");
            goto failed;
        }
        if (give_up && give_up(context)) {
            st = status_fail(STATUS_CANCELLED, 0, "Connecting was given up on request.");
            goto failed;
        }
        uint32_t slice = left < WAIT_SLICE_MS ? (uint32_t)left : WAIT_SLICE_MS;
        st = socket_wait(s, SOCKET_WRITABLE, slice, &connected);
        if (st == STATUS_OK) // also after a slice without an event: not every system polls failed
                             // connects
            st = socket_connect_result(s);
        if (st != STATUS_OK)
            goto failed;
    }
    socket_set_no_delay(s);
    struct tcp_stream *tcp = NULL;
    st = new_stream(s, address, &tcp);
    if (st == STATUS_OK)
        *out = &tcp->stream;
    return st;
failed:
    socket_close(s);
    return st;
}

enum status transport_connect(const char *host, uint16_t port, uint32_t deadline_ms,
                              bool (*give_up)(void *context), void *context, struct stream **out)
{
    int64_t deadline = clock_mono_ms() + deadline_ms;
    struct socket_address addresses[SOCKET_ADDRESSES_MAX];
    size_t count = 0;
    enum status st = socket_start();
    if (st == STATUS_OK)
        st = socket_resolve(host, port, false, addresses, &count);
    if (st == STATUS_OK && count == 0)
        st = status_fail(STATUS_CONNECTION, 0, "The host has no address.");
    for (size_t i = 0; st == STATUS_OK && i < count; i++) {
        // A share of the time for each, so that one dead address does not hide a living one.
        int64_t now = clock_mono_ms();
        int64_t until = now + (deadline - now) / (int64_t)(count - i);
        st = connect_one(&addresses[i], until, give_up, context, out);
        if (st == STATUS_OK)
            return STATUS_OK;
        if (st != STATUS_CANCELLED && i + 1 < count)
            st = STATUS_OK;
    }
    if (st == STATUS_CANCELLED || st == STATUS_OUT_OF_MEMORY)
        return st;
    struct status_details why = *status_last();
    (void)status_fail(STATUS_CONNECTION, why.os_code,
                      "The replica server %s cannot be reached on port %u: %s", host, port,
                      why.message);
    return status_advise(
        29292,
        "Check that the VRep service runs on %s and listens on port %u, and that no "
        "firewall is in between.",
        host, port);
}

struct listener {
    socket_handle socket;
    uint16_t port;
    atomic_bool stopped;
};

// The addresses to listen at, at least one, all of them loopback addresses.
static enum status resolve_loopback(const char *address, uint16_t port,
                                    struct socket_address addresses[SOCKET_ADDRESSES_MAX])
{
    size_t count = 0;
    enum status st = socket_start();
    if (st == STATUS_OK)
        st = socket_resolve(address, port, true, addresses, &count);
    if (st != STATUS_OK)
        return st;
    for (size_t i = 0; i < count; i++)
        if (!socket_is_loopback(&addresses[i])) {
            (void)status_fail(
                STATUS_REFUSED, 0,
                "The listen address '%s' is not a loopback address, and connections are not "
                "encrypted yet.",
                address);
            return status_advise(
                0, "Listen on 127.0.0.1 and let an encrypted tunnel carry the connection.");
        }
    return count > 0 ? STATUS_OK
                     : status_fail(STATUS_NOT_FOUND, 0, "The listen address '%s' does not exist.",
                                   address);
}

enum status transport_check_address(const char *address)
{
    struct socket_address addresses[SOCKET_ADDRESSES_MAX];
    return resolve_loopback(address, 0, addresses);
}

enum status transport_listen(const char *address, uint16_t port, struct listener **out)
{
    struct socket_address addresses[SOCKET_ADDRESSES_MAX];
    enum status st = resolve_loopback(address, port, addresses);
    if (st != STATUS_OK)
        return st;
    struct listener *l = calloc(1, sizeof *l);
    if (!l)
        return status_no_memory("a listener");
    atomic_init(&l->stopped, false);
    st = socket_listen(&addresses[0], &l->socket, &l->port);
    if (st != STATUS_OK) {
        free(l);
        st = status_context("On %s port %u", address, port);
        return st == STATUS_IN_USE
                   ? status_advise(0, "End the program that listens there, or give another port "
                                      "with --listen.")
                   : st;
    }
    *out = l;
    return STATUS_OK;
}

uint16_t transport_port(const struct listener *listener)
{
    return listener->port;
}

enum status transport_accept(struct listener *listener, struct stream **out)
{
    for (;;) {
        if (atomic_load(&listener->stopped))
            return status_fail(STATUS_CANCELLED, 0, "Listening was ended.");
        bool ready = false;
        enum status st = socket_wait(listener->socket, SOCKET_READABLE, WAIT_SLICE_MS, &ready);
        if (st != STATUS_OK)
            return st;
        if (!ready)
            continue;
        socket_handle s = SOCKET_NONE;
        struct socket_address peer = {.length = 0};
        if (socket_accept(listener->socket, &s, &peer) != STATUS_OK) {
            clock_sleep_ms(ACCEPT_FAILURE_PAUSE_MS);
            continue;
        }
        if (s == SOCKET_NONE)
            continue;
        socket_set_no_delay(s);
        struct tcp_stream *tcp = NULL;
        st = new_stream(s, &peer, &tcp);
        if (st == STATUS_OK)
            *out = &tcp->stream;
        return st;
    }
}

void transport_stop(struct listener *listener)
{
    atomic_store(&listener->stopped, true);
}

void transport_close(struct listener *listener)
{
    if (!listener)
        return;
    socket_close(listener->socket);
    free(listener);
}
