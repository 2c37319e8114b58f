// Streams the digests of the replica's disks, ahead of need and within the primary's credit.
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/os.h"
#include "base/thread.h"
#include "service/replicate/fault_point.h"
#include "service/replicate/replica_session.h"

#define READ_SIZE \
    (512u * 1024) // stays in the cache between reading and hashing; one call under Wine costs 40 us
#define BATCH_UNITS  64 // digests in a frame: 4 MiB of disk
#define LEAVES_BATCH 64 // answers in a frame

struct leaf_request {
    uint32_t stream;
    uint64_t offset;
};

struct replica_hasher {
    struct replica_session *session;
    size_t disk_count;
    const uint64_t *start;
    struct vhd **bases;
    uint64_t *sizes;
    uint8_t *buffer; // READ_SIZE

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    bool stop;
    // What the primary asked for, with the mutex held.
    size_t stream;     // the disk that it has credit for; disk_count: none yet
    uint64_t position; // everything before it is sent
    uint64_t credit;   // digests may go up to here
    struct leaf_request requests[LEAF_REQUEST_MAX];
    size_t request_count;

    struct vhd_extent extent; // of that disk, looked up last
    // The frame being gathered; the thread's alone.
    uint64_t run_offset;
    uint64_t run_zero; // bytes of a zero run; 0: the run is of digests
    size_t run_units;
    uint8_t run_digests[BATCH_UNITS * DIGEST_SIZE];
};

static bool ordered_to_end(void *context)
{
    struct replica_hasher *h = context;
    pthread_mutex_lock(&h->mutex);
    bool stop = h->stop;
    pthread_mutex_unlock(&h->mutex);
    return stop;
}

static enum status send_run(struct replica_hasher *h)
{
    struct connection *c = h->session->connection;
    enum status st = STATUS_OK;
    size_t size = h->run_zero ? LENGTH_PAYLOAD_SIZE : h->run_units * DIGEST_SIZE;
    if (h->run_zero == 0 && h->run_units == 0)
        return STATUS_OK;
    if (!throttle_take(h->session->service->server_throttle, WIRE_HEADER_SIZE + size,
                       ordered_to_end, h))
        return status_fail(STATUS_CANCELLED, 0, "The connection ends.");
    if (h->run_zero) {
        uint8_t length[LENGTH_PAYLOAD_SIZE];
        message_length_encode(h->run_zero, length);
        st = connection_send(c, WIRE_ZERO_RUN, (uint32_t)h->stream, h->run_offset, length, size,
                             NULL, 0);
    } else {
        st = connection_send(c, WIRE_HASH, (uint32_t)h->stream, h->run_offset, h->run_digests, size,
                             NULL, 0);
    }
    h->run_zero = 0;
    h->run_units = 0;
    return st;
}

static enum status add_zero(struct replica_hasher *h, uint64_t offset, uint64_t length)
{
    if (h->run_units > 0) {
        enum status st = send_run(h);
        if (st != STATUS_OK)
            return st;
    }
    if (h->run_zero == 0)
        h->run_offset = offset;
    h->run_zero += length;
    return STATUS_OK;
}

static enum status add_digest(struct replica_hasher *h, uint64_t offset, const uint8_t *unit,
                              uint32_t length)
{
    struct unit_digests digests;
    if (h->run_zero > 0 || h->run_units == BATCH_UNITS) {
        enum status st = send_run(h);
        if (st != STATUS_OK)
            return st;
    }
    if (h->run_units == 0)
        h->run_offset = offset;
    digest_unit(&h->session->digest_key, unit, length, &digests);
    digest_cache_put(h->session->digests, (uint32_t)h->stream, offset, &digests);
    memcpy(h->run_digests + h->run_units++ * DIGEST_SIZE, digests.unit, DIGEST_SIZE);
    return STATUS_OK;
}

// Reads [offset, offset + length) of the base, at most READ_SIZE, and adds its units.
static enum status hash_range(struct replica_hasher *h, uint64_t offset, uint32_t length)
{
    enum status st = vhd_read(h->bases[h->stream], offset, h->buffer, length);
    for (uint32_t done = 0; st == STATUS_OK && done < length; done += UNIT_SIZE) {
        uint32_t size = length - done < UNIT_SIZE ? length - done : UNIT_SIZE;
        if (bytes_are_zero(h->buffer + done, size))
            st = add_zero(h, offset + done, size);
        else
            st = add_digest(h, offset + done, h->buffer + done, size);
    }
    return st;
}

// The extent of the base at `position`. A base is held, so what was found stays.
static enum status look_at_base(struct replica_hasher *h, uint64_t position, uint64_t limit)
{
    if (position - h->extent.offset < h->extent.length)
        return STATUS_OK;
    return vhd_map(h->bases[h->stream], VHD_MAP_CHAIN, position, limit - position, &h->extent);
}

