// Writes what differs into the children, and verifies it window by window: flush, read back through
// the chain, compare, persist the cursor, tell the primary.
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/os.h"
#include "service/replicate/child_digest.h"
#include "service/replicate/fault_point.h"
#include "service/replicate/replica_session.h"
#include "service/vm_events.h"

// The primary's windows have up to 128 MiB of data and what waited for leaves, and it may be one
// window ahead of our verification.
#define UNVERIFIED_BYTES_MAX  (288ull << 20)
#define UNVERIFIED_RANGES_MAX 65536
#define CREDIT_STEP           (REPLICA_DATA_CREDIT / 4)
#define VERIFY_READ_SIZE      (256u * 1024)
#define PROGRESS_INTERVAL_MS  250

struct written {
    uint64_t offset, length;
    bool zero;
    bool whole;                  // a unit of which every leaf was written
    uint8_t digest[DIGEST_SIZE]; // of a unit
};

struct replica_writer {
    struct replica_session *session;
    size_t disk_count;
    uint64_t *sizes, *cursors;
    char **disk_paths; // for messages; the relationship's own strings, copied
    size_t stream;     // the disk whose child is open; disk_count: none
    struct vhd *child;
    struct written *written; // since the last verified window end
    size_t written_count, written_capacity;
    uint64_t written_bytes;
    // Units that read back different and are sent once more; resent ones come back into `written`.
    uint64_t retry[LEAF_REQUEST_MAX];
    size_t retry_count, resent_count;
    uint64_t retry_end;         // the window end that is verified again; 0: none
    uint64_t consumed, granted; // data credit
    uint8_t *buffer;            // VERIFY_READ_SIZE
    struct resync_progress progress;
    int64_t progress_shown;
};

enum status replica_writer_new(struct replica_session *session, const struct relationship *r,
                               struct replica_writer **out)
{
    struct replica_writer *w = calloc(1, sizeof *w);
    if (!w)
        return status_no_memory("the writing of a disk");
    w->session = session;
    w->disk_count = w->stream = r->disk_count;
    w->sizes = calloc(r->disk_count, sizeof *w->sizes);
    w->cursors = calloc(r->disk_count, sizeof *w->cursors);
    w->disk_paths = calloc(r->disk_count, sizeof *w->disk_paths);
    w->buffer = os_alloc_data(VERIFY_READ_SIZE);
    bool complete = w->sizes && w->cursors && w->disk_paths && w->buffer;
    for (size_t i = 0; complete && i < r->disk_count; i++) {
        w->sizes[i] = r->disks[i].total;
        w->cursors[i] = session->start[i];
        complete = (w->disk_paths[i] = strdup(r->disks[i].path)) != NULL;
        w->progress.disk[i] = (struct disk_progress){.total = w->sizes[i],
                                                     .start = w->cursors[i],
                                                     .compared = w->cursors[i],
                                                     .verified = w->cursors[i]};
    }
    w->progress.activity = "Comparing";
    w->progress.started = clock_wall_ms();
    w->progress.mono_started = clock_mono_ms();
    w->progress.remaining_s = -1;
    w->progress.disk_count = r->disk_count;
    if (!complete) {
        replica_writer_free(w);
        return status_no_memory("the writing of a disk");
    }
    registry_set_progress(session->service->registry, session->key, PROGRESS_RESYNC, &w->progress);
    *out = w;
    return STATUS_OK;
}

void replica_writer_free(struct replica_writer *writer)
{
    if (!writer)
        return;
    if (writer->child)
        vhd_abandon(writer->child);
    for (size_t i = 0; writer->disk_paths && i < writer->disk_count; i++)
        free(writer->disk_paths[i]);
    registry_clear_progress(writer->session->service->registry, writer->session->key,
                            PROGRESS_RESYNC);
    free(writer->disk_paths);
    free(writer->sizes);
    free(writer->cursors);
    free(writer->written);
    os_free_data(writer->buffer);
    free(writer);
}

bool replica_writer_complete(const struct replica_writer *writer)
{
    for (size_t i = 0; i < writer->disk_count; i++)
        if (writer->cursors[i] != writer->sizes[i])
            return false;
    return true;
}

