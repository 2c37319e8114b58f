// Units: compared by digest, split into leaves, sent.
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "service/replicate/compare.h"
#include "service/replicate/fault_point.h"

#define READ_SIZE   ((uint64_t)COMPARE_READ_UNITS * UNIT_SIZE)
#define ALL_LEAVES  0xffffu
#define DENSE       (12 * 16) // from 12 of 16 leaves on, asking for leaves costs more than it saves
#define DENSE_PROBE 16        // then one unit in so many is asked for nevertheless
#define ASK_BATCH   16

static uint16_t all_leaves_of(uint32_t length)
{
    return (uint16_t)(ALL_LEAVES >> (UNIT_LEAVES - leaf_count(length)));
}

// Bits of those leaves that are zeros.
static uint16_t zero_leaves(const uint8_t *unit, uint32_t length)
{
    uint16_t zero = 0;
    for (unsigned leaf = 0; leaf < leaf_count(length); leaf++)
        if (bytes_are_zero(unit + leaf * LEAF_SIZE, leaf_length(length, leaf)))
            zero |= (uint16_t)(1u << leaf);
    return zero;
}

static bool pay(struct compare *c, size_t payload)
{
    struct primary_session *s = c->session;
    s->data_sent += payload + DATA_FRAME_COST;
    c->window_sent += payload;
    return throttle_take(s->throttle, WIRE_HEADER_SIZE + payload, primary_must_end, s) &&
           throttle_take(s->service->server_throttle, WIRE_HEADER_SIZE + payload, primary_must_end,
                         s);
}

static enum status given_up(void)
{
    return status_fail(STATUS_CANCELLED, 0, "The comparison was given up on request.");
}

static enum status send_unit(struct compare *c, uint64_t offset, const uint8_t *unit,
                             uint32_t length, uint16_t differs, const uint8_t digest[DIGEST_SIZE])
{
    struct unit_message message = {.differs = differs,
                                   .zero = (uint16_t)(zero_leaves(unit, length) & differs),
                                   .digest = digest};
    struct disk_progress *progress = &c->session->progress.disk[c->index];
    uint8_t header[UNIT_HEADER_SIZE];
    uint32_t size = 0;
    for (unsigned leaf = 0; leaf < leaf_count(length); leaf++) {
        uint32_t bytes = leaf_length(length, leaf);
        if (!(differs & (1u << leaf)))
            continue;
        progress->different += bytes;
        c->blocks_sent++;
        if (message.zero & (1u << leaf))
            continue;
        memcpy(c->message + size, unit + leaf * LEAF_SIZE, bytes);
        size += bytes;
    }
    message_unit_encode(&message, header);
    if (!pay(c, sizeof header + size))
        return given_up();
    progress->sent += size;
    return connection_send(c->session->connection, WIRE_UNIT, (uint32_t)c->index, offset, header,
                           sizeof header, c->message, size);
}

static enum status send_zero(struct compare *c, uint64_t offset, uint64_t length)
{
    uint8_t payload[LENGTH_PAYLOAD_SIZE];
    message_length_encode(length, payload);
    if (!pay(c, sizeof payload))
        return given_up();
    c->session->progress.disk[c->index].different += length;
    c->blocks_sent += divide_up(length, VREP_BLOCK_SIZE);
    return connection_send(c->session->connection, WIRE_ZERO, (uint32_t)c->index, offset, payload,
                           sizeof payload, NULL, 0);
}

enum status compare_ask_leaves(struct compare *c)
{
    uint64_t offsets[LEAF_REQUEST_MAX];
    uint8_t payload[4 * LEAF_REQUEST_MAX];
    size_t count = c->pending_count - c->asked;
    if (count == 0)
        return STATUS_OK;
    for (size_t i = 0; i < count; i++)
        offsets[i] = c->pending[(c->pending_first + c->asked + i) % LEAF_REQUEST_MAX].offset;
    message_units_encode(offsets, count, payload);
    c->asked = c->pending_count;
    enum status st = connection_send(c->session->connection, WIRE_LEAF_REQUEST, (uint32_t)c->index,
                                     0, payload, 4 * count, NULL, 0);
    return st == STATUS_OK ? connection_flush(c->session->connection) : st;
}

