// CRC-32C (Castagnoli), reflected, init and final xor 0xffffffff, as [MS-VHDX] 2.2 uses it. SSE4.2
// where present.
#ifndef VREP_BASE_CRC32C_H
#define VREP_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

// The CRC of `size` bytes; `previous` is 0 or the CRC of the bytes before them.
uint32_t crc32c(uint32_t previous, const void *data, size_t size);

// The same without the processor's instruction: for other machines, and for tests to compare with.
uint32_t crc32c_portable(uint32_t previous, const void *data, size_t size);

#endif