static void show_progress(struct replica_writer *w, bool now)
{
    int64_t mono = clock_mono_ms();
    if (!now && mono - w->progress_shown < PROGRESS_INTERVAL_MS)
        return;
    w->progress_shown = mono;
    registry_set_progress(w->session->service->registry, w->session->key, PROGRESS_RESYNC,
                          &w->progress);
}

static enum status out_of_turn(const struct wire_header *header)
{
    return status_fail(
        STATUS_PROTOCOL, 0, "The primary sent a %s frame for disk %u, offset %llu, out of turn.",
        wire_type_name(header->type), header->stream, (unsigned long long)header->offset);
}

// The child of the disk that a frame is for; disks come one after the other.
static enum status select_child(struct replica_writer *w, const struct wire_header *header)
{
    if (header->stream == w->stream)
        return STATUS_OK;
    if (header->stream >= w->disk_count || w->cursors[header->stream] == w->sizes[header->stream] ||
        w->child)
        return out_of_turn(header);
    struct vhd_open how = {.fs = w->session->service->fs,
                           .writable = true,
                           .share = FILE_SHARE_NOTHING,
                           .wait_ms = REPLICA_OPEN_WAIT_MS};
    enum status st = vhd_open(w->session->child_paths[header->stream], &how, &w->child);
    if (st == STATUS_OK)
        w->stream = header->stream;
    return st;
}

static enum status note_written(struct replica_writer *w, const struct written *range,
                                uint64_t bytes)
{
    if (w->written_count == UNVERIFIED_RANGES_MAX ||
        w->written_bytes + bytes > UNVERIFIED_BYTES_MAX)
        return status_fail(STATUS_PROTOCOL, 0, "The primary sends on without ending the window.");
    if (w->written_count == w->written_capacity) {
        size_t capacity = w->written_capacity ? 2 * w->written_capacity : 1024;
        struct written *more = realloc(w->written, capacity * sizeof *more);
        if (!more)
            return status_no_memory("the list of written blocks");
        w->written = more;
        w->written_capacity = capacity;
    }
    w->written[w->written_count++] = *range;
    w->written_bytes += bytes;
    return STATUS_OK;
}

static enum status give_credit(struct replica_writer *w, uint64_t cost)
{
    w->consumed += cost;
    if (w->consumed - w->granted < CREDIT_STEP)
        return STATUS_OK;
    w->granted = w->consumed;
    uint8_t number[LENGTH_PAYLOAD_SIZE];
    message_length_encode(w->granted + REPLICA_DATA_CREDIT, number);
    enum status st = connection_send(w->session->connection, WIRE_DATA_CREDIT, 0, 0, number,
                                     sizeof number, NULL, 0);
    return st == STATUS_OK ? connection_flush(w->session->connection) : st;
}

// Neighbouring leaves of one kind are one write.
static enum status write_leaves(struct replica_writer *w, uint64_t offset, uint32_t length,
                                const struct unit_message *unit)
{
    // Behind a frame's header it is aligned to nothing, from where the system copies slowly.
    const uint8_t *data = memcpy(w->buffer, unit->data, unit->data_length);
    unsigned leaves = leaf_count(length);
    enum status st = STATUS_OK;
    for (unsigned first = 0, end; st == STATUS_OK && first < leaves; first = end) {
        end = first + 1;
        bool differs = unit->differs & (1u << first);
        bool zero = unit->zero & (1u << first);
        if (!differs)
            continue;
        while (end < leaves && (unit->differs & (1u << end)) &&
               zero == !!(unit->zero & (1u << end)))
            end++;
        uint64_t at = offset + (uint64_t)first * LEAF_SIZE;
        uint32_t bytes = (end == leaves ? length : end * LEAF_SIZE) - first * LEAF_SIZE;
        FAULT_POINT("child-write");
        if (zero) {
            st = vhd_zero(w->child, at, bytes);
        } else {
            st = vhd_write(w->child, at, data, bytes);
            data += bytes;
        }
        w->progress.disk[w->stream].different += bytes;
    }
    w->progress.disk[w->stream].sent += unit->data_length;
    return st;
}

