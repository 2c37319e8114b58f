// A seeded generator for tests: the same seed, the same test. Not for secrets (those come from
// os_random).
#ifndef VREP_TESTS_SUPPORT_RANDOM_H
#define VREP_TESTS_SUPPORT_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

// The seed of this run: the environment's VREP_TEST_SEED (a number, or "random" for a new one),
// else 1. Prints it with the name of the test, so that a failure can be repeated.
uint64_t random_seed(const char *test);

// Starts a sequence. Sequences of different seeds have nothing to do with each other.
struct random random_start(uint64_t seed);

uint64_t random_u64(struct random *r);

// A number from 0 to limit - 1; `limit` is not 0.
uint64_t random_below(struct random *r, uint64_t limit);

// True in `percent` of 100 cases.
bool random_chance(struct random *r, unsigned percent);

void random_fill(struct random *r, void *buffer, size_t size);

#endif
