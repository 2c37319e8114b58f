// The memory of one compilation: everything that is read lives until the end, so nothing is freed
// by itself. A compiler that finds no memory has nothing to save: it says so and ends the program.
#ifndef VREP_ETW_COMPILE_ARENA_H
#define VREP_ETW_COMPILE_ARENA_H

#include <stddef.h>

#include "base/status.h"

struct arena {
    struct arena_block *newest; // zero-initialize
};

// Zeroed memory, aligned for every type.
void *arena_alloc(struct arena *arena, size_t size);

// A copy of `length` bytes with a terminator.
char *arena_text(struct arena *arena, const char *text, size_t length);

char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

void arena_free(struct arena *arena);

// Ends the program: out of memory.
_Noreturn void arena_exhausted(void);

// Pointers in the order in which they were added.
struct list {
    void **item;
    size_t count;
    size_t capacity;
};

void list_add(struct arena *arena, struct list *list, void *item);

#endif
