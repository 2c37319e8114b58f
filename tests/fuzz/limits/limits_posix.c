// What an input may cost, for every fuzz target: at no moment may the code under test hold more
// than 64 MiB, however large the sizes are that the input states. The linker puts these functions
// in front of the C library's (VRepTests.cmake). A program that breaks the limit ends like a failed
// assertion.
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define HELD_MAX (64ll << 20)

int __wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __real_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void *__wrap_malloc(size_t size);
void *__real_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__real_realloc(void *old, size_t size);
void __wrap_free(void *allocated);
void __real_free(void *allocated);

// Bytes held since the input came. What the C library allocates itself is not seen when it is
// allocated but when it is freed; these are texts, and each input starts from 0.
static int64_t held;

static void add(int64_t bytes)
{
    int64_t now = __atomic_add_fetch(&held, bytes, __ATOMIC_RELAXED);
    if (now <= HELD_MAX)
        return;
    fprintf(stderr, "An input of a fuzz target makes it hold %lld bytes of memory.\n",
            (long long)now);
    abort();
}

static int64_t size_of(void *allocated)
{
    return allocated ? (int64_t)malloc_usable_size(allocated) : 0;
}

// Refuses before the C library does, and before a sanitizer ends the program for the mere size.
static void check_size(size_t size)
{
    if (size > HELD_MAX)
        add(INT64_MAX / 2);
}

int __wrap_LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    __atomic_store_n(&held, 0, __ATOMIC_RELAXED);
    return __real_LLVMFuzzerTestOneInput(data, size);
}

void *__wrap_malloc(size_t size)
{
    check_size(size);
    void *allocated = __real_malloc(size);
    add(size_of(allocated));
    return allocated;
}

void *__wrap_calloc(size_t count, size_t size)
{
    size_t bytes;
    check_size(__builtin_mul_overflow(count, size, &bytes) ? SIZE_MAX : bytes);
    void *allocated = __real_calloc(count, size);
    add(size_of(allocated));
    return allocated;
}

void *__wrap_realloc(void *old, size_t size)
{
    check_size(size);
    int64_t before = size_of(old);
    void *allocated = __real_realloc(old, size);
    if (allocated || size == 0)
        add(size_of(allocated) - before);
    return allocated;
}

void __wrap_free(void *allocated)
{
    add(-size_of(allocated));
    __real_free(allocated);
}
