// The primary's loop over one disk: takes what the replica sends, compares, sends what differs,
// ends windows.
#include "service/replicate/compare.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/os.h"
#include "service/vm_events.h"

#define DIGESTS_AHEAD   (512ull << 20) // disk that the replica may hash ahead: 128 KiB of digests
#define WINDOW_DATA     (64ull << 20)  // a window ends after so much data,
#define WINDOW_COMPARED (256ull << 20) // so much compared,
#define WINDOW_MS       5000           // or so long
#define WINDOW_DATA_MAX \
    (2 * WINDOW_DATA) // with the last one not verified yet, the next may grow to this
#define WINDOW_COMPARED_MAX (4 * WINDOW_COMPARED)
#define WAIT_MS             1000
#define SETTLE_STEP_MS      100 // between looks at the time that a suspension has

// ---- frames ----

static enum status out_of_turn(const struct wire_header *header)
{
    return status_fail(
        STATUS_PROTOCOL, 0, "The replica sent a %s frame for disk %u, offset %llu, out of turn.",
        wire_type_name(header->type), header->stream, (unsigned long long)header->offset);
}

// Takes over the frame when it fits.
static enum status take_run(struct compare *c, struct inbox_frame **frame)
{
    const struct wire_header *header = &(*frame)->header;
    uint64_t length = 0;
    size_t count = 0;
    enum status st = header->type == WIRE_HASH
                         ? message_hash_check(header, c->size, &count, &length)
                         : message_range_decode(header, (*frame)->payload, c->size, &length);
    if (st != STATUS_OK)
        return st;
    if (header->offset != c->received || length > c->granted - c->received)
        return out_of_turn(header);
    c->received += length;
    *c->runs_end = *frame;
    c->runs_end = &(*frame)->next;
    (*frame)->next = NULL;
    *frame = NULL;
    return STATUS_OK;
}

static enum status take_leaves(struct compare *c, struct inbox_frame **frame)
{
    size_t count = 0;
    enum status st = message_leaves_check(&(*frame)->header, &count);
    if (st != STATUS_OK)
        return st;
    if (count > c->asked - c->answered)
        return out_of_turn(&(*frame)->header);
    c->answered += count;
    *c->leaves_end = *frame;
    c->leaves_end = &(*frame)->next;
    (*frame)->next = NULL;
    *frame = NULL;
    return STATUS_OK;
}

static enum status take_resend(struct compare *c, const struct inbox_frame *frame)
{
    uint64_t units[LEAF_REQUEST_MAX];
    size_t count = 0;
    enum status st = message_units_decode(&frame->header, frame->payload, c->size, units, &count);
    if (st != STATUS_OK)
        return st;
    if (c->window_end == 0 || c->resend_count > 0 || units[0] < c->verified ||
        units[count - 1] >= c->window_end)
        return out_of_turn(&frame->header);
    memcpy(c->resend, units, count * sizeof *units);
    c->resend_count = count;
    c->resend_used = 0;
    return STATUS_OK;
}

static enum status take_verified(struct compare *c, const struct inbox_frame *frame)
{
    if (frame->header.length != 0 || c->window_end == 0 || frame->header.offset != c->window_end)
        return out_of_turn(&frame->header);
    c->verified = c->window_end;
    c->window_end = 0;
    c->session->progress.disk[c->index].verified = c->verified;
    return STATUS_OK;
}

static enum status take_frame(struct compare *c, struct inbox_frame **frame)
{
    const struct wire_header *header = &(*frame)->header;
    c->last_frame = clock_mono_ms();
    if (header->type == WIRE_DATA_CREDIT)
        return primary_take_frame(c->session, *frame);
    if (header->stream != c->index)
        return out_of_turn(header);
    switch (header->type) {
    case WIRE_HASH:
    case WIRE_ZERO_RUN:
        return take_run(c, frame);
    case WIRE_LEAVES:
        return take_leaves(c, frame);
    case WIRE_RESEND:
        return take_resend(c, *frame);
    case WIRE_VERIFIED:
        return take_verified(c, *frame);
    default:
        return out_of_turn(header);
    }
}

// Takes all frames that are there; with `ms`, waits for one.
static enum status take_frames(struct compare *c, uint32_t ms)
{
    for (;;) {
        struct inbox_frame *frame = NULL;
        enum status st = inbox_take(c->session->inbox, ms, &frame);
        if (st != STATUS_OK || !frame)
            return st;
        st = take_frame(c, &frame);
        free(frame);
        if (st != STATUS_OK)
            return st;
        ms = 0;
    }
}

// ---- windows and credit ----

static enum status send_position(struct compare *c, enum wire_type type, uint64_t offset)
{
    enum status st =
        connection_send(c->session->connection, type, (uint32_t)c->index, offset, NULL, 0, NULL, 0);
    return st == STATUS_OK ? connection_flush(c->session->connection) : st;
}

