// Allocations of test doubles: a test that runs out of memory ends.
#ifndef VREP_TESTS_SUPPORT_MUST_H
#define VREP_TESTS_SUPPORT_MUST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void *must(void *allocated)
{
    if (!allocated) {
        fputs("test support: out of memory\n", stderr);
        abort();
    }
    return allocated;
}

static inline void *must_alloc(size_t size)
{
    return must(calloc(1, size));
}

static inline char *must_copy(const char *text)
{
    return must(strdup(text));
}

#endif
