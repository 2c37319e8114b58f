#include "base/thread.h"

#include <errno.h>
#include <windows.h>

int thread_cond_init(pthread_cond_t *cond)
{
    return pthread_cond_init(cond, NULL);
}

bool thread_cond_wait_ms(pthread_cond_t *cond, pthread_mutex_t *mutex, uint32_t ms)
{
    struct timespec period = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    return pthread_cond_timedwait_relative_np(cond, mutex, &period) != ETIMEDOUT;
}
