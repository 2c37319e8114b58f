#include "base/crc32c.h"

#include <pthread.h>

#include "base/endian.h"

#define POLYNOMIAL 0x82F63B78u // 0x1EDC6F41 reflected
#define SLICES     8           // bytes a step of the table form

static uint32_t table[SLICES][256];

static void fill_table(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        table[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++) {
        for (int slice = 1; slice < SLICES; slice++) {
            uint32_t before = table[slice - 1][byte];
            table[slice][byte] = before >> 8 ^ table[0][before & 0xFF];
        }
    }
}

uint32_t crc32c_portable(uint32_t previous, const void *data, size_t size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill_table);
    const uint8_t *p = data;
    uint32_t crc = ~previous;
    for (; size >= SLICES; p += SLICES, size -= SLICES) {
        uint64_t word = load_le64(p) ^ crc;
        crc = 0;
        for (int i = 0; i < SLICES; i++)
            crc ^= table[SLICES - 1 - i][word >> 8 * i & 0xFF];
    }
    for (; size > 0; p++, size--)
        crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xFF];
    return ~crc;
}

#ifdef __x86_64__

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t previous, const void *data,
                                                               size_t size)
{
    const uint8_t *p = data;
    uint64_t crc = ~previous;
    for (; size >= 8; p += 8, size -= 8)
        crc = __builtin_ia32_crc32di(crc, load_le64(p));
    for (; size > 0; p++, size--)
        crc = __builtin_ia32_crc32qi((uint32_t)crc, *p);
    return ~(uint32_t)crc;
}

uint32_t crc32c(uint32_t previous, const void *data, size_t size)
{
    return __builtin_cpu_supports("sse4.2") ? crc32c_sse42(previous, data, size)
                                            : crc32c_portable(previous, data, size);
}

#else

uint32_t crc32c(uint32_t previous, const void *data, size_t size)
{
    return crc32c_portable(previous, data, size);
}

#endif