static enum status grant_digests(struct compare *c)
{
    uint8_t number[LENGTH_PAYLOAD_SIZE];
    if (c->granted == c->size || (c->granted > 0 && c->granted - c->position > DIGESTS_AHEAD / 2))
        return STATUS_OK;
    c->granted = min_u64(c->size, c->position + DIGESTS_AHEAD);
    message_length_encode(c->granted, number);
    enum status st = connection_send(c->session->connection, WIRE_DIGEST_CREDIT, (uint32_t)c->index,
                                     0, number, sizeof number, NULL, 0);
    return st == STATUS_OK ? connection_flush(c->session->connection) : st;
}

// What the present window has compared; empty space costs nothing and may be any amount.
static uint64_t window_compared(const struct compare *c)
{
    return c->position - c->window_start - c->window_skipped;
}

static bool window_is_due(const struct compare *c)
{
    if (c->position == c->window_start)
        return false;
    return c->position == c->size || c->window_sent >= WINDOW_DATA ||
           window_compared(c) >= WINDOW_COMPARED || clock_mono_ms() - c->window_since >= WINDOW_MS;
}

static enum status send_window_end(struct compare *c, uint64_t end)
{
    c->window_end = c->window_start = end;
    c->mark = 0;
    c->window_sent = 0;
    c->window_skipped = 0;
    c->window_since = clock_mono_ms();
    return send_position(c, WIRE_WINDOW_END, end);
}

// A window ends at a mark: when all units before it that wait for leaves have been sent.
static enum status end_window(struct compare *c)
{
    if (c->found) { // nothing is written, so there is nothing to verify
        c->window_start = c->position;
        c->window_skipped = 0;
        if (c->position == c->size && c->pending_count == 0)
            c->verified = c->size;
        return STATUS_OK;
    }
    if (c->mark == 0 && c->window_end == 0 && window_is_due(c)) {
        c->mark = c->position;
        c->mark_pending = c->pending_count;
    }
    if (c->mark == 0 || c->mark_pending > 0)
        return STATUS_OK;
    return send_window_end(c, c->mark);
}

static bool has_credit(const struct compare *c, uint64_t cost)
{
    return c->found || c->session->data_credit - c->session->data_sent >= cost;
}

static bool can_step(const struct compare *c)
{
    return c->runs && c->pending_count < LEAF_REQUEST_MAX && has_credit(c, COMPARE_STEP_COST) &&
           c->window_sent < WINDOW_DATA_MAX && window_compared(c) < WINDOW_COMPARED_MAX;
}

// ---- the loop ----

static enum status resend_next(struct compare *c)
{
    enum status st = compare_resend(c);
    if (st != STATUS_OK || c->resend_used < c->resend_count)
        return st;
    c->resend_count = 0;
    return send_position(c, WIRE_WINDOW_END, c->window_end);
}

// Nothing can be done without the replica: asks for what is missing and waits.
static enum status wait_for_replica(struct compare *c)
{
    enum status st = compare_ask_leaves(c);
    if (st == STATUS_OK)
        st = connection_flush(c->session->connection);
    if (!c->waiting)
        c->last_frame = clock_mono_ms(); // what came before may lie behind a bandwidth limit
    c->waiting = true;
    if (st == STATUS_OK)
        st = take_frames(c, WAIT_MS);
    if (st == STATUS_OK && clock_mono_ms() - c->last_frame >= PRIMARY_STALL_MS)
        st = status_fail(STATUS_CONNECTION, 0,
                         "%s has sent nothing for %d seconds: its disks may not answer.",
                         c->session->theirs.host, PRIMARY_STALL_MS / 1000);
    return st;
}

static enum status work(struct compare *c)
{
    bool credit = has_credit(c, COMPARE_STEP_COST);
    bool step = can_step(c);
    if (!step && !(credit && (c->resend_count > 0 || c->leaves)))
        return wait_for_replica(c);
    c->waiting = false;
    if (credit && c->resend_count > 0)
        return resend_next(c);
    return credit && c->leaves ? compare_leaves(c) : compare_step(c);
}

// Everything that differs before this was sent.
static uint64_t sent_end(const struct compare *c)
{
    return c->pending_count > 0 ? c->pending[c->pending_first].offset : c->position;
}

// A suspension keeps what was sent: nothing more is compared, a last window ends where sending has
// come to, and the replica verifies it and moves its cursor there, if it does so in time.
static enum status settle(struct compare *c)
{
    while (!primary_must_end(c->session) && (c->window_end != 0 || sent_end(c) > c->verified)) {
        enum status st;
        if (c->resend_count > 0 && has_credit(c, COMPARE_STEP_COST))
            st = resend_next(c);
        else if (c->window_end == 0)
            st = send_window_end(c, sent_end(c));
        else
            st = take_frames(c, SETTLE_STEP_MS);
        if (st != STATUS_OK)
            return st;
    }
    primary_show(c->session, true);
    return status_fail(STATUS_CANCELLED, 0, "The comparison was given up on request.");
}

