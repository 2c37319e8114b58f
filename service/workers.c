#include "service/workers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"

#define OBJECT_MAX 320

struct worker {
    struct workers *owner;
    struct worker *next;
    const char *purpose;
    char object[OBJECT_MAX];
    void (*run)(void *context);
    void *context;
};

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t changed; // a thread ended
    struct worker *first;
};

enum status workers_new(struct workers **out)
{
    struct workers *workers = calloc(1, sizeof *workers);
    if (!workers)
        return status_no_memory("the list of threads");
    pthread_mutex_init(&workers->lock, NULL);
    thread_cond_init(&workers->changed);
    *out = workers;
    return STATUS_OK;
}

void workers_free(struct workers *workers)
{
    if (!workers)
        return;
    pthread_cond_destroy(&workers->changed);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}

static void unlink_worker(struct workers *workers, const struct worker *worker)
{
    struct worker **at = &workers->first;
    while (*at != worker)
        at = &(*at)->next;
    *at = worker->next;
}

static void *thread_main(void *argument)
{
    struct worker *worker = argument;
    struct workers *workers = worker->owner;
    worker->run(worker->context);
    pthread_mutex_lock(&workers->lock);
    unlink_worker(workers, worker);
    // Under the lock: once it is released, the owner may free everything.
    pthread_cond_broadcast(&workers->changed);
    pthread_mutex_unlock(&workers->lock);
    free(worker);
    return NULL;
}

enum status workers_start(struct workers *workers, const char *purpose, const char *object,
                          void (*run)(void *context), void *context)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return status_no_memory("a thread");
    *worker = (struct worker){.owner = workers, .purpose = purpose, .run = run, .context = context};
    snprintf(worker->object, sizeof worker->object, "%s", object);
    pthread_mutex_lock(&workers->lock);
    worker->next = workers->first;
    workers->first = worker;
    pthread_t thread;
    int error = pthread_create(&thread, NULL, thread_main, worker);
    if (error == 0)
        pthread_detach(thread);
    else
        unlink_worker(workers, worker);
    pthread_mutex_unlock(&workers->lock);
    if (error == 0)
        return STATUS_OK;
    free(worker);
    return status_fail_errno(error, "Cannot start a thread for %s", purpose);
}

// ---- calls that nobody waits for longer than he wants ----

struct call {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool finished, given_up;
    void (*run)(void *context);
    void (*drop)(void *context);
    void *context;
};

static void call_free(struct call *call)
{
    pthread_cond_destroy(&call->ended);
    pthread_mutex_destroy(&call->lock);
    free(call);
}

static void call_run(void *argument)
{
    struct call *call = argument;
    call->run(call->context);
    pthread_mutex_lock(&call->lock);
    call->finished = true;
    bool given_up = call->given_up;
    pthread_cond_signal(&call->ended);
    pthread_mutex_unlock(&call->lock);
    if (given_up) {
        call->drop(call->context);
        call_free(call);
    }
}

// True: it finished; false: its thread will clean up.
static bool call_wait(struct call *call, uint32_t ms)
{
    int64_t deadline = clock_mono_ms() + ms;
    pthread_mutex_lock(&call->lock);
    while (!call->finished) {
        int64_t left = deadline - clock_mono_ms();
        if (left <= 0)
            break;
        thread_cond_wait_ms(&call->ended, &call->lock, (uint32_t)left);
    }
    bool finished = call->finished;
    call->given_up = !finished;
    pthread_mutex_unlock(&call->lock);
    return finished;
}

enum status workers_call(struct workers *workers, const char *purpose, const char *object,
                         void (*run)(void *context), void (*drop)(void *context), void *context,
                         uint32_t ms, bool *finished)
{
    struct call *call = calloc(1, sizeof *call);
    if (!call)
        return status_no_memory("a thread");
    *call = (struct call){.run = run, .drop = drop, .context = context};
    pthread_mutex_init(&call->lock, NULL);
    thread_cond_init(&call->ended);
    enum status s = workers_start(workers, purpose, object, call_run, call);
    if (s != STATUS_OK) {
        call_free(call);
        return s;
    }
    *finished = call_wait(call, ms);
    if (*finished)
        call_free(call);
    return STATUS_OK;
}

bool workers_wait(struct workers *workers, uint32_t ms)
{
    int64_t deadline = clock_mono_ms() + ms;
    pthread_mutex_lock(&workers->lock);
    while (workers->first) {
        int64_t left = deadline - clock_mono_ms();
        if (left <= 0)
            break;
        thread_cond_wait_ms(&workers->changed, &workers->lock, (uint32_t)left);
    }
    bool none = !workers->first;
    pthread_mutex_unlock(&workers->lock);
    return none;
}

void workers_each(struct workers *workers,
                  void (*each)(void *context, const char *purpose, const char *object),
                  void *context)
{
    pthread_mutex_lock(&workers->lock);
    for (const struct worker *worker = workers->first; worker; worker = worker->next)
        each(context, worker->purpose, worker->object);
    pthread_mutex_unlock(&workers->lock);
}
