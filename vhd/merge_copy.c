// Copies what a child holds into its parent. A thread of its own reads ahead while this one writes.
#include "vhd/merge.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/checked.h"
#include "base/os.h"

#define STEP_SIZE  (8u << 20) // bytes of data that are moved at once
#define PIECES_MAX 256        // of one batch: scattered small extents are handed over together
#define BATCHES    3
#define THREAD_MIN (4u << 20) // less is sooner copied than a thread started

struct piece {
    uint64_t offset;
    uint64_t length;
    const uint8_t *data; // NULL: zeros
};

struct batch {
    struct piece pieces[PIECES_MAX];
    unsigned count; // 0: nothing is left
    uint8_t *data;  // aligned, so that the file layer may go around the cache
    size_t room;    // bytes at `data`
    enum status status;
};

struct reader {
    struct vhd *from;
    uint64_t zero_step; // a multiple of the target's block size: whole blocks need no zeros written
    uint64_t at;
    uint64_t end; // of the extent that `at` is in
    enum vhd_extent_kind kind;
};

struct copy {
    const struct vhd_merge_copy *how;
    struct reader reader;
    struct batch batches[BATCHES];
    pthread_mutex_t mutex; // protects what follows
    pthread_cond_t changed;
    unsigned filled; // batches that were read and are not yet written
    bool stop;
    struct status_details failure; // of the batch whose status is not STATUS_OK
};

static enum status find_extent(struct reader *r)
{
    uint64_t size = r->from->virtual_size;
    while (r->at == r->end && r->at < size) {
        struct vhd_extent extent;
        enum status status = vhd_map(r->from, VHD_MAP_LEAF, r->at, size - r->at, &extent);
        if (status != STATUS_OK)
            return status;
        r->kind = extent.kind;
        r->end = r->at + extent.length;
        if (extent.kind == VHD_EXTENT_PARENT)
            r->at = r->end;
    }
    return STATUS_OK;
}

// Reads as many pieces as go into the batch.
static enum status fill(struct reader *r, struct batch *batch)
{
    size_t used = 0;
    batch->count = 0;
    while (batch->count < PIECES_MAX) {
        enum status status = find_extent(r);
        if (status != STATUS_OK || r->at == r->end)
            return status;
        bool zero = r->kind == VHD_EXTENT_ZERO;
        uint64_t step = zero ? r->zero_step : STEP_SIZE;
        uint64_t length = min_u64(r->end - r->at, step - r->at % step);
        uint8_t *data = batch->data + used;
        if (!zero && length > batch->room - used) {
            if (batch->count > 0)
                return STATUS_OK;
            length = batch->room;
        }
        if (!zero) {
            status = vhd_read(r->from, r->at, data, (size_t)length);
            used = (size_t)align_up(used + length, OS_DATA_ALIGNMENT);
        }
        if (status != STATUS_OK)
            return status;
        batch->pieces[batch->count++] =
            (struct piece){.offset = r->at, .length = length, .data = zero ? NULL : data};
        r->at += length;
    }
    return STATUS_OK;
}

static enum status write_batch(const struct vhd_merge_copy *how, const struct batch *batch)
{
    for (unsigned i = 0; i < batch->count; i++) {
        const struct piece *piece = &batch->pieces[i];
        enum status status =
            piece->data ? vhd_write(how->to, piece->offset, piece->data, (size_t)piece->length)
                        : vhd_zero(how->to, piece->offset, piece->length);
        if (status != STATUS_OK)
            return status;
        if (!how->copied(how->context, piece->length))
            return STATUS_CANCELLED;
    }
    return STATUS_OK;
}

static enum status copy_in_turn(struct copy *c)
{
    struct batch *batch = &c->batches[0];
    enum status status;
    do {
        status = fill(&c->reader, batch);
        if (status == STATUS_OK)
            status = write_batch(c->how, batch);
    } while (status == STATUS_OK && batch->count > 0);
    return status;
}

// Waits until a batch is free; false: the writer has stopped.
static bool wait_for_room(struct copy *c)
{
    pthread_mutex_lock(&c->mutex);
    while (c->filled == BATCHES && !c->stop)
        pthread_cond_wait(&c->changed, &c->mutex);
    bool go_on = !c->stop;
    pthread_mutex_unlock(&c->mutex);
    return go_on;
}

static void *read_ahead(void *context)
{
    struct copy *c = context;
    bool more = true;
    for (unsigned i = 0; more && wait_for_room(c); i = (i + 1) % BATCHES) {
        struct batch *batch = &c->batches[i];
        batch->status = fill(&c->reader, batch);
        more = batch->status == STATUS_OK && batch->count > 0;
        pthread_mutex_lock(&c->mutex);
        if (batch->status != STATUS_OK)
            c->failure = *status_last();
        c->filled++;
        pthread_cond_signal(&c->changed);
        pthread_mutex_unlock(&c->mutex);
    }
    return NULL;
}

static void change(struct copy *c, bool stop)
{
    pthread_mutex_lock(&c->mutex);
    if (stop)
        c->stop = true;
    else
        c->filled--;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->mutex);
}

static enum status write_what_is_read(struct copy *c)
{
    for (unsigned i = 0;; i = (i + 1) % BATCHES) {
        const struct batch *batch = &c->batches[i];
        pthread_mutex_lock(&c->mutex);
        while (c->filled == 0)
            pthread_cond_wait(&c->changed, &c->mutex);
        pthread_mutex_unlock(&c->mutex);
        enum status status =
            batch->status == STATUS_OK ? write_batch(c->how, batch) : status_restore(&c->failure);
        if (status != STATUS_OK || batch->count == 0)
            return status;
        change(c, false);
    }
}

static enum status copy_with_reader(struct copy *c)
{
    pthread_t thread;
    pthread_mutex_init(&c->mutex, NULL);
    pthread_cond_init(&c->changed, NULL);
    enum status status;
    if (pthread_create(&thread, NULL, read_ahead, c) == 0) {
        status = write_what_is_read(c);
        change(c, true);
        pthread_join(thread, NULL);
    } else {
        status = copy_in_turn(c);
    }
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->mutex);
    return status;
}

static enum status get_memory(struct copy *c, unsigned batches)
{
    size_t room = (size_t)align_up(min_u64(c->how->size, STEP_SIZE), OS_DATA_ALIGNMENT);
    for (unsigned i = 0; i < batches; i++) {
        struct batch *batch = &c->batches[i];
        batch->room = max_u64(room, OS_DATA_ALIGNMENT);
        batch->data = os_alloc_data(batch->room);
        if (!batch->data)
            return status_no_memory("the data to be merged");
    }
    return STATUS_OK;
}

enum status vhd_merge_copy(const struct vhd_merge_copy *how)
{
    bool threaded = how->size >= THREAD_MIN;
    struct vhd_info info;
    struct copy *c = calloc(1, sizeof *c);
    if (!c)
        return status_no_memory("the data to be merged");
    vhd_get_info(how->to, &info);
    c->how = how;
    c->reader =
        (struct reader){.from = how->from, .zero_step = max_u64(STEP_SIZE, info.block_size)};
    enum status status = get_memory(c, threaded ? BATCHES : 1);
    if (status == STATUS_OK)
        status = threaded ? copy_with_reader(c) : copy_in_turn(c);
    for (unsigned i = 0; i < BATCHES; i++)
        os_free_data(c->batches[i].data);
    free(c);
    return status;
}