static bool is_asked(struct replica_hasher *h)
{
    pthread_mutex_lock(&h->mutex);
    bool asked = h->request_count > 0;
    pthread_mutex_unlock(&h->mutex);
    return asked;
}

// Streams on from `position` to at most `limit`, up to BATCH_UNITS that must be read, or until
// leaves are asked for: the primary keeps its units meanwhile. *reached: how far.
static enum status stream_batch(struct replica_hasher *h, uint64_t position, uint64_t limit,
                                uint64_t *reached)
{
    uint64_t size = h->sizes[h->stream];
    uint64_t read_end = min_u64(limit, position + (uint64_t)BATCH_UNITS * UNIT_SIZE);
    bool asked = false;
    enum status st = STATUS_OK;
    while (st == STATUS_OK && position < read_end && !asked) {
        st = look_at_base(h, position, limit);
        if (st != STATUS_OK)
            break;
        uint64_t end = min_u64(h->extent.offset + h->extent.length, limit);
        if (h->extent.kind == VHD_EXTENT_ZERO) {
            uint64_t whole = end == size ? end : align_down(end, UNIT_SIZE);
            if (whole > position) {
                st = add_zero(h, position, whole - position);
                position = whole;
                continue;
            }
            end = position + 1; // zeros that end within the unit: read it
        }
        end = min_u64(align_up(end, UNIT_SIZE), min_u64(read_end, position + READ_SIZE));
        st = hash_range(h, position, (uint32_t)(end - position));
        position = end;
        asked = is_asked(h);
    }
    if (st == STATUS_OK && (!asked || position == limit))
        st = send_run(h);
    if (st == STATUS_OK && !asked)
        st = connection_flush(h->session->connection);
    *reached = position;
    return st;
}

// The digests of a unit whose leaves are asked for.
static enum status find_digests(struct replica_hasher *h, const struct leaf_request *request,
                                struct unit_digests *out)
{
    if (digest_cache_get(h->session->digests, request->stream, request->offset, out))
        return STATUS_OK;
    uint32_t length = unit_length(h->sizes[request->stream], request->offset);
    enum status st = vhd_read(h->bases[request->stream], request->offset, h->buffer, length);
    if (st == STATUS_OK)
        digest_unit(&h->session->digest_key, h->buffer, length, out);
    return st;
}

static enum status answer_leaves(struct replica_hasher *h, const struct leaf_request *requests,
                                 size_t count)
{
    uint8_t answers[LEAVES_BATCH * LEAVES_ENTRY_SIZE];
    enum status st = STATUS_OK;
    size_t gathered = 0;
    for (size_t i = 0; st == STATUS_OK && i < count; i++) {
        const struct leaf_request *request = &requests[i];
        struct unit_digests digests;
        uint8_t leaves[UNIT_LEAVES * LEAF_DIGEST_SIZE];
        FAULT_POINT("leaf");
        st = find_digests(h, request, &digests);
        if (st != STATUS_OK)
            break;
        digest_shorten(&digests, leaves);
        message_leaves_encode(request->offset, leaves, answers + gathered++ * LEAVES_ENTRY_SIZE);
        bool last = i + 1 == count || requests[i + 1].stream != request->stream;
        if (last || gathered == LEAVES_BATCH) {
            st = connection_send(h->session->connection, WIRE_LEAVES, request->stream, 0, answers,
                                 gathered * LEAVES_ENTRY_SIZE, NULL, 0);
            gathered = 0;
        }
    }
    return st == STATUS_OK ? connection_flush(h->session->connection) : st;
}

// One piece of work, with the mutex held, which is released meanwhile.
static enum status work(struct replica_hasher *h)
{
    enum status st = STATUS_OK;
    if (h->request_count > 0) {
        struct leaf_request requests[LEAF_REQUEST_MAX];
        size_t count = h->request_count;
        memcpy(requests, h->requests, count * sizeof *requests);
        h->request_count = 0;
        pthread_mutex_unlock(&h->mutex);
        st = answer_leaves(h, requests, count);
        pthread_mutex_lock(&h->mutex);
        return st;
    }
    uint64_t position = h->position, limit = h->credit;
    pthread_mutex_unlock(&h->mutex);
    st = stream_batch(h, position, limit, &position);
    pthread_mutex_lock(&h->mutex);
    h->position = position;
    return st;
}

static void *hash_all(void *argument)
{
    struct replica_hasher *h = argument;
    enum status st = STATUS_OK;
    pthread_mutex_lock(&h->mutex);
    while (!h->stop && st == STATUS_OK) {
        bool can_stream = h->stream < h->disk_count && h->position < h->credit;
        if (h->request_count == 0 && !can_stream)
            thread_cond_wait_ms(&h->changed, &h->mutex, CONNECTION_DEAD_MS);
        else
            st = work(h);
    }
    bool stop = h->stop;
    pthread_mutex_unlock(&h->mutex);
    if (st != STATUS_OK && !stop)
        inbox_end(h->session->inbox, status_last());
    return NULL;
}

