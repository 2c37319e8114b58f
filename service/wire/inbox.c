#include "service/wire/inbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"

struct inbox {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct inbox_frame *first, **last;
    size_t bytes, limit;
    bool woken, ended;
    struct status_details why;
};

enum status inbox_new(size_t limit, struct inbox **out)
{
    struct inbox *inbox = calloc(1, sizeof *inbox);
    if (!inbox || pthread_mutex_init(&inbox->mutex, NULL) != 0) {
        free(inbox);
        return status_no_memory("a queue of frames");
    }
    if (thread_cond_init(&inbox->changed) != 0) {
        pthread_mutex_destroy(&inbox->mutex);
        free(inbox);
        return status_no_memory("a queue of frames");
    }
    inbox->limit = limit;
    inbox->last = &inbox->first;
    *out = inbox;
    return STATUS_OK;
}

void inbox_free(struct inbox *inbox)
{
    if (!inbox)
        return;
    while (inbox->first) {
        struct inbox_frame *frame = inbox->first;
        inbox->first = frame->next;
        free(frame);
    }
    pthread_cond_destroy(&inbox->changed);
    pthread_mutex_destroy(&inbox->mutex);
    free(inbox);
}

enum status inbox_put(struct inbox *inbox, const struct wire_header *header, const uint8_t *payload)
{
    struct inbox_frame *frame = malloc(sizeof *frame + header->length);
    if (!frame)
        return status_no_memory("a received frame");
    frame->header = *header;
    frame->next = NULL;
    if (header->length > 0)
        memcpy(frame->payload, payload, header->length);
    size_t size = sizeof *frame + header->length;
    pthread_mutex_lock(&inbox->mutex);
    bool fits = size <= inbox->limit - inbox->bytes;
    if (fits) {
        inbox->bytes += size;
        *inbox->last = frame;
        inbox->last = &frame->next;
        pthread_cond_signal(&inbox->changed);
    }
    pthread_mutex_unlock(&inbox->mutex);
    if (fits)
        return STATUS_OK;
    free(frame);
    return status_fail(
        STATUS_PROTOCOL, 0,
        "The peer sends more than it was allowed to: %zu bytes of its frames already wait.",
        inbox->limit);
}

void inbox_end(struct inbox *inbox, const struct status_details *why)
{
    pthread_mutex_lock(&inbox->mutex);
    if (!inbox->ended) {
        inbox->ended = true;
        inbox->why = *why;
        pthread_cond_signal(&inbox->changed);
    }
    pthread_mutex_unlock(&inbox->mutex);
}

void inbox_wake(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->mutex);
    inbox->woken = true;
    pthread_cond_signal(&inbox->changed);
    pthread_mutex_unlock(&inbox->mutex);
}

enum status inbox_take(struct inbox *inbox, uint32_t ms, struct inbox_frame **out)
{
    enum status st = STATUS_OK;
    struct inbox_frame *frame = NULL;
    pthread_mutex_lock(&inbox->mutex);
    bool time_left = ms > 0;
    while (!inbox->first && !inbox->ended && !inbox->woken && time_left)
        time_left = thread_cond_wait_ms(&inbox->changed, &inbox->mutex, ms);
    inbox->woken = false;
    frame = inbox->first;
    if (frame) {
        inbox->first = frame->next;
        if (!inbox->first)
            inbox->last = &inbox->first;
        inbox->bytes -= sizeof *frame + frame->header.length;
    } else if (inbox->ended) {
        st = status_restore(&inbox->why);
    }
    pthread_mutex_unlock(&inbox->mutex);
    if (st == STATUS_OK)
        *out = frame;
    return st;
}