static void tell_progress(struct compare *c)
{
    const struct primary_session *s = c->session;
    const struct disk_progress *progress = &s->progress.disk[c->index];
    unsigned percent;
    if (progress_pace_due(&c->pace, c->position, c->size, clock_mono_ms(), &percent))
        EventWriteResynchronizeProgress(s->service->events, s->r->name, s->r->id.bytes,
                                        s->r->resync_id.bytes, s->r->disks[c->index].path, percent,
                                        c->position, c->size, progress->different, progress->sent);
}

static enum status compare_all(struct compare *c)
{
    while (c->verified < c->size) {
        if (primary_is_ordered(c->session))
            return settle(c);
        enum status st = take_frames(c, 0);
        if (st == STATUS_OK)
            st = grant_digests(c);
        if (st == STATUS_OK)
            st = end_window(c);
        if (st == STATUS_OK && c->verified < c->size)
            st = work(c);
        if (st != STATUS_OK)
            return st;
        c->session->progress.disk[c->index].compared = c->position;
        if (c->found)
            c->session->progress.disk[c->index].different = c->found->different;
        else
            tell_progress(c);
        primary_show(c->session, false);
    }
    return STATUS_OK;
}

static void free_frames(struct inbox_frame *frame)
{
    while (frame) {
        struct inbox_frame *next = frame->next;
        free(frame);
        frame = next;
    }
}

static void compare_free(struct compare *c)
{
    free_frames(c->runs);
    free_frames(c->leaves);
    os_free_data(c->pending_data);
    os_free_data(c->buffer);
    free(c->message);
    free(c);
}

static struct compare *compare_new(struct primary_session *s, size_t index, struct vhd *disk,
                                   uint64_t start)
{
    struct compare *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->session = s;
    c->index = index;
    c->disk = disk;
    c->size = s->progress.disk[index].total;
    c->position = c->received = c->verified = c->window_start = start;
    c->runs_end = &c->runs;
    c->leaves_end = &c->leaves;
    c->window_since = c->last_frame = clock_mono_ms();
    c->buffer = os_alloc_data((size_t)COMPARE_READ_UNITS * UNIT_SIZE);
    c->message = malloc(UNIT_SIZE);
    c->pending_data = os_alloc_data((size_t)LEAF_REQUEST_MAX * UNIT_SIZE);
    if (c->buffer && c->message && c->pending_data) {
        for (size_t i = 0; i < LEAF_REQUEST_MAX; i++)
            c->free_places[i] = c->pending_data + i * UNIT_SIZE;
        return c;
    }
    compare_free(c);
    return NULL;
}

// HRESULTs of the conditions that 29244 tells of.
static uint32_t result_of(enum status st)
{
    switch (st) {
    case STATUS_OK:
        return 0;
    case STATUS_CANCELLED:
        return 0x800704C7; // ERROR_CANCELLED
    case STATUS_CONNECTION:
        return 0x80072746; // WSAECONNRESET
    case STATUS_NO_SPACE:
        return 0x80070070; // ERROR_DISK_FULL
    default:
        return 0x80004005; // E_FAIL
    }
}

enum status primary_compare(struct primary_session *s, size_t index, struct vhd *disk,
                            uint64_t start)
{
    const struct relationship *r = s->r;
    struct compare *c = compare_new(s, index, disk, start);
    if (!c)
        return status_no_memory("the comparison of a disk");
    int64_t began = clock_mono_ms();
    EventWriteResynchronizeDiskStarted(
        s->service->events, r->name, r->id.bytes, r->disks[index].path, start / VREP_BLOCK_SIZE,
        divide_up(c->size, VREP_BLOCK_SIZE), VREP_BLOCK_SIZE, c->size, r->resync_id.bytes,
        r->replica_server, resynchronize_reason_text(r->reason));
    progress_pace_begin(&c->pace, start, c->size, began);
    atomic_store(&s->comparing, true);
    enum status st = compare_all(c);
    atomic_store(&s->comparing, false);
    struct status_details why = *status_last();
    int64_t lasted = clock_mono_ms() - began;
    s->examined += c->position - start - c->empty;
    s->examining_ms += lasted;
    const struct disk_progress *progress = &s->progress.disk[index];
    EventWriteResynchronizeDiskFinished(
        s->service->events, r->name, r->id.bytes,
        primary_is_ordered(s) ? result_of(STATUS_CANCELLED) : result_of(st), r->disks[index].path,
        c->blocks_sent, (uint64_t)lasted / 1000,
        c->verified == c->size ? "compared and sent, not yet merged" : "not compared to its end",
        VREP_BLOCK_SIZE, c->position - start, progress->different, progress->sent,
        r->resync_id.bytes, r->replica_server);
    compare_free(c);
    return st == STATUS_OK ? STATUS_OK : status_restore(&why);
}

enum status primary_compare_only(struct primary_session *s, size_t index, struct vhd *disk,
                                 struct comparison_disk *found)
{
    struct compare *c = compare_new(s, index, disk, 0);
    if (!c)
        return status_no_memory("the comparison of a disk");
    int64_t began = clock_mono_ms();
    c->found = found;
    enum status st = compare_all(c);
    found->compared = c->position;
    s->examined += c->position - c->empty;
    s->examining_ms += clock_mono_ms() - began;
    compare_free(c);
    return st;
}