// A unit below the window end that is verified again: must be the next one that was asked for.
static enum status take_resent(struct replica_writer *w, const struct wire_header *header)
{
    if (w->resent_count == w->retry_count || w->retry[w->resent_count] != header->offset)
        return out_of_turn(header);
    w->resent_count++;
    return STATUS_OK;
}

static enum status take_unit(struct replica_writer *w, const struct wire_header *header,
                             const uint8_t *payload)
{
    struct unit_message unit = {.differs = 0};
    if (header->stream >= w->disk_count)
        return out_of_turn(header);
    uint64_t size = w->sizes[header->stream];
    enum status st = message_unit_decode(header, payload, size, &unit);
    if (st == STATUS_OK && header->offset < w->cursors[header->stream])
        st = out_of_turn(header);
    if (st == STATUS_OK)
        st = select_child(w, header);
    if (st == STATUS_OK && header->offset < w->retry_end)
        st = take_resent(w, header);
    if (st != STATUS_OK)
        return st;
    uint32_t length = unit_length(size, header->offset);
    struct written range = {
        .offset = header->offset,
        .length = length,
        .whole = unit.differs == (1u << leaf_count(length)) - 1,
    };
    memcpy(range.digest, unit.digest, DIGEST_SIZE);
    st = note_written(w, &range, unit.data_length);
    if (st == STATUS_OK)
        st = write_leaves(w, header->offset, length, &unit);
    return st == STATUS_OK ? give_credit(w, header->length + DATA_FRAME_COST) : st;
}

static enum status take_zero(struct replica_writer *w, const struct wire_header *header,
                             const uint8_t *payload)
{
    uint64_t length = 0;
    if (header->stream >= w->disk_count)
        return out_of_turn(header);
    enum status st = message_range_decode(header, payload, w->sizes[header->stream], &length);
    if (st == STATUS_OK &&
        (header->offset < w->cursors[header->stream] || header->offset < w->retry_end))
        st = out_of_turn(header);
    if (st == STATUS_OK)
        st = select_child(w, header);
    struct written range = {.offset = header->offset, .length = length, .zero = true};
    if (st == STATUS_OK)
        st = note_written(w, &range, 0);
    if (st != STATUS_OK)
        return st;
    FAULT_POINT("child-write");
    st = vhd_zero(w->child, header->offset, length);
    w->progress.disk[w->stream].different += length;
    return st == STATUS_OK ? give_credit(w, header->length + DATA_FRAME_COST) : st;
}

static enum status add_mismatch(struct replica_writer *w, uint64_t offset)
{
    if (w->retry_count == LEAF_REQUEST_MAX)
        return status_fail(STATUS_VERIFY_FAILED, 0,
                           "More than %d units of '%s' read back different from what was written.",
                           LEAF_REQUEST_MAX, w->disk_paths[w->stream]);
    // Kept ascending and single, as RESEND wants them.
    size_t at = w->retry_count;
    while (at > 0 && w->retry[at - 1] > offset)
        at--;
    if (at > 0 && w->retry[at - 1] == offset)
        return STATUS_OK;
    memmove(&w->retry[at + 1], &w->retry[at], (w->retry_count - at) * sizeof w->retry[0]);
    w->retry[at] = offset;
    w->retry_count++;
    return STATUS_OK;
}

static enum status verify_zero(struct replica_writer *w, const struct written *range)
{
    uint64_t position = range->offset, end = range->offset + range->length;
    while (position < end) {
        struct vhd_extent extent = {.offset = 0};
        enum status st = vhd_map(w->child, VHD_MAP_CHAIN, position, end - position, &extent);
        uint64_t length = extent.length;
        if (st == STATUS_OK && extent.kind != VHD_EXTENT_ZERO) {
            length = min_u64(length, VERIFY_READ_SIZE);
            st = vhd_read(w->child, position, w->buffer, (size_t)length);
            for (uint64_t done = 0; st == STATUS_OK && done < length; done += LEAF_SIZE)
                if (!bytes_are_zero(w->buffer + done, (size_t)min_u64(LEAF_SIZE, length - done)))
                    st = add_mismatch(w, align_down(position + done, UNIT_SIZE));
        }
        if (st != STATUS_OK)
            return st;
        position += length;
    }
    return STATUS_OK;
}

