// Compiled for AVX2 (service/CMakeLists.txt), so nothing in here runs before the processor was
// asked.
#include "service/replicate/xxh3_128.h"

#ifdef __AVX2__

#include <string.h>
#include <xxhash.h>

void xxh3_128_avx2(const void *data, size_t size, const uint8_t *secret, size_t secret_size,
                   uint8_t out[XXH3_128_SIZE])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_withSecret(data, size, secret, secret_size));
    memcpy(out, canonical.digest, XXH3_128_SIZE);
}

#endif
