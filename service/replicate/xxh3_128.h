// XXH3-128 with a secret, by the widest instructions that this processor has. All of them have one
// result.
#ifndef VREP_SERVICE_REPLICATE_XXH3_128_H
#define VREP_SERVICE_REPLICATE_XXH3_128_H

#include <stddef.h>
#include <stdint.h>

#define XXH3_128_SIZE 16

// `secret_size` is at least 136 (XXH3_SECRET_SIZE_MIN). `out` is the canonical (big-endian) form.
void xxh3_128(const void *data, size_t size, const uint8_t *secret, size_t secret_size,
              uint8_t out[XXH3_128_SIZE]);

// The same for any processor, and (x86-64 only) for one with AVX2; tests compare them.
void xxh3_128_portable(const void *data, size_t size, const uint8_t *secret, size_t secret_size,
                       uint8_t out[XXH3_128_SIZE]);
void xxh3_128_avx2(const void *data, size_t size, const uint8_t *secret, size_t secret_size,
                   uint8_t out[XXH3_128_SIZE]);

#endif