static enum status take_credit(struct replica_hasher *h, const struct wire_header *header,
                               const uint8_t *payload)
{
    uint64_t credit = 0;
    enum status st = message_number_decode(header, payload, &credit);
    if (st != STATUS_OK)
        return st;
    bool next = header->stream != h->stream;
    bool allowed = header->stream < h->disk_count && credit <= h->sizes[header->stream];
    if (allowed && (is_aligned(credit, UNIT_SIZE) || credit == h->sizes[header->stream])) {
        if (!next && credit >= h->credit) {
            h->credit = credit;
            return STATUS_OK;
        }
        // Disks come one after the other; the one before must be done.
        bool idle = h->stream == h->disk_count ||
                    (header->stream > h->stream && h->position == h->sizes[h->stream]);
        if (next && idle && credit >= h->start[header->stream]) {
            h->stream = header->stream;
            h->extent = (struct vhd_extent){.offset = 0};
            h->position = h->start[header->stream];
            h->credit = credit;
            return STATUS_OK;
        }
    }
    return status_fail(STATUS_PROTOCOL, 0,
                       "The primary gave credit for digests of disk %u up to %llu, out of turn.",
                       header->stream, (unsigned long long)credit);
}

static enum status take_requests(struct replica_hasher *h, const struct wire_header *header,
                                 const uint8_t *payload)
{
    uint64_t offsets[LEAF_REQUEST_MAX];
    size_t count = 0;
    if (header->stream >= h->disk_count || header->stream != h->stream)
        return status_fail(STATUS_PROTOCOL, 0,
                           "The primary asked for leaves of disk %u out of turn.", header->stream);
    enum status st =
        message_units_decode(header, payload, h->sizes[header->stream], offsets, &count);
    if (st != STATUS_OK)
        return st;
    if (count > LEAF_REQUEST_MAX - h->request_count)
        return status_fail(STATUS_PROTOCOL, 0,
                           "The primary asked for the leaves of more than %d units at once.",
                           LEAF_REQUEST_MAX);
    for (size_t i = 0; i < count; i++)
        h->requests[h->request_count++] =
            (struct leaf_request){.stream = header->stream, .offset = offsets[i]};
    return STATUS_OK;
}

enum status replica_hasher_frame(struct replica_hasher *hasher, const struct wire_header *header,
                                 const uint8_t *payload)
{
    pthread_mutex_lock(&hasher->mutex);
    enum status st = header->type == WIRE_DIGEST_CREDIT ? take_credit(hasher, header, payload)
                                                        : take_requests(hasher, header, payload);
    pthread_cond_signal(&hasher->changed);
    pthread_mutex_unlock(&hasher->mutex);
    return st;
}

static void hasher_free(struct replica_hasher *h)
{
    os_free_data(h->buffer);
    free(h->sizes);
    free(h);
}

enum status replica_hasher_start(struct replica_session *session, const struct relationship *r,
                                 struct replica_hasher **out)
{
    struct replica_hasher *h = calloc(1, sizeof *h);
    if (!h)
        return status_no_memory("the hashing of a disk");
    h->session = session;
    h->disk_count = h->stream = r->disk_count;
    h->bases = session->bases;
    h->start = session->start;
    h->buffer = os_alloc_data(READ_SIZE);
    h->sizes = calloc(r->disk_count, sizeof *h->sizes);
    if (!h->buffer || !h->sizes || pthread_mutex_init(&h->mutex, NULL) != 0) {
        hasher_free(h);
        return status_no_memory("the hashing of a disk");
    }
    for (size_t i = 0; i < r->disk_count; i++)
        h->sizes[i] = r->disks[i].total;
    int error = thread_cond_init(&h->changed);
    if (error == 0 && (error = pthread_create(&h->thread, NULL, hash_all, h)) != 0)
        pthread_cond_destroy(&h->changed);
    if (error != 0) {
        pthread_mutex_destroy(&h->mutex);
        hasher_free(h);
        return status_fail_errno(error, "Starting a thread failed");
    }
    *out = h;
    return STATUS_OK;
}

void replica_hasher_stop(struct replica_hasher *hasher)
{
    if (!hasher)
        return;
    pthread_mutex_lock(&hasher->mutex);
    hasher->stop = true;
    pthread_cond_signal(&hasher->changed);
    pthread_mutex_unlock(&hasher->mutex);
    pthread_join(hasher->thread, NULL);
    pthread_cond_destroy(&hasher->changed);
    pthread_mutex_destroy(&hasher->mutex);
    hasher_free(hasher);
}