static enum status check_digest(struct replica_writer *w, const struct written *unit,
                                const uint8_t digest[DIGEST_SIZE])
{
    if (memcmp(digest, unit->digest, DIGEST_SIZE) == 0)
        return STATUS_OK;
    return add_mismatch(w, unit->offset);
}

static enum status verify_part(struct replica_writer *w, const struct written *unit)
{
    const struct child_digest how = {.child = w->child,
                                     .key = &w->session->digest_key,
                                     .base = w->session->digests,
                                     .stream = (uint32_t)w->stream,
                                     .buffer = w->buffer};
    uint8_t digest[DIGEST_SIZE];
    enum status st = child_digest(&how, unit->offset, (uint32_t)unit->length, digest);
    return st == STATUS_OK ? check_digest(w, unit, digest) : st;
}

// Units that lie side by side are read at once.
static enum status verify_whole(struct replica_writer *w, const struct written *first, size_t most,
                                size_t *taken)
{
    size_t count = 1;
    uint64_t length = first->length;
    while (count < most && first[count].whole && first[count].offset == first->offset + length &&
           length + first[count].length <= VERIFY_READ_SIZE)
        length += first[count++].length;
    enum status st = vhd_read(w->child, first->offset, w->buffer, (size_t)length);
    for (size_t i = 0; st == STATUS_OK && i < count; i++) {
        struct unit_digests digests;
        digest_unit(&w->session->digest_key, w->buffer + (first[i].offset - first->offset),
                    (uint32_t)first[i].length, &digests);
        st = check_digest(w, &first[i], digests.unit);
    }
    *taken = count;
    return st;
}

