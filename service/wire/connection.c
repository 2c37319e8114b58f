#include "service/wire/connection.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/thread.h"

#define SEND_GATHER \
    (256 * 1024) // small sends cost more than their bytes (each is 100 us under Wine)
#define RECEIVE_SIZE (WIRE_HEADER_SIZE + WIRE_PAYLOAD_MAX + SEND_GATHER)

struct connection {
    struct stream *stream;
    struct connection_reader reader;
    bool reading; // the thread was started
    pthread_t thread;

    pthread_mutex_t send_mutex; // guards `out` and the stream's sending side
    struct buffer out;
    atomic_int_least64_t last_sent; // monotonic ms

    // the reading side's alone
    uint8_t *in; // RECEIVE_SIZE bytes
    size_t in_begin, in_end;
    int64_t last_received;

    pthread_mutex_t end_mutex;
    pthread_cond_t end_changed;
    bool drained; // the reading thread has seen the stream's end
};

enum status connection_new(struct stream *stream, struct connection **out)
{
    struct connection *c = calloc(1, sizeof *c);
    uint8_t *in = malloc(RECEIVE_SIZE);
    if (!c || !in)
        goto no_memory;
    if (pthread_mutex_init(&c->send_mutex, NULL) != 0)
        goto no_memory;
    if (pthread_mutex_init(&c->end_mutex, NULL) != 0)
        goto no_end_mutex;
    if (thread_cond_init(&c->end_changed) != 0)
        goto no_cond;
    c->stream = stream;
    c->in = in;
    c->last_received = clock_mono_ms();
    atomic_init(&c->last_sent, c->last_received);
    *out = c;
    return STATUS_OK;
no_cond:
    pthread_mutex_destroy(&c->end_mutex);
no_end_mutex:
    pthread_mutex_destroy(&c->send_mutex);
no_memory:
    free(c);
    free(in);
    stream->ops->close(stream);
    return status_no_memory("a connection");
}

static void connection_free(struct connection *c)
{
    c->stream->ops->close(c->stream);
    pthread_cond_destroy(&c->end_changed);
    pthread_mutex_destroy(&c->end_mutex);
    pthread_mutex_destroy(&c->send_mutex);
    buffer_free(&c->out);
    free(c->in);
    free(c);
}

const char *connection_peer(const struct connection *c)
{
    return c->stream->peer;
}

// With send_mutex held.
static enum status flush_locked(struct connection *c, uint32_t deadline_ms)
{
    if (c->out.size == 0)
        return STATUS_OK;
    enum status st = c->stream->ops->send(c->stream, c->out.data, c->out.size, deadline_ms);
    c->out.size = 0;
    atomic_store(&c->last_sent, clock_mono_ms());
    return st;
}

static enum status append_locked(struct connection *c, enum wire_type type, uint32_t stream,
                                 uint64_t offset, const void *first, size_t first_size,
                                 const void *second, size_t second_size)
{
    if (first_size + second_size > WIRE_PAYLOAD_MAX)
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "A %s frame of %zu bytes is too long.",
                           wire_type_name((uint8_t)type), first_size + second_size);
    struct wire_header header = {
        .type = (uint8_t)type,
        .flags = type == WIRE_PING || type == WIRE_MERGE_PROGRESS ? 0 : WIRE_REQUIRED,
        .length = (uint32_t)(first_size + second_size),
        .stream = stream,
        .offset = offset};
    enum status st = buffer_reserve(&c->out, WIRE_HEADER_SIZE + header.length);
    if (st != STATUS_OK)
        return st;
    wire_header_encode(&header, c->out.data + c->out.size);
    c->out.size += WIRE_HEADER_SIZE;
    if (first_size > 0)
        memcpy(c->out.data + c->out.size, first, first_size);
    c->out.size += first_size;
    if (second_size > 0)
        memcpy(c->out.data + c->out.size, second, second_size);
    c->out.size += second_size;
    return STATUS_OK;
}

enum status connection_send(struct connection *c, enum wire_type type, uint32_t stream,
                            uint64_t offset, const void *first, size_t first_size,
                            const void *second, size_t second_size)
{
    pthread_mutex_lock(&c->send_mutex);
    enum status st = append_locked(c, type, stream, offset, first, first_size, second, second_size);
    if (st == STATUS_OK && c->out.size >= SEND_GATHER)
        st = flush_locked(c, CONNECTION_DEAD_MS);
    pthread_mutex_unlock(&c->send_mutex);
    return st;
}

