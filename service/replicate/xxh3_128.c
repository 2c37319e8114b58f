#include "service/replicate/xxh3_128.h"

#include <string.h>
#include <xxhash.h>

void xxh3_128_portable(const void *data, size_t size, const uint8_t *secret, size_t secret_size,
                       uint8_t out[XXH3_128_SIZE])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_withSecret(data, size, secret, secret_size));
    memcpy(out, canonical.digest, XXH3_128_SIZE);
}

void xxh3_128(const void *data, size_t size, const uint8_t *secret, size_t secret_size,
              uint8_t out[XXH3_128_SIZE])
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        xxh3_128_avx2(data, size, secret, secret_size, out);
        return;
    }
#endif
    xxh3_128_portable(data, size, secret, secret_size, out);
}
