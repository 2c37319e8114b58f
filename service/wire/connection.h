// Frames over a stream: gathers what is sent, keeps the connection alive, reads in a thread that
// always drains the stream.
#ifndef VREP_SERVICE_WIRE_CONNECTION_H
#define VREP_SERVICE_WIRE_CONNECTION_H

#include "base/json.h"
#include "service/wire/frame.h"
#include "service/wire/hello.h"
#include "service/wire/transport.h"

#define CONNECTION_HANDSHAKE_MS 10000 // a hello must be there within this
#define CONNECTION_PING_MS      10000 // nothing sent for so long: a PING goes out
#define CONNECTION_DEAD_MS      30000 // nothing received for so long: the peer is gone
#define CONNECTION_LINGER_MS    2000  // how long a peer may take to read why it is cut

struct connection;

// Takes over `stream`, also on failure.
enum status connection_new(struct stream *stream, struct connection **out) MUST_CHECK;

const char *connection_peer(const struct connection *c);

// Sends our hello and waits for the peer's. Before connection_start. STATUS_VERSION,
// STATUS_PROTOCOL, STATUS_CONNECTION; an error frame of the peer comes back as the failure that it
// tells of.
enum status connection_hello(struct connection *c, const struct hello *mine,
                             struct hello *theirs) MUST_CHECK;

struct connection_reader {
    void *context;
    // A frame of a known type other than PING and ERROR; `payload` is valid during the call. Must
    // not wait. A failure ends the reading.
    enum status (*frame)(void *context, const struct wire_header *header, const uint8_t *payload);
    // Called once: nothing more will come. `why` is never STATUS_OK; what an ERROR frame told is
    // restored in it.
    void (*ended)(void *context, const struct status_details *why);
};

// Starts the reading thread. After reading has ended by a failure of ours the thread goes on to
// drain the stream, so that the peer comes to read our ERROR frame.
enum status connection_start(struct connection *c,
                             const struct connection_reader *reader) MUST_CHECK;

// Appends one frame whose payload is the two parts (either may be empty); sends when enough has
// gathered. Any thread.
enum status connection_send(struct connection *c, enum wire_type type, uint32_t stream,
                            uint64_t offset, const void *first, size_t first_size,
                            const void *second, size_t second_size) MUST_CHECK;
// The same with a JSON payload; takes over `object` (NULL counts as out of memory). Flushes.
enum status connection_send_json(struct connection *c, enum wire_type type,
                                 json_t *object) MUST_CHECK;
// Sends what has gathered. Any thread that is going to wait for the peer does this first.
enum status connection_flush(struct connection *c) MUST_CHECK;

// Makes all operations fail at once; any thread.
void connection_interrupt(struct connection *c);

// Tells the peer why the connection is going to be ended.
void connection_tell(struct connection *c, const struct status_details *error);

// Ends the reading thread, closes, frees; NULL is fine. `linger`: lets the peer read what was told
// before, and close.
void connection_end(struct connection *c, bool linger);

#endif