enum status connection_flush(struct connection *c)
{
    pthread_mutex_lock(&c->send_mutex);
    enum status st = flush_locked(c, CONNECTION_DEAD_MS);
    pthread_mutex_unlock(&c->send_mutex);
    return st;
}

enum status connection_send_json(struct connection *c, enum wire_type type, json_t *object)
{
    char *text = object ? js_text(object) : NULL;
    json_decref(object);
    if (!text)
        return status_no_memory("a message to the peer");
    enum status st = connection_send(c, type, 0, 0, text, strlen(text), NULL, 0);
    free(text);
    return st == STATUS_OK ? connection_flush(c) : st;
}

// From the reading side: must not wait for a thread that sends, and need not, for then something is
// being sent.
static enum status ping_when_idle(struct connection *c)
{
    if (clock_mono_ms() - atomic_load(&c->last_sent) < CONNECTION_PING_MS ||
        pthread_mutex_trylock(&c->send_mutex) != 0)
        return STATUS_OK;
    enum status st = append_locked(c, WIRE_PING, 0, 0, NULL, 0, NULL, 0);
    if (st == STATUS_OK)
        st = flush_locked(c, CONNECTION_DEAD_MS);
    pthread_mutex_unlock(&c->send_mutex);
    return st;
}

// Brings at least one more byte into `in`. `deadline`: monotonic ms, besides which a silent peer is
// dead.
static enum status receive_more(struct connection *c, int64_t deadline)
{
    if (c->in_begin == c->in_end)
        c->in_begin = c->in_end = 0;
    if (c->in_begin > SEND_GATHER) {
        memmove(c->in, c->in + c->in_begin, c->in_end - c->in_begin);
        c->in_end -= c->in_begin;
        c->in_begin = 0;
    }
    for (;;) {
        int64_t now = clock_mono_ms();
        int64_t end = c->last_received + CONNECTION_DEAD_MS;
        if (deadline < end)
            end = deadline;
        if (now >= end)
            return status_fail(STATUS_CONNECTION, 0, "Nothing has come from %s for too long.",
                               c->stream->peer);
        int64_t wait = end - now < CONNECTION_PING_MS / 2 ? end - now : CONNECTION_PING_MS / 2;
        size_t received = 0;
        enum status st = c->stream->ops->receive(
            c->stream, c->in + c->in_end, RECEIVE_SIZE - c->in_end, (uint32_t)wait, &received);
        if (st == STATUS_OK && received == 0)
            return status_fail(STATUS_CONNECTION, 0, "%s has ended the connection.",
                               c->stream->peer);
        if (st == STATUS_OK) {
            c->last_received = clock_mono_ms();
            c->in_end += received;
            return STATUS_OK;
        }
        if (st != STATUS_TIMEOUT)
            return st;
        st = ping_when_idle(c);
        if (st != STATUS_OK)
            return st;
    }
}

// The next whole frame; *payload points into `in` until the next call.
static enum status receive_frame(struct connection *c, uint32_t payload_max, int64_t deadline,
                                 struct wire_header *header, const uint8_t **payload)
{
    while (c->in_end - c->in_begin < WIRE_HEADER_SIZE) {
        enum status st = receive_more(c, deadline);
        if (st != STATUS_OK)
            return st;
    }
    struct wire_header h = {.type = 0};
    enum status st = wire_header_decode(c->in + c->in_begin, payload_max, &h);
    if (st != STATUS_OK)
        return st;
    while (c->in_end - c->in_begin < WIRE_HEADER_SIZE + (size_t)h.length) {
        st = receive_more(c, deadline);
        if (st != STATUS_OK)
            return st;
    }
    *payload = c->in + c->in_begin + WIRE_HEADER_SIZE;
    *header = h;
    c->in_begin += WIRE_HEADER_SIZE + (size_t)h.length;
    return STATUS_OK;
}

// What an ERROR frame tells, as a failure of ours.
static enum status peer_error(const struct connection *c, const uint8_t *payload, size_t size)
{
    json_t *object = NULL;
    if (js_parse((const char *)payload, size, &object) != STATUS_OK)
        return status_fail(STATUS_PROTOCOL, 0,
                           "%s ended the connection with an error that cannot be read.",
                           c->stream->peer);
    struct status_details details;
    js_to_status(object, &details);
    json_decref(object);
    return status_restore(&details);
}

