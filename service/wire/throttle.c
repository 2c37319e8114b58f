// A bucket that may go into debt: a taker waits until the bucket is not empty, then takes all it
// wants, so that a piece larger than the bucket needs no special case. Debt is paid at the present
// rate, which is why a new rate acts at once.
#include "service/wire/throttle.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"

#define WAIT_MAX_MS 100
#define BURST_MS    50
#define BURST_MIN   65536.0

struct throttle {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t rate;  // bytes per second, 0: no limit
    double tokens;  // bytes; negative: debt
    int64_t filled; // monotonic ms of the last refill
};

enum status throttle_new(uint64_t bytes_per_second, struct throttle **out)
{
    struct throttle *t = calloc(1, sizeof *t);
    if (!t || pthread_mutex_init(&t->mutex, NULL) != 0) {
        free(t);
        return status_no_memory("a bandwidth limit");
    }
    if (thread_cond_init(&t->changed) != 0) {
        pthread_mutex_destroy(&t->mutex);
        free(t);
        return status_no_memory("a bandwidth limit");
    }
    t->rate = bytes_per_second;
    t->filled = clock_mono_ms();
    *out = t;
    return STATUS_OK;
}

void throttle_free(struct throttle *throttle)
{
    if (!throttle)
        return;
    pthread_cond_destroy(&throttle->changed);
    pthread_mutex_destroy(&throttle->mutex);
    free(throttle);
}

static void refill(struct throttle *t)
{
    int64_t now = clock_mono_ms();
    double rate = (double)t->rate;
    t->tokens += rate * (double)(now - t->filled) / 1000.0;
    t->tokens = fmin(t->tokens, fmax(BURST_MIN, rate * BURST_MS / 1000.0));
    t->filled = now;
}

void throttle_set_rate(struct throttle *throttle, uint64_t bytes_per_second)
{
    pthread_mutex_lock(&throttle->mutex);
    refill(throttle);
    if (throttle->rate == 0)
        throttle->tokens = 0;
    throttle->rate = bytes_per_second;
    pthread_cond_broadcast(&throttle->changed);
    pthread_mutex_unlock(&throttle->mutex);
}

bool throttle_take(struct throttle *throttle, uint64_t bytes, bool (*give_up)(void *context),
                   void *context)
{
    bool taken = false;
    pthread_mutex_lock(&throttle->mutex);
    for (;;) {
        if (throttle->rate == 0) {
            taken = true;
            break;
        }
        refill(throttle);
        if (throttle->tokens >= 0) {
            throttle->tokens -= (double)bytes;
            taken = true;
            break;
        }
        double ms = ceil(-throttle->tokens * 1000.0 / (double)throttle->rate);
        thread_cond_wait_ms(&throttle->changed, &throttle->mutex,
                            ms < WAIT_MAX_MS ? (uint32_t)ms : WAIT_MAX_MS);
        if (give_up) {
            pthread_mutex_unlock(&throttle->mutex);
            bool stop = give_up(context);
            pthread_mutex_lock(&throttle->mutex);
            if (stop)
                break;
        }
    }
    pthread_mutex_unlock(&throttle->mutex);
    return taken;
}
