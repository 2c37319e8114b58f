#include "service/replicate/job.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"

struct job {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    atomic_int order; // written with the mutex held
    bool signalled;   // an order or a poke that no sleep has seen yet
    void (*wake)(void *context);
    void *wake_context;
};

enum status job_new(struct job **out)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job || pthread_mutex_init(&job->mutex, NULL) != 0) {
        free(job);
        return status_no_memory("a job");
    }
    if (thread_cond_init(&job->changed) != 0) {
        pthread_mutex_destroy(&job->mutex);
        free(job);
        return status_no_memory("a job");
    }
    atomic_init(&job->order, JOB_GO);
    *out = job;
    return STATUS_OK;
}

void job_free(struct job *job)
{
    if (!job)
        return;
    pthread_cond_destroy(&job->changed);
    pthread_mutex_destroy(&job->mutex);
    free(job);
}

void job_give_order(struct job *job, enum job_order order)
{
    pthread_mutex_lock(&job->mutex);
    if ((int)order > atomic_load(&job->order)) {
        atomic_store(&job->order, (int)order);
        job->signalled = true;
        pthread_cond_broadcast(&job->changed);
        if (job->wake)
            job->wake(
                job->wake_context); // with the mutex held: job_set_wake(NULL) waits for its end
    }
    pthread_mutex_unlock(&job->mutex);
}

enum job_order job_get_order(struct job *job)
{
    return (enum job_order)atomic_load(&job->order);
}

void job_poke(struct job *job)
{
    pthread_mutex_lock(&job->mutex);
    job->signalled = true;
    pthread_cond_broadcast(&job->changed);
    pthread_mutex_unlock(&job->mutex);
}

bool job_sleep(struct job *job, uint64_t ms)
{
    int64_t end = clock_mono_ms() + (int64_t)(ms > INT32_MAX ? INT32_MAX : ms);
    pthread_mutex_lock(&job->mutex);
    int64_t left;
    while (!job->signalled && job_get_order(job) != JOB_CUT && (left = end - clock_mono_ms()) > 0)
        thread_cond_wait_ms(&job->changed, &job->mutex, (uint32_t)left);
    bool slept = !job->signalled && job_get_order(job) != JOB_CUT;
    job->signalled = false;
    pthread_mutex_unlock(&job->mutex);
    return slept;
}

void job_set_wake(struct job *job, void (*wake)(void *context), void *context)
{
    pthread_mutex_lock(&job->mutex);
    job->wake = wake;
    job->wake_context = context;
    pthread_mutex_unlock(&job->mutex);
}