static enum status keep_pending(struct compare *c, uint64_t offset, const uint8_t *unit,
                                uint32_t length, const struct unit_digests *digests)
{
    size_t slot = (c->pending_first + c->pending_count) % LEAF_REQUEST_MAX;
    uint8_t *place = c->free_places[LEAF_REQUEST_MAX - 1 - c->pending_count++];
    c->pending[slot] = (struct pending_unit){.offset = offset, .data = place, .digests = *digests};
    memcpy(place, unit, length);
    return c->pending_count - c->asked >= ASK_BATCH ? compare_ask_leaves(c) : STATUS_OK;
}

static bool is_dense(struct compare *c)
{
    if (c->found || c->density < DENSE)
        return false;
    c->skipped = (c->skipped + 1) % DENSE_PROBE;
    return c->skipped != 0;
}

// `theirs`: the replica's digest; NULL: its unit is zero.
static enum status compare_unit(struct compare *c, uint64_t offset, const uint8_t *unit,
                                uint32_t length, const uint8_t *theirs)
{
    struct unit_digests ours;
    FAULT_POINT("compare-unit");
    if (!theirs) {
        uint16_t differs = all_leaves_of(length) & (uint16_t)~zero_leaves(unit, length);
        if (differs == 0)
            return STATUS_OK;
        digest_unit(&c->session->digest_key, unit, length, &ours);
        if (c->found) // asked for as others are, so that what differs is found in order
            return keep_pending(c, offset, unit, length, &ours);
        return send_unit(c, offset, unit, length, differs, ours.unit);
    }
    digest_unit(&c->session->digest_key, unit, length, &ours);
    if (memcmp(ours.unit, theirs, DIGEST_SIZE) == 0)
        return STATUS_OK;
    if (is_dense(c))
        return send_unit(c, offset, unit, length, all_leaves_of(length), ours.unit);
    return keep_pending(c, offset, unit, length, &ours);
}

static void end_run(struct compare *c)
{
    struct inbox_frame *run = c->runs;
    c->runs = run->next;
    if (!c->runs)
        c->runs_end = &c->runs;
    free(run);
}

static enum status look_at_own(struct compare *c)
{
    if (c->position - c->own.offset < c->own.length)
        return STATUS_OK;
    return vhd_map(c->disk, VHD_MAP_CHAIN, c->position, c->size - c->position, &c->own);
}

// Our disk is known to be zero up to `end`, without reading it.
static enum status skip_zeros(struct compare *c, uint64_t end, bool theirs_is_zero)
{
    enum status st = STATUS_OK;
    if (theirs_is_zero) {
        c->window_skipped += end - c->position;
        c->empty += end - c->position;
    } else {
        st = send_zero(c, c->position, end - c->position);
    }
    c->position = end;
    return st;
}

static enum status read_and_compare(struct compare *c, const struct inbox_frame *run, uint64_t end)
{
    bool zero = run->header.type == WIRE_ZERO_RUN;
    uint32_t length = (uint32_t)(end - c->position);
    enum status st = vhd_read(c->disk, c->position, c->buffer, length);
    for (uint32_t done = 0; st == STATUS_OK && done < length; done += UNIT_SIZE) {
        uint64_t offset = c->position + done;
        const uint8_t *theirs =
            zero ? NULL : run->payload + (offset - run->header.offset) / UNIT_SIZE * DIGEST_SIZE;
        st = compare_unit(c, offset, c->buffer + done, unit_length(c->size, offset), theirs);
    }
    c->position = end;
    return st;
}