static int by_offset(const void *a, const void *b)
{
    const struct written *x = a, *y = b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

// Reads back everything written below `end` and forgets it; mismatches are in `retry` afterwards.
static enum status verify(struct replica_writer *w, uint64_t end)
{
    enum status st = STATUS_OK;
    size_t i = 0, count = 0;
    if (w->written_count == 0)
        return STATUS_OK;
    qsort(w->written, w->written_count, sizeof *w->written, by_offset);
    while (count < w->written_count && w->written[count].offset < end)
        count++;
    while (st == STATUS_OK && i < count) {
        size_t taken = 1;
        if (w->written[i].zero)
            st = verify_zero(w, &w->written[i]);
        else if (w->written[i].whole)
            st = verify_whole(w, &w->written[i], count - i, &taken);
        else
            st = verify_part(w, &w->written[i]);
        i += taken;
    }
    if (st != STATUS_OK)
        return st;
    memmove(w->written, w->written + i, (w->written_count - i) * sizeof *w->written);
    w->written_count -= i;
    return STATUS_OK;
}

static enum status ask_again(struct replica_writer *w, uint64_t end)
{
    struct replica_session *s = w->session;
    struct relationship *r = NULL;
    registry_count(s->service->registry, s->key, COUNT_VERIFICATION_FAILURES, w->retry_count);
    if (registry_get(s->service->registry, s->key, &r) == STATUS_OK) {
        for (size_t i = 0; i < w->retry_count; i++)
            EventWriteVerificationFailed(s->service->events, r->name, r->id.bytes,
                                         s->agreed.resync_id.bytes, w->disk_paths[w->stream],
                                         w->retry[i],
                                         unit_length(w->sizes[w->stream], w->retry[i]));
        relationship_free(r);
    }
    uint8_t units[4 * LEAF_REQUEST_MAX];
    message_units_encode(w->retry, w->retry_count, units);
    w->retry_end = end;
    w->resent_count = 0;
    enum status st = connection_send(s->connection, WIRE_RESEND, (uint32_t)w->stream, 0, units,
                                     4 * w->retry_count, NULL, 0);
    return st == STATUS_OK ? connection_flush(s->connection) : st;
}

struct cursor_change {
    const struct guid *resync_id;
    size_t disk;
    uint64_t cursor;
};

static enum status change_cursor(struct relationship *r, void *argument)
{
    const struct cursor_change *change = argument;
    if (r->phase != PHASE_COMPARING || !guid_equal(&r->resync_id, change->resync_id))
        return status_fail(STATUS_CANCELLED, 0,
                           "The resynchronization of '%s' was ended on the replica meanwhile.",
                           r->name);
    r->disks[change->disk].cursor = change->cursor;
    return STATUS_OK;
}

// Everything before `end` is verified and stable: persist that, then tell.
static enum status advance(struct replica_writer *w, uint64_t end)
{
    struct replica_session *s = w->session;
    struct cursor_change change = {
        .resync_id = &s->agreed.resync_id, .disk = w->stream, .cursor = end};
    FAULT_POINT("cursor-persist");
    enum status st = registry_update(s->service->registry, s->key, change_cursor, &change);
    if (st != STATUS_OK)
        return st;
    size_t disk = w->stream;
    w->cursors[disk] = end;
    w->written_bytes = 0;
    w->progress.disk[disk].compared = w->progress.disk[disk].verified = end;
    show_progress(w, true);
    if (end == w->sizes[disk]) {
        struct vhd *child = w->child;
        w->child = NULL;
        w->stream = w->disk_count;
        st = vhd_close(child);
    }
    FAULT_POINT("verified");
    if (st == STATUS_OK)
        st = connection_send(s->connection, WIRE_VERIFIED, (uint32_t)disk, end, NULL, 0, NULL, 0);
    return st == STATUS_OK ? connection_flush(s->connection) : st;
}

// The end of 50035: what was sent once more is right.
static void tell_verified(const struct replica_writer *w)
{
    const struct replica_session *s = w->session;
    struct relationship *r = NULL;
    if (registry_get(s->service->registry, s->key, &r) != STATUS_OK)
        return;
    EventWriteVerificationSucceeded(s->service->events, r->name, r->id.bytes,
                                    s->agreed.resync_id.bytes, w->disk_paths[w->stream],
                                    (uint32_t)w->resent_count);
    relationship_free(r);
}

static enum status take_window_end(struct replica_writer *w, const struct wire_header *header)
{
    if (header->stream >= w->disk_count)
        return out_of_turn(header);
    enum status st = message_position_check(header, w->sizes[header->stream]);
    if (st == STATUS_OK && header->offset <= w->cursors[header->stream])
        st = out_of_turn(header);
    bool again = w->retry_end != 0;
    if (st == STATUS_OK && again &&
        (header->offset != w->retry_end || w->resent_count != w->retry_count))
        st = out_of_turn(header);
    if (st == STATUS_OK)
        st = select_child(w, header);
    if (st != STATUS_OK)
        return st;
    FAULT_POINT("window-flush");
    if (w->written_count > 0)
        st = vhd_flush(w->child);
    w->retry_count = 0;
    w->retry_end = 0;
    if (st == STATUS_OK)
        st = verify(w, header->offset);
    if (st != STATUS_OK)
        return st;
    if (w->retry_count > 0 && again) {
        (void)status_fail(STATUS_VERIFY_FAILED, 0,
                          "What was written at offset %llu of the differencing disk of '%s' reads "
                          "back different, twice.",
                          (unsigned long long)w->retry[0], w->disk_paths[w->stream]);
        return status_advise(0, "Check the replica's volume and memory, then resume replication.");
    }
    if (again)
        tell_verified(w);
    return w->retry_count > 0 ? ask_again(w, header->offset) : advance(w, header->offset);
}

enum status replica_writer_frame(struct replica_writer *writer, const struct wire_header *header,
                                 const uint8_t *payload)
{
    enum status st;
    switch (header->type) {
    case WIRE_UNIT:
        st = take_unit(writer, header, payload);
        break;
    case WIRE_ZERO:
        st = take_zero(writer, header, payload);
        break;
    default:
        st = take_window_end(writer, header);
        break;
    }
    if (st == STATUS_OK)
        show_progress(writer, false);
    return st;
}