enum status connection_hello(struct connection *c, const struct hello *mine, struct hello *theirs)
{
    int64_t deadline = clock_mono_ms() + CONNECTION_HANDSHAKE_MS;
    struct buffer text = {.data = NULL};
    enum status st = hello_encode(mine, &text);
    if (st == STATUS_OK)
        st = connection_send(c, WIRE_HELLO, 0, 0, text.data, text.size, NULL, 0);
    buffer_free(&text);
    if (st == STATUS_OK)
        st = connection_flush(c);
    struct wire_header header = {.type = 0};
    const uint8_t *payload = NULL;
    if (st == STATUS_OK)
        st = receive_frame(c, WIRE_HANDSHAKE_MAX, deadline, &header, &payload);
    if (st != STATUS_OK)
        return st;
    if (header.type == WIRE_ERROR)
        return peer_error(c, payload, header.length);
    if (header.type != WIRE_HELLO)
        return status_fail(STATUS_PROTOCOL, 0,
                           "%s began with a frame of type %u instead of a hello.", c->stream->peer,
                           header.type);
    return hello_decode(mine, payload, header.length, theirs);
}

static bool is_known(uint8_t type)
{
    return strcmp(wire_type_name(type), "unknown") != 0;
}

static enum status read_one(struct connection *c)
{
    struct wire_header header = {.type = 0};
    const uint8_t *payload = NULL;
    enum status st = receive_frame(c, WIRE_PAYLOAD_MAX, INT64_MAX, &header, &payload);
    if (st != STATUS_OK)
        return st;
    st = ping_when_idle(c); // a peer that sends all the time hears from us nevertheless
    if (st != STATUS_OK || header.type == WIRE_PING)
        return st;
    if (header.type == WIRE_ERROR)
        return peer_error(c, payload, header.length);
    if (is_known(header.type))
        return c->reader.frame(c->reader.context, &header, payload);
    if (header.flags & WIRE_REQUIRED)
        return status_fail(STATUS_PROTOCOL, 0,
                           "%s sent a frame of type %u, which this version does not know.",
                           c->stream->peer, header.type);
    return STATUS_OK;
}

// Until the peer ends the stream, dies, or somebody interrupts it.
static void drain(struct connection *c)
{
    do
        c->in_begin = c->in_end = 0;
    while (receive_more(c, INT64_MAX) == STATUS_OK);
}

static void *read_all(void *argument)
{
    struct connection *c = argument;
    enum status st;
    do
        st = read_one(c);
    while (st == STATUS_OK);
    struct status_details why = *status_last();
    c->reader.ended(c->reader.context, &why);
    drain(c);
    pthread_mutex_lock(&c->end_mutex);
    c->drained = true;
    pthread_cond_signal(&c->end_changed);
    pthread_mutex_unlock(&c->end_mutex);
    return NULL;
}

enum status connection_start(struct connection *c, const struct connection_reader *reader)
{
    c->reader = *reader;
    int error = pthread_create(&c->thread, NULL, read_all, c);
    if (error != 0)
        return status_fail_errno(error, "Starting a thread failed");
    c->reading = true;
    return STATUS_OK;
}

void connection_interrupt(struct connection *c)
{
    c->stream->ops->interrupt(c->stream);
}

void connection_tell(struct connection *c, const struct status_details *error)
{
    json_t *object = js_from_status(error);
    char *text = object ? js_text(object) : NULL;
    json_decref(object);
    pthread_mutex_lock(&c->send_mutex);
    enum status st = STATUS_OUT_OF_MEMORY;
    if (text)
        st = append_locked(c, WIRE_ERROR, 0, 0, text, strlen(text), NULL, 0);
    if (st == STATUS_OK)
        st = flush_locked(c, CONNECTION_LINGER_MS);
    pthread_mutex_unlock(&c->send_mutex);
    free(text);
    if (st != STATUS_OK)
        connection_interrupt(c);
}

// Waits for the peer to read the error and close: a socket that is closed with unread data resets
// the connection, and the error would be lost.
static void wait_for_peer(struct connection *c)
{
    c->stream->ops->finish(c->stream);
    int64_t deadline = clock_mono_ms() + CONNECTION_LINGER_MS;
    if (!c->reading) {
        do
            c->in_begin = c->in_end = 0;
        while (receive_more(c, deadline) == STATUS_OK);
        return;
    }
    pthread_mutex_lock(&c->end_mutex);
    int64_t left;
    while (!c->drained && (left = deadline - clock_mono_ms()) > 0)
        thread_cond_wait_ms(&c->end_changed, &c->end_mutex, (uint32_t)left);
    pthread_mutex_unlock(&c->end_mutex);
}

void connection_end(struct connection *c, bool linger)
{
    if (!c)
        return;
    if (linger)
        wait_for_peer(c);
    connection_interrupt(c);
    if (c->reading)
        pthread_join(c->thread, NULL);
    connection_free(c);
}