enum status compare_step(struct compare *c)
{
    struct inbox_frame *run = c->runs;
    bool zero = run->header.type == WIRE_ZERO_RUN;
    uint64_t run_end = 0;
    enum status st;
    if (zero) {
        st = message_range_decode(&run->header, run->payload, c->size, &run_end);
    } else {
        size_t count = 0;
        st = message_hash_check(&run->header, c->size, &count, &run_end);
    }
    run_end += run->header.offset;
    if (st == STATUS_OK)
        st = look_at_own(c);
    if (st != STATUS_OK)
        return st;
    uint64_t own_end = c->own.offset + c->own.length;
    uint64_t whole = own_end == c->size ? own_end : align_down(own_end, UNIT_SIZE);
    // Against digests even known zeros are compared where it is to be known which leaves differ.
    if (c->own.kind == VHD_EXTENT_ZERO && whole > c->position && (zero || !c->found)) {
        st = skip_zeros(c, min_u64(whole, run_end), zero);
    } else {
        uint64_t end = c->own.kind == VHD_EXTENT_ZERO && !c->found ? c->position + 1 : own_end;
        uint64_t places =
            zero && !c->found ? COMPARE_READ_UNITS : LEAF_REQUEST_MAX - c->pending_count;
        end =
            min_u64(align_up(end, UNIT_SIZE), c->position + min_u64(places * UNIT_SIZE, READ_SIZE));
        st = read_and_compare(c, run, min_u64(end, run_end));
    }
    if (st == STATUS_OK && c->position == run_end)
        end_run(c);
    return st;
}

static enum status note_leaves(struct compare *c, uint64_t offset, uint32_t length,
                               uint16_t differs)
{
    for (unsigned leaf = 0; leaf < leaf_count(length); leaf++)
        if (differs & (1u << leaf))
            comparison_note(c->found, offset + leaf * LEAF_SIZE, leaf_length(length, leaf));
    return STATUS_OK;
}

static void end_leaves(struct compare *c)
{
    struct inbox_frame *frame = c->leaves;
    c->leaves = frame->next;
    if (!c->leaves)
        c->leaves_end = &c->leaves;
    c->leaves_used = 0;
    free(frame);
}

enum status compare_leaves(struct compare *c)
{
    const struct inbox_frame *frame = c->leaves;
    const uint8_t *entry = frame->payload + c->leaves_used * LEAVES_ENTRY_SIZE;
    struct pending_unit *unit = &c->pending[c->pending_first];
    if (c->asked == 0 || message_leaves_unit(entry) != unit->offset)
        return status_fail(STATUS_PROTOCOL, 0, "The replica sent leaves that were not asked for.");
    uint32_t length = unit_length(c->size, unit->offset);
    uint8_t ours[UNIT_LEAVES * LEAF_DIGEST_SIZE];
    const uint8_t *theirs = message_leaves_digests(entry);
    uint16_t differs = 0;
    unsigned count = 0;
    digest_shorten(&unit->digests, ours);
    for (unsigned leaf = 0; leaf < leaf_count(length); leaf++)
        if (memcmp(ours + leaf * LEAF_DIGEST_SIZE, theirs + leaf * LEAF_DIGEST_SIZE,
                   LEAF_DIGEST_SIZE) != 0) {
            differs |= (uint16_t)(1u << leaf);
            count++;
        }
    if (differs == 0) // the units differ: the beginnings of two leaves' digests are equal
        differs = all_leaves_of(length);
    c->density = (7 * c->density + 16 * count) / 8;
    enum status st =
        c->found ? note_leaves(c, unit->offset, length, differs)
                 : send_unit(c, unit->offset, unit->data, length, differs, unit->digests.unit);
    c->pending_first = (c->pending_first + 1) % LEAF_REQUEST_MAX;
    c->free_places[LEAF_REQUEST_MAX - c->pending_count--] = unit->data;
    c->asked--;
    c->answered--;
    if (c->mark_pending > 0)
        c->mark_pending--;
    if (++c->leaves_used == frame->header.length / LEAVES_ENTRY_SIZE)
        end_leaves(c);
    return st;
}

enum status compare_resend(struct compare *c)
{
    uint64_t offset = c->resend[c->resend_used++];
    uint32_t length = unit_length(c->size, offset);
    struct unit_digests digests;
    enum status st = vhd_read(c->disk, offset, c->buffer, length);
    if (st != STATUS_OK)
        return st;
    digest_unit(&c->session->digest_key, c->buffer, length, &digests);
    return send_unit(c, offset, c->buffer, length, all_leaves_of(length), digests.unit);
}
