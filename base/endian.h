// Fields of disk formats and frames: unaligned loads and stores with a fixed byte order.
#ifndef VREP_BASE_ENDIAN_H
#define VREP_BASE_ENDIAN_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "VRep is built for little-endian machines"
#endif

#define ENDIAN_FIELD(bits)                                       \
    static inline uint##bits##_t load_le##bits(const void *p)    \
    {                                                            \
        uint##bits##_t v;                                        \
        memcpy(&v, p, sizeof v);                                 \
        return v;                                                \
    }                                                            \
    static inline void store_le##bits(void *p, uint##bits##_t v) \
    {                                                            \
        memcpy(p, &v, sizeof v);                                 \
    }                                                            \
    static inline uint##bits##_t load_be##bits(const void *p)    \
    {                                                            \
        uint##bits##_t v;                                        \
        memcpy(&v, p, sizeof v);                                 \
        return __builtin_bswap##bits(v);                         \
    }                                                            \
    static inline void store_be##bits(void *p, uint##bits##_t v) \
    {                                                            \
        v = __builtin_bswap##bits(v);                            \
        memcpy(p, &v, sizeof v);                                 \
    }

ENDIAN_FIELD(16)
ENDIAN_FIELD(32)
ENDIAN_FIELD(64)

#undef ENDIAN_FIELD

#endif
