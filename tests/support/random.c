#include "tests/support/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"

uint64_t random_seed(const char *test)
{
    const char *text = getenv("VREP_TEST_SEED");
    uint64_t seed = 1;
    if (text && strcmp(text, "random") == 0) {
        if (os_random(&seed, sizeof seed) != STATUS_OK)
            abort();
    } else if (text) {
        seed = strtoull(text, NULL, 10);
    }
    fprintf(stderr, "%s: VREP_TEST_SEED=%llu\n", test, (unsigned long long)seed);
    return seed;
}

struct random random_start(uint64_t seed)
{
    return (struct random){.state = seed};
}

// SplitMix64.
uint64_t random_u64(struct random *r)
{
    r->state += 0x9E3779B97F4A7C15u;
    uint64_t z = r->state;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

uint64_t random_below(struct random *r, uint64_t limit)
{
    return random_u64(r) % limit; // the bias does not matter to a test
}

bool random_chance(struct random *r, unsigned percent)
{
    return random_below(r, 100) < percent;
}

void random_fill(struct random *r, void *buffer, size_t size)
{
    uint8_t *p = buffer;
    while (size > 0) {
        uint64_t word = random_u64(r);
        size_t step = size < sizeof word ? size : sizeof word;
        memcpy(p, &word, step);
        p += step;
        size -= step;
    }
}
